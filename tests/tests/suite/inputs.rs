//! Tables of the input that products and clients really send, by kind, each row with an id of its own. Three rules hold for all:
//! what is recorded is what was sent; what we answer is input that we accept; a slip is reported.

mod rows;

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp, entry, sample::at};

use self::rows::{BUS, CELLS, FILTERS, RECORDED, REFUSED, REQUESTS};

/// An event with JSON text in one place; `Value` could not hold all of it.
fn event(id: &str, place: &str, text: &str) -> String {
    let mut event = json!({
        "id": id, "timestamp": at(0), "action": "group_created", "description": "d", "outcome": "success",
        "actor": {
            "user_id": "u1", "username": "n", "ip": "203.0.113.9", "user_agent": "a",
            "on_behalf_of": {"user_id": "u2", "username": "n"},
        },
        "entity": {"entity_type": "t", "entity_id": "e", "entity_name": "n"},
        "context": {"n": 0, "deep": [{"n": 0}]}, "changes": [{"path": "/a", "old": 0, "new": 0}],
    });
    *event.pointer_mut(place).unwrap_or_else(|| panic!("{place} is no place")) = json!("[here]");
    event.to_string().replace(r#""[here]""#, text)
}

/// Sends events in one batch, and returns the result of each.
async fn record(client: &Client, events: &[String]) -> Vec<Value> {
    let answer = client.record_bytes(format!(r#"{{"events": [{}]}}"#, events.join(","))).await;
    answer.body["results"].as_array().unwrap_or_else(|| panic!("{}", answer.text)).clone()
}

async fn read(client: &Client) -> BTreeMap<String, Value> {
    let events = client.pages("limit=500&actor=u1").await.concat();
    events.into_iter().map(|event| (event["id"].as_str().unwrap().to_owned(), event)).collect()
}

/// An event as a reader sends it on: without the members that only the service sets.
fn sent_on(event: &Value) -> Value {
    let mut event = event.clone();
    for name in ["received_at", "sequence", "salt", "redacted", "workspace_username"] {
        event.as_object_mut().unwrap().remove(name);
    }
    event
}

#[tokio::test]
async fn recorded_values_are_those_that_were_sent_and_are_accepted_again() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.holder_of_both("acme").await, app.holder_of_both("globex").await);
    let sent: Vec<_> = RECORDED.iter().map(|(id, place, text, _)| event(id, place, text)).collect();
    for (row, result) in RECORDED.iter().zip(record(&acme, &sent).await) {
        assert_eq!(result["status"], "recorded", "{}: {result}", row.0);
    }
    let found = read(&acme).await;
    for (id, place, _, expected) in RECORDED {
        let expected: Value = serde_json::from_str(expected).unwrap();
        let value = found[*id].pointer(place).unwrap_or(&Value::Null);
        let is_same = value == &expected || (value.is_number() && value.as_f64() == expected.as_f64());
        assert!(is_same, "{id}: {value}, and not {expected}");
    }
    let again: Vec<_> = found.values().map(|event| sent_on(event).to_string()).collect();
    for (id, result) in found.keys().zip(record(&globex, &again).await) {
        assert_eq!(result["status"], "recorded", "{id}: {result}");
    }
    for (id, event) in read(&globex).await {
        assert_eq!(sent_on(&event), sent_on(&found[&id]), "{id}");
    }
}

#[tokio::test]
async fn a_slip_in_one_event_is_reported_with_its_place_and_keeps_no_other_event_out() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    for rows in REFUSED.chunks(20) {
        let mut sent: Vec<_> = rows.iter().map(|(id, place, text, _)| event(id, place, text)).collect();
        sent.push(event(&format!("beside-{}", rows[0].0), "/context/n", "1"));
        let results = record(&client, &sent).await;
        assert_eq!(results.last().unwrap()["status"], "recorded", "beside {}", rows[0].0);
        for ((id, place, _, expected), result) in rows.iter().zip(results) {
            let first = &result["problem"]["errors"][0];
            let told = format!(
                "{} {}",
                first["pointer"].as_str().unwrap_or("?"),
                first["code"].as_str().unwrap_or("?")
            );
            let expected = if expected.starts_with('/') {
                (*expected).to_owned()
            } else {
                format!("{place} {expected}")
            };
            assert_eq!(told, expected, "{id}: {result}");
        }
    }
    assert!(read(&client).await.keys().all(|id| id.starts_with("beside-")));
}

/// The events that the filters look for.
async fn record_for_filters(client: &Client) {
    let events = [
        ("six", "2001:DB8:0:0:0:0:0:1", "group_created", "Zoë"),
        ("mapped", "::ffff:203.0.113.9", "org_user_invited", "Peter"),
        ("range", "203.0.113.77", "x_price_changed", "\u{200f}משה"),
        ("port", "198.51.100.7:443", "group_deleted", "peter p."),
        ("text", "unknown", "group_created", "x;=1+1"),
    ];
    let events: Vec<_> = (0..)
        .zip(events)
        .map(|(second, (id, ip, action, name))| {
            json!({
                "id": id, "timestamp": at(second), "action": action,
                "actor": {"user_id": "u1", "ip": ip, "username": name},
            })
        })
        .collect();
    client.record(&json!({ "events": events })).await.expect(201);
}

