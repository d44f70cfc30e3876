//! Every text that an outsider may have chosen is recorded, whatever its characters, and an invalid id of the
//! product is refused with its place: the table of `docs/events.md`, member by member.

use serde_json::{Map, Value, json};
use tests::{Client, TestApp, invoke, sample::at};

/// A text as it is sent in JSON, and as it is read back in a one-line member and in a member of several lines.
struct Text {
    sent: String,
    line: String,
    text: String,
    /// The problem code if it is used as an id of the product.
    problem: Option<&'static str>,
}

fn text(sent: &str, read: &str, problem: Option<&'static str>) -> Text {
    Text { sent: sent.to_owned(), line: read.to_owned(), text: read.to_owned(), problem }
}

fn texts() -> Vec<Text> {
    let control = Some("control_character");
    let invalid = Some("invalid_character");
    let mut texts = vec![
        text(r"a\u0001b", r"a\u{1}b", control),
        text(r"a\u0000", r"a\u{0}", control),
        text(r"\u001b[31m", r"\u{1b}[31m", control),
        text("a\u{7f}", r"a\u{7f}", control),
        text(r"\u0085", r"\u{85}", control),
        text("\u{80}\u{9f}", r"\u{80}\u{9f}", control),
        text("\u{200e}a\u{200f}\u{61c}", "\u{200e}a\u{200f}\u{61c}", None),
        text("\u{202e}gpj.exe", "\u{202e}gpj.exe", Some("bidi_override")),
        text("\u{202a}+49 170\u{202c}", "\u{202a}+49 170\u{202c}", Some("bidi_override")),
        text("\u{2068}Anna\u{2069}", "\u{2068}Anna\u{2069}", Some("bidi_override")),
        text("a\u{2028}b\u{2029}", "a\u{2028}b\u{2029}", None),
        text(r"cut \ud83d", r"cut \u{d83d}", invalid),
        text(r"\ude00\ud83d\ude00", "\\u{de00}\u{1f600}", invalid),
        text("a\u{ffff}", r"a\u{ffff}", invalid),
        text(r"\ufdd0", r"\u{fdd0}", invalid),
        text("\u{10ffff}", r"\u{10ffff}", invalid),
        text("Zoë 🕷 مدير", "Zoë 🕷 مدير", None),
        text(r"\\u{85}", r"\u{85}", None),
    ];
    let lines = text(r"a\tb\r\n", r"a\u{9}b\u{d}\u{a}", control);
    texts.push(Text { text: "a\tb\r\n".to_owned(), ..lines });
    texts
}

/// The members that an outsider may have chosen: the place, the event with `[here]` in that place, true if the
/// member has one line, and its maximum length in characters.
fn members() -> Vec<(&'static str, Value, bool, usize)> {
    vec![
        ("/description", json!({"description": here()}), false, 16_384),
        ("/actor/username", json!({"actor": actor("username")}), true, 255),
        ("/actor/ip", json!({"actor": actor("ip")}), true, 255),
        ("/actor/user_agent", json!({"actor": actor("user_agent")}), false, 16_384),
        (
            "/actor/on_behalf_of/username",
            json!({"actor": {"user_id": "u1", "on_behalf_of": actor("username")}}),
            true,
            255,
        ),
        (
            "/actor/on_behalf_of/ip",
            json!({"actor": {"user_id": "u1", "on_behalf_of": actor("ip")}}),
            true,
            255,
        ),
        (
            "/actor/on_behalf_of/user_agent",
            json!({"actor": {"user_id": "u1", "on_behalf_of": actor("user_agent")}}),
            false,
            16_384,
        ),
        (
            "/entity/entity_name",
            json!({"entity": {"entity_type": "t", "entity_id": "e", "entity_name": here()}}),
            true,
            255,
        ),
        ("/context/form", json!({"context": {"form": here()}}), false, 16_384),
        ("/context/a/1/b", json!({"context": {"a": [1, {"b": here()}]}}), false, 16_384),
        ("/changes/0/old", json!({"changes": [{"path": "/a", "old": here(), "new": 1}]}), false, 16_384),
        (
            "/changes/0/new/0",
            json!({"changes": [{"path": "/a", "old": null, "new": [here()]}]}),
            false,
            16_384,
        ),
    ]
}

fn actor(name: &str) -> Value {
    json!({"user_id": "u1", name: here()})
}

fn here() -> Value {
    json!("[here]")
}

/// The ids of the product: the place, and the event with `[here]` in that place.
fn ids() -> Vec<(&'static str, Value)> {
    vec![
        ("/actor/user_id", json!({"actor": {"user_id": here()}})),
        (
            "/actor/on_behalf_of/user_id",
            json!({"actor": {"user_id": "u", "on_behalf_of": {"user_id": here()}}}),
        ),
        ("/entity/entity_type", json!({"entity": {"entity_type": here(), "entity_id": "e"}})),
        ("/entity/entity_id", json!({"entity": {"entity_type": "t", "entity_id": here()}})),
    ]
}

