//! The routes: their callers, requests and answers.

mod ledger;
mod settings;
mod streams;

use ingest_api::{MAX_BODY_BYTES, MAX_EVENTS};
use query::{FORMATS, Format, SCHEMA_CONTENT_TYPE};
use serde_json::{Value, json};
use shared::{
    http::{
        EXPIRED, HAS_MORE, NEXT_AFTER, NEXT_CURSOR, RATE_LIMIT, RATE_LIMIT_POLICY, WARNINGS, X_RATE_LIMIT,
    },
    model::{
        catalogue::{CATALOGUE, CATEGORIES},
        error::Error,
        event::Event,
        id::TokenId,
        principal::TokenHolder,
        rate::Rate,
        scope::Scope,
        token::WorkspaceToken,
    },
    query::page::Filter,
    text::{json::InvalidJson, problem::FieldError},
};

use crate::{answers::Answers, examples, parameters, reference};

/// The tag of the routes of the audit log.
pub(crate) const AUDIT_LOG: &str = "Audit log";
/// The tag of the routes of a workspace's log.
pub(crate) const LEDGER: &str = "Ledger";
/// The tag of the redaction route.
pub(crate) const REDACTIONS: &str = "Redactions";
/// The tag of the routes of settings.
pub(crate) const SETTINGS: &str = "Settings";
/// The tag of the routes of streams.
pub(crate) const STREAMS: &str = "Streams";
/// The tag of the routes of workspace tokens.
pub(crate) const TOKENS: &str = "Workspace tokens";
/// The tag of the routes without credentials.
pub(crate) const OPEN: &str = "About";

/// The security scheme of a workspace token in one part.
pub(crate) const BEARER: &str = "workspaceToken";
/// The security scheme of a workspace token in two parts.
pub(crate) const BASIC: &str = "workspaceTokenBasic";
/// The security scheme of a workspace admin.
pub(crate) const ADMIN: &str = "workspaceAdmin";

/// All routes.
pub(crate) fn paths() -> Value {
    json!({
        "/api/{workspace}/audit_logs": {
            "parameters": [parameters::workspace()],
            "get": list(),
            "post": record(),
        },
        "/api/{workspace}/audit_logs/feed": {
            "parameters": [parameters::workspace()],
            "get": feed(),
        },
        "/api/{workspace}/ledger/checkpoint": {
            "parameters": [parameters::workspace()],
            "get": ledger::checkpoint(),
        },
        "/api/{workspace}/ledger/key": {
            "parameters": [parameters::workspace()],
            "get": ledger::key(),
        },
        "/api/{workspace}/ledger/tile/{tile}": {
            "parameters": [parameters::workspace(), parameters::tile()],
            "get": ledger::tile(),
        },
        "/api/{workspace}/ledger/entries/{sequence}": {
            "parameters": [parameters::workspace(), parameters::sequence()],
            "get": ledger::entry(),
        },
        "/api/{workspace}/ledger/proof/inclusion": {
            "parameters": [parameters::workspace()],
            "get": ledger::inclusion(),
        },
        "/api/{workspace}/ledger/proof/consistency": {
            "parameters": [parameters::workspace()],
            "get": ledger::consistency(),
        },
        "/api/{workspace}/redactions": {
            "parameters": [parameters::workspace()],
            "post": redact(),
        },
        "/api/{workspace}/settings": {
            "parameters": [parameters::workspace()],
            "get": settings::show(),
            "patch": settings::change(),
        },
        "/api/{workspace}/streams": {
            "parameters": [parameters::workspace()],
            "get": streams::list(),
            "post": streams::create(),
        },
        "/api/{workspace}/streams/{stream}": {
            "parameters": [parameters::workspace(), parameters::stream()],
            "get": streams::show(),
            "patch": streams::change(),
            "delete": streams::delete(),
        },
        "/api/{workspace}/streams/{stream}/pause": {
            "parameters": [parameters::workspace(), parameters::stream()],
            "post": streams::pause(),
        },
        "/api/{workspace}/streams/{stream}/resume": {
            "parameters": [parameters::workspace(), parameters::stream()],
            "post": streams::resume(),
        },
        "/api/{workspace}/streams/{stream}/replay": {
            "parameters": [parameters::workspace(), parameters::stream()],
            "post": streams::replay(),
        },
        "/api/{workspace}/streams/{stream}/test": {
            "parameters": [parameters::workspace(), parameters::stream()],
            "post": streams::test(),
        },
        "/api/{workspace}/tokens": {
            "parameters": [parameters::workspace()],
            "post": create_token(),
            "get": list_tokens(),
        },
        "/api/{workspace}/tokens/{token}": {
            "parameters": [parameters::workspace(), parameters::token()],
            "delete": revoke_token(),
        },
        "/api/actions": {"get": list_actions()},
        "/api/schema": {"get": get_schema()},
        "/api/openapi.json": {"get": get_description()},
        "/api/health": {"get": get_health()},
    })
}

