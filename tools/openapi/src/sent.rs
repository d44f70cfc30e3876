//! The schemas of requests, with the limits of the parsers.
//!
//! Descriptions in words cover the rules beyond JSON Schema: the places where texts are cut, the size and depth
//! of a whole event, and times in relation to the present.

use ingest_api::{MAX_BODY_BYTES, MAX_EVENTS};
use redactions::{MAX_REASON_BYTES, MAX_SEQUENCES};
use serde_json::{Map, Value, json};
use shared::{
    intake::new_event::{
        ACTOR_FIELDS, CHANGE_FIELDS, ENTITY_FIELDS, EVENT_FIELDS, MAX_CHANGES, MAX_CONTEXT_KEYS,
        MAX_ID_CHARACTERS,
    },
    model::{
        catalogue::{Action, CATALOGUE, CATEGORIES, CUSTOM, Writer},
        escaping::{MAX_NAME_CHARACTERS, MAX_PATH_CHARACTERS, MAX_TEXT_CHARACTERS, MEMBER},
        event::{ActorType, Event, Outcome},
        retention,
        timestamp::MAX_AHEAD_SECONDS,
    },
    text::json::{MAX_DEPTH, MAX_EXACT_INTEGER, MAX_KEY_CHARACTERS},
};
use tokens::{DEFAULT_DAYS, MAX_DAYS, MAX_NAME_BYTES};

use crate::reference;

mod streams;

/// One line: no control character, and no character that turns the direction of text.
const LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*$";
/// Text of several lines: no control character but tab and line ends.
const TEXT: &str = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$";

