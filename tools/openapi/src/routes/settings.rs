//! The routes of settings, such as the retention of a workspace.

use serde_json::{Value, json};
use shared::{
    model::{error::Error, retention::NOTICE_SECONDS, timestamp::Timestamp},
    text::problem::FieldError,
};

use super::{SETTINGS, admin_answers, admin_security, change_answers, not_json, operation, too_large};
use crate::reference;

pub(super) fn show() -> Value {
    let answers = admin_answers().json(200, "The settings", "Settings", example());
    let description = "What has expired by them is there for no reader, whatever is still stored of it.";
    let mut operation = operation("getSettings", SETTINGS, "Get how the log is kept", description, answers);
    operation["security"] = admin_security();
    operation
}

pub(super) fn change() -> Value {
    let from = Timestamp::parse("2025-02-18T10:49:00Z").expect("a literal time");
    let answers = change_answers()
        .json(200, "The settings, with what is to come", "Settings", example())
        .problems(vec![
            Error::InvalidJson(not_json()),
            Error::SettingsChanging(from),
            Error::NoServiceKey,
            too_large(settings::MAX_BODY_BYTES),
            Error::InvalidBody(vec![FieldError::new(
                "/confirm",
                "required",
                "at 2025-02-18T10:49:00.000000Z all events of before 2025-01-19T10:49:00.000000Z expire by this, for \
                 good; send true for that",
            )]),
        ])
        .refusal(413, "Request Entity Too Large", "The body is too large for API Gateway");
    let mut operation = operation(
        "changeSettings",
        SETTINGS,
        "Change how long events are kept",
        &format!(
            "As RFC 7396 has it: what is null is set to nothing, and what is not there stays. A change takes effect \
             at `effective_from`, by default and at least {NOTICE_SECONDS} seconds ahead; from that instant on, what \
             has expired is there for no reader and can never be recorded again. Nothing brings it back: neither a \
             longer period nor a legal hold. A change is recorded by an event of its own."
        ),
        answers,
    );
    operation["requestBody"] = json!({
        "required": true,
        "description": format!("{} bytes at most.", settings::MAX_BODY_BYTES),
        "content": {"application/json": {
            "schema": reference("SettingsChange"),
            "examples": {
                "retention": {
                    "summary": "Keep events for a year",
                    "value": {"retention_days": 365, "confirm": true},
                },
                "hold": {
                    "summary": "Let nothing expire for now",
                    "value": {"legal_hold": {"reason": "case 17"}},
                },
                "release": {
                    "summary": "End the hold, on a day",
                    "value": {"legal_hold": null, "effective_from": "2025-03-01T00:00:00Z", "confirm": true},
                },
            },
        }},
    });
    operation["security"] = admin_security();
    operation
}

fn example() -> Value {
    json!({
        "retention_days": null,
        "retained_from": null,
        "retention_to_come": {"retention_days": 365, "from": "2025-02-18T10:49:00.000000Z"},
        "legal_hold": null,
        "receipted_to": null,
        "shards": [],
    })
}
