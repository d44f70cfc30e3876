//! The routes of streams, which send the log of a workspace to destinations.

use serde_json::{Value, json};
use shared::{
    model::error::Error,
    stream::{MAX_STREAMS, PAUSE_AFTER_SECONDS, SecretVersions},
    text::problem::FieldError,
};

use super::{STREAMS, admin_answers, admin_security, change_answers, not_json, operation, too_large};
use crate::{answers::Answers, reference};

pub(super) fn list() -> Value {
    let answers = admin_answers().json(200, "All streams", "Streams", json!({"streams": [example()]}));
    let description =
        "Each with what is set of it, how far it has come, and how it goes. No secret is ever shown.";
    by_admin(operation("listStreams", STREAMS, "List streams", description, answers))
}

pub(super) fn create() -> Value {
    let answers = taking_body(change_answers())
        .json(
            201,
            "It is there, and begins; with the secret of a webhook, shown this once",
            "SetStream",
            created(),
        )
        .link(
            201,
            "show",
            json!({
                "operationId": "getStream",
                "parameters": {"workspace": "$request.path.workspace", "stream": "$response.body#/stream"},
            }),
        )
        .problems(vec![
            Error::TooManyStreams(MAX_STREAMS),
            Error::InvalidBody(vec![FieldError::new(
                "/destination/url",
                "invalid_url",
                "must be an https URL",
            )]),
        ]);
    let description = format!(
        "Sends the log of the workspace on to a destination: every event that passes the filter, in the order of \
         its sequence, at least once and under its own id. It begins with what comes, or at `from`. A workspace has \
         {MAX_STREAMS} streams at most. The secret of a webhook is made here and shown in this answer alone; those of \
         Splunk and Datadog are sent, kept in AWS Secrets Manager, and shown nowhere."
    );
    let operation = operation("createStream", STREAMS, "Create a stream", &description, answers);
    by_admin(with_body(
        operation,
        "NewStream",
        true,
        json!({
            "webhook": {"summary": "A webhook", "value": {
                "name": "SIEM", "destination": {"type": "webhook", "url": "https://siem.example.com/audit"},
            }},
            "splunk": {"summary": "Failures to Splunk, from the beginning, without addresses", "value": {
                "name": "SOC",
                "destination": {"type": "splunk", "url": "https://http-inputs-acme.splunkcloud.com", "index": "audit"},
                "secret": "(the-token-of-the-HTTP-Event-Collector)",
                "format": "ocsf",
                "filter": {"outcome": "failure"},
                "mask": ["/actor/ip", "/actor/user_agent"],
                "from": 0,
            }},
        }),
    ))
}

pub(super) fn show() -> Value {
    let answers = admin_answers()
        .json(200, "The stream, and how it goes", "Stream", example())
        .problems(vec![Error::UnknownStream]);
    by_admin(operation("getStream", STREAMS, "Get a stream and how it goes", "", answers))
}

pub(super) fn change() -> Value {
    let mut rotated = created();
    rotated["previous_secret_until"] = json!("2025-02-19T10:47:37.000000Z");
    let answers = taking_body(change_answers())
        .json(
            200,
            "The stream as it is now; with a secret that is new, shown this once",
            "SetStream",
            rotated,
        )
        .problems(vec![
            Error::UnknownStream,
            Error::InvalidBody(vec![FieldError::new(
                "/mask/0",
                "invalid_path",
                "must be a path that can be masked",
            )]),
        ]);
    let description = format!(
        "What is not there stays as it is; a filter or mask that is null is set to nothing; a destination is replaced as \
         a whole, by one of its type. What is under way is sent as it was. With `rotate_secret` a webhook gets another \
         secret, and is signed with both for {} hours.",
        SecretVersions::OVERLAP_SECONDS / 3600
    );
    let operation = operation("changeStream", STREAMS, "Change a stream", &description, answers);
    by_admin(with_body(
        operation,
        "StreamChange",
        true,
        json!({
            "mask": {"summary": "Leave addresses out", "value": {"mask": ["/actor/ip"]}},
            "rotate": {"summary": "Another secret of a webhook", "value": {"rotate_secret": true}},
        }),
    ))
}

pub(super) fn delete() -> Value {
    let answers = change_answers()
        .nothing(204, "The stream is gone, and so is its secret")
        .problems(vec![Error::UnknownStream]);
    let description = "What the destination has stays there. There is no way back, but to create another.";
    by_admin(operation("deleteStream", STREAMS, "Delete a stream", description, answers))
}

