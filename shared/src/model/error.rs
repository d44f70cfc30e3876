//! The errors of the domain.
//!
//! A handler returns an [`Error`] with `?`, and the HTTP edge maps it to a status. The message is for the client: it names
//! the problem and the next step, without internals. Details for the operator are in the error's source, which the edge
//! logs once.

use crate::{
    model::{rate::Rate, timestamp::Timestamp},
    text::problem::FieldError,
};

/// The reason why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body is not JSON.
    #[error("The body {0}")]
    InvalidJson(#[from] crate::text::json::InvalidJson),
    /// The body is JSON, but its content is not valid for the route.
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
    /// The Content-Encoding of the body is not supported.
    #[error("The body can be compressed with gzip only; send it so, or without Content-Encoding.")]
    UnsupportedEncoding,
    /// The cursor was not issued for this workspace and these filters.
    #[error("The cursor does not belong to this workspace and these filters; start again without it.")]
    InvalidCursor,
    /// The Accept header names no format that this API writes.
    #[error(
        "None of the formats in Accept can be written; ask for {0}, or name one with the parameter format."
    )]
    NotAcceptable(String),
    /// The request is larger than the route's limit.
    #[error("The request is too large: {0}.")]
    TooLarge(String),
    /// Another event is recorded with the same workspace, timestamp and id.
    #[error(
        "Another event with this id and timestamp is already recorded; it stands unchanged. Send a new id if this is a different event."
    )]
    Conflict,
    /// The workspace does not exist, or the caller has no access to it.
    #[error("There is no such workspace, or it is not the one of these credentials.")]
    UnknownWorkspace,
    /// The workspace has no such token.
    #[error("This workspace has no such token.")]
    UnknownToken,
    /// The workspace has no such stream.
    #[error("This workspace has no such stream.")]
    UnknownStream,
    /// The log has no entry of this sequence, or not yet.
    #[error("The log has no entry with this sequence yet, or its event is missing.")]
    UnknownSequence,
    /// The requested event has expired. Its hash stays in the log.
    #[error(
        "This event has expired under the workspace's retention settings. Its hash stays in the log: ledger/tile/0 and ledger/proof/inclusion still return it."
    )]
    Expired,
    /// An earlier change of the settings has not taken effect yet.
    #[error("The last change of these settings takes effect at {0}; send this one again after that.")]
    SettingsChanging(Timestamp),
    /// The log has no tile of this path, or not yet.
    #[error("The last signed checkpoint has no such tile; paths are those of C2SP tlog-tiles.")]
    UnknownTile,
    /// The function has no such route.
    #[error("There is no such route; GET /api/health answers where the API is.")]
    UnknownRoute,
    /// The request has no authenticated identity.
    #[error(
        "The request carries no identity; send a workspace token, or an admin's JWT where admins are asked for."
    )]
    Unauthenticated,
    /// The caller is authenticated, but not allowed to do this.
    #[error("{0}")]
    Forbidden(String),
    /// The workspace has reached its limit of live tokens.
    #[error("This workspace has {0} live tokens, the most there may be; revoke one first.")]
    TooManyTokens(usize),
    /// The workspace has reached its limit of streams.
    #[error("This workspace has {0} streams, the most there may be; delete one first.")]
    TooManyStreams(usize),
    /// The token has reached its limit of reads in this window.
    #[error("This token has read as often as it may for now; wait as long as Retry-After says.")]
    TooManyReads(Rate),
    /// Every attempt met another change of the same data. Nothing was changed.
    #[error(
        "Another change of the same data was under way, and nothing was changed. Send the request again."
    )]
    Contention(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The admins of the workspace have reached their limit of changes in this window.
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
    /// The log does not continue the last signed checkpoint, or an event differs from its sealed hash: tampering or a
    /// defect.
    #[error(
        "The stored log or event does not match what was sealed or signed. Keep your checkpoints and exports, and contact the operator of the service."
    )]
    Inconsistent(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Stored data or configuration is not in a form that this code writes: a defect or tampering.
    #[error("Something went wrong on our side; it has been logged.")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}