/// An event with these members, as JSON with `sent` in place of `[here]`.
fn event(id: &str, members: &Value, sent: &str) -> String {
    let mut event =
        json!({"id": id, "timestamp": at(0), "action": "group_created", "actor": {"user_id": "u1"}});
    event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    event.to_string().replace("[here]", sent)
}

fn batch(events: &[String]) -> Vec<u8> {
    format!(r#"{{"events": [{}]}}"#, events.join(",")).into_bytes()
}

async fn statuses(client: &Client, body: Vec<u8>, status: u16) -> Vec<Value> {
    let answer = client.record_bytes(body).await.expect(status);
    answer.body["results"].as_array().unwrap().clone()
}

/// The recorded events, by id.
async fn read(client: &Client) -> Map<String, Value> {
    let pages = client.pages("action=group_created&limit=1000").await;
    pages.concat().into_iter().map(|event| (event["id"].as_str().unwrap().to_owned(), event)).collect()
}

/// An event without the members that only the service sets.
fn as_answered(event: &Value) -> Value {
    let mut event = event.clone();
    for name in ["received_at", "sequence", "salt", "redacted", "workspace_username"] {
        event.as_object_mut().unwrap().remove(name);
    }
    event
}

#[tokio::test]
async fn no_text_of_an_outsider_refuses_an_event() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for (pointer, members, is_line, max) in members() {
        for (number, Text { sent: text, line, text: lines, .. }) in texts().into_iter().enumerate() {
            let id = format!("e{}-{number}", pointer.replace('/', "."));
            sent.push(event(&id, &members, &text));
            let read = if is_line { line } else { lines };
            let is_escaped = read.contains(r"\u{") && !text.starts_with(r"\\u");
            expected.push((id, pointer, read, is_escaped.then_some("escaped")));
        }
        let long = "ü".repeat(max + 1);
        for (name, text, read, mark) in
            [("empty", "", String::new(), None), ("long", long.as_str(), "ü".repeat(max), Some("cut: "))]
        {
            let id = format!("{name}{}", pointer.replace('/', "."));
            sent.push(event(&id, &members, text));
            expected.push((id, pointer, read, mark));
        }
    }
    for part in sent.chunks(100) {
        let results = statuses(&client, batch(part), 201).await;
        assert!(results.iter().all(|result| result["status"] == "recorded"));
        // The same input gives the same event.
        let results = statuses(&client, batch(part), 200).await;
        assert!(results.iter().all(|result| result["status"] == "duplicate"));
    }
    let read = read(&client).await;
    for (id, pointer, text, mark) in &expected {
        let event = &read[id];
        assert_eq!(event.pointer(pointer).unwrap().as_str().unwrap(), text, "{id}");
        let marks = &event["context"]["audit_log_escaped"];
        match mark {
            None => assert_eq!(*marks, Value::Null, "{id}"),
            Some(mark) => {
                assert!(marks[pointer].as_str().unwrap().starts_with(mark), "{id}: {marks}");
                assert_eq!(marks.as_object().unwrap().len(), 1, "{id}: {marks}");
            }
        }
    }
    // An answered event can be sent again: here it is a duplicate, and in another workspace the same event.
    let globex = app.holder_of_both("globex").await;
    let answered: Vec<_> = read.values().map(|event| as_answered(event).to_string()).collect();
    for part in answered.chunks(100) {
        let results = statuses(&client, batch(part), 200).await;
        assert!(results.iter().all(|result| result["status"] == "duplicate"), "{results:?}");
        statuses(&globex, batch(part), 201).await;
    }
    let there = self::read(&globex).await;
    for (id, event) in &read {
        assert_eq!(as_answered(&there[id]), as_answered(event));
    }
    println!("{} texts in {} members", texts().len() + 2, members().len());
}

