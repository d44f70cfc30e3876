//! Events in the Open Cybersecurity Schema Framework, which security tools read without a custom parser.
//!
//! The catalogue has a column with the class and activity of each action; this module maps the members. A member without a
//! place in its class is in `unmapped` under our own name, so no data is lost. Only the exact time is written twice. If a
//! class requires a user or resource that the event does not name, its name is `Unknown`.

use std::net::IpAddr;

use crate::model::{
    catalogue::{Category, OcsfActivity, USER_MEMBERSHIP},
    event::{Actor, ActorType, Change, Entity, Event, Outcome},
};
use serde_json::{Map, Value, json};

/// The version of the framework that is written.
const VERSION: &str = "1.8.0";

/// The activity "Other" of every class.
const OTHER: u8 = 99;

/// An event class that the catalogue uses.
struct Class {
    uid: u16,
    name: &'static str,
    category: &'static str,
    activities: &'static [(u8, &'static str)],
    /// Writes the entity of the event into the members of the class.
    place: fn(&mut Rest<'_>) -> Value,
}

const CLASSES: [Class; 5] = [
    Class {
        uid: 3001,
        name: "Account Change",
        category: "Identity & Access Management",
        activities: &[(1, "Create"), (2, "Enable")],
        place: account_change,
    },
    Class {
        uid: 3004,
        name: "Entity Management",
        category: "Identity & Access Management",
        activities: &[(1, "Create"), (3, "Update"), (4, "Delete")],
        place: entity_management,
    },
    Class {
        uid: 3005,
        name: "User Access Management",
        category: "Identity & Access Management",
        activities: &[(ASSIGN, "Assign Privileges"), (REVOKE, "Revoke Privileges")],
        place: user_access,
    },
    Class {
        uid: 3006,
        name: "Group Management",
        category: "Identity & Access Management",
        activities: &[
            (ASSIGN, "Assign Privileges"),
            (REVOKE, "Revoke Privileges"),
            (3, "Add User"),
            (4, "Remove User"),
            (5, "Delete"),
            (6, "Create"),
        ],
        place: group_management,
    },
    Class {
        uid: 6003,
        name: "API Activity",
        category: "Application Activity",
        activities: &[(1, "Create"), (2, "Read"), (3, "Update"), (4, "Delete")],
        place: api_activity,
    },
];

/// The activities to assign and revoke privileges, which are the same in all classes about privileges.
const ASSIGN: u8 = 1;
const REVOKE: u8 = 2;

/// Writes `event` in the framework.
pub fn event(event: &Event) -> Value {
    let Event {
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
        disclosure: _,
        sequence,
    } = event;
    let OcsfActivity { class_uid, activity_id } = action.ocsf();
    let class =
        CLASSES.iter().find(|class| class.uid == class_uid).expect("all classes of the catalogue are listed");
    let Class { uid: _, name: class_name, category: category_name, activities, place } = class;
    let caption = activities.iter().find(|(id, _)| *id == activity_id).map_or("Other", |(_, name)| name);
    let (status_id, status) = match outcome {
        Outcome::Success => (1, "Success"),
        Outcome::Failure => (2, "Failure"),
    };

    let mut rest = Rest {
        action: action.name(),
        category: action.category(),
        activity_id,
        entity: entity.as_ref(),
        context: context.clone(),
        changes,
    };
    let metadata = present(json!({
        "version": VERSION,
        "product": {"name": "Audit Logs", "vendor_name": "Audit Logs"},
        "uid": id,
        "type": action.category().name,
        "event_code": action.name(),
        "log_name": "audit_logs",
        "tenant_uid": workspace,
        "sequence": sequence,
        "original_time": timestamp,
        "logged_time": received_at.unix_ms(),
        "correlation_uid": rest.take("correlation_id"),
    }));
    let mut ocsf = place(&mut rest);
    let Rest { entity, context, .. } = rest;
    let actor = actor.as_ref();
    let unmapped = present(json!({
        "received_at": received_at,
        "actor": actor
            .and_then(|actor| actor.on_behalf_of.as_ref())
            .map(|principal| json!({"on_behalf_of": principal})),
        "entity": entity,
        "context": (!context.is_empty()).then_some(context),
        "changes": (!changes.is_empty()).then_some(changes),
    }));
    let common = present(json!({
        "activity_id": activity_id,
        "activity_name": if activity_id == OTHER { action.default_description() } else { caption },
        "category_uid": class_uid / 1000,
        "category_name": category_name,
        "class_uid": class_uid,
        "class_name": class_name,
        "type_uid": u32::from(class_uid) * 100 + u32::from(activity_id),
        "type_name": format!("{class_name}: {caption}"),
        "time": timestamp.unix_ms(),
        "severity_id": 1,
        "severity": "Informational",
        "status_id": status_id,
        "status": status,
        "message": event.description(),
        "metadata": metadata,
        "actor": {"user": actor.map_or_else(erased, acting_user)},
        "src_endpoint": actor.and_then(|actor| actor.ip.as_deref()).map(endpoint),
        "http_request": actor
            .and_then(|actor| actor.user_agent.as_ref())
            .map(|user_agent| json!({"user_agent": user_agent})),
        "unmapped": unmapped,
    }));
    if let (Value::Object(ocsf), Value::Object(common)) = (&mut ocsf, common) {
        ocsf.extend(common);
    }
    present(ocsf)
}

