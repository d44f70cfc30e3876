//! The records of the events table's stream that the sealer gets, with all faults that a stream may have.

use serde_json::{Value, json};

/// A fault between the table and the sealer. `docs/faults.md` has a row for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamFault {
    /// Every third record is lost, as after a day without the sealer.
    RecordsLost,
    /// Every record comes twice, in the same batch and in one more.
    RecordsTwice,
    /// Records come in the reverse order.
    RecordsReversed,
    /// The stream has records of events that are not in the table.
    RecordsOfNothing,
}

/// The batches of stream records for events with these sort keys, with the fault applied.
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
