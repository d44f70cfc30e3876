use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use boon::{Compiler, SchemaIndex, Schemas};
use proptest::prelude::*;

use super::{sample, *};
use crate::model::{
    catalogue::CATALOGUE,
    event::{Actor, ActorType, Change, Entity},
};

/// The published schemas of the classes; `tests/ocsf/README.md` has the source.
const SCHEMAS: [&str; 6] = [
    include_str!("../../../tests/ocsf/account_change.json"),
    include_str!("../../../tests/ocsf/entity_management.json"),
    include_str!("../../../tests/ocsf/user_access.json"),
    include_str!("../../../tests/ocsf/group_management.json"),
    include_str!("../../../tests/ocsf/web_resources_activity.json"),
    include_str!("../../../tests/ocsf/api_activity.json"),
];

/// For each action the events by which it may be recorded, each with its form in the framework; and the page with them.
const ACTIONS: &str = include_str!("../../../tests/ocsf/actions.json");
const PAGE: &str = include_str!("../../../docs/ocsf.md");

/// The names of the classes and activities, from the same source.
const CAPTIONS: &str = include_str!("../../../tests/ocsf/captions.json");

struct Published {
    schemas: Schemas,
    by_class: BTreeMap<u64, SchemaIndex>,
}

impl Published {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let by_class = SCHEMAS.map(|text| {
            let schema: Value = serde_json::from_str(text).unwrap();
            let url = schema["$id"].as_str().unwrap().to_owned();
            assert!(url.starts_with(&format!("https://schema.ocsf.io/schema/{VERSION}/classes/")), "{url}");
            let class_uid = schema["properties"]["class_uid"]["const"].as_u64().unwrap();
            compiler.add_resource(&url, schema).unwrap();
            (class_uid, compiler.compile(&url, &mut schemas).unwrap())
        });
        Self { schemas, by_class: by_class.into() }
    }

    /// The errors of an event under the schema of its class.
    fn problems(&self, ocsf: &Value) -> Option<String> {
        let class = self.by_class[&ocsf["class_uid"].as_u64().unwrap()];
        self.schemas.validate(ocsf, class).err().map(|error| format!("{error:#}\n{ocsf:#}"))
    }
}

static PUBLISHED: LazyLock<Published> = LazyLock::new(Published::new);

#[track_caller]
fn check(event: &Event) {
    let ocsf = super::event(event);
    assert_eq!(PUBLISHED.problems(&ocsf), None);
    let lost: Vec<_> = members(event).difference(&texts(&ocsf)).cloned().collect();
    assert!(lost.is_empty(), "lost {lost:?}: {ocsf:#}");
}

/// All texts and numbers of the event as JSON, except those for which the framework has a code.
fn members(event: &Event) -> BTreeSet<String> {
    let mut json = serde_json::to_value(event).unwrap();
    json["outcome"].take();
    json["actor"]["type"].take();
    // The salt is useful only with the whole event, which this format does not contain.
    json["salt"].take();
    if json["entity"]["entity_type"] == "user" {
        json["entity"]["entity_type"].take();
    }
    texts(&json)
}

fn texts(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Null => BTreeSet::new(),
        Value::Array(elements) => elements.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => [value.to_string()].into(),
    }
}

#[test]
fn an_event_of_every_action_is_valid_and_keeps_all_its_data() {
    let actions = CATALOGUE.iter().map(|row| row.action).chain(["x_forecast_published", "dashboard_shared"]);
    for action in actions {
        check(&sample::full(action));
        check(&sample::minimal(action));
        check(&Event { outcome: Outcome::Failure, ..sample::full(action) });
    }
}

/// The event of an example.
fn example(action: &str, event: &Value) -> Event {
    let mut example = sample::minimal(action);
    let entity: Option<Entity> = serde_json::from_value(event["entity"].clone()).unwrap();
    example.entity = entity;
    example.context = event["context"].as_object().cloned().unwrap_or_default();
    if let Value::Array(changes) = &event["changes"] {
        example.changes =
            changes.iter().map(|change| serde_json::from_value(change.clone()).unwrap()).collect();
    }
    example
}

