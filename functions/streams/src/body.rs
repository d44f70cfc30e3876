//! The bodies of requests: a new stream, a change, a pause, or a replay.

use serde_json::Value;
use shared::{
    intake::members::{Members, Present},
    model::error::Error,
    stream::{Destination, DestinationKind, Format, Mask, Operator, SecretIs, StreamFilter, StreamSecret},
    text::{
        json::{self, Document, MAX_EXACT_INTEGER},
        problem::FieldError,
    },
};

/// Bytes in one request, at most.
pub const MAX_BODY_BYTES: usize = 16_384;
/// The longest name of a stream, in bytes.
pub const MAX_NAME_BYTES: usize = 256;
/// The longest reason of a pause, in bytes.
pub const MAX_REASON_BYTES: usize = 1024;
/// The members of a new stream.
pub const FIELDS: &[&str] = &["name", "destination", "format", "filter", "mask", "secret", "from"];
/// The members of a change.
pub const CHANGE_FIELDS: &[&str] =
    &["name", "destination", "format", "filter", "mask", "secret", "rotate_secret"];
/// The members of a pause.
pub const PAUSE_FIELDS: &[&str] = &["reason"];
/// The members of a replay.
pub const REPLAY_FIELDS: &[&str] = &["from"];

/// The depth of nesting in a body: a list in a filter in a stream.
const MAX_DEPTH: usize = 4;

/// A new stream.
#[derive(Debug)]
pub(crate) struct NewStream {
    pub(crate) name: String,
    pub(crate) destination: Destination,
    pub(crate) format: Format,
    pub(crate) filter: StreamFilter,
    pub(crate) mask: Vec<Mask>,
    /// The secret that the destination issued, if it issues one.
    pub(crate) secret: Option<StreamSecret>,
    /// The first sequence; without it, the stream begins with the next event.
    pub(crate) from: Option<u64>,
}

/// The fields to change. As in RFC 7396, null clears a filter or mask, and a missing field stays as it is; a
/// destination is replaced as a whole.
#[derive(Debug, Default)]
pub(crate) struct Patch {
    pub(crate) name: Option<String>,
    pub(crate) destination: Option<Destination>,
    pub(crate) format: Option<Format>,
    pub(crate) filter: Option<StreamFilter>,
    pub(crate) mask: Option<Vec<Mask>>,
    /// The new secret that the destination issued.
    pub(crate) secret: Option<StreamSecret>,
    /// True if a webhook gets a new secret.
    pub(crate) rotate_secret: bool,
}

impl NewStream {
    /// Reads a request.
    ///
    /// # Errors
    /// All problems of the request.
    pub(crate) fn parse(body: &[u8], operator: &Operator) -> Result<Self, Error> {
        read(body, "must be an object with name and destination", FIELDS, |object| {
            let name = object.required_identifier("name", MAX_NAME_BYTES);
            let destination = read_destination(object, operator);
            if destination.is_none() && !object.has_problem("destination") {
                object.problem("destination", "required", "must be given");
            }
            let kind = destination.as_ref().map(Destination::kind);
            let stream = (
                read_format(object, kind).unwrap_or_default(),
                read_filter(object).unwrap_or_default(),
                Mask::read_list(object, "mask"),
                read_secret(object, kind),
                read_sequence(object),
            );
            if kind.is_some_and(|kind| kind.secret() == SecretIs::Given)
                && stream.3.is_none()
                && !object.has_problem("secret")
            {
                object.problem("secret", "required", "must be the secret that the destination issued");
            }
            let (name, destination) = (name?, destination?);
            let (format, filter, mask, secret, from) = stream;
            Some(Self { name, destination, format, filter, mask, secret, from })
        })
    }
}

impl Patch {
    /// Reads a change of a stream to a destination of this kind.
    ///
    /// # Errors
    /// All problems of the request.
    pub(crate) fn parse(body: &[u8], kind: DestinationKind, operator: &Operator) -> Result<Self, Error> {
        read(body, "must be an object with the fields to change", CHANGE_FIELDS, |object| {
            if object.members.is_empty() {
                object.problem("", "required", "name at least one field to change");
            }
            let named = object.members.contains_key("name");
            let destination = read_destination(object, operator);
            if destination.as_ref().is_some_and(|destination| destination.kind() != kind) {
                object.problem(
                    "destination",
                    "other_kind",
                    "must be of the same type; for another type, create another stream",
                );
            }
            let cleared =
                |object: &mut Members<'_>, name: &str| object.members.get(name).is_some_and(Value::is_null);
            Some(Self {
                name: if named { object.required_identifier("name", MAX_NAME_BYTES) } else { None },
                destination,
                format: read_format(object, Some(kind)),
                filter: match cleared(object, "filter") {
                    true => object.members.remove("filter").map(|_| StreamFilter::default()),
                    false => read_filter(object),
                },
                mask: object.members.contains_key("mask").then(|| Mask::read_list(object, "mask")),
                secret: read_secret(object, Some(kind)),
                rotate_secret: read_rotation(object, kind),
            })
        })
    }
}