#[tokio::test]
async fn member_names_and_paths_are_escaped_and_none_is_lost() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let long = "ü".repeat(129);
    let mut sent = vec![
        r#"{"context": {"a\u0085": 1, "a\\u{85}": 2, "b": {"c\ud800": {"\uffff": 3}}}}"#.to_owned(),
        format!(r#"{{"context": {{"{long}1": 1, "{long}2": 2}}}}"#),
        r#"{"changes": [{"path": "/a\u0000\ud800", "old": {"k\u007f": 1}, "new": null}]}"#.to_owned(),
        r#"{"context": {"audit_log_escaped": "of another product", "a": 1}}"#.to_owned(),
    ];
    sent.push(format!(r#"{{"changes": [{{"path": "/{}"}}]}}"#, "ü".repeat(2_000)));
    let events: Vec<_> = sent
        .iter()
        .enumerate()
        .map(|(number, members)| {
            let key = format!(r#""id":"k-{number}","timestamp":"{}","action":"group_created""#, at(0));
            format!(r#"{{{key},"actor":{{"user_id":"u1"}},{}"#, &members[1..])
        })
        .collect();
    statuses(&client, batch(&events), 201).await;
    statuses(&client, batch(&events), 200).await;
    let read = read(&client).await;
    assert_eq!(
        context(&read, 0),
        json!({
            "a\\u{85}": 2, "a\\u{85}~2": 1, "b": {"c\\u{d800}": {"\\u{ffff}": 3}},
            "audit_log_escaped": {
                "/context/a\\u{85}~02": "name escaped",
                "/context/b/c\\u{d800}": "name escaped",
                "/context/b/c\\u{d800}/\\u{ffff}": "name escaped",
            },
        })
    );
    let cut = context(&read, 1);
    assert_eq!((&cut["ü".repeat(128)], &cut[format!("{}~2", "ü".repeat(126))]), (&json!(1), &json!(2)));
    assert_eq!(cut["audit_log_escaped"].as_object().unwrap().len(), 2);
    let change = &read["k-2"]["changes"][0];
    assert_eq!(*change, json!({"path": "/a\\u{0}\\u{d800}", "old": {"k\\u{7f}": 1}, "new": null}));
    assert_eq!(
        context(&read, 2)["audit_log_escaped"],
        json!({"/changes/0/path": "escaped", "/changes/0/old/k\\u{7f}": "name escaped"})
    );
    assert_eq!(
        context(&read, 3),
        json!({
            "audit_log_escaped~2": "of another product", "a": 1,
            "audit_log_escaped": {"/context/audit_log_escaped~02": "name another had it"},
        })
    );
    assert_eq!(read["k-4"]["changes"][0]["path"].as_str().unwrap().chars().count(), 1024);
    let answered: Vec<_> = read.values().map(|event| as_answered(event).to_string()).collect();
    let results = statuses(&client, batch(&answered), 200).await;
    assert!(results.iter().all(|result| result["status"] == "duplicate"), "{results:?}");
}

fn context(read: &Map<String, Value>, number: usize) -> Value {
    read[&format!("k-{number}")]["context"].clone()
}

#[tokio::test]
async fn an_invalid_id_is_refused_with_its_place_and_other_events_are_recorded() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for (pointer, members) in ids() {
        let long = Text { problem: Some("too_long"), ..text(&"ü".repeat(257), "", None) };
        let empty = Text { problem: Some("empty"), ..text("", "", None) };
        for (number, Text { sent: text, problem, .. }) in texts().into_iter().chain([long, empty]).enumerate()
        {
            sent.push(event(&format!("i{}-{number}", pointer.replace('/', ".")), &members, &text));
            expected.push(problem.map(|problem| (pointer, problem)));
        }
    }
    let results = statuses(&client, batch(&sent), 207).await;
    for ((result, expected), sent) in results.iter().zip(&expected).zip(&sent) {
        let error = &result["problem"]["errors"][0];
        let told = error["pointer"].as_str().zip(error["code"].as_str());
        assert_eq!(told, *expected, "{sent}");
        assert_eq!(result["status"], if expected.is_some() { "invalid" } else { "recorded" }, "{sent}");
    }
}

#[tokio::test]
async fn a_text_on_the_bus_is_escaped_as_over_http() {
    let app = TestApp::start().await;
    let mut messages = Vec::new();
    for (pointer, members, ..) in members() {
        for (number, text) in texts().into_iter().enumerate() {
            let id = format!("b{}-{number}", pointer.replace('/', "."));
            let mut members = members.clone();
            members["workspace"] = json!("acme");
            let detail = event(&id, &members, &text.sent);
            let envelope = invoke::envelope(&id, &json!("[detail]"));
            messages.push((id, envelope.to_string().replace("\"[detail]\"", &detail)));
        }
    }
    for part in messages.chunks(50) {
        let part: Vec<_> = part.iter().map(|(id, body)| (id.as_str(), body.as_str())).collect();
        let answer = invoke::ingest_bus(&app.store(), &invoke::batch(&part)).await.unwrap();
        assert!(answer.batch_item_failures.is_empty());
    }
    let client = app.holder_of_both("acme").await;
    assert_eq!(read(&client).await.len(), messages.len());
    assert_eq!(app.tables().quarantined("product").await, [] as [Value; 0]);
}

#[tokio::test]
async fn marks_are_bounded_and_counted() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let mut sent = tests::sample::event("e-1", 0);
    sent["context"] = json!({"list": vec!["\u{85}"; 3_000]});
    client.record(&sent).await.expect(201);
    let read = read(&client).await;
    let marks = read["e-1"]["context"]["audit_log_escaped"].as_object().unwrap();
    assert_eq!((marks.len(), &marks[""]), (21, &json!("and 2980 more")));
    assert_eq!(read["e-1"]["context"]["list"][2_999], r"\u{85}");
    client.record(&as_answered(&read["e-1"])).await.expect(200);
}
