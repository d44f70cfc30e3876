//! The demo: a workspace with a token and some days of history, recorded through the real doors.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Error, credentials::TokenCredentials};

/// The demo's workspace.
pub(crate) const WORKSPACE: &str = "acme";
/// Entries in one `PutEvents` call, at most.
const ENTRIES_PER_CALL: usize = 10;

/// The two doors of a running system, as a client uses them.
pub(crate) struct Doors<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) bus_name: &'a str,
    pub(crate) admin_jwt: &'a str,
}

/// The events of the demo, with names for actors and entities that occur often.
#[derive(Deserialize)]
struct Story {
    actors: BTreeMap<String, Value>,
    entities: BTreeMap<String, Value>,
    events: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    minutes_ago: i64,
    door: Door,
    action: String,
    actor: String,
    entity: String,
    outcome: Option<String>,
    description: Option<String>,
    context: Option<Value>,
    changes: Option<Value>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Door {
    Api,
    Bus,
}

impl Doors<'_> {
    /// True if an earlier token can still be used.
    pub(crate) async fn is_live(&self, token: &str, now: jiff::Timestamp) -> Result<bool, Error> {
        let client = reqwest::Client::new();
        let listed = self.send(client.get(self.tokens_url()).bearer_auth(self.admin_jwt), 200).await?;
        Ok(listed["tokens"].as_array().into_iter().flatten().any(|entry| {
            entry["token"] == token
                && entry["revoked_at"].is_null()
                && expires(entry).is_some_and(|time| time > now)
        }))
    }

    /// Creates a workspace token that may read and write, as an admin does.
    pub(crate) async fn create_token(&self) -> Result<TokenCredentials, Error> {
        let body = json!({"name": "demo", "scopes": ["audit_log:read", "audit_log:write"]});
        let request = reqwest::Client::new().post(self.tokens_url()).bearer_auth(self.admin_jwt).json(&body);
        let created = self.send(request, 201).await?;
        serde_json::from_value(created).map_err(|error| Error::Demo(error.to_string()))
    }

    /// Sends the history through both doors, and reads it once.
    pub(crate) async fn tell(&self, bearer: &str, now: jiff::Timestamp) -> Result<(), Error> {
        let story: Story = serde_json::from_str(include_str!("events.json"))
            .map_err(|error| Error::Demo(error.to_string()))?;
        let (by_api, by_bus): (Vec<_>, Vec<_>) = story.events.iter().partition(|line| line.door == Door::Api);
        let client = reqwest::Client::new();

        let entries: Vec<_> = by_bus.into_iter().map(|line| self.entry(&story.event(line, now))).collect();
        for entries in entries.chunks(ENTRIES_PER_CALL) {
            let request = client
                .post(self.endpoint)
                .header("X-Amz-Target", "AWSEvents.PutEvents")
                .header("Content-Type", "application/x-amz-json-1.1")
                .body(json!({"Entries": entries}).to_string());
            let answer = self.send(request, 200).await?;
            if answer["FailedEntryCount"] != 0 {
                return Err(Error::Demo(answer.to_string()));
            }
        }

        let logs = format!("{}/api/{WORKSPACE}/audit_logs", self.endpoint);
        let events: Vec<_> = by_api.into_iter().map(|line| story.event(line, now)).collect();
        let batch = client.post(&logs).bearer_auth(bearer).json(&json!({"events": events}));
        self.send(batch, 201).await?;
        self.send(client.get(&logs).query(&[("limit", "1")]).bearer_auth(bearer), 200).await?;
        Ok(())
    }

    fn tokens_url(&self) -> String {
        format!("{}/api/{WORKSPACE}/tokens", self.endpoint)
    }

    fn entry(&self, event: &Value) -> Value {
        let mut detail = event.clone();
        detail["workspace_username"] = json!(WORKSPACE);
        json!({
            "EventBusName": self.bus_name,
            "Source": "com.example.product",
            "DetailType": event["action"],
            "Detail": detail.to_string(),
        })
    }

    async fn send(&self, request: reqwest::RequestBuilder, expected: u16) -> Result<Value, Error> {
        let response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let body = response.text().await.map_err(failed)?;
        if status != expected {
            return Err(Error::Demo(format!("the answer was {status}: {body}")));
        }
        serde_json::from_str(&body).map_err(|error| Error::Demo(error.to_string()))
    }
}

fn failed(error: reqwest::Error) -> Error {
    Error::Demo(error.without_url().to_string())
}

fn expires(entry: &Value) -> Option<jiff::Timestamp> {
    entry["expires_at"].as_str()?.parse::<jiff::Timestamp>().ok()
}

impl Story {
    fn event(&self, line: &Line, now: jiff::Timestamp) -> Value {
        let Line { minutes_ago, door: _, action, actor, entity, outcome, description, context, changes } =
            line;
        let time = now - jiff::SignedDuration::from_mins(*minutes_ago);
        let mut event = json!({
            "id": uuid::Uuid::now_v7().to_string(),
            "timestamp": time.to_string(),
            "action": action,
            "actor": self.actors.get(actor),
            "entity": self.entities.get(entity),
        });
        let optional = [
            ("outcome", outcome.as_ref().map(|text| json!(text))),
            ("description", description.as_ref().map(|text| json!(text))),
            ("context", context.clone()),
            ("changes", changes.clone()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                event[name] = value;
            }
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_story_names_only_what_it_knows_and_shows_every_category() {
        let story: Story = serde_json::from_str(include_str!("events.json")).unwrap();
        let mut categories = BTreeSet::new();
        for line in &story.events {
            assert!(story.actors.contains_key(&line.actor), "{}", line.actor);
            assert!(story.entities.contains_key(&line.entity), "{}", line.entity);
            let action = shared::model::catalogue::Action::parse(&line.action).unwrap();
            categories.insert(action.category().name);
        }
        // The ninth category, audit_logs_access, comes from reads.
        assert_eq!(categories.len(), 8 + 1, "{categories:?}");
        assert!(categories.contains("custom"));
        assert!(story.events.iter().any(|line| line.outcome.is_some()));
    }
}
