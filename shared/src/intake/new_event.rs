//! Parses the JSON of a sender into an event, or lists its problems.
//!
//! Values are never silently trimmed, converted to lower case or completed. A member that is null counts as not sent,
//! except within `context` and `changes`, where the content belongs to the sender.
//!
//! Only members that the product controls (ids, action, times, structure) can have a problem. Texts that an outsider may
//! have chosen are escaped, cut and marked instead: see [`crate::model::escaping`], and the table in `docs/events.md`.
//!
//! The limits are those of the API's documentation. They are enforced in this module or in `escaping`.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    intake::members::{Members, Present},
    model::{
        catalogue::{Action, CATALOGUE, Writer},
        disclosure::{Disclosure, Salt},
        escaping::{self, MAX_TEXT_CHARACTERS, SMALLER_TEXTS, escape_texts},
        event::{Actor, ActorType, Change, Entity, Event, Outcome},
        id::{EventId, WorkspaceId},
        retention::{RESERVED_IDS, is_reserved_id},
        timestamp::{MAX_AHEAD_SECONDS, Timestamp},
    },
    text::{
        json::{self, canonical, step},
        nearest::did_you_mean,
        problem::{FieldError, note},
    },
};

/// The most members a context may have.
pub const MAX_CONTEXT_KEYS: usize = 50;
/// The most changes an event may list.
pub const MAX_CHANGES: usize = 50;
/// The longest id and kind of an actor or entity, in characters.
pub const MAX_ID_CHARACTERS: usize = 256;

/// The members a sender may give an event.
pub const EVENT_FIELDS: &[&str] = &[
    "id",
    "action",
    "category",
    "description",
    "timestamp",
    "workspace_username",
    "workspace",
    "outcome",
    "actor",
    "entity",
    "context",
    "changes",
];
/// The members a sender may give an actor.
pub const ACTOR_FIELDS: &[&str] = &["user_id", "username", "ip", "user_agent", "type", "on_behalf_of"];
/// The members a sender may give an entity.
pub const ENTITY_FIELDS: &[&str] = &["entity_type", "entity_id", "entity_name"];
/// The members a sender may give a change.
pub const CHANGE_FIELDS: &[&str] = &["path", "old", "new"];

/// The interface through which an event arrived, with the facts that it supplies.
#[derive(Clone, Copy, Debug)]
pub enum Door<'a> {
    /// HTTPS, with a token of this workspace.
    Api(&'a WorkspaceId),
    /// The bus, within this envelope. The bus belongs to the product, so its events may name any workspace, any action of
    /// the catalogue, and actions that are in no catalogue.
    Bus(&'a Envelope),
}

/// The facts in an EventBridge envelope about its event.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The envelope's id. A redelivery has the same.
    pub id: EventId,
    /// When the event was put on the bus, to the second.
    pub time: Timestamp,
}

/// A valid event that is ready to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// The event.
    pub event: Event,
    /// Whether a retry is recognized as the same event. It is not if the service generated the id and the timestamp.
    pub retry_safe: bool,
}

/// The values for an event whose sender gave no id and timestamp.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// When the event is received.
    pub now: Timestamp,
    /// A unique id.
    pub id: EventId,
    /// The seed of the event's salts, which senders cannot choose.
    pub salt: Salt,
}

impl NewEvent {
    /// Makes an event from a value and the problems that [`json::parse`] found in it.
    ///
    /// # Errors
    /// All problems, each with its pointer into the event.
    pub fn parse(
        value: Value,
        mut problems: Vec<FieldError>,
        door: Door<'_>,
        fallback: Fallback,
    ) -> Result<Self, Vec<FieldError>> {
        if problems.iter().any(|problem| matches!(problem.code, json::TOO_LARGE | json::TOO_MANY)) {
            // The rest of the event was not read, so its members are not missing.
            return Err(problems);
        }
        let Value::Object(members) = value else {
            problems.push(FieldError::new("", "wrong_type", "must be an object"));
            return Err(problems);
        };
        let mut object = Members { members, pointer: String::new(), problems: &mut problems };
        let event = read_event(&mut object, door, fallback);
        object.finish(EVENT_FIELDS);
        match event {
            Some(event) if problems.is_empty() => Ok(event),
            _ => Err(problems),
        }
    }
}

