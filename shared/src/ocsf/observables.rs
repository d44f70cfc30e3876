//! The values of an event that analysts search for, whatever member of the framework has them.

use serde_json::{Value, json};

/// The members whose values are observables, with the type of the framework. `[]` is each element of a list.
const OBSERVABLES: &[(&str, u8, &str)] = &[
    ("src_endpoint.ip", 2, "IP Address"),
    ("src_endpoint.hostname", 1, "Hostname"),
    ("http_request.user_agent", 16, "HTTP User-Agent"),
    ("actor.user.uid", 31, "User Object: uid"),
    ("actor.user.name", 4, "User Name"),
    ("actor.user.programmatic_credentials[].uid", 19, "User Credential ID"),
    ("unmapped.actor.on_behalf_of.user_id", 31, "User Object: uid"),
    ("unmapped.actor.on_behalf_of.username", 4, "User Name"),
    ("user.uid", 31, "User Object: uid"),
    ("user.name", 4, "User Name"),
    ("user.email_addr", 5, "Email Address"),
    ("entity.user.uid", 31, "User Object: uid"),
    ("entity.user.name", 4, "User Name"),
    ("group.uid", 33, "Group Object: uid"),
    ("group.name", 32, "Group Object: name"),
    ("resource.uid", 10, "Resource UID"),
    ("resource.name", 38, "Resource Details Object: name"),
    ("resources[].uid", 10, "Resource UID"),
    ("resources[].name", 38, "Resource Details Object: name"),
    ("web_resources[].uid", 10, "Resource UID"),
    ("entity.uid", 10, "Resource UID"),
];

/// Names that stand for a value that the event does not have.
const PLACEHOLDERS: [&str; 2] = [super::UNKNOWN, super::REDACTED];

/// The observables of an event, each value of a type once; null if there are none.
pub(super) fn observables(ocsf: &Value) -> Value {
    let mut found: Vec<Value> = Vec::new();
    for (name, type_id, kind) in OBSERVABLES {
        for value in values(ocsf, name) {
            let known = found.iter().any(|other| other["type_id"] == *type_id && other["value"] == value);
            if !known && !PLACEHOLDERS.contains(&value) {
                found.push(
                    json!({"name": name.replace("[]", ""), "type_id": type_id, "type": kind, "value": value}),
                );
            }
        }
    }
    if found.is_empty() { Value::Null } else { Value::from(found) }
}

/// The texts at a path.
fn values<'a>(object: &'a Value, path: &str) -> Vec<&'a str> {
    let mut reached = vec![object];
    for step in path.split('.') {
        let (name, is_list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
        let members = reached.into_iter().filter_map(|value| value.get(name));
        reached =
            if is_list { members.filter_map(Value::as_array).flatten().collect() } else { members.collect() };
    }
    reached.into_iter().filter_map(Value::as_str).collect()
}
