//! The stream of the events' table at its worst: what the sealer is told of what was written.

use serde_json::{Value, json};

/// What may go wrong between the table and the sealer. `docs/faults.md` has a row for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamFault {
    /// Every third record is lost, as after a day without the sealer.
    RecordsLost,
    /// Every record comes twice, in the same batch and in one more.
    RecordsTwice,
    /// Records come in the reverse order.
    RecordsReversed,
    /// The stream tells of events that are not there.
    RecordsOfNothing,
}

/// Batches of the stream about events with these sort keys, as the fault has it.
pub fn batches(workspace: &str, sort_keys: &[String], fault: Option<StreamFault>) -> Vec<Value> {
    let mut sort_keys = sort_keys.to_vec();
    match fault {
        Some(StreamFault::RecordsLost) => {
            let mut index = 0;
            sort_keys.retain(|_| {
                index += 1;
                index % 3 != 0
            });
        }
        Some(StreamFault::RecordsTwice) => sort_keys = [&sort_keys[..], &sort_keys[..]].concat(),
        Some(StreamFault::RecordsReversed) => sort_keys.reverse(),
        Some(StreamFault::RecordsOfNothing) => {
            let gone = sort_keys.iter().map(|key| format!("{key}-gone"));
            sort_keys = gone.chain(sort_keys.clone()).collect();
        }
        None => {}
    }
    let mut number = 0;
    let mut record = |sort_key: &String| {
        number += 1;
        json!({"eventName": "INSERT", "dynamodb": {
            "Keys": {"workspace": {"S": workspace}, "timestamp": {"S": sort_key}},
            "SequenceNumber": format!("{number:021}"),
            "StreamViewType": "KEYS_ONLY",
        }})
    };
    let records: Vec<_> = sort_keys.iter().map(&mut record).collect();
    records.chunks(10).map(|batch| json!({ "Records": batch })).collect()
}