pub(super) fn pause() -> Value {
    let mut paused = example();
    paused["status"]["state"] = json!("paused");
    paused["status"]["paused"] =
        json!({"by": "af03c0246b82", "reason": "maintenance", "at": "2025-02-18T10:50:00.000000Z"});
    let answers = taking_body(change_answers())
        .json(200, "It stands still, now or before", "Stream", paused)
        .problems(vec![
            Error::UnknownStream,
            Error::InvalidBody(vec![FieldError::new("/reason", "wrong_type", "must be a string")]),
        ]);
    let description = format!(
        "Nothing is lost: it goes on where it stands once it is resumed. A stream whose destination fails for {} days is \
         paused by the service itself, with an event about it.",
        PAUSE_AFTER_SECONDS / 86_400
    );
    let operation = operation("pauseStream", STREAMS, "Let a stream stand still", &description, answers);
    let examples = json!({"why": {"summary": "And say why", "value": {"reason": "maintenance"}}});
    by_admin(with_body(operation, "NewStreamPause", false, examples))
}

pub(super) fn resume() -> Value {
    let answers = change_answers()
        .json(200, "It goes on, now or before", "Stream", example())
        .problems(vec![Error::UnknownStream]);
    let description = "It is tried at once, whatever it waited for.";
    by_admin(operation("resumeStream", STREAMS, "Let a stream go on", description, answers))
}

pub(super) fn replay() -> Value {
    let answers =
        taking_body(change_answers()).json(200, "It goes on from there", "Stream", example()).problems(vec![
            Error::UnknownStream,
            Error::InvalidBody(vec![FieldError::new(
                "/from",
                "required",
                "say which sequence to go on from",
            )]),
        ]);
    let description = "What was delivered before is delivered again, each event under the id it had. What has expired is not there. A \
         paused stream stays paused.";
    let operation =
        operation("replayStream", STREAMS, "Let a stream go on from a sequence", description, answers);
    let examples = json!({"all": {"summary": "From the beginning", "value": {"from": 0}}});
    by_admin(with_body(operation, "NewStreamReplay", true, examples))
}

pub(super) fn test() -> Value {
    let mut asked = example();
    asked["status"]["test_requested_at"] = json!("2025-02-18T10:50:00.000000Z");
    let answers = change_answers()
        .json(202, "It is asked for; the status says how it went, within a minute or two", "Stream", asked)
        .problems(vec![Error::UnknownStream]);
    let description = "Sends one event that says it is a test, past the filter, also of a paused stream. It moves nothing. The event \
         about the test has the same id.";
    by_admin(operation("testStream", STREAMS, "Test a stream", description, answers))
}

fn by_admin(mut operation: Value) -> Value {
    operation["security"] = admin_security();
    operation
}

fn taking_body(answers: Answers) -> Answers {
    answers.problems(vec![Error::InvalidJson(not_json()), too_large(streams::MAX_BODY_BYTES)]).refusal(
        413,
        "Request Entity Too Large",
        "The body is too large for API Gateway",
    )
}

fn with_body(mut operation: Value, schema: &str, required: bool, examples: Value) -> Value {
    operation["requestBody"] = json!({
        "required": required,
        "description": format!("{} bytes at most.", streams::MAX_BODY_BYTES),
        "content": {"application/json": {"schema": reference(schema), "examples": examples}},
    });
    operation
}

fn created() -> Value {
    let mut created = example();
    created["secret"] = json!("whsec_(44 characters of base64)");
    created
}

fn example() -> Value {
    json!({
        "stream": "str_9fK2ZsW7xLdQ",
        "name": "SIEM",
        "destination": {"type": "webhook", "url": "https://siem.example.com/audit"},
        "format": "native",
        "filter": {},
        "mask": [],
        "previous_secret_until": null,
        "created_by": "af03c0246b82",
        "created_at": "2025-02-18T10:47:37.000000Z",
        "status": {
            "state": "active",
            "next": 81234,
            "lag": 0,
            "delivered": 1200,
            "delivered_at": "2025-02-18T10:49:12.000000Z",
            "failing_since": null,
            "attempts": 0,
            "retry_at": null,
            "last_problem": {"code": "timeout", "detail": "no answer in time", "at": "2025-02-17T03:10:00.000000Z"},
            "paused": null,
            "test_requested_at": null,
            "last_test": null,
        },
    })
}