/// Reads all members, so that all problems are found; `None` if a required one is missing.
fn read_event(object: &mut Members<'_>, door: Door<'_>, fallback: Fallback) -> Option<NewEvent> {
    let Fallback { now, id: fallback_id, salt } = fallback;
    let workspace = read_workspace(object, door);
    let action = read_action(object, door);
    if let (Some(category), Some(action)) = (object.identifier("category", 64), &action)
        && category != action.category().name
    {
        let right = action.category().name;
        object.problem("category", "mismatch", format!("must be {right} for this action, or left out"));
    }
    let sent_id = object.parsed("id", "invalid_id", EventId::parse);
    let sent_time = object.parsed("timestamp", "invalid_timestamp", Timestamp::parse);
    match (&sent_id, door) {
        (Present::Valid(id), _) => check_id(object, id),
        (Present::Absent, Door::Bus(envelope)) => check_id(object, &envelope.id),
        _ => {}
    }
    match (&sent_time, door) {
        (Present::Valid(time), _) => check_range(object, *time, now),
        // The sender of a bus event may also choose the time of its envelope.
        (Present::Absent, Door::Bus(envelope)) => check_range(object, envelope.time, now),
        _ => {}
    }
    let retry_safe = match door {
        Door::Bus(_) => true,
        Door::Api(_) => check_key(object, &sent_id, &sent_time),
    };
    let (default_id, default_time) = match door {
        Door::Api(_) => (fallback_id, now),
        Door::Bus(envelope) => (envelope.id.clone(), envelope.time),
    };
    let outcome = object.one_of("outcome", &Outcome::NAMES);
    let description = object.string("description");
    let actor = object.object("actor", read_actor);
    if actor.is_none() && !object.has_problem("actor") {
        object.problem("actor", "required", "say who did it: {\"user_id\": …}");
    }
    let entity = object.object("entity", read_entity);
    let context = read_context(object);
    let changes = read_changes(object);
    for name in ["received_at", "sequence", "salt", "redacted"] {
        if object.take(name).is_some() {
            object.problem(name, "read_only", "is set by this service; leave it out");
        }
    }

    let action = action?;
    let description = stored_description(&action, description);
    let mut event = Event {
        workspace: workspace?,
        id: sent_id.or(default_id),
        action,
        timestamp: sent_time.or(default_time),
        received_at: now,
        outcome: outcome.unwrap_or_default(),
        description,
        actor: Some(actor?),
        entity,
        context,
        changes,
        disclosure: Disclosure::Whole(salt),
        sequence: None,
    };
    escape_and_fit(object, &mut event);
    Some(NewEvent { event, retry_safe })
}

/// The description to store; `None` if it is the permanent default of the action. A name that is not in the catalogue may be
/// added later with another text. Its description is always stored, so that the leaf of the event does not change.
fn stored_description(action: &Action, sent: Option<String>) -> Option<String> {
    match action {
        Action::Other(_) => Some(sent.unwrap_or_else(|| action.default_description().to_owned())),
        Action::Known(_) | Action::Custom(_) => sent.filter(|sent| sent != action.default_description()),
    }
}

/// The workspace, from Mode's member or ours. It may be left out if a token determines it.
fn read_workspace(object: &mut Members<'_>, door: Door<'_>) -> Option<WorkspaceId> {
    let mut workspace = match door {
        Door::Api(workspace) => Some(workspace.clone()),
        Door::Bus(_) => None,
    };
    for name in ["workspace_username", "workspace"] {
        if let Present::Valid(said) = object.parsed(name, "invalid_workspace", WorkspaceId::parse) {
            let known = workspace.get_or_insert_with(|| said.clone());
            if *known != said {
                object.problem(name, "mismatch", "names another workspace than the request does");
            }
        }
    }
    if workspace.is_none() && !object.has_problem("workspace_username") && !object.has_problem("workspace") {
        object.problem("workspace_username", "required", "name the workspace the event belongs to");
    }
    workspace
}

