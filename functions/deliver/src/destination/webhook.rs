//! A webhook, signed according to Standard Webhooks 1.0.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use shared::{
    model::{id::WorkspaceId, timestamp::Timestamp},
    stream::{Delivery, StreamId, StreamSecret},
};

use super::join;
use crate::{
    entry::Entry,
    internet::{Call, Verdict},
};

/// The body of a request.
#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    /// The time at which the last of the events was accepted: the same in every retry of the request.
    timestamp: Option<Timestamp>,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    workspace: &'a WorkspaceId,
    stream: &'a StreamId,
    events: &'a RawValue,
}

/// The request with these events; `None` if there is no key to sign it with.
pub(super) fn call(
    url: &str,
    delivery: &Delivery,
    secrets: &[StreamSecret],
    entries: &[Entry],
    now: Timestamp,
) -> Option<Call> {
    let events = format!("[{}]", join(entries, ","));
    let id = id(delivery, entries, &events);
    let at = now.unix_seconds().to_string();
    let events = RawValue::from_string(events).ok()?;
    let is_test = entries.iter().any(|entry| entry.sequence.is_none());
    let body = serde_json::to_string(&Body {
        r#type: if is_test { "audit_log.test" } else { "audit_log.events" },
        timestamp: entries.last().map(|entry| entry.received_at),
        data: Data { workspace: &delivery.stream.workspace, stream: &delivery.stream.id, events: &events },
    })
    .ok()?;
    let signature = |secret: &StreamSecret| Some(sign(&secret.webhook_key()?, &id, &at, &body));
    let signatures: Vec<_> = secrets.iter().filter_map(signature).collect();
    if signatures.is_empty() {
        return None;
    }
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id),
        ("webhook-timestamp", at),
        ("webhook-signature", signatures.join(" ")),
    ];
    Some(Call { url: url.to_owned(), headers, body, verdict: Verdict::Status })
}

/// The id of a request: two requests have the same id only if they have the same body.
///
/// It names the stream, its generation, the first and the last sequence, and a hash of the events. So receivers
/// can tell a retry from a replay, and from a request after a changed filter, or after one of its events was
/// redacted or expired between two attempts. It has no full stop, which would be ambiguous in the signed text.
fn id(delivery: &Delivery, entries: &[Entry], events: &str) -> String {
    let Delivery { stream, generation, .. } = delivery;
    let hash: String = Sha256::digest(events).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    match (entries.first(), entries.last()) {
        (Some(Entry { sequence: Some(first), .. }), Some(Entry { sequence: Some(last), .. })) => {
            format!("{}-{generation}-{first}-{last}-{hash}", stream.id)
        }
        (Some(test), _) => format!("{}-test-{}", stream.id, test.id),
        (None, _) => format!("{}-{generation}", stream.id),
    }
}

/// The signature of a request, with the version of its form.
fn sign(key: &[u8], id: &str, at: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    for part in [id, ".", at, ".", body] {
        mac.update(part.as_bytes());
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::sample;

    /// The example in the specification's own libraries.
    #[test]
    fn the_signature_matches_the_specification() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_request_has_its_events_and_a_signature_by_each_secret() {
        let delivery = sample::delivery("https://example.com/hook");
        let entries = [sample::entry(3, r#"{"id":"e-3"}"#), sample::entry(9, r#"{"id":"e-9"}"#)];
        let secrets = [StreamSecret::of_webhook(&[1; 32]), StreamSecret::of_webhook(&[2; 32])];
        let now = Timestamp::parse("2026-11-28T12:00:00Z").unwrap();
        let call = call("https://example.com/hook", &delivery, &secrets, &entries, now).unwrap();
        // The hash is that of `[{"id":"e-3"},{"id":"e-9"}]`, by `sha256sum`.
        assert_eq!(header(&call, "webhook-id"), "str_abcdefABCDEF-4-3-9-409757979f46c7ac");
        assert_eq!(header(&call, "webhook-timestamp"), "1795867200");
        let signatures: Vec<_> = header(&call, "webhook-signature").split(' ').collect();
        let expected =
            [1, 2].map(|key| sign(&[key; 32], header(&call, "webhook-id"), "1795867200", &call.body));
        assert_eq!(signatures, expected);
        let body: Value = serde_json::from_str(&call.body).unwrap();
        assert_eq!(
            body,
            json!({
                "type": "audit_log.events", "timestamp": "2025-02-18T10:47:38.000000Z",
                "data": {"workspace": "acme", "stream": "str_abcdefABCDEF", "events": [{"id": "e-3"}, {"id": "e-9"}]},
            })
        );
    }

    fn header<'a>(call: &'a Call, name: &str) -> &'a str {
        call.headers.iter().find(|(known, _)| *known == name).unwrap().1.as_str()
    }

    #[test]
    fn requests_with_one_id_have_one_body() {
        let delivery = sample::delivery("https://example.com/hook");
        let (secrets, now) =
            ([StreamSecret::of_webhook(&[1; 32])], Timestamp::parse("2026-11-28T12:00:00Z").unwrap());
        let sent = |text: &str| {
            let call =
                call("https://example.com", &delivery, &secrets, &[sample::entry(3, text)], now).unwrap();
            (call.headers[1].1.clone(), call.body)
        };
        assert_eq!(sent(r#"{"id":"e-3"}"#), sent(r#"{"id":"e-3"}"#));
        // As after a redaction between two tries.
        assert_ne!(sent(r#"{"id":"e-3","actor":"u"}"#).0, sent(r#"{"id":"e-3","actor":null}"#).0);
    }

    #[test]
    fn a_test_says_so_in_its_type_and_id() {
        let delivery = sample::delivery("https://example.com/hook");
        let (secrets, now) =
            ([StreamSecret::of_webhook(&[1; 32])], Timestamp::parse("2026-11-28T12:00:00Z").unwrap());
        let test = Entry { sequence: None, ..sample::entry(3, "{}") };
        let call = call("https://example.com", &delivery, &secrets, &[test], now).unwrap();
        assert_eq!(call.headers[1].1, "str_abcdefABCDEF-test-e-3");
        assert!(call.body.starts_with(r#"{"type":"audit_log.test","#), "{}", call.body);
    }

    #[test]
    fn without_a_key_nothing_is_sent() {
        let (delivery, now) =
            (sample::delivery("https://example.com"), Timestamp::parse("2026-11-28T12:00:00Z").unwrap());
        let of_splunk = StreamSecret::parse("a-token").unwrap();
        assert!(
            call("https://example.com", &delivery, &[of_splunk], &[sample::entry(0, "{}")], now).is_none()
        );
    }
}