/// All schemas, by name.
pub(crate) fn schemas() -> Map<String, Value> {
    let schemas = [
        ("NewEvent", new_event()),
        ("NewEvents", new_events()),
        ("NewActor", described("Who did it.", object(ACTOR_FIELDS, &["user_id"], actor))),
        (
            "NewEntity",
            described("What it was done to.", object(ENTITY_FIELDS, &["entity_type", "entity_id"], entity)),
        ),
        ("NewChange", described("A value that was changed.", object(CHANGE_FIELDS, &["path"], change))),
        ("Json", any_json()),
        ("NewToken", described("A token to generate.", object(tokens::FIELDS, &["name"], token))),
        ("NewRedaction", new_redaction()),
        (
            "SettingsChange",
            described("What is to be another.", object(settings::FIELDS, &[], settings_change)),
        ),
    ];
    schemas.into_iter().chain(streams::schemas()).map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn new_event() -> Value {
    let description = format!(
        "An event to record. Its canonical JSON (RFC 8785) has at most {} bytes and nests at most \
         {MAX_DEPTH} levels deep. Texts that an outsider may have chosen are never refused: characters that \
         cannot stand are recorded as an escape such as \\u{{85}}, a text that is too long is cut, and \
         context.{MEMBER} says where. A member that is null counts as not sent, except within context and changes.",
        Event::MAX_BYTES
    );
    let mut schema = described(&description, object(EVENT_FIELDS, &["action", "actor"], event));
    // Both or neither; null counts as missing.
    schema["anyOf"] = json!([
        {
            "required": ["id", "timestamp"],
            "properties": {"id": {"type": "string"}, "timestamp": {"type": "string"}},
        },
        {"properties": {"id": {"type": "null"}, "timestamp": {"type": "null"}}},
    ]);
    schema
}

fn new_events() -> Value {
    let description = format!(
        "Up to {MAX_EVENTS} events in {MAX_BODY_BYTES} bytes. Each stands for itself: the good ones are \
         recorded even where others are bad."
    );
    let events =
        json!({"type": "array", "minItems": 1, "maxItems": MAX_EVENTS, "items": reference("NewEvent")});
    described(&description, object(&["events"], &["events"], |_| events.clone()))
}

fn event(name: &str) -> Value {
    match name {
        "id" => described(
            "Identifies the event together with its workspace and timestamp: sent again, it is recognised. \
             Goes with timestamp, or both are left out.",
            or_null(reference("EventId")),
        ),
        "timestamp" => described(
            &format!(
                "When it happened: RFC 3339 with any offset and 0 to 9 fraction digits, kept to the \
                 microsecond; from the year 2000, or since when events are kept, to {} minutes ahead.",
                MAX_AHEAD_SECONDS / 60
            ),
            json!({"type": ["string", "null"], "format": "date-time"}),
        ),
        "action" => {
            let known: Vec<_> =
                CATALOGUE.iter().filter(|row| row.writer == Writer::Client).map(|row| row.action).collect();
            let own = json!({"pattern": Action::RESERVED_PATTERN});
            let custom = format!("^x_[a-z0-9_]{{1,{}}}$", Action::MAX_CUSTOM_BYTES - 3);
            described(
                "What was done: a name of the catalogue (GET /api/actions), or one of your own that begins \
                 with x_.",
                json!({"type": "string", "anyOf": [{"enum": known}, {"pattern": custom, "not": own}]}),
            )
        }
        "category" => {
            let names = CATEGORIES.iter().chain([&CUSTOM]).map(|category| json!(category.name));
            let names: Vec<_> = names.chain([Value::Null]).collect();
            described(
                "The category of the action; may be left out, but not be another.",
                json!({"enum": names}),
            )
        }
        "workspace" | "workspace_username" => described(
            "The workspace the event belongs to. Over HTTPS it is the token's and may be left out; on the \
             bus one of workspace_username and workspace is required.",
            or_null(reference("WorkspaceId")),
        ),
        "description" => described(
            &format!(
                "What happened, in words; by default the catalogue's. Cut after {MAX_TEXT_CHARACTERS} characters."
            ),
            or_null(any_text()),
        ),
        "outcome" => one_of("Whether it succeeded.", &Outcome::NAMES, Outcome::default().name()),
        "actor" => reference("NewActor"),
        "entity" => or_null(reference("NewEntity")),
        "context" => described(
            &format!(
                "What else is worth knowing. Names are cut after {MAX_KEY_CHARACTERS} characters, texts after \
                 {MAX_TEXT_CHARACTERS}."
            ),
            json!({
                "type": ["object", "null"],
                "maxProperties": MAX_CONTEXT_KEYS,
                "additionalProperties": reference("Json"),
            }),
        ),
        "changes" => described(
            "Which values were changed, and how.",
            json!({"type": ["array", "null"], "maxItems": MAX_CHANGES, "items": reference("NewChange")}),
        ),
        _ => unreachable!("the member {name} of an event has no description"),
    }
}

fn actor(name: &str) -> Value {
    match name {
        "user_id" => described("Their id in the product.", required_line(MAX_ID_CHARACTERS)),
        "username" => described(&format!("Their name in the product. {}", cut_name()), or_null(any_text())),
        "ip" => described(&format!("The address the request came from. {}", cut_name()), or_null(any_text())),
        "user_agent" => described(
            &format!("The program the request came from. Cut after {MAX_TEXT_CHARACTERS} characters."),
            or_null(any_text()),
        ),
        "type" => one_of("What kind of actor it is.", &ActorType::NAMES, "user"),
        "on_behalf_of" => {
            described("The user on whose behalf the actor acted, if another.", or_null(reference("NewActor")))
        }
        _ => unreachable!("the member {name} of an actor has no description"),
    }
}

fn entity(name: &str) -> Value {
    match name {
        "entity_type" => described(
            "What kind of thing it is, such as workspace_connection.",
            required_line(MAX_ID_CHARACTERS),
        ),
        "entity_id" => described("Its id in the product.", required_line(MAX_ID_CHARACTERS)),
        "entity_name" => {
            described(&format!("Its name in the product, at the time. {}", cut_name()), or_null(any_text()))
        }
        _ => unreachable!("the member {name} of an entity has no description"),
    }
}

fn change(name: &str) -> Value {
    match name {
        "path" => {
            let description =
                format!("A JSON pointer into the entity. Cut after {MAX_PATH_CHARACTERS} characters.");
            described(&description, json!({"type": "string", "pattern": "^/"}))
        }
        "old" => described("What it was; null where there was none.", reference("Json")),
        "new" => described("What it became; null where it was removed.", reference("Json")),
        _ => unreachable!("the member {name} of a change has no description"),
    }
}

fn token(name: &str) -> Value {
    match name {
        "name" => described("What to call it.", required_line(MAX_NAME_BYTES)),
        "scopes" => described(
            "What it may be used for; by default reading alone.",
            json!({"type": ["array", "null"], "minItems": 1, "items": reference("Scope")}),
        ),
        "expires_at" => described(
            &format!(
                "From when on it is refused, at most {MAX_DAYS} days ahead; by default after {DEFAULT_DAYS} \
                 days."
            ),
            json!({"type": ["string", "null"], "format": "date-time"}),
        ),
        _ => unreachable!("the member {name} of a token has no description"),
    }
}

fn new_redaction() -> Value {
    let mut schema = described(
        "What to erase: of all that an actor did, or of the events of these sequences.",
        object(redactions::FIELDS, &[], redaction),
    );
    // One of the two; null counts as missing.
    schema["oneOf"] = json!([
        {"required": ["actor"], "properties": {"actor": {"type": "string"}, "sequences": {"type": "null"}}},
        {"required": ["sequences"], "properties": {"sequences": {"type": "array"}, "actor": {"type": "null"}}},
    ]);
    schema
}

fn redaction(name: &str) -> Value {
    match name {
        "actor" => described(
            "Of all that this user did, by their id in the product; and of the records of reads that \
             looked for them.",
            or_null(required_line(MAX_ID_CHARACTERS)),
        ),
        "sequences" => described(
            "Of the events of these sequences.",
            json!({
                "type": ["array", "null"],
                "minItems": 1,
                "maxItems": MAX_SEQUENCES,
                "items": {"type": "integer", "minimum": 0, "maximum": MAX_EXACT_INTEGER},
            }),
        ),
        "parts" => described(
            "Which parts; by default the actor alone with `actor`, and all five with `sequences`.",
            json!({"type": ["array", "null"], "minItems": 1, "items": reference("Part")}),
        ),
        "reason" => {
            let mut reason = text();
            reason["maxLength"] = json!(MAX_REASON_BYTES);
            described("Why, in words that may stand in the log.", or_null(reason))
        }
        "cursor" => described(
            "The cursor of the answer before, while it says `has_more`: with an actor alone.",
            or_null(required_line(redactions::MAX_CURSOR_BYTES)),
        ),
        _ => unreachable!("the member {name} of a redaction has no description"),
    }
}

fn settings_change(name: &str) -> Value {
    match name {
        "retention_days" => described(
            "For how many days events are kept; null means without limit.",
            json!({"type": ["integer", "null"], "minimum": 1, "maximum": retention::MAX_DAYS}),
        ),
        "legal_hold" => described(
            "A hold, while which nothing expires; null ends it.",
            or_null(object(settings::HOLD_FIELDS, &["reason"], |_| {
                let mut reason = text();
                reason["minLength"] = json!(1);
                reason["maxLength"] = json!(settings::MAX_REASON_BYTES);
                described("Why it is placed, in words that may stand in the log.", reason)
            })),
        ),
        "effective_from" => described(
            &format!(
                "From when on; at least {} seconds and at most {} days ahead.",
                retention::NOTICE_SECONDS,
                retention::MAX_NOTICE_DAYS
            ),
            json!({"type": ["string", "null"], "format": "date-time"}),
        ),
        "confirm" => {
            described("Must be true where events expire by the change.", json!({"type": ["boolean", "null"]}))
        }
        _ => unreachable!("the member {name} of settings has no description"),
    }
}

/// Any value that can be stored exactly.
fn any_json() -> Value {
    described(
        "Any JSON. Numbers must be exact in a double, and integers below 2^53; send others as strings.",
        json!({"anyOf": [
            {"type": ["null", "boolean"]},
            {"type": "number", "minimum": -MAX_EXACT_INTEGER, "maximum": MAX_EXACT_INTEGER},
            any_text(),
            {"type": "array", "items": reference("Json")},
            {"type": "object", "additionalProperties": reference("Json")},
        ]}),
    )
}

/// An object with exactly these members.
fn object(fields: &[&str], required: &[&str], schema: impl Fn(&str) -> Value) -> Value {
    let properties: Map<_, _> = fields.iter().map(|name| ((*name).to_owned(), schema(name))).collect();
    json!({"type": "object", "required": required, "additionalProperties": false, "properties": properties})
}

fn described(description: &str, mut schema: Value) -> Value {
    schema["description"] = json!(description);
    schema
}

fn or_null(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn one_of(description: &str, names: &[&str], default: &str) -> Value {
    let names: Vec<_> = names.iter().map(|name| json!(name)).chain([Value::Null]).collect();
    described(description, json!({"enum": names, "default": default}))
}

fn required_line(max_characters: usize) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": max_characters, "pattern": LINE})
}

/// A free text of an admin.
fn text() -> Value {
    json!({"type": "string", "maxLength": MAX_TEXT_CHARACTERS, "pattern": TEXT})
}

/// A text that is escaped and cut if necessary.
fn any_text() -> Value {
    json!({"type": "string"})
}

fn cut_name() -> String {
    format!("Cut after {MAX_NAME_CHARACTERS} characters.")
}
