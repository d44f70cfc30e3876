use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use boon::{Compiler, SchemaIndex, Schemas};
use proptest::prelude::*;

use super::{sample, *};
use crate::model::catalogue::CATALOGUE;

/// The published schemas of the classes; `tests/ocsf/README.md` has the source.
const SCHEMAS: [&str; 5] = [
    include_str!("../../../tests/ocsf/account_change.json"),
    include_str!("../../../tests/ocsf/entity_management.json"),
    include_str!("../../../tests/ocsf/user_access.json"),
    include_str!("../../../tests/ocsf/group_management.json"),
    include_str!("../../../tests/ocsf/api_activity.json"),
];

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
    let used: BTreeSet<_> = CATALOGUE.iter().map(|row| (row.ocsf.class_uid, row.ocsf.activity_id)).collect();
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
    ] {
        let ocsf = event(&sample::full(action));
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
fn an_ip_that_is_not_an_address_becomes_the_name_of_the_endpoint() {
    fn check(ip: &str, member: &str) {
        assert_eq!(endpoint(ip), json!({member: ip}));
    }
    check("157.52.123.42", "ip");
    check("2001:db8::1", "ip");
    check("::ffff:157.52.123.42", "ip");
    check("0000:0000:0000:0000:0000:ffff:157.152.123.142", "name");
    check("157.52.123.42:443", "name");
    check("", "name");
}

proptest! {
    #[test]
    fn any_event_is_valid_and_keeps_all_its_data(event in sample::any_event()) {
        check(&event);
    }
}
