//! The parameters of paths and of queries.

use serde_json::{Value, json};
use shared::{
    query::{
        criteria::MAX_TEXT_CHARACTERS,
        page::{DEFAULT_LIMIT, MAX_LIMIT, Order},
    },
    text::json::MAX_EXACT_INTEGER,
};

use crate::reference;

/// The parameter of the path that names a workspace.
pub(crate) fn workspace() -> Value {
    json!({
        "name": "workspace",
        "in": "path",
        "required": true,
        "description": "The workspace that the credentials belong to.",
        "schema": reference("WorkspaceId"),
    })
}

/// The parameter of the path that names a workspace token.
pub(crate) fn token() -> Value {
    json!({
        "name": "token",
        "in": "path",
        "required": true,
        "description": "The public part of the token.",
        "schema": reference("TokenId"),
    })
}

/// The parameter of the path that names a stream.
pub(crate) fn stream() -> Value {
    json!({
        "name": "stream",
        "in": "path",
        "required": true,
        "description": "The id of the stream.",
        "schema": reference("StreamId"),
    })
}

/// The parameter of the path that names an entry of a log.
pub(crate) fn sequence() -> Value {
    json!({
        "name": "sequence",
        "in": "path",
        "required": true,
        "description": "The `sequence` of the event.",
        "schema": number(),
    })
}

/// The rest of the path, which names a tile. An OpenAPI parameter is one segment of a path, and API Gateway's
/// plus has no meaning there, so it is named without the plus, and the rest is described in words.
pub(crate) fn tile() -> Value {
    json!({
        "name": "tile",
        "in": "path",
        "required": true,
        "description":
            "The rest of the path, as C2SP tlog-tiles has it: `<level>/<index>` or `entries/<index>`, with \
             `.p/<width>` for a tile that is not full yet. Its slashes separate segments of the path, so \
             they are sent as they are. A partial tile may be asked for up to the width that the last \
             signed checkpoint has.",
        "schema": {
            "type": "string",
            "pattern": "^([0-9]|[1-5][0-9]|6[0-3]|entries)(/x[0-9]{3})*/[0-9]{3}(\\.p/[1-9][0-9]{0,2})?$",
        },
        "example": "0/000.p/17",
    })
}

/// All parameters of the time view, in the order of its parser.
pub(crate) fn list() -> Vec<Value> {
    query::FILTERS.into_iter().chain(query::LIST_NAMES).map(parameter).collect()
}

/// All parameters of the feed.
pub(crate) fn feed() -> Vec<Value> {
    query::FILTERS.into_iter().chain(query::FEED_NAMES).map(parameter).collect()
}

/// All parameters of a proof of inclusion.
pub(crate) fn inclusion() -> Vec<Value> {
    ledger::INCLUSION_NAMES.into_iter().map(parameter).collect()
}

/// All parameters of a proof of consistency.
pub(crate) fn consistency() -> Vec<Value> {
    ledger::CONSISTENCY_NAMES.into_iter().map(parameter).collect()
}

/// The characters of an address or a range; not every text of these characters is one.
pub(crate) const ADDRESS_RANGE: &str = "^[0-9A-Fa-f:.]{2,45}(/[0-9]{1,3})?$";

/// A path that a mask may have, without commas, which separate the values of the parameter. Two rules are not in it: a path has
/// at most two `**`, and ends with none.
const MASK: &str = "^/(description|actor(/(username|ip|user_agent|on_behalf_of))?|entity(/entity_name)?|context(/[^/,]+)*|\
                    changes(/[*]/(old|new)(/[^/,]+)*)?)$";

