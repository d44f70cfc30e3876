//! The actor. The framework distinguishes the user in whose context something was done from the program that did it.

use serde_json::{Value, json};

use super::{OTHER, REDACTED, present};
use crate::model::event::{Actor, ActorType};

/// The actor object. A person is its user. A program is its application; its user is the last one on whose behalf it acted,
/// or else the program itself.
pub(super) fn actor(actor: Option<&Actor>) -> Value {
    let Some(actor) = actor else {
        return json!({"user": {"name": REDACTED, "type_id": 0, "type": "Unknown"}});
    };
    let Actor { user_id, username, ip: _, user_agent: _, kind, on_behalf_of } = actor;
    if *kind == ActorType::User {
        return json!({"user": user(actor)});
    }
    let mut principal = user(on_behalf_of.as_deref().map_or(actor, last));
    if let ActorType::WorkspaceToken | ActorType::MemberToken = kind {
        principal["programmatic_credentials"] = json!([{"uid": user_id, "type": kind}]);
    }
    present(json!({"user": principal, "app_uid": user_id, "app_name": username}))
}

/// The last of the users on whose behalf an actor acted.
fn last(actor: &Actor) -> &Actor {
    actor.on_behalf_of.as_deref().map_or(actor, last)
}

fn user(actor: &Actor) -> Value {
    let Actor { user_id, username, ip: _, user_agent: _, kind, on_behalf_of: _ } = actor;
    let (type_id, kind) = match kind {
        ActorType::User => (1, json!("User")),
        ActorType::System => (3, json!("System")),
        ActorType::Service => (4, json!("Service")),
        ActorType::WorkspaceToken | ActorType::MemberToken => (OTHER, json!(kind)),
    };
    present(json!({"uid": user_id, "name": username, "type_id": type_id, "type": kind}))
}
