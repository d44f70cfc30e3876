//! The conversion of another service's events to ours. docs/migration.md has the same as tables.

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use clap::ValueEnum;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    api::{Api, Identity},
    error::Error,
};

/// Where events come from.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// WorkOS Audit Logs
    Workos,
    /// Retraced (BoxyHQ)
    Retraced,
    /// Mode's audit log API
    Mode,
    /// Our own events, as the API takes them or as they were exported
    Ndjson,
    /// Our own events, as `auditlog export --format csv` writes them
    Csv,
}

/// The names of actions here, and what others are called here.
pub(super) struct Catalogue {
    /// Every action of the catalogue, and whether clients may record it.
    actions: BTreeMap<String, bool>,
    renamed: BTreeMap<String, String>,
}

const MAX_ACTION_BYTES: usize = 63;
const MAX_ID_BYTES: usize = 128;
/// The beginning of the custom actions that the service keeps for its own records.
const SERVICE_PREFIX: &str = "x_audit_log_";
/// The kinds of actor there are here.
const ACTOR_TYPES: [&str; 5] = ["user", "workspace_token", "member_token", "service", "system"];
const ACTOR_MEMBERS: [&str; 6] = ["user_id", "username", "ip", "user_agent", "type", "on_behalf_of"];
const ENTITY_MEMBERS: [&str; 3] = ["entity_type", "entity_id", "entity_name"];
/// The members of an exported event that the service sets itself.
const OURS: [&str; 6] = ["category", "received_at", "sequence", "salt", "redacted", "workspace_username"];

impl Catalogue {
    /// Asks the API for its catalogue, and reads what is to be renamed.
    ///
    /// # Errors
    /// If the API or the file cannot be read.
    pub(super) fn new(api: &Api, renamed: Option<&Path>) -> Result<Self, Error> {
        let answer = api.get("/api/actions", &[], Identity::Anyone)?.json()?;
        let rows = answer["actions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let actions = rows.iter().filter_map(|row| {
            Some((row["action"].as_str()?.to_owned(), row["recorded_by"].as_str()? == "client"))
        });
        let renamed = match renamed {
            None => BTreeMap::new(),
            Some(path) => {
                let text = std::fs::read(path).map_err(|error| Error::named_file(path, error))?;
                serde_json::from_slice(&text).map_err(|error| {
                    Error::usage(
                        format!("{} is no object of names: {error}.", path.display()),
                        "Write it as {\"user.signed_in\": \"x_signed_in\"}.",
                    )
                })?
            }
        };
        Ok(Self { actions: actions.collect(), renamed })
    }

    /// The name of an action here: the renamed one, the catalogue's, or else a custom one.
    fn action(&self, name: &str) -> Result<String, String> {
        if let Some(renamed) = self.renamed.get(name) {
            return Ok(renamed.clone());
        }
        match self.actions.get(name) {
            Some(true) => return Ok(name.to_owned()),
            // The service alone writes these here; in the file they are records of another log.
            None if name.starts_with(SERVICE_PREFIX) => return Ok(format!("x_imported_{name}")),
            Some(false) => return Ok(format!("x_imported_{name}")),
            None => {}
        }
        // Letters of other scripts would all become `_`, and two actions one.
        if !name.is_ascii() {
            return Err(format!(
                "its action {name:?} has letters that no action has here; name it with --actions"
            ));
        }
        let plain: String = name.chars().map(plain).collect();
        let name = if plain.starts_with("x_") { plain } else { format!("x_{plain}") };
        match name.len() {
            0..=2 => Err("its action has no name".to_owned()),
            3..=MAX_ACTION_BYTES => Ok(name),
            _ => Err(format!("its action {name} is too long; name it with --actions")),
        }
    }
}

fn plain(character: char) -> char {
    match character.to_ascii_lowercase() {
        character @ ('a'..='z' | '0'..='9' | '_') => character,
        _ => '_',
    }
}

