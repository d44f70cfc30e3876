//! Each rule for an event, with the smallest input that shows it.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{ledger::leaf, model::catalogue::CatalogueRow};

const NOW: &str = "2026-01-01T00:00:00.000000Z";

/// Problems by their pointers and codes.
type Problems = Vec<(String, &'static str)>;

fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

fn fallback() -> Fallback {
    Fallback { now: now(), id: EventId::parse("made-up").unwrap(), salt: Salt::from_bytes([0; Salt::LENGTH]) }
}

fn parse(text: &str, door: Door<'_>) -> Result<NewEvent, Vec<FieldError>> {
    let document = json::parse(text.as_bytes(), json::MAX_DEPTH).unwrap();
    NewEvent::parse(document.value, document.problems, door, fallback())
}

fn api(value: &Value) -> Result<NewEvent, Vec<FieldError>> {
    parse(&value.to_string(), Door::Api(&WorkspaceId::parse("acme").unwrap()))
}

fn bus(value: &Value) -> Result<NewEvent, Vec<FieldError>> {
    let envelope = Envelope {
        id: EventId::parse("envelope").unwrap(),
        time: Timestamp::parse("2025-06-01T00:00:00Z").unwrap(),
    };
    parse(&value.to_string(), Door::Bus(&envelope))
}

fn problems(result: Result<NewEvent, Vec<FieldError>>) -> Vec<(String, &'static str)> {
    let mut problems: Vec<_> =
        result.err().unwrap_or_default().into_iter().map(|problem| (problem.field, problem.code)).collect();
    problems.sort();
    problems
}

/// A minimal event with `member` set to `value`; null removes the member.
fn with(member: &str, value: Value) -> Value {
    let mut event = json!({"action": "group_created", "actor": {"user_id": "u1"}});
    *event.pointer_mut(member).unwrap_or(&mut Value::Null) = value.clone();
    if event.pointer(member).is_none() {
        let (parent, name) = member.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap()[name] = value;
    }
    event
}

fn check(member: &str, value: Value, expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(field, code)| ((*field).to_owned(), *code)).collect();
    let shown = value.to_string();
    assert_eq!(problems(api(&with(member, value))), expected, "{member} = {}", &shown[..shown.len().min(80)]);
}

