//! What can go wrong, in the words of the domain.
//!
//! There is no HTTP here. A handler returns an [`Error`] with `?`; the HTTP edge alone gives it a
//! status. The message of an error is for the client: plain, without internals, saying what to do
//! next. What an operator needs travels beside it as a source and is logged once, at the edge.

use crate::{
    model::{rate::Rate, timestamp::Timestamp},
    text::problem::FieldError,
};

/// Anything that keeps a request from being answered as it was meant.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body is not JSON.
    #[error("The body {0}")]
    InvalidJson(#[from] crate::text::json::InvalidJson),
    /// The body is JSON, but not what the route takes.
    #[error("The request body is not valid; each problem is listed with its place.")]
    InvalidBody(Vec<FieldError>),
    /// The event breaks a rule of the model.
    #[error("The event is not valid; each problem is listed with its place.")]
    InvalidEvent(Vec<FieldError>),
    /// A query parameter is unknown, repeated or out of range.
    #[error("The query is not valid; each problem is listed with its parameter.")]
    InvalidQuery(Vec<FieldError>),
    /// A header is not valid.
    #[error("The header {0}.")]
    InvalidHeader(String),
    /// The body is compressed in a way that is not read.
    #[error("The body can be compressed with gzip only; send it so, or without Content-Encoding.")]
    UnsupportedEncoding,
    /// The cursor is not one we gave for this workspace and these filters.
    #[error("The cursor does not belong to this workspace and these filters; start again without it.")]
    InvalidCursor,
    /// None of the formats that the client takes is one that we write.
    #[error(
        "None of the formats in Accept can be written; ask for {0}, or name one with the parameter format."
    )]
    NotAcceptable(String),
    /// The request is larger than the route takes.
    #[error("The request is too large: {0}.")]
    TooLarge(String),
    /// Another event stands under the same workspace, timestamp and id.
    #[error(
        "Another event with this id and timestamp is already recorded; it stands unchanged. Send a new id if this is a different event."
    )]
    Conflict,
    /// There is no such thing, or it is not for this caller to know.
    #[error("There is no such workspace, or it is not the one of these credentials.")]
    UnknownWorkspace,
    /// The workspace has no such token.
    #[error("This workspace has no such token.")]
    UnknownToken,
    /// The workspace has no such stream.
    #[error("This workspace has no such stream.")]
    UnknownStream,
    /// The log has no such entry, or not yet.
    #[error("The log has no entry of this sequence yet, or what it tells of is gone.")]
    UnknownSequence,
    /// What is asked for has expired; its hash is there, as before.
    #[error(
        "What this was of has expired, as the workspace's settings say. Its hash stays in the log: ledger/tile/0 and ledger/proof/inclusion answer as before."
    )]
    Expired,
    /// A change of settings waits for the one before it.
    #[error("The last change of these settings takes effect at {0}; send this one again after that.")]
    SettingsChanging(Timestamp),
    /// The log has no such tile, or not yet.
    #[error("The last signed checkpoint has no such tile; paths are those of C2SP tlog-tiles.")]
    UnknownTile,
    /// The function has no such route.
    #[error("There is no such route; GET /api/health answers where the API is.")]
    UnknownRoute,
    /// Nobody vouches for the caller.
    #[error(
        "The request carries no identity; send a workspace token, or an admin's JWT where admins are asked for."
    )]
    Unauthenticated,
    /// The caller is known, but may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// The workspace has as many live tokens as it may have.
    #[error("This workspace has {0} live tokens, the most there may be; revoke one first.")]
    TooManyTokens(usize),
    /// The workspace has as many streams as it may have.
    #[error("This workspace has {0} streams, the most there may be; delete one first.")]
    TooManyStreams(usize),
    /// The token has read as often as it may in this window.
    #[error("This token has read as often as it may for now; wait as long as Retry-After says.")]
    TooManyReads(Rate),
    /// Another change of the same data was under way each time that this one was tried; nothing was changed.
    #[error(
        "Another change of the same data was under way, and nothing was changed. Send the request again."
    )]
    Contention(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The admins of the workspace have changed something as often as they may in this window.
    #[error(
        "The admins of this workspace have changed something as often as they may for now; wait as long as Retry-After says. Revoking tokens and legal holds are counted by themselves."
    )]
    TooManyChanges(Rate),
    /// Nothing vouches for the service key yet, so that the record of a change cannot be signed; nothing was changed.
    #[error(
        "The service cannot sign the record of this change yet, and nothing was changed. Its key is ready within a minute of a deployment: send the request again."
    )]
    NoServiceKey,
    /// The store did not take or give the data; nothing was disclosed.
    #[error("The audit log cannot be reached right now; try again shortly.")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The log does not continue what was signed before, or an event is not what was sealed: tampering,
    /// or a defect.
    #[error(
        "What is stored is not what was sealed or signed before. Keep the checkpoints and exports you have, and tell whoever runs the service."
    )]
    Inconsistent(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored or configured is not what this code writes: a defect or tampering.
    #[error("Something went wrong on our side; it has been logged.")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}
