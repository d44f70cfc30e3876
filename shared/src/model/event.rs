//! An event: who did what to what, when, and from where. This is the form in the model and the form that readers get.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::{
    model::{
        catalogue::Action,
        disclosure::{Disclosure, Part, Redacted, Salt},
        id::{EventId, WorkspaceId},
        keys::Position,
        timestamp::Timestamp,
    },
    text::json,
};

/// One recorded event. It never changes, except that parts of it can be erased.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The workspace in which it happened.
    pub workspace: WorkspaceId,
    /// The event's id, unique together with workspace and timestamp.
    pub id: EventId,
    /// The action.
    pub action: Action,
    /// When it happened, according to its sender.
    pub timestamp: Timestamp,
    /// When this service accepted the event.
    pub received_at: Timestamp,
    /// Whether the action succeeded.
    pub outcome: Outcome,
    /// A description in words; `None` if it is the default of the action, or erased.
    pub description: Option<String>,
    /// The actor; `None` only if it was erased.
    pub actor: Option<Actor>,
    /// The entity that the action was done to.
    pub entity: Option<Entity>,
    /// Further details as any JSON members.
    pub context: Map<String, Value>,
    /// The values that the action changed.
    pub changes: Vec<Change>,
    /// The salts and digests of the parts, and which parts are erased.
    pub disclosure: Disclosure,
    /// The event's number in the workspace's sealed log; `None` until it is sealed.
    pub sequence: Option<u64>,
}

/// Whether the action succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The action succeeded.
    #[default]
    Success,
    /// The action was refused or failed.
    Failure,
}

/// The user or program that did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Actor {
    /// The actor's id in the product.
    pub user_id: String,
    /// The actor's name in the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub username: Option<String>,
    /// The address from which the request came.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub ip: Option<String>,
    /// The program that sent the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub user_agent: Option<String>,
    /// The kind of actor.
    #[serde(rename = "type")]
    pub kind: ActorType,
    /// The user on whose behalf the actor acted, if this is another user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, no_recursion))]
    pub on_behalf_of: Option<Box<Actor>>,
}

/// The kinds of actors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorType {
    /// A person.
    #[default]
    User,
    /// A program that holds a workspace token.
    WorkspaceToken,
    /// A program that holds a member's API token.
    MemberToken,
    /// A part of the product, or another service.
    Service,
    /// The product itself, without a person who caused the action.
    System,
}

/// The thing that an action was done to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Entity {
    /// The kind of entity, such as `workspace_connection`.
    pub entity_type: String,
    /// The entity's id in the product.
    pub entity_id: String,
    /// The entity's name in the product at that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub entity_name: Option<String>,
}

/// One value that an action changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Change {
    /// The place of the value, as a JSON pointer into the entity.
    pub path: String,
    /// The value before the action; null if there was none.
    pub old: Value,
    /// The value after the action; null if it was removed.
    pub new: Value,
}

impl Event {
    /// The most bytes that the content of an event may have in canonical JSON (RFC 8785).
    pub const MAX_BYTES: usize = 64 * 1024;

    /// The event's position in the order of its workspace.
    pub fn position(&self) -> Position {
        Position { timestamp: self.timestamp, id: self.id.clone() }
    }

    /// The description in words; `None` only if it was erased.
    pub fn description(&self) -> Option<&str> {
        let default =
            || (!self.disclosure.is_erased(Part::Description)).then(|| self.action.default_description());
        self.description.as_deref().or_else(default)
    }

    /// A part as readers get it. The digest in the ledger covers this value.
    pub fn part(&self, part: Part) -> Value {
        match part {
            Part::Actor => json!(self.actor),
            Part::Changes => json!(self.changes),
            Part::Context => json!(self.context),
            Part::Description => json!(self.description()),
            Part::Entity => json!(self.entity),
        }
    }

