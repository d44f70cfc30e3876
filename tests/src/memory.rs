//! Events that need many times more memory decoded than as text, and the memory of this process.

use serde_json::{Value, json};
use shared::{
    model::{id::WorkspaceId, keys::Place},
    store::Store,
    system,
};

use crate::{
    invoke,
    sample::{at, event},
};

/// Elements of lists, all of them ordinary JSON.
pub const ELEMENTS: [&str; 10] =
    [r#"{"a":1}"#, "{}", "[]", "null", "0", "1.5", r#""""#, "[[]]", r#"{"":{"":{}}}"#, "[true,false,null]"];
/// The approximate size of an event.
pub const EVENT_BYTES: usize = 60_000;
const LISTS: usize = 48;

/// An event whose context consists of lists of this element.
pub fn worst(number: usize, element: &str) -> Value {
    let mut event = event(&format!("e-{number}"), i64::try_from(number).unwrap());
    let elements = EVENT_BYTES / LISTS / (element.len() + 1);
    let element: Value = serde_json::from_str(element).unwrap();
    let context = (0..LISTS).map(|list| (format!("k{list}"), Value::from(vec![element.clone(); elements])));
    event["context"] = Value::Object(context.collect());
    event
}

/// Records `each` events of every element in acme. Returns their number.
pub async fn record_worst(store: &Store, each: usize) -> u64 {
    let mut number = 0;
    for element in ELEMENTS {
        for _ in 0..each {
            // One event a request: a request may have 50,000 objects at most.
            let event = worst(number, element);
            let mut answer = (503, json!(null));
            for _ in 0..20 {
                // On a busy machine a call to the engine may time out; retries are deduplicated.
                if answer.0 == 503 {
                    answer = invoke::ingest_api(store, invoke::audit_logs("POST", &event)).await;
                }
            }
            assert!(matches!(answer.0, 200 | 201), "{element}: {answer:?}");
            number += 1;
        }
    }
    number as u64
}

/// Seals the `number` events that [`record_worst`] recorded, in as many passes as it takes.
pub async fn seal_all(store: &Store, number: u64) {
    let acme = WorkspaceId::parse("acme").unwrap();
    let places: Vec<_> = (0..i64::try_from(number).unwrap())
        .map(|number| Place::from_key("acme", &format!("{}#e-{number}", at(number))).unwrap().1)
        .collect();
    for _ in 0..20 {
        let sealed = sealer::seal(store, &acme, &places, system::now()).await;
        if sealed.is_ok() && store.head(&acme).await.is_ok_and(|head| head.size() >= number) {
            return;
        }
    }
    panic!("{number} events are not sealed: {:?}", store.head(&acme).await);
}

/// The resident memory of this process, from `/proc`.
pub fn resident_megabytes() -> u64 {
    megabytes("VmRSS")
}

/// The peak of resident memory since [`forget_peak`].
pub fn peak_megabytes() -> u64 {
    megabytes("VmHWM")
}

/// Resets the peak.
pub fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

fn megabytes(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches([':', '\t', ' ', 'k', 'B']).parse::<u64>().unwrap() / 1024
}
