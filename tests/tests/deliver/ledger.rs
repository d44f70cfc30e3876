//! The guarantees for receivers, judged by all the requests that one accepted.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::receiver::{Received, Receiver};

/// The events of a request to a webhook.
pub(crate) fn events(request: &Received) -> Vec<Value> {
    request.json()["data"]["events"].as_array().unwrap().clone()
}

/// The delivered events by sequence, and the number of those that arrived more than once.
pub(crate) struct Delivered {
    pub(crate) events: BTreeMap<u64, Value>,
    pub(crate) repeated: usize,
}

/// Checks all accepted requests: events first arrive in the order of the log, an event that arrives again is
/// unchanged, and two requests with one id are equal byte for byte.
pub(crate) fn judge(receiver: &Receiver) -> Delivered {
    let mut delivered = Delivered { events: BTreeMap::new(), repeated: 0 };
    let mut requests = HashMap::<String, String>::new();
    for request in receiver.taken() {
        let id = request.header("webhook-id").to_owned();
        let body = requests.entry(id.clone()).or_insert_with(|| request.body.clone());
        assert_eq!(*body, request.body, "{id} was another request");
        let mut before = None;
        for event in events(&request) {
            let sequence = event["sequence"].as_u64().unwrap();
            assert!(before.is_none_or(|before| before < sequence), "{id} is out of order");
            before = Some(sequence);
            let last = delivered.events.last_key_value().map(|(sequence, _)| *sequence);
            match delivered.events.get(&sequence) {
                Some(there) => {
                    assert_eq!(*there, event, "{sequence} came again as another event");
                    delivered.repeated += 1;
                }
                None => {
                    assert!(last.is_none_or(|last| last < sequence), "{sequence} came after {last:?}");
                    delivered.events.insert(sequence, event);
                }
            }
        }
    }
    delivered
}

/// Checks that each of the sequences from 0 to `count` was delivered. Returns the number of those that arrived
/// more than once.
pub(crate) fn all(receiver: &Receiver, count: u64) -> usize {
    let delivered = judge(receiver);
    let sequences: Vec<_> = delivered.events.keys().copied().collect();
    assert_eq!(sequences, (0..count).collect::<Vec<_>>());
    delivered.repeated
}