fn list() -> Value {
    let events = [examples::read()];
    let cursor = Filter::default().cursor(&examples::workspace(), &events[0].position());
    let page = json!({"audit_logs": events, "has_more": true, "next_cursor": cursor});
    let answers = page_answers("A page of events", "AuditLogs", page, &events);
    let answers = answers
        .header(200, "Link", "Where the next page is, as `<URL>; rel=\"next\"`; not on the last page.")
        .header(200, NEXT_CURSOR, "`next_cursor` of the formats whose body has no place for it.")
        .header_of(
            200,
            HAS_MORE,
            "`has_more` of the formats whose body has no place for it: present on every page, so that a lost header \
             is not taken for the end.",
            json!({"type": "boolean"}),
        )
        .problems(vec![invalid("limit"), Error::InvalidCursor]);
    let mut operation = operation(
        "listAuditLogs",
        AUDIT_LOG,
        "List and search events",
        "The events that match all filters, in the order of time, page by page. A page may be short, or even \
         empty, and yet have a next: `has_more` or the header `Link` says so. The format is the one that the \
         parameter `format` names, or else the first in `Accept` that can be written.",
        answers,
    );
    operation["parameters"] = json!(parameters::list());
    operation["security"] = token_security(Scope::Read);
    operation
}

fn feed() -> Value {
    let (log, events) = (examples::Log::new(), [examples::Log::event()]);
    let page = json!({"audit_logs": events, "has_more": false, "next_after": 2, "expired": 0, "checkpoint": log.head()});
    let answers = page_answers("A page of the feed", "AuditLogFeed", page, &events)
        .header_of(
            200,
            NEXT_AFTER,
            "`next_after`, in every format: what `after` must be to go on.",
            json!({"type": "integer", "minimum": -1}),
        )
        .header_of(
            200,
            HAS_MORE,
            "`has_more`, in every format: whether anything follows at once.",
            json!({"type": "boolean"}),
        )
        .header_of(
            200,
            EXPIRED,
            "`expired`, in every format: how many sequences were passed over because their events have expired.",
            json!({"type": "integer", "minimum": 0}),
        )
        .header_of(
            200,
            "Retry-After",
            "The request could not wait, because the token or its workspace has as many waiting requests as it may: \
             after how many seconds to ask again.",
            json!({"type": "integer"}),
        )
        .problems(vec![invalid("after"), ledger::inconsistent()]);
    let mut operation = operation(
        "feedAuditLogs",
        AUDIT_LOG,
        "Read the sealed events in the order of their sequence",
        "Complete and final: who keeps one number, `next_after`, can miss no event and gets none twice. A \
         page may be short, or even empty, and yet have more. A page without filters that holds only the records of \
         this token's own reads leaves no further record. A token may have 4 waiting requests at a time, and its \
         workspace 10; a further one is answered at once, with `Retry-After`.",
        answers,
    );
    operation["parameters"] = json!(parameters::feed());
    operation["security"] = token_security(Scope::Read);
    operation
}