fn read_action(object: &mut Members<'_>, door: Door<'_>) -> Option<Action> {
    let name = object.required_identifier("action", Action::MAX_CHARACTERS)?;
    let action = match door {
        Door::Api(_) => Action::parse(&name),
        Door::Bus(_) => Action::parse_lenient(&name),
    };
    match (&action, door) {
        (None, _) => {
            let near = did_you_mean(&name, CATALOGUE.iter().map(|row| row.action));
            let detail =
                format!("is not an action of the catalogue (GET /api/actions) nor a custom one (x_…){near}");
            object.problem("action", "unknown_action", detail);
        }
        (Some(action), Door::Api(_)) if action.writer() == Writer::Service => {
            object.problem(
                "action",
                "reserved_action",
                "is recorded by this service alone; choose another name",
            );
        }
        (Some(action), Door::Bus(_)) if action.is_reserved() => {
            object.problem(
                "action",
                "reserved_action",
                "is recorded by this service alone; choose another name",
            );
        }
        _ => {}
    }
    action
}

/// Refuses the ids of records that never expire: expiry recognizes such a record by its key alone.
fn check_id(object: &mut Members<'_>, id: &EventId) {
    if is_reserved_id(id) {
        let detail =
            format!("begins as the ids of this service do ({}); choose another", RESERVED_IDS.join(", "));
        object.problem("id", "reserved_id", detail);
    }
}

fn check_range(object: &mut Members<'_>, time: Timestamp, now: Timestamp) {
    let earliest = Timestamp::parse("2000-01-01T00:00:00Z").expect("a literal time");
    if time < earliest || time > now.plus_seconds(MAX_AHEAD_SECONDS) {
        object.problem(
            "timestamp",
            "out_of_range",
            "must be from the year 2000 on and at most 10 minutes ahead of now",
        );
    }
}

/// Over HTTP a client sends both the id and the timestamp, or neither. With only one of them, a retry would look like
/// another event.
fn check_key(object: &mut Members<'_>, id: &Present<EventId>, time: &Present<Timestamp>) -> bool {
    let (missing, present) = match (id, time) {
        (Present::Absent, Present::Absent) => return false,
        (Present::Absent, _) => ("id", "timestamp"),
        (_, Present::Absent) => ("timestamp", "id (or Idempotency-Key)"),
        _ => return true,
    };
    let detail = format!("goes with {present}: send both, so that a retry is recognised, or neither");
    object.problem(missing, "required", detail);
    false
}

fn read_actor(object: &mut Members<'_>) -> Option<Actor> {
    let user_id = object.required_identifier("user_id", MAX_ID_CHARACTERS);
    let username = object.string("username");
    let ip = object.string("ip");
    let user_agent = object.string("user_agent");
    let kind = object.one_of("type", &ActorType::NAMES).unwrap_or_default();
    let on_behalf_of = object.object("on_behalf_of", read_actor).map(Box::new);
    object.finish(ACTOR_FIELDS);
    Some(Actor { user_id: user_id?, username, ip, user_agent, kind, on_behalf_of })
}

fn read_entity(object: &mut Members<'_>) -> Option<Entity> {
    let entity_type = object.required_identifier("entity_type", MAX_ID_CHARACTERS);
    let entity_id = object.required_identifier("entity_id", MAX_ID_CHARACTERS);
    let entity_name = object.string("entity_name");
    object.finish(ENTITY_FIELDS);
    Some(Entity { entity_type: entity_type?, entity_id: entity_id?, entity_name })
}