/// Reads the reason of a pause, if one is given; the body may be empty.
///
/// # Errors
/// All problems of the request.
pub(crate) fn parse_pause(body: &[u8]) -> Result<Option<String>, Error> {
    if body.is_empty() {
        return Ok(None);
    }
    read(body, "must be an object, or nothing", PAUSE_FIELDS, |object| {
        Some(object.text("reason", MAX_REASON_BYTES).filter(|reason| !reason.is_empty()))
    })
}

/// Reads the sequence from which a stream continues.
///
/// # Errors
/// All problems of the request.
pub(crate) fn parse_replay(body: &[u8]) -> Result<u64, Error> {
    read(body, "must be an object with from", REPLAY_FIELDS, |object| {
        let from = read_sequence(object);
        if from.is_none() && !object.has_problem("from") {
            object.problem("from", "required", "say which sequence to go on from");
        }
        from
    })
}

/// Reads an object with these members.
fn read<T>(
    body: &[u8],
    what: &str,
    fields: &[&str],
    read: impl FnOnce(&mut Members<'_>) -> Option<T>,
) -> Result<T, Error> {
    let Document { value, mut problems } = json::parse(body, MAX_DEPTH)?;
    let Value::Object(members) = value else {
        return Err(Error::InvalidBody(vec![FieldError::new("", "wrong_type", what)]));
    };
    let mut object = Members { members, pointer: String::new(), problems: &mut problems };
    let value = read(&mut object);
    object.finish(fields);
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(Error::InvalidBody(problems)),
    }
}

fn read_destination(object: &mut Members<'_>, operator: &Operator) -> Option<Destination> {
    object.object("destination", |destination| Destination::read(destination, operator))
}

fn read_format(object: &mut Members<'_>, kind: Option<DestinationKind>) -> Option<Format> {
    let format = object.one_of("format", &Format::NAMES);
    if kind == Some(DestinationKind::S3) && format == Some(Format::Ocsf) {
        object.problem(
            "format",
            "not_taken",
            "must be native: OCSF has other columns for each class of event",
        );
    }
    format
}

fn read_filter(object: &mut Members<'_>) -> Option<StreamFilter> {
    object.object("filter", |filter| Some(StreamFilter::read(filter)))
}

/// The secret, if the destination issues one.
fn read_secret(object: &mut Members<'_>, kind: Option<DestinationKind>) -> Option<StreamSecret> {
    let Present::Valid(secret) = object.parsed("secret", "invalid_secret", StreamSecret::parse) else {
        return None;
    };
    let detail = match kind?.secret() {
        SecretIs::Given => return Some(secret),
        SecretIs::Generated => "is made here and shown once; leave it out",
        SecretIs::None => "is not needed, because access is granted by IAM; leave it out",
    };
    object.problem("secret", "not_taken", detail);
    None
}

fn read_rotation(object: &mut Members<'_>, kind: DestinationKind) -> bool {
    match object.take("rotate_secret") {
        None | Some(Value::Bool(false)) => false,
        Some(Value::Bool(true)) if kind.secret() == SecretIs::Generated => true,
        Some(Value::Bool(true)) => {
            object.problem("rotate_secret", "not_taken", "is for webhooks; send the new one as secret");
            false
        }
        Some(_) => {
            object.problem("rotate_secret", "wrong_type", "must be true or false");
            false
        }
    }
}

/// A sequence. The handler checks whether the log has it.
fn read_sequence(object: &mut Members<'_>) -> Option<u64> {
    let sequence = object.take("from")?;
    let read = sequence.as_u64().filter(|sequence| *sequence <= MAX_EXACT_INTEGER.unsigned_abs());
    if read.is_none() {
        object.problem("from", "wrong_type", "must be a sequence, a whole number from 0");
    }
    read
}

#[cfg(test)]
mod tests;