fn record() -> Value {
    let answers = token_answers(Scope::Write)
        .json(201, "All are recorded", "Recording", one_recorded("recorded"))
        .json(200, "None failed, and some were recorded before", "Recording", one_recorded("duplicate"))
        .json(
            207,
            "Some of several failed; `results` says which, and why",
            "Recording",
            one_recorded("conflict"),
        )
        .problems(vec![
            Error::InvalidJson(not_json()),
            Error::InvalidQuery(vec![FieldError::new(
                "dry_run",
                "unknown_parameter",
                "is not a parameter of this route",
            )]),
            Error::InvalidHeader(
                "Idempotency-Key must be one value of 1 to 255 visible ASCII characters".to_owned(),
            ),
            Error::UnsupportedEncoding,
            Error::Conflict,
            Error::TooLarge(format!(
                "it has {} events and may have {MAX_EVENTS}; send fewer at a time",
                MAX_EVENTS + 1
            )),
            Error::InvalidBody(vec![FieldError::new("/events", "empty", "must hold at least one event")]),
            Error::InvalidEvent(vec![FieldError::new("/actor/user_id", "required", "must be given")]),
        ])
        .refusal(413, "Request Entity Too Large", "The body is too large for API Gateway")
        .problem_with(
            503,
            json!({"results": {
                "type": "array",
                "description": "Where several were sent: what became of each.",
                "items": reference("RecordingResult"),
            }}),
        );
    let mut operation = operation(
        "recordAuditLogs",
        AUDIT_LOG,
        "Record events",
        "Records one event, or several at once, each with a result of its own. An event is identified by \
         its workspace, timestamp and id, permanently: sent again with the same content it is a duplicate, with \
         other content a conflict, and the first stands. Without an id and a timestamp a retry cannot be \
         recognised. Texts are never refused; `context.audit_log_escaped` says where one was escaped or cut.",
        answers,
    );
    operation["parameters"] = json!([
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "The id of an event that has none, permanently; the event needs a timestamp. In a batch \
                            the events without an id get the key, a full stop and their index.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]([ !#-~]*[!#-~])?$"},
        },
        {
            "name": "Content-Encoding",
            "in": "header",
            "required": false,
            "description": "How the body is compressed. The limit of its size holds once it is decompressed.",
            "schema": {"enum": ["gzip", "identity"]},
        },
    ]);
    operation["requestBody"] = json!({
        "required": true,
        "description": format!("One event, or up to {MAX_EVENTS}; {MAX_BODY_BYTES} bytes at most."),
        "content": {"application/json": {
            "schema": {"anyOf": [reference("NewEvent"), reference("NewEvents")]},
            "examples": {
                "one": {"summary": "One event", "value": examples::sent()},
                "several": {
                    "summary": "Several",
                    "value": {"events": [examples::sent(), examples::sent_in_short()]},
                },
            },
        }},
    });
    operation["security"] = token_security(Scope::Write);
    operation
}

fn one_recorded(status: &str) -> Value {
    json!({"results": [examples::recorded(status)], "debug": took(1.0, 3.0)})
}

fn redact() -> Value {
    let answers = change_answers()
        .json(
            200,
            "Erased, together with the record of it",
            "Redaction",
            json!({"redacted": 99, "has_more": true}),
        )
        .problems(vec![
            Error::InvalidJson(not_json()),
            Error::UnknownSequence,
            Error::Expired,
            too_large(redactions::MAX_BODY_BYTES),
            Error::InvalidBody(vec![FieldError::new(
                "/actor",
                "required",
                "say whose events, or give sequences instead",
            )]),
            ledger::inconsistent(),
            Error::NoServiceKey,
        ])
        .refusal(413, "Request Entity Too Large", "The body is too large for API Gateway");
    let mut operation = operation(
        "redactAuditLogs",
        REDACTIONS,
        "Erase parts of recorded events",
        &format!(
            "The parts are erased from the recorded events, and so from every answer. A request looks at {} events \
             at most: while `has_more`, send it again with the `cursor` of the answer. What the log has of a part is a \
             digest, which stays; so every proof made before or after holds, and says what was withheld. Events of their \
             own record who erased which parts of which events.",
            redactions::MAX_LOOKED_AT
        ),
        answers,
    );
    operation["requestBody"] = json!({
        "required": true,
        "description": format!("{} bytes at most.", redactions::MAX_BODY_BYTES),
        "content": {"application/json": {
            "schema": reference("NewRedaction"),
            "examples": {
                "actor": {
                    "summary": "Who did it, wherever that was one person",
                    "value": {"actor": "af03c0246b82", "reason": "request 17"},
                },
                "sequences": {
                    "summary": "Two parts of some events",
                    "value": {"sequences": [1, 2], "parts": ["context", "changes"]},
                },
            },
        }},
    });
    operation["security"] = admin_security();
    operation
}

