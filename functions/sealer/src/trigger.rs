//! The triggers of the sealer: batches of the table's stream, and two schedules.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::model::{id::WorkspaceId, keys::Place};

/// The reason why the sealer runs.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// The table's stream has records.
    Stream(Batch),
    /// The schedule of the search for events without a record in the stream.
    Reconcile {
        /// Always true.
        reconcile: bool,
    },
    /// The schedule of the backlog.
    Backlog {
        /// Always true.
        backlog: bool,
    },
}

/// A batch of the stream, with the members that we read (AWS, "DynamoDB Streams event").
#[derive(Debug, Deserialize)]
pub struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
struct Record {
    dynamodb: Change,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    keys: Keys,
    sequence_number: String,
}

#[derive(Debug, Deserialize)]
struct Keys {
    workspace: Text,
    timestamp: Text,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Text {
    s: String,
}

/// The places in a batch for one workspace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) workspace: WorkspaceId,
    /// The places of written items, each once.
    pub(crate) places: Vec<Place>,
    /// The stream's number of the first record for the workspace.
    pub(crate) first_record: String,
}

/// The records that must be delivered again: the stream goes back to the first of them.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    #[serde(rename = "batchItemFailures")]
    failures: Vec<Failure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Failure {
    #[serde(rename = "itemIdentifier")]
    record: String,
}

impl Batch {
    /// The places in the batch, by workspace. A key that is not an event's is skipped and logged.
    pub(crate) fn hints(self) -> Vec<Hint> {
        let mut hints: BTreeMap<WorkspaceId, Hint> = BTreeMap::new();
        for Record { dynamodb: Change { keys, sequence_number } } in self.records {
            let Some((workspace, place)) = Place::from_key(&keys.workspace.s, &keys.timestamp.s) else {
                tracing::error!("a record of the stream is not of an event");
                continue;
            };
            let hint = hints.entry(workspace.clone()).or_insert_with(|| Hint {
                workspace,
                places: Vec::new(),
                first_record: sequence_number,
            });
            hint.places.push(place);
        }
        let mut hints: Vec<_> = hints.into_values().collect();
        for hint in &mut hints {
            hint.places.sort();
            hint.places.dedup();
        }
        hints
    }
}

impl Response {
    pub(crate) fn of(records: impl Iterator<Item = String>) -> Self {
        Self { failures: records.map(|record| Failure { record }).collect() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hints(records: serde_json::Value) -> Vec<Hint> {
        match serde_json::from_value(json!({ "Records": records })).unwrap() {
            Trigger::Stream(batch) => batch.hints(),
            other => panic!("{other:?} is not a batch"),
        }
    }

    fn record(number: &str, workspace: &str, key: &str) -> serde_json::Value {
        json!({"eventName": "INSERT", "dynamodb": {
            "Keys": {"workspace": {"S": workspace}, "timestamp": {"S": key}},
            "SequenceNumber": number, "StreamViewType": "KEYS_ONLY",
        }})
    }

    #[test]
    fn a_batch_gives_each_place_once_by_workspace() {
        let (one, two) = ("2025-02-18T10:47:37.000000Z#e-1", "2025-02-18T10:47:37.000000Z#e-2");
        let found = hints(json!([
            record("1", "globex", one),
            record("2", "acme", two),
            record("3", "acme", one),
            record("4", "acme", two),
            record("5", "acme#3", one),
            record("6", "acme", "not a key"),
        ]));
        let told: Vec<_> = found
            .iter()
            .map(|hint| (hint.workspace.as_str(), hint.places.len(), hint.first_record.as_str()))
            .collect();
        assert_eq!(told, [("acme", 3, "2"), ("globex", 1, "1")]);
    }

    #[test]
    fn the_trigger_of_each_schedule_is_recognized() {
        let trigger = serde_json::from_value(json!({"reconcile": true})).unwrap();
        assert!(matches!(trigger, Trigger::Reconcile { reconcile: true }));
        let trigger = serde_json::from_value(json!({"backlog": true})).unwrap();
        assert!(matches!(trigger, Trigger::Backlog { backlog: true }));
        assert!(serde_json::from_value::<Trigger>(json!({"detail-type": "Scheduled Event"})).is_err());
    }

    #[test]
    fn a_failure_is_named_by_its_first_record() {
        let response = Response::of(["7".to_owned()].into_iter());
        assert_eq!(json!(response), json!({"batchItemFailures": [{"itemIdentifier": "7"}]}));
    }
}
