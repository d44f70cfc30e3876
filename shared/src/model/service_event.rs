//! The events that this service records itself: changes of tokens, settings and streams, reads of the log, redactions, and
//! receipts for expired events.

use serde_json::{Map, Value, json};

use crate::{
    model::{
        catalogue::Action,
        disclosure::{Disclosure, Part, Salt},
        escaping,
        event::{Actor, ActorType, Change, Entity, Event, Outcome},
        id::{EventId, TokenId, WorkspaceId},
        principal::{Admin, TokenHolder},
        retention::receipt_action,
        scope::Scope,
        timestamp::Timestamp,
    },
    text::characters,
};

/// The type of the entity of the events about a log itself.
pub const AUDIT_LOG: &str = "audit_log";

/// The facts about a request that the service's own event about it needs.
#[derive(Clone, Debug)]
pub struct Origin {
    /// When the request is handled.
    pub now: Timestamp,
    /// The id of the event about the request.
    pub event_id: EventId,
    /// The seed of that event's salts.
    pub salt: Salt,
    /// The client's IP address.
    pub ip: Option<String>,
    /// The client's user agent.
    pub user_agent: Option<String>,
    /// The claims of an admin's JWT that were escaped or cut, each with its place in the event.
    pub claims: Vec<(&'static str, characters::Change)>,
}

impl Origin {
    /// The origin of an event that no request caused: it has neither an IP address nor a user agent.
    pub fn without_request(now: Timestamp, event_id: EventId, salt: Salt) -> Self {
        Self { now, event_id, salt, ip: None, user_agent: None, claims: Vec::new() }
    }
}

/// `audit_log_accessed`: a token read events. `context` has the filter and the number of events.
pub fn audit_log_accessed(holder: &TokenHolder, origin: Origin, context: Map<String, Value>) -> Event {
    let actor = Actor::new(ActorType::WorkspaceToken, holder.token.as_str());
    let action = Action::own("audit_log_accessed");
    event(&holder.workspace, action, origin, actor, audit_log(&holder.workspace), context)
}

/// `api_token_workspace_created`: an admin generated a token.
pub fn token_created(
    admin: &Admin,
    origin: Origin,
    token: &TokenId,
    name: &str,
    scopes: &[Scope],
    expires_at: Timestamp,
) -> Event {
    let scopes: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
    let context =
        Map::from_iter([("scopes".to_owned(), json!(scopes)), ("expires_at".to_owned(), json!(expires_at))]);
    token_event(admin, "api_token_workspace_created", origin, token, name, context)
}

/// `api_token_workspace_revoked`: an admin revoked a token.
pub fn token_revoked(admin: &Admin, origin: Origin, token: &TokenId, name: &str) -> Event {
    token_event(admin, "api_token_workspace_revoked", origin, token, name, Map::new())
}

/// `x_audit_log_redacted`: an admin had these parts erased of the events of these sequences, and of those with these ids,
/// which have no sequence yet. What was erased is not said.
pub fn redacted(
    admin: &Admin,
    origin: Origin,
    parts: &[Part],
    sequences: &[u64],
    unsealed: &[&EventId],
    reason: Option<&str>,
) -> Event {
    let actor = Actor { username: admin.username.clone(), ..Actor::new(ActorType::User, &admin.user_id) };
    let mut context = Map::from_iter([
        ("parts".to_owned(), json!(parts)),
        ("sequences".to_owned(), json!(sequences)),
        ("unsealed".to_owned(), json!(unsealed.len())),
    ]);
    if !unsealed.is_empty() {
        context.insert("unsealed_ids".to_owned(), json!(unsealed));
    }
    if let Some(reason) = reason {
        context.insert("reason".to_owned(), json!(reason));
    }
    let action = Action::own_custom("x_audit_log_redacted");
    let description = "Parts of events were erased".to_owned();
    Event {
        description: Some(description),
        ..event(&admin.workspace, action, origin, actor, audit_log(&admin.workspace), context)
    }
}

/// `x_audit_log_settings_changed`: an admin changed the settings of the workspace's log. `context` says when the change
/// takes effect.
pub fn settings_changed(
    admin: &Admin,
    origin: Origin,
    changes: Vec<Change>,
    context: Map<String, Value>,
) -> Event {
    let actor = Actor { username: admin.username.clone(), ..Actor::new(ActorType::User, &admin.user_id) };
    let action = Action::own_custom("x_audit_log_settings_changed");
    Event {
        description: Some("The settings of the audit log were changed".to_owned()),
        changes,
        ..event(&admin.workspace, action, origin, actor, audit_log(&admin.workspace), context)
    }
}

/// `x_audit_log_expired`: the receipt for expired events. `context` identifies the events and their entries in the log.
pub fn expired(workspace: &WorkspaceId, origin: Origin, context: Map<String, Value>) -> Event {
    let actor = Actor::new(ActorType::System, "audit-logs");
    Event {
        description: Some("Events expired".to_owned()),
        ..event(workspace, receipt_action(), origin, actor, audit_log(workspace), context)
    }
}

fn audit_log(workspace: &WorkspaceId) -> Entity {
    Entity { entity_type: AUDIT_LOG.to_owned(), entity_id: workspace.as_str().to_owned(), entity_name: None }
}

fn token_event(
    admin: &Admin,
    action: &'static str,
    origin: Origin,
    token: &TokenId,
    name: &str,
    context: Map<String, Value>,
) -> Event {
    let actor = Actor { username: admin.username.clone(), ..Actor::new(ActorType::User, &admin.user_id) };
    let entity = Entity {
        entity_type: "workspace_token".to_owned(),
        entity_id: token.as_str().to_owned(),
        entity_name: Some(name.to_owned()),
    };
    event(&admin.workspace, Action::own(action), origin, actor, entity, context)
}

pub(crate) fn event(
    workspace: &WorkspaceId,
    action: Action,
    origin: Origin,
    actor: Actor,
    entity: Entity,
    context: Map<String, Value>,
) -> Event {
    let Origin { now, event_id, salt, ip, user_agent, claims } = origin;
    let mut event = Event {
        workspace: workspace.clone(),
        id: event_id,
        action,
        timestamp: now,
        received_at: now,
        outcome: Outcome::Success,
        description: None,
        actor: Some(Actor { ip, user_agent, ..actor }),
        entity: Some(entity),
        context,
        changes: Vec::new(),
        disclosure: Disclosure::Whole(salt),
        sequence: None,
    };
    // Outsiders choose the user agent, the filters of a read and the claims of a JWT, so these are escaped as well.
    escaping::escape_with(&mut event, &claims);
    event
}