/// The members of an event that are not mapped yet.
struct Rest<'a> {
    action: &'a str,
    category: &'static Category,
    activity_id: u8,
    entity: Option<&'a Entity>,
    context: Map<String, Value>,
    changes: &'a [Change],
}

/// The user is the member in the context, or else the entity.
fn account_change(rest: &mut Rest<'_>) -> Value {
    let user = rest.member().or_else(|| rest.entity.take().map(user));
    json!({"user": user.unwrap_or_else(unknown)})
}

fn entity_management(rest: &mut Rest<'_>) -> Value {
    let entity = rest.entity.take().map(|entity| named(entity, json!({"type_id": OTHER})));
    json!({"entity": entity.unwrap_or_else(unknown)})
}

/// The user who gets access, and the resource. A role in the workspace itself has a user and no resource.
fn user_access(rest: &mut Rest<'_>) -> Value {
    let mut user = rest.member();
    if user.is_none() && *rest.category == USER_MEMBERSHIP {
        user = rest.entity.take().map(self::user);
    }
    json!({
        "user": user.unwrap_or_else(unknown),
        "privileges": rest.privileges(),
        "resources": rest.resource().map(|resource| [resource]),
    })
}

/// Privileges of a group have a resource. Other changes concern the group itself.
fn group_management(rest: &mut Rest<'_>) -> Value {
    if matches!(rest.activity_id, ASSIGN | REVOKE) {
        return json!({
            "group": rest.group().unwrap_or_else(unknown),
            "privileges": rest.privileges(),
            "resource": rest.resource(),
        });
    }
    let group = rest.resource().or_else(|| rest.group());
    json!({"group": group.unwrap_or_else(unknown), "user": rest.member()})
}

/// This class requires a source endpoint, which is `Unknown` if the event has none.
fn api_activity(rest: &mut Rest<'_>) -> Value {
    json!({
        "api": {"operation": rest.action},
        "resources": rest.resource().map(|resource| [resource]),
        "src_endpoint": unknown(),
    })
}

impl Rest<'_> {
    /// Takes a text out of the context, because it is mapped.
    fn take(&mut self, name: &str) -> Option<String> {
        let text = self.context.get(name)?.as_str()?.to_owned();
        self.context.remove(name);
        Some(text)
    }

    /// Takes a user or group out of the context, whose id and name are in these two members.
    fn take_named(&mut self, uid: &str, name: &str) -> Option<Value> {
        let (uid, name) = (self.take(uid), self.take(name));
        (uid.is_some() || name.is_some()).then(|| present(json!({"uid": uid, "name": name})))
    }

    fn member(&mut self) -> Option<Value> {
        self.take_named("member_id", "member_username")
    }

    fn group(&mut self) -> Option<Value> {
        self.take_named("group_id", "group_name")
    }

    fn resource(&mut self) -> Option<Value> {
        self.entity.take().map(|entity| named(entity, json!({})))
    }

    /// The role in the context, or else the role or access in the changes; empty if the event has neither.
    fn privileges(&mut self) -> Vec<String> {
        if let Some(role) = self.take("role") {
            return vec![role];
        }
        let named = self.changes.iter().filter(|change| matches!(&*change.path, "/role" | "/access"));
        let values = named.map(|Change { path: _, old, new }| match self.activity_id {
            REVOKE => old,
            _ => new,
        });
        values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
    }
}

fn acting_user(actor: &Actor) -> Value {
    let Actor { user_id, username, ip: _, user_agent: _, kind, on_behalf_of: _ } = actor;
    let (type_id, kind) = match kind {
        ActorType::User => (1, json!("User")),
        ActorType::System => (3, json!("System")),
        ActorType::Service => (4, json!("Service")),
        ActorType::WorkspaceToken | ActorType::MemberToken => (OTHER, json!(kind)),
    };
    present(json!({"uid": user_id, "name": username, "type_id": type_id, "type": kind}))
}

/// The user object of an entity.
fn user(entity: &Entity) -> Value {
    match entity.entity_type.as_str() {
        "user" => named(entity, json!({"type_id": 1, "type": "User"})),
        _ => named(entity, json!({"type_id": OTHER})),
    }
}

/// An object of the framework for an entity: `more`, then the members that all objects have.
fn named(entity: &Entity, more: Value) -> Value {
    let Entity { entity_type, entity_id, entity_name } = entity;
    let mut object = json!({"uid": entity_id, "name": entity_name, "type": entity_type});
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    present(object)
}

/// The endpoint of a request. Senders may add a port or other text to the address, and the framework accepts addresses of up
/// to 40 characters, so any other text becomes the endpoint's name.
fn endpoint(ip: &str) -> Value {
    if ip.len() <= 40 && ip.parse::<IpAddr>().is_ok() { json!({"ip": ip}) } else { json!({"name": ip}) }
}

/// A user whose name was erased.
fn erased() -> Value {
    json!({"name": "Redacted", "type_id": 0, "type": "Unknown"})
}

fn unknown() -> Value {
    json!({"name": "Unknown"})
}

/// Removes the members that are null. Nested objects do not change.
fn present(mut object: Value) -> Value {
    if let Value::Object(members) = &mut object {
        members.retain(|_, value| !value.is_null());
    }
    object
}

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
