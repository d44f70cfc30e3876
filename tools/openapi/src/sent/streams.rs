//! The schemas of requests about streams.

use serde_json::{Value, json};
use shared::{
    intake::new_event::MAX_ID_CHARACTERS,
    model::{
        catalogue::{Action, Category},
        event::Outcome,
    },
    query::criteria::MAX_TEXT_CHARACTERS,
    stream::{
        DATADOG_SITES, DESTINATION_FIELDS, FILTER_FIELDS, Format, MAX_FILTER_VALUES, MAX_MASKS, StreamSecret,
    },
    text::json::MAX_EXACT_INTEGER,
};
use streams::{CHANGE_FIELDS, FIELDS, MAX_NAME_BYTES, MAX_REASON_BYTES, PAUSE_FIELDS, REPLAY_FIELDS};

use super::{described, object, one_of, or_null, required_line, text};
use crate::{parameters::ADDRESS_RANGE, reference};

/// All schemas, by name.
pub(super) fn schemas() -> [(&'static str, Value); 6] {
    [
        ("StreamDestination", destination()),
        (
            "StreamFilter",
            described(
                "Which events are sent. All that is set must hold; of several values, any one.",
                object(FILTER_FIELDS, &[], filter),
            ),
        ),
        ("NewStream", described("A stream to create.", object(FIELDS, &["name", "destination"], stream))),
        ("StreamChange", change()),
        ("NewStreamPause", described("Why it is to stand still.", object(PAUSE_FIELDS, &[], stream))),
        ("NewStreamReplay", described("Where it is to go on.", object(REPLAY_FIELDS, &["from"], replay))),
    ]
}

fn change() -> Value {
    let mut schema = described(
        "What is to be another of a stream.",
        object(CHANGE_FIELDS, &[], |name| match name {
            "name" => described("What to call it.", required_line(MAX_NAME_BYTES)),
            name => stream(name),
        }),
    );
    schema["minProperties"] = json!(1);
    schema
}

/// A destination of one of the kinds, each with its own members.
fn destination() -> Value {
    let kinds = DESTINATION_FIELDS.map(|(_, name, fields, _)| {
        let required: &[&str] = match name {
            "webhook" | "splunk" => &["type", "url"],
            "datadog" => &["type", "site"],
            "eventbridge" => &["type", "event_bus"],
            _ => &["type"],
        };
        object(fields, required, |field| match field {
            "type" => json!({"const": name}),
            field => destination_member(field),
        })
    });
    described("Where a stream goes to.", json!({"oneOf": kinds}))
}

fn destination_member(name: &str) -> Value {
    match name {
        "url" => described(
            "An https URL that leads to the public internet; of Splunk, its HTTP Event Collector.",
            json!({"type": "string", "format": "uri", "pattern": "^https?://", "maxLength": 2048}),
        ),
        "index" | "source" | "sourcetype" => described(
            "The field of Splunk of this name, where it is not the default.",
            or_null(required_line(100)),
        ),
        "site" => described("The site of Datadog.", json!({"enum": DATADOG_SITES})),
        "service" => {
            described("The service at Datadog, where it is not the default.", or_null(required_line(100)))
        }
        "tags" => {
            let tag = json!({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_:./-]{0,199}$"});
            described(
                "Tags that each event gets.",
                json!({"type": ["array", "null"], "maxItems": 20, "items": tag}),
            )
        }
        "event_bus" => described(
            "The ARN of an event bus that the operator of this service allows.",
            json!({"type": "string", "pattern": "^arn:"}),
        ),
        _ => unreachable!("the member {name} of a destination has no description"),
    }
}

fn filter(name: &str) -> Value {
    match name {
        "actions" => described(
            "One of these actions: names of the catalogue, custom ones, or such as the bus brings.",
            list(json!({"type": "string", "minLength": 1, "maxLength": Action::MAX_CHARACTERS})),
        ),
        "not_actions" => described(
            "None of these actions.",
            list(json!({"type": "string", "minLength": 1, "maxLength": Action::MAX_CHARACTERS})),
        ),
        "categories" => described(
            "One of these categories.",
            list(json!({"enum": Category::names().collect::<Vec<_>>()})),
        ),
        "not_categories" => described(
            "None of these categories.",
            list(json!({"enum": Category::names().collect::<Vec<_>>()})),
        ),
        "not_actors" => described(
            "By none of these, by their ids in the product.",
            list(required_line(MAX_ID_CHARACTERS)),
        ),
        "on_behalf_of" => described(
            "On behalf of this user, by their id in the product.",
            or_null(required_line(MAX_ID_CHARACTERS)),
        ),
        "actor_name" => described(
            "By actors whose name begins with this, whatever the case.",
            or_null(required_line(MAX_TEXT_CHARACTERS)),
        ),
        "entity_name" => described(
            "Done to entities whose name begins with this, whatever the case.",
            or_null(required_line(MAX_TEXT_CHARACTERS)),
        ),
        "contains" => described(
            "With this in a text that people see, whatever the case.",
            or_null(required_line(MAX_TEXT_CHARACTERS)),
        ),
        "ip" => described(
            "From this address, or from a range such as `203.0.113.0/24`.",
            json!({"type": ["string", "null"], "pattern": ADDRESS_RANGE}),
        ),
        "actors" => {
            described("By one of these, by their ids in the product.", list(required_line(MAX_ID_CHARACTERS)))
        }
        "entity_types" => {
            described("Done to an entity of one of these types.", list(required_line(MAX_ID_CHARACTERS)))
        }
        "outcome" => {
            let mut outcome = one_of("With this outcome.", &Outcome::NAMES, "");
            outcome.as_object_mut().map(|outcome| outcome.remove("default"));
            outcome
        }
        _ => unreachable!("the member {name} of a filter has no description"),
    }
}

fn list(items: Value) -> Value {
    json!({"type": ["array", "null"], "maxItems": MAX_FILTER_VALUES, "uniqueItems": true, "items": items})
}

fn stream(name: &str) -> Value {
    match name {
        "name" => described("What to call it.", required_line(MAX_NAME_BYTES)),
        "destination" => reference("StreamDestination"),
        "format" => one_of("As what events are sent.", &Format::NAMES, "native"),
        "filter" => described("Which events are sent; by default all.", or_null(reference("StreamFilter"))),
        "mask" => described(
            "What of each event is left out: /actor, /entity, /context, /changes or /description, or a path within \
             (docs/streams.md).",
            json!({
                "type": ["array", "null"],
                "maxItems": MAX_MASKS,
                "uniqueItems": true,
                "items": {"type": "string", "maxLength": 512, "pattern": "^/(actor|entity|context|changes|description)"},
            }),
        ),
        "secret" => described(
            "What the destination issued: the token of Splunk, the API key of Datadog. It is never shown again.",
            or_null(json!({
                "type": "string", "minLength": 1, "maxLength": StreamSecret::MAX_BYTES, "pattern": "^[!-~]+$",
            })),
        ),
        "rotate_secret" => {
            described("Whether a webhook gets another secret.", json!({"type": ["boolean", "null"]}))
        }
        "from" => described(
            "The sequence to begin with; by default with what comes.",
            json!({"type": ["integer", "null"], "minimum": 0, "maximum": MAX_EXACT_INTEGER}),
        ),
        "reason" => {
            let mut reason = text();
            reason["maxLength"] = json!(MAX_REASON_BYTES);
            described("Why, in words that may stand in the log.", or_null(reason))
        }
        _ => unreachable!("the member {name} of a stream has no description"),
    }
}

fn replay(name: &str) -> Value {
    match name {
        "from" => described(
            "The sequence to go on from, at most the one that the log has next.",
            json!({"type": "integer", "minimum": 0, "maximum": MAX_EXACT_INTEGER}),
        ),
        _ => unreachable!("the member {name} of a replay has no description"),
    }
}
