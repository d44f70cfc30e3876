//! Filters find the events that people ask for, in the time view and in the feed alike, and say what they do not understand.

use serde_json::{Value, json};
use tests::{
    Client, TestApp, entry,
    sample::{at, event},
};

/// The events of the table, and the ids by which it names them.
fn events() -> Vec<Value> {
    vec![
        with_members(
            "anna",
            0,
            json!({"actor": {"user_id": "u1", "username": "Anna Müller", "ip": "203.0.113.9"}}),
        ),
        with_members(
            "agent",
            1,
            json!({
                "action": "report_activity_report_edited",
                "actor": {
                    "user_id": "cn=bot,dc=example", "username": "billing-bot", "type": "service",
                    "ip": "::ffff:203.0.113.200",
                    "on_behalf_of": {"user_id": "u1", "username": "Anna Müller"},
                },
                "entity": {"entity_type": "report", "entity_id": "r1", "entity_name": "STRASSE 7"},
            }),
        ),
        with_members(
            "change",
            2,
            json!({
                "action": "x_price_changed", "description": "The price was lowered",
                "actor": {"user_id": "u2", "username": "peter", "ip": "2001:DB8:0:0:0:0:0:1"},
                "entity": {"entity_type": "plan", "entity_id": "p1", "entity_name": "Straße 8"},
                "changes": [{"path": "/price", "old": {"amount": 4200}, "new": ["Gratis"]}],
            }),
        ),
        with_members(
            "context",
            3,
            json!({
                "action": "org_user_invited", "outcome": "failure",
                "actor": {"user_id": "u3", "ip": "198.51.100.7:443"},
                "context": {"request": {"path": ["/Invoices/2025"]}, "retried": true, "ticket": "ÄÖÜ-17"},
            }),
        ),
        with_members("proxy", 4, json!({"actor": {"user_id": "U1", "ip": "unknown"}})),
    ]
}

