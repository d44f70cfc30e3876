//! Events in the Open Cybersecurity Schema Framework, which security tools read without a custom parser.
//!
//! The catalogue has a column with the class, activity and severity of each action, and [`service`] has those of the
//! service's own records; this module maps the members. `docs/ocsf.md` documents which members of the entity and the
//! context become a user, a group, a resource or a privilege; its examples are the tests of this module. A member without a
//! place in its class is in `unmapped` under our own name, so no data is lost. If a class requires a user or resource that
//! the event does not name, its name is `Unknown`, or `Redacted` if it was erased or masked.

mod actor;
mod endpoint;
mod observables;
mod parties;
mod service;

use serde_json::{Map, Value, json};

use crate::model::{
    catalogue::{Action, OcsfActivity},
    disclosure::{Disclosure, Part},
    escaping,
    event::{Event, Outcome},
};

use self::{
    endpoint::Address,
    parties::{COLLECTION, CONNECTION, Found, GROUP, Kind, Parties, TOKEN, USER, WORKSPACE},
};

/// The version of the framework that is written.
const VERSION: &str = "1.8.0";

/// The activity "Other" of every class.
const OTHER: u8 = 99;

/// The severities that are written, by their ids from 1.
const SEVERITIES: [&str; 4] = ["Informational", "Low", "Medium", "High"];
const LOW: u8 = 2;
const HIGH: u8 = 4;

/// An event class that the catalogue uses.
struct Class {
    uid: u16,
    name: &'static str,
    category: &'static str,
    activities: &'static [(u8, &'static str)],
    /// The profile that adds the actor to the class, if the class has none of its own.
    profile: Option<&'static str>,
    /// Writes the entity and the context of the event into the members of the class.
    place: fn(&mut Parties<'_>) -> Value,
}

const CLASSES: [Class; 6] = [
    Class {
        uid: 3001,
        name: "Account Change",
        category: "Identity & Access Management",
        activities: &[(1, "Create"), (2, "Enable")],
        profile: None,
        place: account_change,
    },
    Class {
        uid: 3004,
        name: "Entity Management",
        category: "Identity & Access Management",
        activities: &[(1, "Create"), (3, "Update"), (4, "Delete"), (SUSPEND, "Suspend"), (RESUME, "Resume")],
        profile: None,
        place: entity_management,
    },
    Class {
        uid: 3005,
        name: "User Access Management",
        category: "Identity & Access Management",
        activities: &[(ASSIGN, "Assign Privileges"), (REVOKE, "Revoke Privileges")],
        profile: None,
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
        profile: None,
        place: group_management,
    },
    Class {
        uid: 6001,
        name: "Web Resources Activity",
        category: "Application Activity",
        activities: &[(7, "Export")],
        profile: Some("host"),
        place: web_resources,
    },
    Class {
        uid: 6003,
        name: "API Activity",
        category: "Application Activity",
        activities: &[(1, "Create"), (2, "Read"), (3, "Update"), (4, "Delete")],
        profile: None,
        place: api_activity,
    },
];

/// The activities to assign and revoke privileges, which are the same in all classes about privileges.
const ASSIGN: u8 = 1;
const REVOKE: u8 = 2;
/// The activities to pause and to continue a managed entity.
const SUSPEND: u8 = 12;
const RESUME: u8 = 13;

