//! The data that the files in `events/` rely on: tokens, streams and events that are the same in every engine.
//!
//! | token          | workspace | state                    |
//! |----------------|-----------|--------------------------|
//! | `acmeLive0001` | `acme`    | good, reads and writes   |
//! | `acmeRevoked1` | `acme`    | revoked                  |
//! | `acmeExpired1` | `acme`    | expired                  |
//! | `globexLive01` | `globex`  | good, reads              |
//!
//! The events are those of February 2025 in `acme`, and one of January, whose actor is there to be
//! erased. Their salts are the same everywhere too, so that their log has the same root.
//!
//! | stream             | workspace | state                     |
//! |--------------------|-----------|---------------------------|
//! | `str_SampleShown1` | `wayne`   | active                    |
//! | `str_SamplePaused` | `stark`   | paused                    |
//! | `str_SampleActive` | `stark`   | active, and four like it  |
//!
//! All use a bus, which needs no secret.
//!
//! The secret of the tokens is published with this code, so it must protect nothing: only tables that this
//! process itself serves get the samples.

use ledger::Ledger;
use serde_json::{Map, Value, json};
use shared::{
    intake::new_event::{Door, Fallback, NewEvent},
    model::{
        disclosure::Salt,
        id::{EventId, WorkspaceId},
        principal::Admin,
        scope::Scope,
        service_event::{self, Origin},
        timestamp::Timestamp,
        token::{PlainToken, WorkspaceToken},
    },
    store::{Store, Written},
    stream::{
        Format, Pause, PausedBy, Stream, StreamFilter, StreamId,
        service_event::{StreamDeed, stream_by_admin},
    },
};

use crate::Error;

/// The key that vouches for the key of the service's own records.
const LOG_KEY: [u8; 32] = [7; 32];
/// The secret characters of every sample token; each token has a checksum of its own.
const SECRET: &[u8; PlainToken::SECRET_LENGTH] = b"ThisSampleSecretIsPublishedAndGuardsNothing";

const TOKENS: [SampleToken; 4] = [
    SampleToken {
        id: b"acmeLive0001",
        workspace: "acme",
        name: "siem",
        scopes: &[Scope::Read, Scope::Write],
        created_at: "2025-01-02T09:00:00Z",
        expires_at: "2999-12-31T00:00:00Z",
        revoked_at: None,
    },
    SampleToken {
        id: b"acmeRevoked1",
        workspace: "acme",
        name: "old siem",
        scopes: &[Scope::Read],
        created_at: "2025-01-02T09:05:00Z",
        expires_at: "2999-12-31T00:00:00Z",
        revoked_at: Some("2025-01-20T16:30:00Z"),
    },
    SampleToken {
        id: b"acmeExpired1",
        workspace: "acme",
        name: "trial",
        scopes: &[Scope::Read],
        created_at: "2025-01-02T09:10:00Z",
        expires_at: "2025-01-31T00:00:00Z",
        revoked_at: None,
    },
    SampleToken {
        id: b"globexLive01",
        workspace: "globex",
        name: "siem",
        scopes: &[Scope::Read],
        created_at: "2025-01-02T09:15:00Z",
        expires_at: "2999-12-31T00:00:00Z",
        revoked_at: None,
    },
];

/// The streams, by their workspaces and ids.
const STREAMS: [(&str, &[u8; StreamId::LENGTH]); 7] = [
    ("wayne", b"SampleShown1"),
    ("stark", b"SamplePaused"),
    ("stark", b"SampleActive"),
    ("stark", b"SampleChange"),
    ("stark", b"SampleReplay"),
    ("stark", b"SampleTested"),
    ("stark", b"SampleDelete"),
];
/// The creation time of the streams.
const STREAMS_AT: &str = "2025-01-03T09:00:00Z";

/// The salt of every sample event.
const SALT: Salt = Salt::from_bytes(*b"a published salt");
/// The time at which all sample events were received.
const RECEIVED_AT: &str = "2025-03-01T00:00:00Z";

/// Stores the samples. Existing items stay unchanged.
///
/// # Errors
/// If the tables refuse them; the call can be repeated.
pub async fn store(store: &Store) -> Result<(), Error> {
    write(store).await.map_err(Error::Samples)
}

async fn write(store: &Store) -> Result<(), shared::model::error::Error> {
    ledger::vouch(&Ledger::with_seed(store.clone(), "audit-logs.local", LOG_KEY)).await?;
    for token in &TOKENS {
        token.write(store).await?;
    }
    for (workspace, id) in STREAMS {
        write_stream(store, workspace, &StreamId::new(id)).await?;
    }
    let events: Vec<Value> =
        serde_json::from_str(include_str!("samples.json")).expect("a test stores all samples");
    for sent in events {
        store.append(&event(sent).event).await?;
    }
    Ok(())
}