    /// The same event with these parts erased. All proofs of the event stay valid.
    pub fn redact(&self, parts: &[Part]) -> Self {
        let mut left = self.clone();
        left.disclosure = self.disclosure.erase(parts, |part| self.part(part));
        for part in parts {
            match part {
                Part::Actor => left.actor = None,
                Part::Changes => left.changes.clear(),
                Part::Context => left.context.clear(),
                Part::Description => left.description = None,
                Part::Entity => left.entity = None,
            }
        }
        left
    }
}

/// An event as readers get it: the members of Mode's audit logs, and ours.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Event))]
pub struct ReadEvent<'a> {
    /// The event's id, unique together with workspace and timestamp.
    id: &'a EventId,
    /// The name of the action, such as `group_created`.
    action: &'a str,
    /// The category of the action in the catalogue.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::model::catalogue::Category))]
    category: &'static str,
    /// A description in words; null if it was erased.
    #[cfg_attr(feature = "openapi", schema(required))]
    description: Option<&'a str>,
    /// When it happened, according to its sender.
    timestamp: Timestamp,
    /// When this service accepted the event.
    received_at: Timestamp,
    /// The event's number in the workspace's sealed log; null until it is sealed.
    #[cfg_attr(feature = "openapi", schema(required))]
    sequence: Option<u64>,
    /// The workspace in which it happened.
    workspace_username: &'a WorkspaceId,
    /// Whether the action succeeded.
    outcome: Outcome,
    /// The actor; null if it was erased.
    #[cfg_attr(feature = "openapi", schema(required))]
    actor: Option<&'a Actor>,
    /// The entity that the action was done to; null if there is none or it was erased.
    #[cfg_attr(feature = "openapi", schema(required))]
    entity: Option<&'a Entity>,
    /// Further details as any JSON members.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    context: &'a Map<String, Value>,
    /// The values that the action changed.
    changes: &'a [Change],
    /// The seed of the salts in the sealed digests; null once a part is erased.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>))]
    salt: Option<Salt>,
    /// The digests of the erased parts and the salts of the others; null if no part is erased.
    #[cfg_attr(feature = "openapi", schema(required))]
    redacted: Option<&'a Redacted>,
}

impl Serialize for Event {
    /// Writes the event as readers get it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            workspace,
            id,
            action,
            timestamp,
            received_at,
            outcome,
            description: _,
            actor,
            entity,
            context,
            changes,
            disclosure,
            sequence,
        } = self;
        let (salt, redacted) = match disclosure {
            Disclosure::Whole(salt) => (Some(*salt), None),
            Disclosure::Redacted(redacted) => (None, Some(redacted)),
        };
        let read = ReadEvent {
            id,
            action: action.name(),
            category: action.category().name,
            description: self.description(),
            timestamp: *timestamp,
            received_at: *received_at,
            sequence: *sequence,
            workspace_username: workspace,
            outcome: *outcome,
            actor: actor.as_ref(),
            entity: entity.as_ref(),
            context,
            changes,
            salt,
            redacted,
        };
        read.serialize(serializer)
    }
}

impl Outcome {
    /// The wire names.
    pub const NAMES: [&str; 2] = ["success", "failure"];

    /// The wire name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }

    /// Reads an outcome by its wire name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "success" => Some(Self::Success),
            "failure" => Some(Self::Failure),
            _ => None,
        }
    }
}

impl ActorType {
    /// The wire names.
    pub const NAMES: [&str; 5] = ["user", "workspace_token", "member_token", "service", "system"];
}

impl Actor {
    /// An actor with a kind and an id alone.
    pub fn new(kind: ActorType, user_id: impl Into<String>) -> Self {
        Self { user_id: user_id.into(), username: None, ip: None, user_agent: None, kind, on_behalf_of: None }
    }
}

// The JSON reader's limit must let through the structure of the largest event.
const _: () = assert!(json::MAX_STRUCTURE_BYTES > Event::MAX_BYTES);