/// The ids on a page; what is wrong with the query; or a warning about it.
fn shown(answer: &Answer) -> String {
    let problem = &answer.body["errors"][0];
    if answer.status != 200 {
        let code = problem["code"].as_str().or(answer.body["id"].as_str()).unwrap_or_default();
        return format!("{} {} {code}", answer.status, problem["parameter"].as_str().unwrap_or("-"));
    }
    let warnings = answer.body["warnings"].as_array().into_iter().flatten();
    let warnings: Vec<_> = warnings
        .map(|warning| {
            assert!(answer.headers.contains_key("x-warnings"), "{:?}", answer.headers);
            let detail = warning["detail"].as_str().unwrap();
            let near = detail.split("did you mean ").nth(1).unwrap_or("nothing near");
            let near = near.split(" or ").next().unwrap().trim_end_matches('?');
            format!("{}: {near}", warning["parameter"].as_str().unwrap())
        })
        .collect();
    if !warnings.is_empty() {
        return format!("warns {}", warnings.join("; "));
    }
    let ids: Vec<_> = answer.events().iter().filter_map(|event| event["id"].as_str()).collect();
    ids.into_iter().filter(|id| !id.contains('-')).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_filter_finds_what_people_mean_or_its_slip_is_reported() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    record_for_filters(&client).await;
    app.sealed().await;
    for (id, query, expected) in FILTERS {
        let answer = client.list(&format!("{query}&order=asc&reads=exclude")).await;
        assert_eq!(&shown(&answer), expected, "{id}: {query}");
        // The feed has the same filters, except those of the order of time.
        if !query.contains("cursor") {
            let answer = client.feed(&format!("{query}&reads=exclude")).await;
            assert_eq!(&shown(&answer), expected, "{id} in the feed: {query}");
        }
    }
}

#[tokio::test]
async fn the_bus_keeps_the_names_that_products_have() {
    let app = TestApp::start().await;
    let client = app.reader("acme").await;
    let entries: Vec<_> = BUS
        .iter()
        .map(|(id, action)| {
            let detail = json!({
                "workspace": "acme", "id": id, "timestamp": at(0), "action": action, "actor": {"user_id": "u1"},
            });
            entry("products", &detail)
        })
        .collect();
    for entries in entries.chunks(10) {
        assert_eq!(app.bus().put(entries).await.expect(200).body["FailedEntryCount"], 0);
    }
    app.settled().await;
    assert_eq!(app.tables().quarantined("products").await, [json!(null); 0]);
    for (id, action) in BUS {
        let encoded: String = action.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let found = client.list(&format!("action={encoded}")).await.expect(200);
        assert!(found.events().iter().any(|event| event["id"] == *id), "{id}: {action}");
    }
}

#[tokio::test]
async fn a_cell_is_no_formula_for_any_reader() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let sent: Vec<_> = CELLS.iter().map(|(id, text, _)| event(id, "/actor/username", text)).collect();
    for (row, result) in CELLS.iter().zip(record(&client, &sent).await) {
        assert_eq!(result["status"], "recorded", "{}: {result}", row.0);
    }
    let answer = client.list("format=csv&actor=u1&limit=500").await.expect(200);
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    for (id, _, cell) in CELLS {
        let line = answer.text.lines().find(|line| line.starts_with(&format!("{id},"))).unwrap();
        assert!(line.contains(&format!(",{cell},")), "{id}: {line}");
    }
}

#[tokio::test]
async fn a_request_of_an_ordinary_library_is_understood_or_told_what_to_do() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    for (id, headers, body, expected) in REQUESTS {
        let mut request = client.request(Method::POST, "/api/acme/audit_logs");
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        let answer = client.send(request.body((*body).replace("{id}", id))).await;
        let problem = &answer.body["errors"][0];
        let place =
            problem["pointer"].as_str().or(problem["parameter"].as_str()).or(problem["header"].as_str());
        let told = match problem["code"].as_str() {
            Some(code) => format!("{} {} {code}", answer.status, place.unwrap_or("?")),
            None => answer.status.to_string(),
        };
        assert_eq!(&told, expected, "{id}: {}", answer.text);
    }
}

#[test]
fn the_tables_have_150_rows_and_each_has_its_own_id() {
    let ids: Vec<_> = RECORDED
        .iter()
        .map(|row| row.0)
        .chain(REFUSED.iter().map(|row| row.0))
        .chain(FILTERS.iter().map(|row| row.0))
        .chain(BUS.iter().map(|row| row.0))
        .chain(CELLS.iter().map(|row| row.0))
        .chain(REQUESTS.iter().map(|row| row.0))
        .collect();
    let mut kinds = BTreeMap::<_, usize>::new();
    for id in &ids {
        *kinds.entry(id.rsplit_once('-').unwrap().0).or_default() += 1;
    }
    println!("{} rows: {kinds:?}", ids.len());
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "an id twice");
    assert!(ids.len() >= 150, "only {}", ids.len());
}