/// The members of an event of the framework that the examples have: those that follow from the action, the entity, the
/// context and the changes.
fn summary(mut ocsf: Value) -> Value {
    let names = [
        "class_uid",
        "class_name",
        "activity_name",
        "severity",
        "user",
        "privileges",
        "group",
        "resource",
        "resources",
        "web_resources",
        "entity",
        "unmapped",
    ];
    let mut summary: Map<_, _> = names.iter().map(|name| ((*name).to_owned(), ocsf[*name].take())).collect();
    summary["unmapped"].as_object_mut().unwrap().remove("received_at");
    if let Value::Array(labels) = ocsf["metadata"]["labels"].take() {
        summary.insert("metadata".to_owned(), json!({"labels": labels}));
    }
    summary.retain(|_, value| !value.is_null() && *value != json!({}));
    Value::Object(summary)
}

#[test]
fn each_action_has_the_documented_form_in_each_documented_way() {
    let actions: Vec<Value> = serde_json::from_str(ACTIONS).unwrap();
    let documented: BTreeSet<_> = actions.iter().filter_map(|action| action["action"].as_str()).collect();
    let own = service::RECORDS.iter().map(|(name, ..)| *name);
    assert_eq!(documented, CATALOGUE.iter().map(|row| row.action).chain(own).collect());
    let mut wrong = Vec::new();
    for action in &actions {
        let name = action["action"].as_str().unwrap();
        let examples = action["examples"].as_array().unwrap();
        assert!(examples.len() > 1 || name.starts_with("x_audit_log_"), "{name} has one way only");
        for (event, expected) in examples.iter().map(|example| (&example["event"], &example["ocsf"])) {
            let recorded = self::example(name, event);
            check(&recorded);
            let actual = summary(super::event(&recorded));
            if actual != *expected {
                wrong.push(format!("{name}\n  expected {expected}\n  actual   {actual}"));
            }
        }
    }
    let examples = actions.iter().flat_map(|action| action["examples"].as_array().unwrap());
    for example in examples {
        for part in ["event", "ocsf"] {
            assert!(PAGE.contains(&format!("\n{}\n", example[part])), "docs/ocsf.md: {}", example[part]);
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn an_event_that_violates_its_schema_is_detected() {
    fn refused(spoil: fn(&mut Value)) {
        let mut ocsf = event(&sample::full("group_created"));
        spoil(&mut ocsf);
        assert!(PUBLISHED.problems(&ocsf).is_some(), "{ocsf:#}");
    }
    refused(|ocsf| ocsf["type_uid"] = json!(300_401));
    refused(|ocsf| ocsf["group"] = json!({}));
    refused(|ocsf| ocsf["group"]["color"] = json!("red"));
    refused(|ocsf| ocsf["src_endpoint"]["ip"] = json!("somewhere"));
    refused(|ocsf| ocsf["metadata"]["product"] = Value::Null);
}

#[test]
fn classes_and_activities_have_their_published_names() {
    let captions: Value = serde_json::from_str(CAPTIONS).unwrap();
    for class in CLASSES {
        let published = &captions[class.uid.to_string()];
        assert_eq!(
            (&published["class"], &published["category"]),
            (&json!(class.name), &json!(class.category))
        );
        for (id, name) in class.activities {
            assert_eq!(published["activities"][id.to_string()], json!(name), "{}", class.name);
        }
    }
}

#[test]
fn the_catalogue_uses_exactly_the_named_activities() {
    let own = service::RECORDS.iter().filter_map(|(name, ..)| service::activity(name));
    let used = CATALOGUE.iter().map(|row| row.ocsf).chain(own);
    let used: BTreeSet<_> = used.map(|ocsf| (ocsf.class_uid, ocsf.activity_id)).collect();
    let used: Vec<_> = used.into_iter().filter(|(_, activity_id)| *activity_id != OTHER).collect();
    fn named(class: &Class) -> Vec<(u16, u8)> {
        class.activities.iter().map(|(id, _)| (class.uid, *id)).collect::<Vec<_>>()
    }
    assert_eq!(used, CLASSES.iter().flat_map(named).collect::<Vec<_>>());
}

#[test]
fn one_event_of_each_class() {
    for action in [
        "org_user_invited",
        "connection_created",
        "connection_member_added_with_role",
        "connection_group_added_with_role",
        "report_activity_report_moved",
        "export_data_sql_exported",
    ] {
        let mut ocsf = event(&sample::full(action));
        assert_eq!(ocsf["metadata"]["product"]["version"].take(), env!("CARGO_PKG_VERSION"));
        insta::assert_json_snapshot!(format!("class_{}", ocsf["class_uid"]), ocsf);
    }
}

#[test]
fn required_members_that_the_event_does_not_have_are_unknown() {
    let unknown = |action: &str, member: &str| {
        assert_eq!(event(&sample::minimal(action))[member], json!({"name": "Unknown"}), "{action}");
    };
    unknown("org_user_invited", "user");
    unknown("connection_created", "entity");
    unknown("connection_member_removed", "user");
    unknown("connection_group_removed", "group");
    unknown("group_created", "group");
    unknown("audit_log_accessed", "src_endpoint");
}

#[test]
fn privileges_are_those_that_were_granted_or_revoked() {
    fn privileges(action: &str, context: Option<&str>, old: Value, new: Value) -> Value {
        let mut event = sample::minimal(action);
        event.context.extend(context.map(|role| ("role".to_owned(), json!(role))));
        event.changes = vec![Change { path: "/role".to_owned(), old, new }];
        super::event(&event)["privileges"].take()
    }
    let (view, edit) = (json!("view"), json!("edit"));
    assert_eq!(
        privileges("collection_member_access_changed", None, view.clone(), edit.clone()),
        json!(["edit"])
    );
    assert_eq!(privileges("collection_group_removed", None, view.clone(), Value::Null), json!(["view"]));
    assert_eq!(privileges("collection_group_added", Some("manage"), view, edit), json!(["manage"]));
    assert_eq!(privileges("collection_member_added", None, Value::Null, Value::Null), json!([]));
}

#[test]
fn an_address_is_read_with_its_port_zone_and_proxies() {
    fn check(ip: &str, expected: Value) {
        assert_eq!(Address::read(ip).endpoint, expected, "{ip}");
        let actor = Actor { ip: Some(ip.to_owned()), ..Actor::new(ActorType::User, "u1") };
        super::tests::check(&Event { actor: Some(actor), ..sample::minimal("audit_log_accessed") });
    }
    check("157.52.123.42", json!({"ip": "157.52.123.42"}));
    check("157.52.123.42:443", json!({"ip": "157.52.123.42", "port": 443}));
    check("2001:db8::1", json!({"ip": "2001:db8::1"}));
    check("2001:DB8:0::1", json!({"ip": "2001:db8::1"}));
    check("[2001:db8::1]", json!({"ip": "2001:db8::1"}));
    check("[2001:db8::1]:443", json!({"ip": "2001:db8::1", "port": 443}));
    check("fe80::1%eth0", json!({"ip": "fe80::1", "zone": "eth0"}));
    check("[fe80::1%en0]:8080", json!({"ip": "fe80::1", "zone": "en0", "port": 8080}));
    check("::ffff:157.52.123.42", json!({"ip": "157.52.123.42"}));
    check("0000:0000:0000:0000:0000:ffff:157.152.123.142", json!({"ip": "157.152.123.142"}));
    check("[::ffff:157.52.123.42]:80", json!({"ip": "157.52.123.42", "port": 80}));
    check("203.0.113.7, 10.0.0.1:80", json!({"ip": "203.0.113.7", "intermediate_ips": ["10.0.0.1"]}));
    check("gateway.example.com", json!({"hostname": "gateway.example.com"}));
    check("gateway.example.com:8443", json!({"hostname": "gateway.example.com", "port": 8443}));
    check("localhost", json!({"hostname": "localhost"}));
    for text in [
        "",
        "office",
        "1.2.3",
        "1.2.3.4:99999",
        "1.2.3.4:",
        "[::1",
        "[::1]x",
        "a b.example",
        "1.2.3.4%eth0",
        "fe80::1%",
    ] {
        check(text, json!({"name": text}));
    }
}

#[test]
fn erased_masked_and_cut_parts_are_visible() {
    let whole = sample::full("group_member_added");
    let erased = super::event(&whole.redact(&[Part::Entity, Part::Context]));
    assert_eq!(PUBLISHED.problems(&erased), None);
    assert_eq!(erased["group"], json!({"name": "Redacted"}));
    let digests = json!(whole.redact(&[Part::Entity, Part::Context]))["redacted"]["digests"].clone();
    assert_eq!(
        (&erased["unmapped"]["redacted"]["digests"], digests.as_object().unwrap().len()),
        (&digests, 2)
    );
    let erased = super::event(&whole.redact(&[Part::Actor]));
    assert_eq!(
        (&erased["actor"]["user"]["name"], &erased["src_endpoint"]),
        (&json!("Redacted"), &Value::Null)
    );
    assert_eq!(super::event(&whole)["unmapped"]["redacted"], Value::Null);

    let mut cut = sample::minimal("group_created");
    cut.description = Some("x".repeat(20_000));
    escaping::escape(&mut cut);
    assert_eq!(super::event(&cut)["metadata"]["is_truncated"], true);
    assert_eq!(super::event(&whole)["metadata"]["is_truncated"], Value::Null);
    let mut escaped = sample::minimal("group_created");
    escaped.description = Some("a\u{0}b".to_owned());
    escaping::escape(&mut escaped);
    assert_eq!(super::event(&escaped)["metadata"]["is_truncated"], Value::Null);
}

#[test]
fn a_program_acts_in_the_context_of_a_user() {
    fn actor(kind: ActorType, behind: Option<&str>) -> Value {
        let mut actor = Actor { username: Some("Agent".to_owned()), ..Actor::new(kind, "a1") };
        actor.on_behalf_of = behind.map(|user| Box::new(Actor::new(ActorType::User, user)));
        super::event(&Event { actor: Some(actor), ..sample::minimal("group_created") })["actor"].take()
    }
    let agent = json!({"uid": "a1", "name": "Agent", "type_id": 4, "type": "Service"});
    let anna = json!({"uid": "anna", "type_id": 1, "type": "User"});
    assert_eq!(
        actor(ActorType::Service, Some("anna")),
        json!({"app_uid": "a1", "app_name": "Agent", "user": anna})
    );
    assert_eq!(actor(ActorType::Service, None), json!({"app_uid": "a1", "app_name": "Agent", "user": agent}));
    let person = json!({"uid": "a1", "name": "Agent", "type_id": 1, "type": "User"});
    assert_eq!(actor(ActorType::User, Some("anna")), json!({"user": person}));
    let token = actor(ActorType::MemberToken, Some("anna"));
    assert_eq!(token["user"]["programmatic_credentials"], json!([{"uid": "a1", "type": "member_token"}]));
    assert_eq!(token["user"]["uid"], "anna");
}

#[test]
fn each_value_that_analysts_search_for_is_an_observable_once() {
    let mut event = sample::full("group_member_added");
    event.actor.as_mut().unwrap().ip = Some("157.52.123.42:443".to_owned());
    let ocsf = super::event(&event);
    let observables: Vec<_> = ocsf["observables"].as_array().unwrap().iter().collect();
    let has = |name: &str, type_id: u8, value: &str| {
        let found = observables.iter().filter(|found| found["type_id"] == type_id && found["value"] == value);
        assert_eq!(
            found.map(|found| found["name"].as_str().unwrap()).collect::<Vec<_>>(),
            [name],
            "{ocsf:#}"
        );
    };
    has("src_endpoint.ip", 2, "157.52.123.42");
    has("actor.user.uid", 31, "5ba9d4ffc8d1");
    has("actor.user.programmatic_credentials.uid", 19, "af03c0246b82");
    has("user.uid", 31, "b81d3f6a90c4");
    has("group.uid", 33, "77c1e09b3a5d");
    assert_eq!(
        super::event(&Event { actor: None, ..sample::minimal("group_created") })["observables"],
        Value::Null
    );
}

#[test]
fn severities_follow_from_the_action_the_role_and_the_outcome() {
    fn check(action: &str, event: Value, expected: &str) {
        assert_eq!(super::event(&example(action, &event))["severity"], expected, "{action} {event}");
    }
    fn role(old: Value, new: Value) -> Value {
        json!({"changes": [{"path": "/member/role", "old": old, "new": new}]})
    }
    check("org_user_role_changed", role(json!("viewer"), json!("Workspace Admin")), "High");
    check("org_user_role_changed", role(json!("owner"), json!("admin")), "Medium");
    check("org_user_role_changed", role(json!("admin"), json!("viewer")), "Medium");
    check("org_user_role_changed", role(Value::Null, json!(["viewer", "admin"])), "High");
    check("org_user_invited", json!({"context": {"role": "owner"}}), "High");
    check("org_user_invitation_resent", json!({"context": {"role": "owner"}}), "Informational");
    check("collection_member_removed", json!({"context": {"role": "admin"}}), "Low");
    check("export_data_sql_exported", json!({"context": {"role": "admin"}}), "Low");
    let failed = Event { outcome: Outcome::Failure, ..sample::minimal("audit_log_accessed") };
    assert_eq!(super::event(&failed)["severity"], "Low");
}

proptest! {
    #[test]
    fn any_event_is_valid_and_keeps_all_its_data(event in sample::any_event()) {
        check(&event);
    }
}