fn read_context(object: &mut Members<'_>) -> Map<String, Value> {
    match object.take("context") {
        None => Map::new(),
        Some(Value::Object(context)) => {
            if context.len() - usize::from(escaping::has_marks(&context)) > MAX_CONTEXT_KEYS {
                object.problem("context", "too_many", format!("may have at most {MAX_CONTEXT_KEYS} members"));
            }
            context
        }
        Some(_) => {
            object.problem("context", "wrong_type", "must be an object");
            Map::new()
        }
    }
}

fn read_changes(object: &mut Members<'_>) -> Vec<Change> {
    let changes = match object.take("changes") {
        None => return Vec::new(),
        Some(Value::Array(changes)) => changes,
        Some(_) => {
            object.problem("changes", "wrong_type", "must be an array");
            return Vec::new();
        }
    };
    if changes.len() > MAX_CHANGES {
        object.problem("changes", "too_many", format!("may list at most {MAX_CHANGES}"));
        return Vec::new();
    }
    let pointer = step(&object.pointer, "changes");
    let read = |(index, change): (usize, Value)| {
        let pointer = step(&pointer, index);
        let Value::Object(members) = change else {
            let detail = "must be an object with path, old and new";
            note(object.problems, FieldError::new(pointer, "wrong_type", detail));
            return None;
        };
        read_change(&mut Members { members, pointer, problems: object.problems })
    };
    changes.into_iter().enumerate().filter_map(read).collect()
}

fn read_change(object: &mut Members<'_>) -> Option<Change> {
    let path = object.string("path");
    match path.as_deref() {
        None if object.has_problem("path") => {}
        None => object.problem("path", "required", "must be given"),
        Some("") => object.problem("path", "empty", "may not be empty"),
        Some(path) if !path.starts_with('/') => {
            object.problem("path", "invalid_path", "must be a JSON pointer, beginning with /");
        }
        Some(_) => {}
    }
    let (old, new) = (object.take("old").unwrap_or_default(), object.take("new").unwrap_or_default());
    object.finish(CHANGE_FIELDS);
    Some(Change { path: path?, old, new })
}

/// Escapes the texts of an event. If the event is then too large, all texts are cut to the same, shorter limit. Only an event
/// whose structure is too large is refused.
fn escape_and_fit(object: &mut Members<'_>, event: &mut Event) {
    if compact_bytes(&content(event)) <= Event::MAX_BYTES / MAX_GROWTH {
        escaping::escape(event);
        return;
    }
    let sent = event.clone();
    let mut marks = escape_texts(event, MAX_TEXT_CHARACTERS);
    for max_characters in SMALLER_TEXTS {
        if canonical_bytes(event) <= Event::MAX_BYTES {
            break;
        }
        event.clone_from(&sent);
        marks = escape_texts(event, max_characters);
    }
    let bytes = canonical_bytes(event);
    if bytes > Event::MAX_BYTES {
        let limit = Event::MAX_BYTES;
        let detail = format!("has {bytes} bytes of canonical JSON with its texts cut; the limit is {limit}");
        object.problem("", "too_large", detail);
    }
    marks.put(&mut event.context);
}

/// The content that the sender decides. The size of an event is the length of its canonical text.
fn content(event: &Event) -> impl Serialize + '_ {
    let Event {
        workspace: _,
        id,
        action,
        timestamp: _,
        received_at: _,
        outcome: _,
        description,
        actor,
        entity,
        context,
        changes,
        disclosure: _,
        sequence: _,
    } = event;
    (id, action.name(), description, actor, entity, context, changes)
}

fn canonical_bytes(event: &Event) -> usize {
    let content = content(event);
    // The canonical text is made only if it may be small enough.
    let compact = compact_bytes(&content);
    if compact > Event::MAX_BYTES * 2 { compact } else { canonical(&content).len() }
}

/// The most bytes of canonical JSON for one byte of compact JSON once it is escaped: U+007F has one byte, and its escape
/// seven.
const MAX_GROWTH: usize = 8;

/// The length of a value as compact JSON, which is fast to compute.
fn compact_bytes(content: &impl Serialize) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, content).map_or(usize::MAX, |()| count.0)
}

#[cfg(test)]
mod tests;
