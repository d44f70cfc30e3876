//! The class, activity and severity of the records that this service writes about itself.

use super::{HIGH, LOW, OTHER, RESUME, SUSPEND};
use crate::model::{catalogue::OcsfActivity, event::Change};

/// The class of all these records: the log, its settings and its streams are managed entities.
const ENTITY_MANAGEMENT: u16 = 3004;

/// The records, each with its activity and its severity.
pub(super) const RECORDS: [(&str, u8, u8); 10] = [
    ("x_audit_log_stream_created", 1, 3),
    ("x_audit_log_stream_changed", 3, 3),
    ("x_audit_log_stream_paused", SUSPEND, HIGH),
    ("x_audit_log_stream_resumed", RESUME, LOW),
    ("x_audit_log_stream_replayed", 3, LOW),
    ("x_audit_log_stream_tested", OTHER, 1),
    ("x_audit_log_stream_deleted", 4, HIGH),
    ("x_audit_log_settings_changed", 3, LOW),
    ("x_audit_log_redacted", 3, HIGH),
    ("x_audit_log_expired", 4, 1),
];

/// The activity of a record of the service; `None` for any other action.
pub(super) fn activity(action: &str) -> Option<OcsfActivity> {
    let (_, activity_id, severity_id) = *RECORDS.iter().find(|(name, ..)| *name == action)?;
    Some(OcsfActivity { class_uid: ENTITY_MANAGEMENT, activity_id, severity_id })
}

/// The label of a change of settings by which events may be deleted earlier.
pub(super) fn label(Change { path, old, new }: &Change) -> Option<&'static str> {
    match &**path {
        "/retention_days" => {
            let is_shorter = new.as_u64().is_some_and(|new| old.as_u64().is_none_or(|old| new < old));
            is_shorter.then_some("retention_shortened")
        }
        "/legal_hold/reason" => (!old.is_null() && new.is_null()).then_some("legal_hold_released"),
        _ => None,
    }
}