fn create_token() -> Value {
    let mut created = examples::token();
    created["last_used_on"] = Value::Null;
    created["secret"] = json!("(43 characters and a checksum of 6)");
    created["bearer"] = json!(format!("alw_{}_(the secret)", examples::TOKEN));
    created["debug"] = took(4.0, 4.0);
    let answers = change_answers()
        .json(201, "The token, with its secret, which is shown this once", "CreatedToken", created)
        .link(
            201,
            "revoke",
            json!({
                "operationId": "revokeToken",
                "parameters": {"workspace": "$request.path.workspace", "token": "$response.body#/token"},
            }),
        )
        .problems(vec![
            Error::InvalidJson(not_json()),
            Error::TooManyTokens(WorkspaceToken::MAX_LIVE),
            too_large(tokens::MAX_BODY_BYTES),
            Error::InvalidBody(vec![FieldError::new("/name", "required", "must be given")]),
        ])
        .refusal(413, "Request Entity Too Large", "The body is too large for API Gateway");
    let mut operation = operation(
        "createToken",
        TOKENS,
        "Generate a workspace token",
        &format!(
            "At most {} tokens of a workspace are neither revoked nor expired.",
            WorkspaceToken::MAX_LIVE
        ),
        answers,
    );
    operation["requestBody"] = json!({
        "required": true,
        "description": format!("{} bytes at most.", tokens::MAX_BODY_BYTES),
        "content": {"application/json": {
            "schema": reference("NewToken"),
            "examples": {
                "reader": {"summary": "To read", "value": {"name": "SIEM", "scopes": [Scope::Read.name()]}},
            },
        }},
    });
    operation["security"] = admin_security();
    operation
}

fn list_tokens() -> Value {
    let answers = admin_answers().json(
        200,
        "All tokens of the workspace",
        "Tokens",
        json!({"tokens": [examples::token()]}),
    );
    let mut operation = operation(
        "listTokens",
        TOKENS,
        "List workspace tokens",
        "Revoked and expired ones included, without their secrets.",
        answers,
    );
    operation["security"] = admin_security();
    operation
}

fn revoke_token() -> Value {
    let answers = change_answers()
        .nothing(204, "The token is revoked, now or before")
        .problems(vec![Error::UnknownToken]);
    let mut operation = operation(
        "revokeToken",
        TOKENS,
        "Revoke a workspace token",
        "It stops working within a minute, for good.",
        answers,
    );
    operation["security"] = admin_security();
    operation
}

fn list_actions() -> Value {
    let (category, action) = (&CATEGORIES[0], &CATALOGUE[0]);
    let example = json!({
        "categories": [{"category": category.name, "label": category.label}],
        "actions": [{
            "action": action.action,
            "event": action.event,
            "category": action.category.name,
            "recorded_by": "client",
        }],
    });
    open("listActions", "List the actions of the catalogue", |answers| {
        answers.json(200, "All actions, by category", "Catalogue", example)
    })
}

fn get_schema() -> Value {
    open("getSchema", "Get the JSON Schema of an event to record", |answers| {
        answers.content(
            200,
            "A schema of draft 2020-12",
            SCHEMA_CONTENT_TYPE,
            json!({"type": "object"}),
            json!({}),
        )
    })
}

fn get_description() -> Value {
    open("getDescription", "Get this document", |answers| {
        answers.content(200, "OpenAPI 3.1", "application/json", json!({"type": "object"}), json!({}))
    })
}

fn get_health() -> Value {
    open("getHealth", "Ask whether the API answers", |answers| {
        answers.json(200, "It does", "Health", json!({"status": "ok"}))
    })
}

/// A route without credentials.
fn open(id: &str, summary: &str, answers: impl FnOnce(Answers) -> Answers) -> Value {
    let mut operation = operation(id, OPEN, summary, "", answers(Answers::default()).gateway());
    operation["security"] = json!([]);
    operation
}

fn operation(id: &str, tag: &str, summary: &str, description: &str, answers: Answers) -> Value {
    let mut operation =
        json!({"operationId": id, "tags": [tag], "summary": summary, "responses": answers.into_json()});
    if !description.is_empty() {
        operation["description"] = json!(description);
    }
    operation
}

/// The possible answers of every route for workspace tokens.
fn token_answers(scope: Scope) -> Answers {
    let workspace = examples::workspace();
    let token = TokenId::parse(examples::TOKEN).expect("a literal id");
    let holder = TokenHolder { workspace: workspace.clone(), token, scopes: Vec::new() };
    let lacking = holder.require(&workspace, scope).expect_err("it has no scope");
    let answers = Answers::default()
        .problems(vec![Error::Unauthenticated, lacking, Error::UnknownWorkspace])
        .refusal(403, "Forbidden", "There is no such token, it is revoked, or it has expired");
    store_answers(answers)
}