/// The name of a party that the event does not name.
const UNKNOWN: &str = "Unknown";
/// The name of a party that may be in an erased part of the event.
const REDACTED: &str = "Redacted";

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
        disclosure,
        sequence,
    } = event;
    let OcsfActivity { class_uid, activity_id, severity_id } = activity_of(action);
    let class =
        CLASSES.iter().find(|class| class.uid == class_uid).expect("all classes of the catalogue are listed");
    let Class { uid: _, name: class_name, category: category_name, activities, profile, place } = class;
    let is_erased = [Part::Entity, Part::Context].iter().any(|part| disclosure.is_erased(*part));
    let mut parties = Parties {
        action: action.name(),
        activity_id,
        workspace: workspace.as_str(),
        entity: entity.as_ref(),
        context: context.clone(),
        changes,
        absent: if is_erased { REDACTED } else { UNKNOWN },
    };
    if activity_id == ASSIGN && parties.revokes() {
        parties.activity_id = REVOKE;
    }
    let activity_id = parties.activity_id;
    let caption = activities.iter().find(|(id, _)| *id == activity_id).map_or("Other", |(_, name)| name);
    let (status_id, status) = match outcome {
        Outcome::Success => (1, "Success"),
        Outcome::Failure => (2, "Failure"),
    };
    let labels = labels(action, &parties);
    let severity_id = severity(severity_id, *outcome, &labels);

    let metadata = present(json!({
        "version": VERSION,
        "product": {"name": "Audit Logs", "vendor_name": "Audit Logs", "version": env!("CARGO_PKG_VERSION")},
        "profiles": profile.map(|profile| [profile]),
        "uid": id,
        "type": action.category().name,
        "event_code": action.name(),
        "log_name": "audit_logs",
        "tenant_uid": workspace,
        "sequence": sequence,
        "original_time": timestamp,
        "logged_time": received_at.unix_ms(),
        "correlation_uid": parties.take("correlation_id"),
        "is_truncated": is_truncated(context).then_some(true),
        "labels": (!labels.is_empty()).then_some(labels),
    }));
    let mut ocsf = place(&mut parties);
    let Parties { entity, context, .. } = parties;
    let actor = actor.as_ref();
    let address = actor.and_then(|actor| actor.ip.as_deref()).map(Address::read);
    let not_exact = address.as_ref().is_some_and(|address| !address.is_exact);
    let rest_of_actor = present(json!({
        "on_behalf_of": actor.and_then(|actor| actor.on_behalf_of.as_ref()),
        "ip": actor.filter(|_| not_exact).map(|actor| &actor.ip),
    }));
    let redacted = match disclosure {
        Disclosure::Redacted(redacted) if !redacted.digests.is_empty() => {
            Some(json!({"digests": redacted.digests}))
        }
        _ => None,
    };
    let unmapped = present(json!({
        "received_at": received_at,
        "actor": rest_of_actor.as_object().filter(|rest| !rest.is_empty()),
        "entity": entity,
        "context": (!context.is_empty()).then_some(context),
        "changes": (!changes.is_empty()).then_some(changes),
        "redacted": redacted,
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
        "severity_id": severity_id,
        "severity": SEVERITIES[usize::from(severity_id) - 1],
        "status_id": status_id,
        "status": status,
        "message": event.description(),
        "metadata": metadata,
        "actor": actor::actor(actor),
        "src_endpoint": address.map(|address| address.endpoint),
        "http_request": actor
            .and_then(|actor| actor.user_agent.as_ref())
            .map(|user_agent| json!({"user_agent": user_agent})),
        "unmapped": unmapped,
    }));
    if let (Value::Object(ocsf), Value::Object(common)) = (&mut ocsf, common) {
        ocsf.extend(common);
    }
    ocsf["observables"] = observables::observables(&ocsf);
    present(ocsf)
}

/// Writes the name of the product whose events these are, if the operator has named it.
pub fn name_product(ocsf: &mut Value, product: Option<&str>) {
    if let Some(product) = product {
        ocsf["metadata"]["product"]["name"] = json!(product);
    }
}

/// Notes in an event of the framework that parts were left out because it was too large.
pub fn mark_truncated(ocsf: &mut Value) {
    ocsf["metadata"]["is_truncated"] = json!(true);
}

/// The class, activity and severity of an action. A name that is neither in the catalogue nor one of the service is an API
/// activity, of which nothing more is known.
fn activity_of(action: &Action) -> OcsfActivity {
    match action {
        Action::Known(row) => row.ocsf,
        Action::Custom(name) | Action::Other(name) => service::activity(name).unwrap_or(OcsfActivity {
            class_uid: 6003,
            activity_id: OTHER,
            severity_id: 1,
        }),
    }
}