impl Origin {
    /// The event that a row is here.
    ///
    /// # Errors
    /// Says what it lacks.
    pub(super) fn event(self, row: &Value, catalogue: &Catalogue) -> Result<Value, String> {
        let members = row.as_object().ok_or("it is no JSON object")?;
        let mut event = match self {
            Self::Workos => workos(members),
            Self::Retraced => retraced(members),
            Self::Mode => mode(members),
            Self::Ndjson | Self::Csv => ours(members),
        }?;
        let name = members.get("action").and_then(Value::as_str).ok_or("it has no action")?;
        let action = catalogue.action(name)?;
        let (id, is_kept) = id(members, row);
        let theirs = members.get("id").filter(|id| !is_kept && !id.is_null());
        let context = event["context"].as_object_mut().ok_or("its context is no object")?;
        if action != name {
            context.insert("imported_action".to_owned(), json!(name));
        }
        if !matches!(self, Self::Ndjson | Self::Csv) {
            context.insert("imported_from".to_owned(), json!(self));
        }
        if let Some(theirs) = theirs {
            context.insert("imported_id".to_owned(), theirs.clone());
        }
        event["action"] = json!(action);
        event["id"] = json!(id);
        Ok(event)
    }
}

fn workos(row: &Map<String, Value>) -> Result<Value, String> {
    let actor = row.get("actor").and_then(Value::as_object).ok_or("it has no actor")?;
    let context = row.get("context").unwrap_or(&Value::Null);
    let location = context["location"].as_str().filter(|location| location.parse::<IpAddr>().is_ok());
    let targets = row.get("targets").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut rest = taken(row, &["id", "action", "occurred_at", "actor", "targets", "context"]);
    if location.is_none() {
        insert(&mut rest, "location", &context["location"]);
    }
    insert(&mut rest, "actor_metadata", &actor.get("metadata").cloned().unwrap_or_default());
    insert(
        &mut rest,
        "target_metadata",
        &targets.first().map_or(Value::Null, |target| target["metadata"].clone()),
    );
    if targets.len() > 1 {
        insert(&mut rest, "other_targets", &json!(targets[1..]));
    }
    Ok(json!({
        "timestamp": time(row, &["occurred_at"])?,
        "actor": {
            "user_id": actor.get("id"),
            "username": actor.get("name"),
            "type": actor_type(actor.get("type"), &mut rest),
            "ip": location,
            "user_agent": context["user_agent"],
        },
        "entity": targets.first().map(entity),
        "context": rest,
    }))
}

fn retraced(row: &Map<String, Value>) -> Result<Value, String> {
    let none = Map::new();
    let actor = row.get("actor").and_then(Value::as_object).unwrap_or(&none);
    let is_anonymous = row.get("is_anonymous") == Some(&json!(true));
    let user_id = match actor.get("id") {
        Some(id) if !id.is_null() => id.clone(),
        _ if is_anonymous => json!("anonymous"),
        _ => return Err("it has no actor, and is not anonymous".to_owned()),
    };
    let target = row.get("target").filter(|target| target.is_object());
    let failed = row.get("is_failure") == Some(&json!(true));
    let ip = row.get("source_ip").and_then(Value::as_str).filter(|ip| ip.parse::<IpAddr>().is_ok());
    let times = ["canonical_time", "created", "received"];
    let mut rest =
        taken(row, &["id", "action", "actor", "target", "is_failure", "description", "source_ip", "raw"]);
    times.iter().for_each(|name| {
        rest.remove(*name);
    });
    if ip.is_none() {
        insert(&mut rest, "source_ip", row.get("source_ip").unwrap_or(&Value::Null));
    }
    insert(&mut rest, "actor_fields", actor.get("fields").unwrap_or(&Value::Null));
    insert(&mut rest, "actor_href", actor.get("href").unwrap_or(&Value::Null));
    if let Some(target) = target {
        insert(&mut rest, "target_fields", &target["fields"]);
        insert(&mut rest, "target_href", &target["href"]);
    }
    Ok(json!({
        "timestamp": time(row, &times)?,
        "description": row.get("description"),
        "outcome": if failed { "failure" } else { "success" },
        "actor": {"user_id": user_id, "username": actor.get("name"), "ip": ip},
        "entity": target.map(entity),
        "context": rest,
    }))
}

