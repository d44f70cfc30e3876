//! An event: who did what to what, when, and from where, as it is kept and as it is read.

use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};
use serde_json::{Map, Value};

use crate::{
    catalogue::Action,
    id::{EventId, WorkspaceId},
    keys::Position,
    timestamp::Timestamp,
};

/// One recorded event. There is no way to change one.
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
    /// Who did it.
    pub actor: Actor,
    /// What it was done to.
    pub entity: Option<Entity>,
    /// What else is worth knowing; any JSON members.
    pub context: Map<String, Value>,
    /// Which values it changed.
    pub changes: Vec<Change>,
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
pub struct Actor {
    /// Their id in the product.
    pub user_id: String,
    /// Their name in the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The address the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The program the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// What kind of actor it is.
    #[serde(rename = "type")]
    pub kind: ActorType,
    /// Whom the actor was acting as, where that is somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
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
pub struct Entity {
    /// What kind of thing it is, such as `workspace_connection`.
    pub entity_type: String,
    /// Its id in the product.
    pub entity_id: String,
    /// Its name in the product, at the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity_name: Option<String>,
}

/// One value that an action changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

    /// What happened, in words.
    pub fn description(&self) -> &str {
        self.description.as_deref().unwrap_or_else(|| self.action.default_description())
    }
}

impl Serialize for Event {
    /// The object that readers get: Mode's, and what we add to it.
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
            sequence,
        } = self;
        let mut object = serializer.serialize_struct("Event", 14)?;
        object.serialize_field("id", id)?;
        object.serialize_field("action", action.name())?;
        object.serialize_field("category", action.category().name)?;
        object.serialize_field("description", self.description())?;
        object.serialize_field("timestamp", timestamp)?;
        object.serialize_field("received_at", received_at)?;
        object.serialize_field("sequence", sequence)?;
        object.serialize_field("workspace_username", workspace)?;
        object.serialize_field("outcome", outcome)?;
        object.serialize_field("actor", actor)?;
        object.serialize_field("entity", entity)?;
        object.serialize_field("context", context)?;
        object.serialize_field("changes", changes)?;
        object.end()
    }
}

impl Outcome {
    /// The names a sender may use.
    pub const NAMES: [&str; 2] = ["success", "failure"];
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