/// Creates a stream, and pauses it if required, as its admin would have. Existing items stay unchanged.
async fn write_stream(
    store: &Store,
    workspace: &str,
    id: &StreamId,
) -> Result<(), shared::model::error::Error> {
    let (admin, at) = (admin(workspace), time(STREAMS_AT));
    let bus = json!({"type": "eventbridge", "event_bus": "arn:aws:events:us-east-1:123456789012:event-bus/security"});
    let stream = Stream {
        id: id.clone(),
        workspace: admin.workspace.clone(),
        name: "security".to_owned(),
        destination: serde_json::from_value(bus).expect("a test stores all samples"),
        format: Format::Native,
        filter: StreamFilter::default(),
        mask: Vec::new(),
        secret: None,
        created_by: admin.user_id.clone(),
        created_at: at,
    };
    let event = |deed: StreamDeed, what: &str| {
        let origin = origin(&format!("{id}-{what}"), at);
        stream_by_admin(&admin, origin, deed, &stream, Vec::new(), Map::new())
    };
    let created = store.create_stream(&stream, 0, &event(StreamDeed::Created, "created")).await?;
    if created != Written::Before && id.as_str() == "str_SamplePaused" {
        let pause = Pause { by: PausedBy::Admin(admin.user_id.clone()), reason: None, at };
        store.pause_stream(id, &pause, &event(StreamDeed::Paused, "paused")).await?;
    }
    Ok(())
}

fn admin(workspace: &str) -> Admin {
    Admin {
        workspace: self::workspace(workspace),
        user_id: "af03c0246b82".to_owned(),
        username: Some("peter_parker".to_owned()),
    }
}

fn origin(what: &str, at: Timestamp) -> Origin {
    Origin {
        ip: Some("203.0.113.42".to_owned()),
        ..Origin::without_request(at, event_id(&format!("sample-{what}")), SALT)
    }
}

/// A sample token, and its state.
struct SampleToken {
    id: &'static [u8; PlainToken::ID_LENGTH],
    workspace: &'static str,
    name: &'static str,
    scopes: &'static [Scope],
    created_at: &'static str,
    expires_at: &'static str,
    revoked_at: Option<&'static str>,
}

impl SampleToken {
    /// Creates the token, and revokes it if required, as its admin would have.
    async fn write(&self, store: &Store) -> Result<(), shared::model::error::Error> {
        let Self { id, workspace, name, scopes, created_at, expires_at, revoked_at } = self;
        let plain = PlainToken::new(id, SECRET);
        let admin = self::admin(workspace);
        let origin = |what: &str, at: &str| self::origin(&format!("{}-{what}", plain.id()), time(at));
        if store.token(plain.id()).await?.is_none() {
            let token = WorkspaceToken {
                id: plain.id().clone(),
                workspace: admin.workspace.clone(),
                name: (*name).to_owned(),
                scopes: scopes.to_vec(),
                hash: plain.hashed(),
                created_by: admin.user_id.clone(),
                created_at: time(created_at),
                expires_at: time(expires_at),
                revoked_at: None,
                last_used_on: None,
            };
            let origin = origin("created", created_at);
            let event =
                service_event::token_created(&admin, origin, plain.id(), name, scopes, token.expires_at);
            store.create_token(&token, &event).await?;
        }
        // If we crash here, a token that should be revoked is valid until the next start.
        if let Some(at) = revoked_at {
            let event = service_event::token_revoked(&admin, origin("revoked", at), plain.id(), name);
            store.revoke_token(plain.id(), time(at), &event).await?;
        }
        Ok(())
    }
}

fn event(sent: Value) -> NewEvent {
    let acme = workspace("acme");
    let fallback = Fallback { now: time(RECEIVED_AT), id: event_id("unused"), salt: SALT };
    NewEvent::parse(sent, Vec::new(), Door::Api(&acme), fallback).expect("a test stores all samples")
}

fn workspace(name: &str) -> WorkspaceId {
    WorkspaceId::parse(name).expect("a test stores all samples")
}

fn event_id(text: &str) -> EventId {
    EventId::parse(text).expect("a test stores all samples")
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a test stores all samples")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, System};

    #[tokio::test]
    async fn all_samples_can_be_stored_and_storing_them_again_changes_nothing() {
        let system = System::start(Options::default()).await.unwrap();
        let once = stored_tokens(&system).await;
        assert_eq!(once.len(), 3);
        assert_eq!(stored_tokens(&system).await, once);
        system.shutdown().await;
    }

    async fn stored_tokens(system: &System) -> Vec<String> {
        store(system.store()).await.unwrap();
        let tokens = system.store().tokens_of(&workspace("acme")).await.unwrap();
        tokens.iter().map(|token| format!("{token:?}")).collect::<Vec<_>>()
    }
}