#[test]
fn an_object_of_modes_audit_logs_is_accepted() {
    let event = json!({
        "id": "12326c8c-3c13-45a3-9b36-5a16d42937db",
        "action": "connection_group_added_with_role",
        "category": "workspace_connections",
        "description": "group added to connection",
        "timestamp": "2025-02-18T10:47:37.000000Z",
        "workspace_username": "acme",
        "actor": {"user_id": "af03c0246b82", "username": "peter_parker", "ip": "157.52.123.42", "user_agent": "Mozilla/5.0"},
        "entity": {"entity_type": "workspace_connection", "entity_id": "af5aaf31658b", "entity_name": "Star Space"},
        "context": {"group_id": "4f68a254168a", "role": "view", "nested": {"list": [1, 2.5, null]}},
    });
    for result in [api(&event), bus(&event)] {
        let NewEvent { event: read, retry_safe } = result.unwrap();
        assert!(retry_safe);
        let read = serde_json::to_value(read).unwrap();
        let mut expected = event.clone();
        expected["actor"]["type"] = json!("user");
        expected["outcome"] = json!("success");
        expected["received_at"] = json!(NOW);
        expected["sequence"] = Value::Null;
        expected["changes"] = json!([]);
        expected["salt"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
        expected["redacted"] = Value::Null;
        assert_eq!(read, expected);
    }
}

#[test]
fn optional_members_have_defaults() {
    let NewEvent { event, retry_safe } = api(&with("/outcome", Value::Null)).unwrap();
    assert!(!retry_safe, "we made up the id, so a retry would be another event");
    assert_eq!(
        serde_json::to_value(&event).unwrap(),
        json!({
            "id": "made-up", "action": "group_created", "category": "user_groups", "description": "Create a group",
            "timestamp": NOW, "received_at": NOW, "sequence": null, "workspace_username": "acme", "outcome": "success",
            "actor": {"user_id": "u1", "type": "user"}, "entity": null, "context": {}, "changes": [],
            "salt": "AAAAAAAAAAAAAAAAAAAAAA", "redacted": null,
        })
    );
}

#[test]
fn an_event_with_explicit_defaults_is_the_same_event() {
    let silent = api(&with("/outcome", Value::Null)).unwrap();
    let mut loud = with("/outcome", json!("success"));
    loud["description"] = json!("Create a group");
    loud["context"] = json!({});
    loud["changes"] = json!([]);
    loud["actor"]["type"] = json!("user");
    assert_eq!(silent, api(&loud).unwrap());
}

#[test]
fn on_the_bus_the_envelope_supplies_missing_members() {
    let NewEvent { event, retry_safe } = bus(&with("/workspace", json!("acme"))).unwrap();
    assert!(retry_safe);
    assert_eq!(
        (event.id.as_str(), event.timestamp.to_string().as_str()),
        ("envelope", "2025-06-01T00:00:00.000000Z")
    );
    let mut own_id = with("/workspace", json!("acme"));
    own_id["id"] = json!("own");
    assert_eq!(bus(&own_id).unwrap().event.id.as_str(), "own");
}

#[test]
fn service_actions_and_unknown_actions_are_accepted_on_the_bus_only() {
    fn on(action: &str) -> (Problems, Problems) {
        let mut event = with("/action", json!(action));
        event["workspace"] = json!("acme");
        (problems(api(&event)), problems(bus(&event)))
    }
    let refused = |code| vec![("/action".to_owned(), code)];
    assert_eq!(on("x_own"), (vec![], vec![]));
    assert_eq!(on("dashboard_shared"), (refused("unknown_action"), vec![]));
    assert_eq!(on("audit_log_accessed"), (refused("reserved_action"), vec![]));
    assert_eq!(on("api_token_workspace_created"), (refused("reserved_action"), vec![]));
    assert_eq!(on("api_token_workspace_revoked"), (refused("reserved_action"), vec![]));
    for name in ["user.login", "ConsoleLogin", "google.iam.v1.SetIamPolicy", "Not A Name", "ユーザー登録"]
    {
        assert_eq!(on(name), (refused("unknown_action"), vec![]), "{name}");
    }
    assert_eq!(on("a,b"), (refused("unknown_action"), refused("unknown_action")));
}

#[test]
fn reserved_actions_and_ids_are_refused_on_every_interface() {
    fn on(member: &str, value: &str) -> (Problems, Problems) {
        let mut event = json!({"action": "group_created", "actor": {"user_id": "u1"}, "workspace": "acme",
                               "id": "e-1", "timestamp": "2025-02-18T10:47:37Z"});
        event[member] = json!(value);
        (problems(api(&event)), problems(bus(&event)))
    }
    let refused = |field: &str, code| vec![(field.to_owned(), code)];
    let both = |field: &str, code| (refused(field, code), refused(field, code));
    for action in [
        "x_audit_log_expired",
        "x_audit_log_redacted",
        "x_audit_log_settings_changed",
        "x_audit_log_stream_paused",
        "x_audit_log_",
        "x_audit_logs_expired",
        "x__audit_log_expired",
        "x_auditlog_expired",
    ] {
        assert_eq!(on("action", action), both("/action", "reserved_action"), "{action}");
    }
    // This name is longer than a custom name may be. Only the bus would accept it, as an unknown action.
    let long = format!("x_audit_log_{}", "a".repeat(52));
    assert_eq!(on("action", &long).1, refused("/action", "reserved_action"));
    assert_eq!(on("action", "x_audit_log_expired "), both("/action", "unknown_action"));
    for action in ["X_audit_log_expired", "x_audit_log\u{2011}expired", "x.audit-log expired"] {
        let refused = |code| refused("/action", code);
        assert_eq!(on("action", action), (refused("unknown_action"), refused("reserved_action")), "{action}");
    }
    for id in ["expired.1", "expired.", "Expired.x", "x_audit_log_1"] {
        assert_eq!(on("id", id), both("/id", "reserved_id"), "{id}");
    }
    assert_eq!(on("id", "expired-1"), (vec![], vec![]));
    // An event without an id gets the id of its envelope.
    let envelope = Envelope { id: EventId::parse("expired.1").unwrap(), time: now() };
    let event =
        json!({"action": "group_created", "actor": {"user_id": "u1"}, "workspace": "acme"}).to_string();
    assert_eq!(problems(parse(&event, Door::Bus(&envelope))), refused("/id", "reserved_id"));
}

#[test]
fn adding_an_action_to_the_catalogue_does_not_change_the_leaves_of_recorded_events() {
    static ADDED: CatalogueRow = CatalogueRow {
        action: "dashboard_shared",
        event: "Share a dashboard",
        category: &crate::model::catalogue::REPORT_ACTIVITY,
        writer: Writer::Client,
        ocsf: crate::model::catalogue::OcsfActivity { class_uid: 6003, activity_id: 1, severity_id: 1 },
    };
    for description in
        [Value::Null, json!("A dashboard"), json!("dashboard_shared"), json!("Share a dashboard")]
    {
        let sent = json!({"action": "dashboard_shared", "actor": {"user_id": "u1"}, "workspace": "acme",
                          "description": description});
        let before = bus(&sent).unwrap().event;
        let after = Event { action: Action::Known(&ADDED), ..before.clone() };
        assert_eq!(leaf(&after), leaf(&before), "{description}");
        assert_eq!(after.description(), before.description());
    }
}

#[test]
fn every_problem_is_listed_at_once() {
    let event = r#"{"acton": "group_created", "actor": {"username": 7, "username": 8}, "id": "a b", "outcome": "maybe",
        "context": [], "changes": [{"path": "role"}, 1], "entity": {"entity_type": ""}}"#;
    let found = problems(parse(event, Door::Api(&WorkspaceId::parse("acme").unwrap())));
    let found: Vec<_> = found.iter().map(|(field, code)| format!("{field} {code}")).collect();
    assert_eq!(
        found,
        [
            "/action required",
            "/acton unknown_field",
            "/actor/user_id required",
            "/actor/username duplicate_key",
            "/actor/username wrong_type",
            "/changes/0/path invalid_path",
            "/changes/1 wrong_type",
            "/context wrong_type",
            "/entity/entity_id required",
            "/entity/entity_type empty",
            "/id invalid_id",
            "/outcome unknown_value",
            "/timestamp required",
        ]
    );
}