fn with_members(id: &str, second: i64, more: Value) -> Value {
    let mut event = event(id, second);
    for (name, value) in more.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

/// A filter, and the ids of the events that it finds, in the order of time.
const TABLE: &[(&str, &[&str])] = &[
    ("", &["anna", "agent", "change", "context", "proxy"]),
    ("not_action=group_created", &["agent", "change", "context"]),
    ("not_action=group_created,x_price_changed", &["agent", "context"]),
    ("not_action=group_created&not_action=org_user_invited", &["agent", "change"]),
    ("not_action=user.login", &["anna", "agent", "change", "context", "proxy"]),
    ("not_category=user_groups", &["agent", "change", "context"]),
    ("not_category=user_groups,custom", &["agent", "context"]),
    ("category=user_groups&not_actor=u1", &["proxy"]),
    ("not_actor=u1", &["agent", "change", "context", "proxy"]),
    ("not_actor=u1&not_actor=u2", &["agent", "context", "proxy"]),
    ("not_actor=u1,u2", &["agent", "context", "proxy"]),
    ("not_actor=cn%3Dbot,dc%3Dexample", &["anna", "change", "context", "proxy"]),
    ("actor=u1&not_action=group_created", &[]),
    ("on_behalf_of=u1", &["agent"]),
    ("on_behalf_of=u2", &[]),
    ("actor_name=anna", &["anna"]),
    ("actor_name=ANNA%20M%C3%9C", &["anna"]),
    ("actor_name=nna", &[]),
    ("actor_name=bill", &["agent"]),
    ("entity_name=stra%C3%9Fe", &["agent", "change"]),
    ("entity_name=STRASSE%207", &["agent"]),
    ("entity_name=7", &[]),
    ("contains=m%C3%BCller", &["anna", "agent"]),
    ("contains=M%C3%9CLLER&not_actor=u1", &["agent"]),
    ("contains=stra%C3%9Fe%207", &["agent"]),
    ("contains=PRICE%20WAS", &["change"]),
    ("contains=create%20a%20group", &["anna", "proxy"]),
    ("contains=4200", &["change"]),
    ("contains=gratis", &["change"]),
    ("contains=invoices", &["context"]),
    ("contains=%C3%A4%C3%B6%C3%BC-17", &["context"]),
    ("contains=true", &["context"]),
    ("contains=nothing%20like%20it", &[]),
    ("ip=203.0.113.9", &["anna"]),
    ("ip=::ffff:203.0.113.9", &["anna"]),
    ("ip=203.0.113.200", &["agent"]),
    ("ip=203.0.113.0/24", &["anna", "agent"]),
    ("ip=203.0.113.77/25", &["anna"]),
    ("ip=::ffff:203.0.113.0/120", &["anna", "agent"]),
    ("ip=0.0.0.0/0", &["anna", "agent", "context"]),
    ("ip=2001:db8::1", &["change"]),
    ("ip=2001:0DB8::0001", &["change"]),
    ("ip=2001:db8::/32", &["change"]),
    ("ip=::/0", &["change"]),
    ("ip=198.51.100.7", &["context"]),
    ("ip=192.0.2.0/24", &[]),
    ("outcome=failure&contains=invoices&ip=198.51.100.0/24&not_category=custom", &["context"]),
];

/// The ids of those events that the table names: the log also has records of the service itself.
fn ids(events: &[Value]) -> Vec<&str> {
    let own = ["audit_logs_access", "api_token"];
    let recorded = events.iter().filter(|event| !own.contains(&event["category"].as_str().unwrap()));
    recorded.map(|event| event["id"].as_str().unwrap()).collect()
}

async fn recorded() -> (TestApp, Client) {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    client.record(&json!({"events": events()})).await.expect(201);
    app.sealed().await;
    (app, client)
}

#[tokio::test]
async fn each_filter_finds_the_events_of_the_table_by_time_and_by_sequence() {
    let (_app, client) = recorded().await;
    for (filter, expected) in TABLE {
        let page = client.list(&format!("order=asc&limit=1000&{filter}")).await.expect(200);
        assert_eq!(ids(page.events()), *expected, "{filter}");
        let feed = client.feed(&format!("limit=1000&{filter}")).await.expect(200);
        assert_eq!(ids(feed.events()), *expected, "feed {filter}");
        // Page by page, by the link.
        let pages = client.pages(&format!("order=asc&limit=1&reads=exclude&{filter}")).await;
        assert_eq!(ids(&pages.concat()), *expected, "one at a time {filter}");
    }
    println!("{} filters, in the time view, in the feed and one event at a time", TABLE.len());
}

#[tokio::test]
async fn records_of_reads_are_left_out_where_the_reader_says_so() {
    let (app, client) = recorded().await;
    for _ in 0..3 {
        client.list("limit=1").await.expect(200);
    }
    app.sealed().await;
    for (reads, expected) in [("", 3), ("&reads=include", 4), ("&reads=exclude", 0)] {
        let page = client.list(&format!("limit=1000{reads}")).await.expect(200);
        let accesses = page.events().iter().filter(|event| event["action"] == "audit_log_accessed").count();
        assert_eq!((accesses, page.events().len()), (expected, 6 + expected), "{reads}");
    }
    let feed = client.feed("limit=1000&reads=exclude").await.expect(200);
    assert_eq!(feed.events().len(), 6);
    assert_eq!(client.list("reads=exclude&action=audit_log_accessed").await.expect(200).events().len(), 0);
}

#[tokio::test]
async fn a_name_that_no_event_has_is_answered_with_a_warning() {
    let (app, client) = recorded().await;
    let mut renamed = event("login", 9);
    renamed["action"] = json!("user.login");
    renamed["workspace_username"] = json!("acme");
    app.bus().put(&[entry("product", &renamed)]).await.expect(200);
    app.settled().await;
    app.sealed().await;
    check_warnings(&client, "action=group_craeted", &[("action", "did you mean group_created")]).await;
    check_warnings(&client, "action=grop_created", &[("action", "did you mean group_created")]).await;
    check_warnings(&client, "action=Group_Created", &[("action", "did you mean group_created")]).await;
    check_warnings(
        &client,
        "action=group_creatd,org_user_invited",
        &[("action", "value 1 is not in the catalogue")],
    )
    .await;
    check_warnings(&client, "not_action=grop_created", &[("not_action", "did you mean group_created")]).await;
    check_warnings(&client, "action=x_price_chnaged", &[("action", "no event here has this action")]).await;
    check_warnings(&client, "action=user.logout", &[("action", "no event here has this action")]).await;
    check_warnings(
        &client,
        "action=a.b,c.d&not_action=e.f",
        &[("action", "value 1"), ("action", "value 2"), ("not_action", "is")],
    )
    .await;
    // Names that an event has, of whatever time, and names of the catalogue.
    check_warnings(&client, "action=x_price_changed", &[]).await;
    check_warnings(&client, &format!("action=x_price_changed&end_timestamp={}", at(0)), &[]).await;
    check_warnings(&client, "action=user.login", &[]).await;
    check_warnings(&client, "not_action=user.login,x_price_changed", &[]).await;
    check_warnings(&client, "action=group_deleted", &[]).await;
    check_warnings(&client, "", &[]).await;
}

async fn check_warnings(client: &tests::Client, query: &str, expected: &[(&str, &str)]) {
    for path in ["audit_logs", "audit_logs/feed"] {
        let answer = client.get(&format!("/api/acme/{path}?{query}")).await.expect(200);
        let warnings = answer.body["warnings"].as_array().cloned().unwrap_or_default();
        let told: Vec<_> = warnings.iter().map(|warning| warning["parameter"].as_str().unwrap()).collect();
        let parameters: Vec<_> = expected.iter().map(|(parameter, _)| *parameter).collect();
        assert_eq!(told, parameters, "{path} {query}: {warnings:?}");
        for (warning, (_, detail)) in warnings.iter().zip(expected) {
            assert_eq!(warning["code"], "unknown_action");
            assert!(warning["detail"].as_str().unwrap().contains(detail), "{query}: {warning}");
        }
        // Formats without a place for it have the same in a header.
        for format in ["json", "ndjson", "csv", "ocsf"] {
            let answer = client.get(&format!("/api/acme/{path}?{query}&format={format}")).await.expect(200);
            let header = answer.headers.get("x-warnings").map(|text| text.to_str().unwrap());
            let header: Vec<Value> =
                header.map(|text| serde_json::from_str(text).unwrap()).unwrap_or_default();
            assert_eq!(header, warnings, "{path} {query} {format}");
        }
    }
}
