//! Sample events.

use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value, json};
use shared::model::{
    catalogue::{Action, CATALOGUE},
    disclosure::{Disclosure, Salt},
    event::{Actor, ActorType, Change, Entity, Event, Outcome},
    id::{EventId, WorkspaceId},
    timestamp::Timestamp,
};

/// An event with the required members only.
pub(super) fn minimal(action: &str) -> Event {
    Event {
        workspace: WorkspaceId::parse("acme").unwrap(),
        id: EventId::parse("12326c8c-3c13-45a3-9b36-5a16d42937db").unwrap(),
        action: Action::parse_lenient(action).unwrap(),
        timestamp: Timestamp::parse("2025-02-18T10:47:37.123456Z").unwrap(),
        received_at: Timestamp::parse("2025-02-18T10:47:37.481999Z").unwrap(),
        outcome: Outcome::Success,
        description: None,
        actor: Some(Actor::new(ActorType::System, "scheduler")),
        entity: None,
        context: Map::new(),
        changes: Vec::new(),
        disclosure: Disclosure::Whole(Salt::from_bytes([7; Salt::LENGTH])),
        sequence: None,
    }
}

/// An event with all members and realistic values.
pub(super) fn full(action: &str) -> Event {
    let mut event = minimal(action);
    fn entity(entity_type: &str, entity_id: &str, entity_name: &str) -> Entity {
        Entity {
            entity_type: entity_type.to_owned(),
            entity_id: entity_id.to_owned(),
            entity_name: Some(entity_name.to_owned()),
        }
    }
    event.description = Some("what was done, \"in words\",\nand more".to_owned());
    event.sequence = Some(81_234);
    event.actor = Some(Actor {
        username: Some("peter_parker".to_owned()),
        ip: Some("157.52.123.42".to_owned()),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:135.0) Gecko/20100101".to_owned()),
        on_behalf_of: Some(Box::new(Actor {
            username: Some("müller, 美玲".to_owned()),
            ..Actor::new(ActorType::User, "5ba9d4ffc8d1")
        })),
        ..Actor::new(ActorType::MemberToken, "af03c0246b82")
    });
    event.entity = Some(match event.action.category().name {
        "user_membership" => entity("user", "b81d3f6a90c4", "mary_jane"),
        "user_groups" => entity("group", "77c1e09b3a5d", "Finance"),
        "workspace_connections" => entity("workspace_connection", "af5aaf31658b", "=Star Space"),
        _ => entity("report", "7be01f4cd2a9", "Churn"),
    });
    let context = json!({
        "correlation_id": "12321917-5e07-4094-ae08-1b6254a2a6c8",
        "role": "view",
        "ticket": {"id": 2214, "tags": ["a", -0.5, null]},
    });
    event.context.extend(members(context));
    if action.contains("member") {
        event.context.extend(members(json!({"member_id": "b81d3f6a90c4", "member_username": "mary_jane"})));
    }
    if action.contains("_group_") {
        event.context.extend(members(json!({"group_id": "77c1e09b3a5d", "group_name": "Finance"})));
    }
    event.changes = vec![Change { path: "/role".to_owned(), old: Value::Null, new: json!("view") }];
    event
}

fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Any event, including some that the API would refuse.
pub(super) fn any_event() -> impl Strategy<Value = Event> {
    let action = prop_oneof![
        8 => (0..CATALOGUE.len()).prop_map(|row| CATALOGUE[row].action.to_owned()),
        1 => "x_[a-z0-9_]{1,8}",
        1 => "[a-z][a-z0-9_]{2,8}",
    ];
    let entity = (
        select(&["user", "member", "group", "role", "invitation", "token", "report", "="]),
        "\\PC{1,4}",
        option::of(any_text()),
    )
        .prop_map(|(kind, entity_id, entity_name)| Entity {
            entity_type: kind.to_owned(),
            entity_id,
            entity_name,
        });
    let change = (select(&["/role", "/access", "/name"]), any_json(), any_json())
        .prop_map(|(path, old, new)| Change { path: path.to_owned(), old, new });
    let rest = (any::<bool>(), option::of(any_text()), any::<Option<u32>>());
    (action, "[A-Za-z0-9._:-]{1,8}", any_actor(), option::of(entity), any_context(), vec(change, 0..3), rest)
        .prop_map(|(action, id, actor, entity, context, changes, (failed, description, sequence))| Event {
            id: EventId::parse(&id).unwrap(),
            outcome: if failed { Outcome::Failure } else { Outcome::Success },
            description,
            actor: Some(actor),
            entity,
            context,
            changes,
            sequence: sequence.map(u64::from),
            ..minimal(&action)
        })
}

fn any_actor() -> impl Strategy<Value = Actor> {
    use ActorType::{MemberToken, Service, System, User, WorkspaceToken};
    let kind = select(&[User, WorkspaceToken, MemberToken, Service, System]);
    let ip = prop_oneof![
        any::<std::net::IpAddr>().prop_map(|address| address.to_string()),
        "[0-9a-fA-F:.]{0,24}",
        "\\[[0-9a-f:]{2,8}(%[a-z0]{0,3})?\\](:[0-9]{0,6})?",
        any_text(),
    ];
    let one = ("\\PC{1,4}", option::of(any_text()), option::of(ip), option::of(any_text()), kind);
    let one = one.prop_map(|(user_id, username, ip, user_agent, kind)| Actor {
        username,
        ip,
        user_agent,
        ..Actor::new(kind, user_id)
    });
    vec(one, 1..4).prop_map(|actors| {
        let chain =
            |behind: Option<Actor>, actor| Some(Actor { on_behalf_of: behind.map(Box::new), ..actor });
        actors.into_iter().fold(None, chain).expect("there is at least one")
    })
}

fn any_context() -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof![
        3 => select(&[
            "member_id", "member_username", "member_email", "member", "user_id", "email", "group_id", "group_name", "group",
            "collection", "connection_name", "report_id", "token", "role", "access", "permissions", "correlation_id",
        ])
        .prop_map(str::to_owned),
        1 => "\\PC{0,3}",
    ];
    vec((name, any_json()), 0..8).prop_map(Map::from_iter)
}

fn any_json() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => any_text().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i32>().prop_map(Value::from),
        1 => (-1e9..1e9).prop_map(Value::from),
        1 => vec("\\PC{0,3}", 0..3).prop_map(Value::from),
        1 => (any_text(), any_text(), option::of(any_text()))
            .prop_map(|(id, name, email)| json!({"id": id, "name": name, "email": email})),
    ]
}

/// Texts, including some that CSV parsers and spreadsheet programs misread.
fn any_text() -> impl Strategy<Value = String> {
    "[-=+@'\",;\t\r\n＝ ]{0,3}\\PC{0,6}"
}