#[test]
fn each_member_has_its_limits() {
    fn text(bytes: usize) -> Value {
        json!("a".repeat(bytes))
    }
    check("/action", Value::Null, &[("/action", "required")]);
    check("/action", json!(""), &[("/action", "empty")]);
    check("/action", json!(7), &[("/action", "wrong_type")]);
    check("/action", json!("group_craeted"), &[("/action", "unknown_action")]);
    check("/actor", Value::Null, &[("/actor", "required")]);
    check("/actor", json!("peter"), &[("/actor", "wrong_type")]);
    check("/actor/user_id", text(256), &[]);
    check("/actor/user_id", text(257), &[("/actor/user_id", "too_long")]);
    check("/actor/user_id", json!("a\u{0}b"), &[("/actor/user_id", "control_character")]);
    check("/actor/user_id", json!("a\nb"), &[("/actor/user_id", "control_character")]);
    check("/actor/user_id", json!("ä".repeat(256)), &[]);
    check("/actor/user_id", json!("\u{202e}nimda"), &[("/actor/user_id", "bidi_override")]);
    check("/actor/user_id", json!("\u{200f}\u{61c}"), &[]);
    check("/actor/username", json!("Zoë 🕷 مدير"), &[]);
    check("/actor/type", json!("robot"), &[("/actor/type", "unknown_value")]);
    check("/actor/type", json!("member_token"), &[]);
    check("/actor/email", json!("p@x"), &[("/actor/email", "unknown_field")]);
    check("/actor/on_behalf_of", json!({"user_id": "u2", "type": "service"}), &[]);
    check("/actor/on_behalf_of", json!({}), &[("/actor/on_behalf_of/user_id", "required")]);
    check("/entity", json!({"entity_type": "report"}), &[("/entity/entity_id", "required")]);
    check("/category", json!("user_groups"), &[]);
    check("/category", json!("custom"), &[("/category", "mismatch")]);
    check("/workspace_username", json!("acme"), &[]);
    check("/workspace_username", json!("globex"), &[("/workspace_username", "mismatch")]);
    check("/workspace", json!("globex"), &[("/workspace", "mismatch")]);
    check("/workspace", json!("Globex"), &[("/workspace", "invalid_workspace")]);
    check("/received_at", json!("2025-01-01T00:00:00Z"), &[("/received_at", "read_only")]);
    check("/sequence", json!(7), &[("/sequence", "read_only")]);
    check("/id", json!("a"), &[("/timestamp", "required")]);
    check("/timestamp", json!("2025-01-01T00:00:00Z"), &[("/id", "required")]);
    check("/description", json!("two\nlines\tand tabs"), &[]);
    check("/context", json!({"sql": "select 1;\n-- \u{202e}"}), &[]);
    check("/context", json!({"": 1}), &[]);
    check("/context", (0..50).map(|key| (key.to_string(), json!(key))).collect::<Map<_, _>>().into(), &[]);
    check(
        "/context",
        (0..51).map(|key| (key.to_string(), json!(key))).collect::<Map<_, _>>().into(),
        &[("/context", "too_many")],
    );
    check("/changes", json!([{"path": "/role", "old": null, "new": {"a": [1]}}]), &[]);
    check("/changes", json!([{"path": "/role", "was": 1}]), &[("/changes/0/was", "unknown_field")]);
    check("/changes", json!(vec![json!({"path": "/a"}); 51]), &[("/changes", "too_many")]);
}