fn parameter(name: &str) -> Value {
    // Any action name of an event, without the separators of lists.
    let (description, schema) = match name {
        "start_timestamp" => ("Only events that did not happen before this time.", time()),
        "end_timestamp" => ("Only events that happened before this time.", time()),
        "action" => (
            "Only events of this action, or of one of several. Of a name that is not in the catalogue and that no event \
             has, `warnings` of the answer tells.",
            action(),
        ),
        "not_action" => {
            ("No events of this action, or of any of several. Its names are those of `action`.", action())
        }
        "category" => ("Only events of this category, or of one of several.", reference("Category")),
        "not_category" => ("No events of this category, or of any of several.", reference("Category")),
        "not_actor" => (
            "Nothing that this user did, by their id in the product, or any of several. A value with commas is one id, and \
             each of its parts as well. An event whose actor was erased is not left out.",
            text(),
        ),
        "on_behalf_of" => ("Only what was done on behalf of this user, by their id in the product.", text()),
        "actor_name" => ("Only what actors did whose name begins with this, whatever the case.", searched()),
        "entity_name" => {
            ("Only what was done to entities whose name begins with this, whatever the case.", searched())
        }
        "contains" => (
            "Only events with this in a text that people see, whatever the case: the name of the actor, of the user on whose \
             behalf they acted, or of the entity, the description, or a value of `context` or `changes`.",
            searched(),
        ),
        "reads" => (
            "Whether the records of reads of the log, `audit_log_accessed`, are among the events.",
            json!({"type": "string", "enum": query::READS, "default": query::READS[0]}),
        ),
        "actor" => ("Only what this user did, by their id in the product.", text()),
        "entity_type" => ("Only what was done to entities of this type.", text()),
        "entity_id" => ("Only what was done to the entity of this id.", text()),
        "outcome" => ("Only what succeeded, or only what failed.", reference("Outcome")),
        "correlation_id" => ("Only events with this `correlation_id` in their context.", text()),
        "ip" => (
            "Only what was done from this address, or from a range such as `203.0.113.0/24`. Addresses are compared as \
             addresses, however they are written; an IPv4 address in the form of IPv6 is the IPv4 address.",
            json!({"type": "string", "pattern": ADDRESS_RANGE}),
        ),
        "order" => (
            "By time, newest first or oldest first.",
            json!({"type": "string", "enum": Order::NAMES, "default": Order::default().name()}),
        ),
        "limit" => (
            "The most events on the page.",
            json!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
        ),
        "cursor" => (
            "Where to go on: `next_cursor` of the page before, with the same filters.",
            json!({"type": "string", "minLength": 1}),
        ),
        "format" => (
            "How to write the page; by default as `Accept` says, and JSON where it says nothing.",
            json!({"type": "string", "enum": query::FORMATS.map(|(_, name, _)| name)}),
        ),
        "mask" => (
            "Leaves out of each event what a stream with this mask leaves out, so that a mask can be tried before it is \
             set: a path such as `/actor/ip`, `/context/**/email` or `/changes/*/new` (docs/reference.md, *Streams*); at \
             most 50, each of at most 512 bytes.",
            json!({"type": "string", "pattern": MASK}),
        ),
        "after" => (
            "Only events after this sequence: `next_after` of the page before, or -1 to begin. Beyond the end of the log \
             it is refused: `out_of_range`.",
            json!({"type": "integer", "minimum": -1, "maximum": MAX_EXACT_INTEGER, "default": -1}),
        ),
        "wait" => (
            "How many seconds to wait for something new where there is nothing.",
            json!({"type": "integer", "minimum": 0, "maximum": query::MAX_WAIT_SECONDS, "default": 0}),
        ),
        "sequence" => ("The `sequence` of the event.", number()),
        "size" => ("The size of the tree; by default that of the current checkpoint.", number()),
        "from" => ("The size of the smaller tree: that of the checkpoint you have.", number()),
        "to" => ("The size of the larger tree; by default that of the current checkpoint.", number()),
        _ => unreachable!("the query parameter {name} has no description"),
    };
    let required = matches!(name, "sequence" | "from");
    let mut parameter = json!({
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": schema,
    });
    if query::LISTS.contains(&name) {
        let description = format!("{description} May be repeated, or list several with commas between them.");
        parameter["description"] = json!(description);
        parameter["schema"] = json!({"type": "array", "items": schema});
        parameter["style"] = json!("form");
        parameter["explode"] = json!(true);
    }
    parameter
}

fn action() -> Value {
    json!({"type": "string", "minLength": 1})
}

fn searched() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": MAX_TEXT_CHARACTERS})
}

fn text() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": shared::intake::parameters::MAX_VALUE_BYTES})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

/// A size or a sequence of a log.
fn number() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": MAX_EXACT_INTEGER})
}
