//! The events about streams that this service records.

use serde_json::{Map, Value};

use super::{Stream, TestRequest};
use crate::model::{
    catalogue::Action,
    disclosure::Salt,
    event::{Actor, ActorType, Change, Entity, Event},
    id::{EventId, InvalidEventId},
    principal::Admin,
    service_event::{Origin, event},
};

/// The recorded changes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamDeed {
    /// An admin created it.
    Created,
    /// An admin changed its settings or replaced its secret.
    Changed,
    /// An admin or the service paused it.
    Paused,
    /// An admin resumed it.
    Resumed,
    /// An admin moved it to another sequence.
    Replayed,
    /// An admin requested a test.
    Tested,
    /// An admin deleted it.
    Deleted,
}

impl StreamDeed {
    /// The action and the description of the event.
    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Created => ("x_audit_log_stream_created", "A stream was created"),
            Self::Changed => ("x_audit_log_stream_changed", "A stream was changed"),
            Self::Paused => ("x_audit_log_stream_paused", "A stream was paused"),
            Self::Resumed => ("x_audit_log_stream_resumed", "A stream was resumed"),
            Self::Replayed => ("x_audit_log_stream_replayed", "A stream was set back"),
            Self::Tested => ("x_audit_log_stream_tested", "A test of a stream was asked for"),
            Self::Deleted => ("x_audit_log_stream_deleted", "A stream was deleted"),
        }
    }
}

/// `x_audit_log_stream_...`: an admin changed a stream. The event contains no secret.
pub fn stream_by_admin(
    admin: &Admin,
    origin: Origin,
    deed: StreamDeed,
    stream: &Stream,
    changes: Vec<Change>,
    context: Map<String, Value>,
) -> Event {
    let actor = Actor { username: admin.username.clone(), ..Actor::new(ActorType::User, &admin.user_id) };
    Event { changes, ..stream_event(origin, actor, deed, stream, context) }
}

/// `x_audit_log_stream_paused`: this service paused a stream because its destination failed for too long. `context` has the
/// start of the failure and the problem.
pub fn stream_given_up(origin: Origin, stream: &Stream, context: Map<String, Value>) -> Event {
    let actor = Actor::new(ActorType::System, "audit-logs");
    stream_event(origin, actor, StreamDeed::Paused, stream, context)
}

/// The event that a test sends to the destination. It is not in the log, and cannot be mistaken for a record: no event of
/// the log has such an id, action or context, and it has no sequence. Its id is `test.` and the id of the event that records
/// the test.
pub fn stream_test(stream: &Stream, request: &TestRequest, salt: Salt) -> Result<Event, InvalidEventId> {
    let event_id = EventId::parse(&format!("test.{}", request.id))?;
    let origin = Origin::without_request(request.at, event_id, salt);
    let actor = Actor::new(ActorType::System, "audit-logs");
    let context = Map::from_iter([("test".to_owned(), Value::Bool(true))]);
    let event = stream_event(origin, actor, StreamDeed::Tested, stream, context);
    Ok(Event {
        action: Action::own_custom("x_audit_log_stream_test"),
        description: Some("This is a test of a stream, and in no log".to_owned()),
        ..event
    })
}

fn stream_event(
    origin: Origin,
    actor: Actor,
    deed: StreamDeed,
    stream: &Stream,
    context: Map<String, Value>,
) -> Event {
    let (action, description) = deed.row();
    let entity = Entity {
        entity_type: "audit_log_stream".to_owned(),
        entity_id: stream.id.as_str().to_owned(),
        entity_name: Some(stream.name.clone()),
    };
    Event {
        description: Some(description.to_owned()),
        ..event(&stream.workspace, Action::own_custom(action), origin, actor, entity, context)
    }
}