#[test]
fn a_timestamp_is_neither_ancient_nor_ahead() {
    let check = |time: &str, code: Option<&str>| {
        let mut event = with("/timestamp", json!(time));
        event["id"] = json!("a");
        let found = problems(api(&event));
        assert_eq!(found.first().map(|(_, code)| *code), code, "{time}");
    };
    check("2000-01-01T00:00:00Z", None);
    check("1999-12-31T23:59:59.999999Z", Some("out_of_range"));
    check("2026-01-01T00:10:00Z", None);
    check("2026-01-01T00:10:00.000001Z", Some("out_of_range"));
    check("2026-01-01", Some("invalid_timestamp"));
}

#[test]
fn an_event_has_at_most_64_kib_of_canonical_json() {
    // The rest of the content: `["made-up","group_created",null,{"type":"user","user_id":"u1"},null,{…},[]]`.
    fn event(filler: usize) -> Result<NewEvent, Vec<FieldError>> {
        let texts = json!({"a": "x".repeat(16_000), "b": "x".repeat(16_000), "c": "x".repeat(16_000), "d": "x".repeat(filler)});
        api(&with("/context", texts))
    }
    let fits = event(16_000).unwrap().event;
    let content = canonical(&(
        &fits.id,
        fits.action.name(),
        &fits.description,
        &fits.actor,
        &fits.entity,
        &fits.context,
        &fits.changes,
    ));
    let room = Event::MAX_BYTES - content.len();
    assert!(event(16_000 + room.min(384)).is_ok());
    fn long(filler: usize) -> Vec<(String, &'static str)> {
        let mut event = with(
            "/context",
            json!({"a": "x".repeat(16_000), "b": "x".repeat(16_000), "c": "x".repeat(16_000), "d": "x".repeat(16_000)}),
        );
        event["description"] = json!("x".repeat(filler));
        problems(api(&event))
    }
    // A description replaces null with two quotes and its bytes.
    fn marks(filler: usize) -> Option<Value> {
        let mut event = with(
            "/context",
            json!({"a": "x".repeat(16_000), "b": "x".repeat(16_000), "c": "x".repeat(16_000), "d": "x".repeat(16_000)}),
        );
        event["description"] = json!("x".repeat(filler));
        api(&event).unwrap().event.context.get(escaping::MEMBER).cloned()
    }
    assert_eq!((long(room + 2), marks(room + 2)), (vec![], None));
    assert_eq!(long(room + 3), vec![]);
    assert_eq!(marks(room + 3).unwrap().as_object().unwrap().len(), 4);
    check("/context", json!({"a": vec![0; 33_000]}), &[("", "too_large")]);
}

#[test]
fn nesting_is_counted_from_the_event() {
    fn nested(levels: usize) -> Vec<(String, &'static str)> {
        let mut value = json!(1);
        (0..levels).for_each(|_| value = json!([value]));
        problems(api(&with("/context", json!({"a": value}))))
    }
    assert_eq!(nested(30), vec![]);
    assert_eq!(nested(31).len(), 1);
    assert_eq!(nested(31)[0].1, "too_deep");
}

proptest! {
    #[test]
    fn no_json_makes_it_panic(value in any_json()) {
        let _ = api(&value);
        let _ = bus(&value);
        for member in ["action", "actor", "entity", "context", "changes", "id", "timestamp"] {
            let _ = api(&with(&format!("/{member}"), value.clone()));
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_/~]{0,8}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