/// The answers of a route that reads events: a page in every format.
fn page_answers(description: &str, schema: &str, page: Value, events: &[Event]) -> Answers {
    let mut answers = token_answers(Scope::Read);
    // The last one is CSV once more, with a byte order mark.
    for (format, ..) in FORMATS.into_iter().take(4) {
        let written = format.write(events, None, None, &[]);
        let body = written.text().expect("a page is text");
        let (schema, example) = match format {
            Format::Json => (reference(schema), page.clone()),
            Format::Ndjson => (lines(&format!("One event a line, each as in `{schema}`.")), json!(body)),
            Format::Csv | Format::CsvBom => {
                (lines("RFC 4180, with a header line. Columns are only ever added, at the end."), json!(body))
            }
            Format::Ocsf => {
                (lines("One event of the Open Cybersecurity Schema Framework a line."), json!(body))
            }
        };
        answers = answers.content(200, description, format.content_type(), schema, example);
    }
    let not_acceptable = Error::NotAcceptable(Format::content_types());
    let too_many = Error::TooManyReads(Rate { limit: 40, left: 0, resets_in_seconds: 7 });
    let answers = answers.problems(vec![not_acceptable, too_many]);
    let answers = answers.header(
        200,
        WARNINGS,
        "Where there are warnings: the member `warnings` in JSON, of every format.",
    );
    [200, 429].into_iter().fold(answers, |answers, status| {
        answers
            .header(status, RATE_LIMIT_POLICY, "How often a token may read: `q` times in `w` seconds.")
            .header(
                status,
                RATE_LIMIT,
                "How often it still may (`r`), and in how many seconds it is as before (`t`).",
            )
            .header(status, X_RATE_LIMIT, "How often it may in ten seconds, as Mode says it.")
    })
}

/// The possible answers of every route for workspace admins.
fn admin_answers() -> Answers {
    let member = Error::Forbidden("Only admins of the workspace may do this.".to_owned());
    let answers = Answers::default()
        .problems(vec![
            Error::Unauthenticated,
            member,
            Error::UnknownWorkspace,
            Error::Contention("never shown".into()),
        ])
        .header(401, "WWW-Authenticate", "`Bearer`, where the JWT is not valid.");
    store_answers(answers)
}

/// The possible answers of every route for changes by admins.
fn change_answers() -> Answers {
    let too_many = Error::TooManyChanges(Rate { limit: 20, left: 0, resets_in_seconds: 7 });
    admin_answers()
        .problems(vec![too_many])
        .header(429, RATE_LIMIT_POLICY, "How often a workspace may be changed: `q` times in `w` seconds.")
        .header(
            429,
            RATE_LIMIT,
            "How often it still may (`r`), and in how many seconds it is as before (`t`).",
        )
        .header(429, X_RATE_LIMIT, "How often it may in ten seconds.")
}

/// The possible answers of every route with a workspace.
fn store_answers(answers: Answers) -> Answers {
    answers
        .problems(vec![Error::Internal(source()), Error::Unavailable(source())])
        .refusal(401, "Unauthorized", "There are no credentials, or none that API Gateway can check")
        .refusal(404, "Not Found", "There is no such route")
        .gateway()
}

fn source() -> Box<dyn std::error::Error + Send + Sync> {
    "never shown".into()
}

fn token_security(scope: Scope) -> Value {
    json!([{BEARER: [scope.name()]}, {BASIC: [scope.name()]}])
}

fn admin_security() -> Value {
    json!([{ADMIN: []}])
}

fn not_json() -> InvalidJson {
    shared::text::json::parse(b"{", 1).expect_err("an object without an end")
}

fn too_large(max_bytes: usize) -> Error {
    let has = max_bytes + 1;
    Error::TooLarge(format!("the body has {has} bytes and may have {max_bytes}; send less at a time"))
}

fn invalid(parameter: &str) -> Error {
    let detail = match parameter {
        "after" => "must be the last sequence you have seen, or -1 for none",
        "limit" => "must be a whole number from 1 to 1000",
        _ => "must be a whole number",
    };
    Error::InvalidQuery(vec![FieldError::new(parameter, "out_of_range", detail)])
}

fn took(table: f64, indexes: f64) -> Value {
    json!({"write_units": {"table": table, "indexes": indexes}})
}

fn lines(description: &str) -> Value {
    json!({"type": "string", "description": description})
}