fn mode(row: &Map<String, Value>) -> Result<Value, String> {
    let mut context = row.get("context").and_then(Value::as_object).cloned().unwrap_or_default();
    let known =
        ["id", "action", "timestamp", "description", "actor", "entity", "context", "outcome", "changes"];
    for (name, value) in
        row.iter().filter(|(name, _)| !known.contains(&name.as_str()) && !OURS.contains(&name.as_str()))
    {
        insert(&mut context, name, value);
    }
    let mut part = |name: &str, members: &[&str]| {
        let part = row.get(name).and_then(Value::as_object)?;
        for (member, value) in part.iter().filter(|(member, _)| !members.contains(&member.as_str())) {
            insert(&mut context, &format!("{name}_{member}"), value);
        }
        Some(
            part.iter()
                .filter(|(member, _)| members.contains(&member.as_str()))
                .map(|(member, value)| (member.clone(), value.clone()))
                .collect::<Map<_, _>>(),
        )
    };
    let actor = part("actor", &ACTOR_MEMBERS).ok_or("it has no actor")?;
    let entity = part("entity", &ENTITY_MEMBERS);
    Ok(json!({
        "timestamp": time(row, &["timestamp"])?,
        "description": row.get("description"),
        "outcome": row.get("outcome"),
        "actor": actor,
        "entity": entity,
        "context": context,
        "changes": row.get("changes"),
    }))
}

fn ours(row: &Map<String, Value>) -> Result<Value, String> {
    let mut event = taken(row, &OURS);
    if row.get("redacted").is_some_and(|redacted| !redacted.is_null()) {
        return Err("parts of it were erased; what is left is not the event".to_owned());
    }
    if event.get("context").is_none_or(Value::is_null) {
        event.insert("context".to_owned(), json!({}));
    }
    event.insert("timestamp".to_owned(), json!(time(row, &["timestamp"])?));
    Ok(Value::Object(event))
}

/// An entity from a target, which WorkOS and Retraced have alike.
fn entity(target: &Value) -> Value {
    let kind = target["type"].as_str().unwrap_or("target");
    json!({"entity_type": kind, "entity_id": target["id"], "entity_name": target["name"]})
}

/// The kind of actor; one that there is not here is kept beside.
fn actor_type(kind: Option<&Value>, rest: &mut Map<String, Value>) -> String {
    match kind.and_then(Value::as_str) {
        Some(kind) if ACTOR_TYPES.contains(&kind) => kind.to_owned(),
        kind => {
            insert(rest, "actor_type", &json!(kind));
            "user".to_owned()
        }
    }
}

