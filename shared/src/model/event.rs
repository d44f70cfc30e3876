//! An event: who did what to what, when, and from where, as it is kept and as it is read.

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

/// One recorded event. There is no way to change one; parts of it can be erased.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The workspace it happened in.
    pub workspace: WorkspaceId,
    /// Its id, unique together with workspace and timestamp.
    pub id: EventId,
    /// What was done.
    pub action: Action,
    /// When it happened, as its sender says.
    pub timestamp: Timestamp,
    /// When this service accepted it.
    pub received_at: Timestamp,
    /// Whether it succeeded.
    pub outcome: Outcome,
    /// What happened, in words, where that is not the default of the action.
    pub description: Option<String>,
    /// Who did it; `None` only where that was erased.
    pub actor: Option<Actor>,
    /// What it was done to.
    pub entity: Option<Entity>,
    /// What else is worth knowing; any JSON members.
    pub context: Map<String, Value>,
    /// Which values it changed.
    pub changes: Vec<Change>,
    /// What shows that its parts are those that were sealed, and which of them are erased.
    pub disclosure: Disclosure,
    /// Its number in the workspace's sealed log; `None` until it is sealed.
    pub sequence: Option<u64>,
}

/// Whether the action succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    #[default]
    Success,
    /// It was tried and refused or failed.
    Failure,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Actor {
    /// Their id in the product.
    pub user_id: String,
    /// Their name in the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub username: Option<String>,
    /// The address the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub ip: Option<String>,
    /// The program the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub user_agent: Option<String>,
    /// What kind of actor it is.
    #[serde(rename = "type")]
    pub kind: ActorType,
    /// The user on whose behalf the actor acted, if another.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, no_recursion))]
    pub on_behalf_of: Option<Box<Actor>>,
}

/// What kind of actor did something.
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
    /// The product itself, with nobody behind it.
    System,
}

/// What something was done to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Entity {
    /// What kind of thing it is, such as `workspace_connection`.
    pub entity_type: String,
    /// Its id in the product.
    pub entity_id: String,
    /// Its name in the product, at the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub entity_name: Option<String>,
}

/// One value that an action changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Change {
    /// Which value, as a JSON pointer into the entity.
    pub path: String,
    /// What it was; null where there was none.
    pub old: Value,
    /// What it became; null where it was removed.
    pub new: Value,
}

impl Event {
    /// The size limit of an event: of its content in canonical JSON (RFC 8785), in bytes.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Its place among the events of its workspace.
    pub fn position(&self) -> Position {
        Position { timestamp: self.timestamp, id: self.id.clone() }
    }

    /// What happened, in words; `None` only where that was erased.
    pub fn description(&self) -> Option<&str> {
        let default =
            || (!self.disclosure.is_erased(Part::Description)).then(|| self.action.default_description());
        self.description.as_deref().or_else(default)
    }

    /// A part as readers get it: what its digest is of.
    pub fn part(&self, part: Part) -> Value {
        match part {
            Part::Actor => json!(self.actor),
            Part::Changes => json!(self.changes),
            Part::Context => json!(self.context),
            Part::Description => json!(self.description()),
            Part::Entity => json!(self.entity),
        }
    }

    /// The same event with these parts erased. What was proved of it can still be proved.
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

/// The object that readers get: Mode's, and what we add to it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Event))]
pub struct ReadEvent<'a> {
    /// Its id, unique together with workspace and timestamp.
    id: &'a EventId,
    /// What was done, by its name in the catalogue.
    action: &'a str,
    /// The category that the catalogue lists the action under.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::model::catalogue::Category))]
    category: &'static str,
    /// What happened, in words; null where that was erased.
    #[cfg_attr(feature = "openapi", schema(required))]
    description: Option<&'a str>,
    /// When it happened, as its sender says.
    timestamp: Timestamp,
    /// When this service accepted it.
    received_at: Timestamp,
    /// Its number in the workspace's sealed log; null until it is sealed.
    #[cfg_attr(feature = "openapi", schema(required))]
    sequence: Option<u64>,
    /// The workspace it happened in.
    workspace_username: &'a WorkspaceId,
    /// Whether it succeeded.
    outcome: Outcome,
    /// Who did it; null where that was erased.
    #[cfg_attr(feature = "openapi", schema(required))]
    actor: Option<&'a Actor>,
    /// What it was done to.
    #[cfg_attr(feature = "openapi", schema(required))]
    entity: Option<&'a Entity>,
    /// What else is worth knowing; any JSON members.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    context: &'a Map<String, Value>,
    /// Which values it changed.
    changes: &'a [Change],
    /// The seed of the salts in the digests that were sealed; null once a part was erased.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>))]
    salt: Option<Salt>,
    /// What was erased: the digests of those parts, and the salts of the others. Null while nothing was.
    #[cfg_attr(feature = "openapi", schema(required))]
    redacted: Option<&'a Redacted>,
}

impl Serialize for Event {
    /// As readers get it.
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
    /// The names a sender may use.
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
    /// The names a sender may use.
    pub const NAMES: [&str; 5] = ["user", "workspace_token", "member_token", "service", "system"];
}

impl Actor {
    /// An actor of whom only this is known.
    pub fn new(kind: ActorType, user_id: impl Into<String>) -> Self {
        Self { user_id: user_id.into(), username: None, ip: None, user_agent: None, kind, on_behalf_of: None }
    }
}

// The reader of JSON reads any structure that an event may have.
const _: () = assert!(json::MAX_STRUCTURE_BYTES > Event::MAX_BYTES);
