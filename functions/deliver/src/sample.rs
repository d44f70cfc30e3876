//! Samples for the tests of this crate.

use serde_json::json;
use shared::{
    model::{
        catalogue::Action,
        disclosure::{Disclosure, Salt},
        event::{Actor, ActorType, Event, Outcome},
        id::{EventId, WorkspaceId},
        timestamp::Timestamp,
    },
    stream::{Delivery, Destination, Endpoint, Format, Operator, Progress, Stream, StreamFilter, StreamId},
};

use crate::entry::Entry;

pub(crate) fn webhook(url: &str) -> Stream {
    let operator = Operator { insecure: true, ..Operator::default() };
    Stream {
        id: StreamId::new(b"abcdefABCDEF"),
        workspace: WorkspaceId::parse("acme").unwrap(),
        name: "a stream".to_owned(),
        destination: Destination::Webhook { url: Endpoint::parse(url, &operator).unwrap() },
        format: Format::Native,
        filter: StreamFilter::default(),
        mask: Vec::new(),
        secret: None,
        created_by: "u-1".to_owned(),
        created_at: Timestamp::parse("2026-11-28T12:00:00Z").unwrap(),
    }
}

pub(crate) fn delivery(url: &str) -> Delivery {
    Delivery {
        stream: webhook(url),
        generation: 4,
        progress: Progress::default(),
        leased_until: None,
        last_run: None,
        planned_run: None,
    }
}

pub(crate) fn event(sequence: u64) -> Event {
    let at = Timestamp::parse("2025-02-18T10:47:37.123456Z").unwrap();
    Event {
        workspace: WorkspaceId::parse("acme").unwrap(),
        id: EventId::parse(&format!("e-{sequence}")).unwrap(),
        action: Action::parse("group_member_added").unwrap(),
        timestamp: at,
        received_at: at,
        outcome: Outcome::Success,
        description: None,
        actor: Some(Actor {
            username: Some("peter_parker".to_owned()),
            ip: Some("157.52.123.42".to_owned()),
            ..Actor::new(ActorType::User, "u-1")
        }),
        entity: None,
        context: Default::default(),
        changes: Vec::new(),
        disclosure: Disclosure::Whole(Salt::from_bytes([7; 16])),
        sequence: Some(sequence),
    }
}

pub(crate) fn large_event(sequence: u64) -> Event {
    let mut event = event(sequence);
    event.context.insert("note".to_owned(), json!("x".repeat(1000)));
    event
}

pub(crate) fn entry(sequence: u64, text: &str) -> Entry {
    Entry {
        id: EventId::parse(&format!("e-{sequence}")).unwrap(),
        sequence: Some(sequence),
        timestamp: Timestamp::parse("2025-02-18T10:47:37Z").unwrap(),
        received_at: Timestamp::parse("2025-02-18T10:47:38Z").unwrap(),
        text: text.to_owned(),
        cut: false,
    }
}