/// The members of a row except the named ones.
fn taken(row: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let rest = row.iter().filter(|(name, value)| !names.contains(&name.as_str()) && !value.is_null());
    rest.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn insert(context: &mut Map<String, Value>, name: &str, value: &Value) {
    if !value.is_null() && value != &json!({}) {
        context.entry(name).or_insert_with(|| value.clone());
    }
}

/// The first of these times that the row has: RFC 3339, or milliseconds since 1970.
fn time(row: &Map<String, Value>, names: &[&str]) -> Result<String, String> {
    let value = names.iter().find_map(|name| row.get(*name).filter(|value| !value.is_null()));
    let time = match value {
        None => return Err(format!("it has no {}", names[0])),
        Some(Value::String(text)) => text.parse::<Timestamp>().ok(),
        Some(Value::Number(number)) => {
            number.as_i64().and_then(|number| Timestamp::from_millisecond(number).ok())
        }
        Some(_) => None,
    };
    time.map(|time| time.to_string()).ok_or_else(|| format!("its {} is no time", names[0]))
}

/// The id of the row and whether it is the row's own: a text that can be an id here, or a whole number in its digits.
/// Otherwise the id follows from all of the row, so that a row that comes again is recognized.
fn id(members: &Map<String, Value>, row: &Value) -> (String, bool) {
    let theirs = match members.get("id") {
        Some(Value::String(id)) => Some(id.clone()),
        Some(Value::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    match theirs.filter(|id| is_id(id)) {
        Some(id) => (id, true),
        None => {
            let canonical =
                serde_json_canonicalizer::to_vec(row).unwrap_or_else(|_| row.to_string().into_bytes());
            let digest = Sha256::digest(canonical);
            let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
            (format!("imported-{hex}"), false)
        }
    }
}

fn is_id(text: &str) -> bool {
    let mut bytes = text.bytes();
    (1..=MAX_ID_BYTES).contains(&text.len())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        Catalogue {
            actions: BTreeMap::from([
                ("group_created".to_owned(), true),
                ("audit_log_accessed".to_owned(), false),
            ]),
            renamed: BTreeMap::from([("user.signed_in".to_owned(), "x_login".to_owned())]),
        }
    }

    fn check(origin: Origin, row: Value, expected: &Value) {
        assert_eq!(&origin.event(&row, &catalogue()).unwrap(), expected, "{row}");
    }

    fn check_action(name: &str, expected: &str) {
        assert_eq!(catalogue().action(name).unwrap(), expected);
    }

    #[test]
    fn an_id_is_kept_where_it_can_be_one_and_noted_otherwise() {
        let row = |id: Value| json!({"id": id, "action": "group_created", "timestamp": "2025-01-01T00:00:00Z", "actor": {"user_id": "u"}});
        let event = Origin::Ndjson.event(&row(json!(12345)), &catalogue()).unwrap();
        assert_eq!((&event["id"], &event["context"]), (&json!("12345"), &json!({})));
        let event = Origin::Ndjson.event(&row(json!("a/b c")), &catalogue()).unwrap();
        assert!(event["id"].as_str().unwrap().starts_with("imported-"));
        assert_eq!(event["context"], json!({"imported_id": "a/b c"}));
    }

    #[test]
    fn an_action_is_renamed_or_the_catalogues_or_a_custom_one() {
        check_action("user.signed_in", "x_login");
        check_action("group_created", "group_created");
        check_action("audit_log_accessed", "x_imported_audit_log_accessed");
        check_action("Team.Created", "x_team_created");
        check_action("x_mine", "x_mine");
        assert!(catalogue().action("ログイン").unwrap_err().contains("--actions"));
        assert!(catalogue().action("").is_err());
        assert!(catalogue().action(&"a".repeat(62)).is_err());
    }

    #[test]
    fn an_event_of_workos_is_one_here() {
        let row = json!({
            "id": "audit_event_01", "action": "user.signed_in", "occurred_at": "2025-02-18T10:47:37.100Z", "version": 1,
            "actor": {"type": "user", "id": "user_1", "name": "Jon", "metadata": {"role": "admin"}},
            "targets": [{"type": "team", "id": "team_1", "name": "Spiders", "metadata": {"size": 3}}, {"type": "org", "id": "o"}],
            "context": {"location": "192.0.2.7", "user_agent": "Chrome"}, "metadata": {"owner": "me"},
        });
        check(
            Origin::Workos,
            row,
            &json!({
                "id": "audit_event_01", "action": "x_login", "timestamp": "2025-02-18T10:47:37.1Z",
                "actor": {"user_id": "user_1", "username": "Jon", "type": "user", "ip": "192.0.2.7", "user_agent": "Chrome"},
                "entity": {"entity_type": "team", "entity_id": "team_1", "entity_name": "Spiders"},
                "context": {
                    "version": 1, "metadata": {"owner": "me"}, "actor_metadata": {"role": "admin"},
                    "target_metadata": {"size": 3}, "other_targets": [{"type": "org", "id": "o"}],
                    "imported_action": "user.signed_in", "imported_from": "workos",
                },
            }),
        );
    }

    #[test]
    fn an_event_of_retraced_is_one_here() {
        let row = json!({
            "action": "audit.log.view", "crud": "r", "canonical_time": 1_739_875_657_000_i64, "received": 1_739_875_658_000_i64,
            "actor": {"id": "a1", "name": "Ann", "fields": {"team": "red"}}, "group": {"id": "g"},
            "target": {"id": "t1", "name": "Book", "type": "doc"}, "source_ip": "1.1.0.180", "is_failure": true,
            "description": "read a book",
        });
        let (id, is_kept) = id(row.as_object().unwrap(), &row);
        assert!(!is_kept && id.starts_with("imported-") && id.len() == 41, "{id}");
        check(
            Origin::Retraced,
            row,
            &json!({
                "id": id, "action": "x_audit_log_view", "timestamp": "2025-02-18T10:47:37Z", "description": "read a book",
                "outcome": "failure",
                "actor": {"user_id": "a1", "username": "Ann", "ip": "1.1.0.180"},
                "entity": {"entity_type": "doc", "entity_id": "t1", "entity_name": "Book"},
                "context": {
                    "crud": "r", "group": {"id": "g"}, "actor_fields": {"team": "red"},
                    "imported_action": "audit.log.view", "imported_from": "retraced",
                },
            }),
        );
    }

    #[test]
    fn an_event_of_mode_is_one_here() {
        let row = json!({
            "id": "m-1", "action": "group_created", "category": "user_groups", "timestamp": "2025-02-18T10:47:37.000Z",
            "workspace_username": "elsewhere", "description": "d",
            "actor": {"user_id": "u", "username": "p", "email": "p@example.com"},
            "entity": {"entity_type": "group", "entity_id": "g"}, "context": {"group_name": "x"}, "_links": {"self": {}},
        });
        check(
            Origin::Mode,
            row,
            &json!({
                "id": "m-1", "action": "group_created", "timestamp": "2025-02-18T10:47:37Z", "description": "d",
                "outcome": null, "changes": null,
                "actor": {"user_id": "u", "username": "p"}, "entity": {"entity_type": "group", "entity_id": "g"},
                "context": {"group_name": "x", "_links": {"self": {}}, "actor_email": "p@example.com", "imported_from": "mode"},
            }),
        );
    }

    #[test]
    fn an_exported_event_is_sent_as_it_was() {
        let row = json!({
            "id": "e", "action": "group_created", "timestamp": "2025-02-18T10:47:37.000000Z", "sequence": 4, "salt": "s",
            "redacted": null, "category": "user_groups", "received_at": "r", "workspace_username": "acme",
            "actor": {"user_id": "u"}, "changes": [], "context": {}, "entity": null, "description": "d", "outcome": "success",
        });
        check(
            Origin::Ndjson,
            row,
            &json!({
                "id": "e", "action": "group_created", "timestamp": "2025-02-18T10:47:37Z", "actor": {"user_id": "u"},
                "changes": [], "context": {}, "description": "d", "outcome": "success",
            }),
        );
    }

    fn check_lack(origin: Origin, row: Value, expected: &str) {
        assert_eq!(origin.event(&row, &catalogue()).unwrap_err(), expected, "{row}");
    }

    #[test]
    fn a_row_that_lacks_a_member_is_refused_with_its_name() {
        check_lack(Origin::Workos, json!([]), "it is no JSON object");
        check_lack(Origin::Workos, json!({"action": "a"}), "it has no actor");
        check_lack(Origin::Workos, json!({"action": "a", "actor": {"id": "u"}}), "it has no occurred_at");
        check_lack(
            Origin::Workos,
            json!({"actor": {"id": "u"}, "occurred_at": "2025-01-01T00:00:00Z"}),
            "it has no action",
        );
        check_lack(
            Origin::Retraced,
            json!({"action": "a", "created": 1}),
            "it has no actor, and is not anonymous",
        );
        check_lack(
            Origin::Mode,
            json!({"action": "a", "actor": {}, "timestamp": "then"}),
            "its timestamp is no time",
        );
        check_lack(
            Origin::Ndjson,
            json!({"action": "a", "redacted": {}}),
            "parts of it were erased; what is left is not the event",
        );
    }
}
