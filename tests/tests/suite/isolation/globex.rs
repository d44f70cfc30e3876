//! The workspace that others try to reach, filled with data that only it has.

use serde_json::{Value, json};
use tests::{TestApp, sample::at};

use super::THEIRS;

/// A name of globex, and a name of the same form that does not exist.
pub(super) type Twins = (String, String);

/// A sealed workspace, and everything that the test knows about it.
pub(super) struct Globex {
    /// A token that reads and records.
    pub(super) bearer: String,
    /// Texts that are only in its data, and that no attempt sends.
    pub(super) secrets: Vec<String>,
    /// The public parts of its tokens.
    pub(super) tokens: Vec<Twins>,
    /// The ids of its streams.
    pub(super) streams: Vec<Twins>,
    pub(super) cursors: Vec<Twins>,
    /// Values that an outsider may know and look for, by the name of the parameter.
    pub(super) known: Vec<(&'static str, Twins)>,
    /// The ids and timestamps of its events.
    pub(super) keys: Vec<(Twins, String)>,
}

impl Globex {
    /// Creates the workspace, and seals it.
    pub(super) async fn in_(app: &TestApp) -> Self {
        let client = app.holder_of_both(THEIRS).await;
        let admin = app.admin(THEIRS);
        let mut secrets = Vec::new();
        let mut secret = |what: &str| {
            let text = format!("{what}-{}", uuid::Uuid::new_v4().simple());
            secrets.push(text.clone());
            text
        };
        let name = secret("name");
        let scopes = ["audit_log:read", "audit_log:write"];
        let created = admin.create_token(&json!({"name": name, "scopes": scopes})).await.expect(201).body;
        let url = format!("https://siem.example.com/{}", secret("url"));
        let stream = json!({"name": secret("stream"), "destination": {"type": "webhook", "url": url}});
        let stream = admin.create_stream(&stream).await;
        let mut event = |number: i64| {
            json!({
                "id": format!("of-globex-{number}"),
                "timestamp": at(number),
                "action": "connection_created",
                "description": secret("description"),
                "actor": {
                    "user_id": format!("user-of-globex-{number}"),
                    "username": secret("username"),
                    "ip": format!("203.0.113.{number}"),
                    "user_agent": secret("agent"),
                },
                "entity": {
                    "entity_type": "connection",
                    "entity_id": format!("connection-of-globex-{number}"),
                    "entity_name": secret("entity"),
                },
                "context": {"correlation_id": format!("request-of-globex-{number}"), "note": secret("note")},
                "changes": [{"path": "/password", "old": secret("old"), "new": secret("new")}],
            })
        };
        let events: Vec<_> = (0..20).map(&mut event).collect();
        client.record(&json!({ "events": events })).await.expect(201);
        app.reconcile().await;

        let mut cursors = Vec::new();
        for query in ["limit=1", "limit=5&action=connection_created", "limit=2&order=asc"] {
            let theirs = next_cursor(&client, query).await;
            cursors.push((theirs.clone(), unknown_cursor(&theirs)));
        }
        let known = ["actor", "entity_id", "correlation_id", "ip", "id"];
        let known = known.into_iter().flat_map(|name| (0..5).map(move |number| (name, number)));
        let known = known.map(|(name, number)| {
            let text = match name {
                "actor" => format!("user-of-globex-{number}"),
                "entity_id" => format!("connection-of-globex-{number}"),
                "correlation_id" => format!("request-of-globex-{number}"),
                "id" => format!("of-globex-{number}"),
                _ => return (name, (format!("203.0.113.{number}"), format!("203.0.213.{number}"))),
            };
            (name, twins(text))
        });
        let tokens = [client.token.clone(), text(&created["token"])];
        secrets.push(text(&created["secret"]));
        secrets.push(text(&stream["secret"]));
        let stream = text(&stream["stream"]);
        let other: String = stream.trim_start_matches("str_").chars().rev().collect();
        Self {
            bearer: text(&created["bearer"]),
            secrets,
            tokens: tokens.map(|token| (token.clone(), token.chars().rev().collect())).to_vec(),
            streams: vec![(stream, format!("str_{other}"))],
            cursors,
            known: known.collect(),
            keys: (0..20).map(|number| (twins(format!("of-globex-{number}")), at(number))).collect(),
        }
    }
}

fn text(token: &Value) -> String {
    token.as_str().unwrap().to_owned()
}

fn twins(theirs: String) -> Twins {
    (theirs.clone(), theirs.replace("globex", "glubex"))
}

async fn next_cursor(client: &tests::Client, query: &str) -> String {
    let page = client.list(query).await.expect(200).body;
    page["next_cursor"].as_str().unwrap().to_owned()
}

/// The same cursor with one of its last characters changed.
fn unknown_cursor(cursor: &str) -> String {
    let place = cursor.len() - 4;
    let other = if cursor.as_bytes()[place] == b'A' { "B" } else { "A" };
    format!("{}{other}{}", &cursor[..place], &cursor[place + 1..])
}
