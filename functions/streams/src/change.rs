//! Applies a change to a stream, for the stream and for the event about the change.

use serde_json::json;
use shared::{
    model::{event::Change, timestamp::Timestamp},
    stream::{SecretVersion, SecretVersions, Stream},
};

use crate::body::Patch;

/// The changed stream, and the changed fields. A secret is shown by the ids of its versions.
pub(crate) fn changed(
    stream: &Stream,
    patch: &Patch,
    version: Option<&SecretVersion>,
    now: Timestamp,
) -> (Stream, Vec<Change>) {
    let Patch { name, destination, format, filter, mask, secret: _, rotate_secret: _ } = patch;
    let (mut new, mut changes) = (stream.clone(), Vec::new());
    let mut note = |path: &str, old, new| changes.push(Change { path: path.to_owned(), old, new });
    if let Some(name) = name.as_ref().filter(|name| **name != stream.name) {
        note("/name", json!(stream.name), json!(name));
        new.name.clone_from(name);
    }
    if let Some(destination) = destination.as_ref().filter(|destination| **destination != stream.destination)
    {
        // The two may look the same here: the rest of a URL may be a secret, and is not disclosed.
        note("/destination", stream.destination.disclosed(), destination.disclosed());
        new.destination = destination.clone();
    }
    if let Some(format) = format.filter(|format| *format != stream.format) {
        note("/format", json!(stream.format), json!(format));
        new.format = format;
    }
    if let Some(filter) = filter.as_ref().filter(|filter| **filter != stream.filter) {
        note("/filter", json!(stream.filter), json!(filter));
        new.filter = filter.clone();
    }
    if let Some(mask) = mask.as_ref().filter(|mask| **mask != stream.mask) {
        note("/mask", json!(stream.mask), json!(mask));
        new.mask.clone_from(mask);
    }
    if let Some(version) = version {
        let current = stream.secret.as_ref().map(|versions| &versions.current);
        note("/secret_version", json!(current), json!(version));
        new.secret = Some(match &stream.secret {
            Some(versions) => versions.rotate(version.clone(), now),
            None => SecretVersions::first(version.clone()),
        });
    }
    (new, changes)
}