/// The reasons why an event is more severe than its action.
fn labels(action: &Action, parties: &Parties<'_>) -> Vec<&'static str> {
    match action {
        Action::Known(row) if may_grant(row.ocsf, parties) && parties.grants_admin() => vec!["admin_granted"],
        Action::Custom(name) if service::activity(name).is_some() => {
            parties.changes.iter().filter_map(service::label).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether an event may give someone a role: by a change of privileges, or by an invitation.
fn may_grant(OcsfActivity { class_uid, severity_id, .. }: OcsfActivity, parties: &Parties<'_>) -> bool {
    match class_uid {
        // An invitation that is sent again gives nothing new, and has the lowest severity.
        3001 => severity_id > 1,
        3005 | 3006 => parties.activity_id == ASSIGN,
        _ => false,
    }
}

fn severity(of_action: u8, outcome: Outcome, labels: &[&str]) -> u8 {
    match outcome {
        _ if !labels.is_empty() => HIGH,
        Outcome::Failure => of_action.max(LOW),
        Outcome::Success => of_action,
    }
}

/// Whether a text of the event was cut before it was recorded.
fn is_truncated(context: &Map<String, Value>) -> bool {
    let marks = context.get(escaping::MEMBER).and_then(Value::as_object);
    marks.is_some_and(|marks| {
        marks.values().any(|mark| mark.as_str().is_some_and(|mark| mark.contains("cut")))
    })
}

/// The user whose account is created, invited or enabled.
fn account_change(parties: &mut Parties<'_>) -> Value {
    let user = parties.user().or_else(|| parties.entity_as_user());
    json!({"user": parties.or_absent(user.map(Found::user))})
}

/// The managed entity, and the user to whom it belongs.
fn entity_management(parties: &mut Parties<'_>) -> Value {
    let kinds: [(&str, &Kind); 5] = [
        ("connection", &CONNECTION),
        ("collection", &COLLECTION),
        ("token", &TOKEN),
        ("key", &TOKEN),
        ("workspace", &WORKSPACE),
    ];
    let is_own = service::activity(parties.action).is_some();
    let kind = kinds.iter().find(|(word, _)| !is_own && parties.action.contains(word)).map(|(_, kind)| *kind);
    let found = kind.and_then(|kind| parties.find(kind)).map(|found| found.managed(kind.map(Kind::name)));
    let user = if is_own { None } else { parties.find(&USER) };
    let entity = found.or_else(|| parties.rest_of_entity().map(|entity| entity.managed(None)));
    let workspace = (kind == Some(&WORKSPACE))
        .then(|| json!({"uid": parties.workspace, "type": "workspace", "type_id": OTHER}));
    let mut entity = parties.or_absent(entity.or(workspace));
    if let Some(user) = user {
        entity["user"] = user.user();
    }
    json!({"entity": entity})
}

/// The user who gets access, and the resource. A role in the workspace itself has a user and no resource.
fn user_access(parties: &mut Parties<'_>) -> Value {
    let privileges = parties.privileges();
    let mut user = parties.user();
    if user.is_none() && parties.action.starts_with("org_user_") {
        user = parties.entity_as_user();
    }
    let resources = parties.resources();
    json!({
        "user": parties.or_absent(user.map(Found::user)),
        "privileges": privileges,
        "resources": (!resources.is_empty()).then_some(resources),
    })
}

/// Privileges of a group have a resource. Other changes concern the group itself, and a member of it.
fn group_management(parties: &mut Parties<'_>) -> Value {
    let is_access = matches!(parties.activity_id, ASSIGN | REVOKE);
    let privileges = is_access.then(|| parties.privileges());
    let mut group = parties.find(&GROUP);
    let user = if is_access { None } else { parties.user() };
    if group.is_none() && !is_access {
        group = parties.rest_of_entity();
    }
    let resource = parties.resource();
    json!({
        "group": parties.or_absent(group.map(|group| group.resource(None))),
        "user": user.map(Found::user),
        "privileges": privileges,
        "resource": resource,
    })
}

/// This class requires a source endpoint, which is `Unknown` if the event has none.
fn api_activity(parties: &mut Parties<'_>) -> Value {
    let resources = resources_and_people(parties);
    json!({
        "api": {"operation": parties.action},
        "resources": (!resources.is_empty()).then_some(resources),
        "src_endpoint": {"name": UNKNOWN},
    })
}

/// The things that were exported.
fn web_resources(parties: &mut Parties<'_>) -> Value {
    let resources = resources_and_people(parties);
    let resources = if resources.is_empty() { vec![parties.or_absent(None)] } else { resources };
    json!({"web_resources": resources})
}

fn resources_and_people(parties: &mut Parties<'_>) -> Vec<Value> {
    let mut resources = parties.resources();
    for (kind, found) in [("user", parties.user()), ("group", parties.find(&GROUP))] {
        resources.extend(found.map(|found| found.resource(Some(kind))));
    }
    resources
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
