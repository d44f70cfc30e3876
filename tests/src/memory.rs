//! Events that take many times as much memory decoded as they do as text, and the memory of this process.

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
/// How many bytes an event has, about.
pub const EVENT_BYTES: usize = 60_000;
const LISTS: usize = 48;

/// An event whose context is lists of this element.
pub fn worst(number: usize, element: &str) -> Value {
    let mut event = event(&format!("e-{number}"), i64::try_from(number).unwrap());
    let elements = EVENT_BYTES / LISTS / (element.len() + 1);
    let element: Value = serde_json::from_str(element).unwrap();
    let context = (0..LISTS).map(|list| (format!("k{list}"), Value::from(vec![element.clone(); elements])));
    event["context"] = Value::Object(context.collect());
    event
}

/// Records so many events of each element in acme; how many there are.
pub async fn record_worst(store: &Store, each: usize) -> u64 {
    let mut number = 0;
    for element in ELEMENTS {
        for _ in 0..each {
            // By itself: a request takes 50,000 objects at most.
            let event = worst(number, element);
            let mut answer = (503, json!(null));
            for _ in 0..20 {
                // A busy machine may let a call to the engine time out: retries are deduplicated.
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

/// Seals the events that [`record_worst`] recorded, so many. A pass seals some megabytes, and the next one goes on.
pub async fn seal_all(store: &Store, number: u64) {
    let acme = WorkspaceId::parse("acme").unwrap();
    let place = |number| Place::from_key("acme", &format!("{}#e-{number}", at(number))).unwrap().1;
    let places: Vec<_> = (0..i64::try_from(number).unwrap()).map(place).collect();
    for _ in 0..20 {
        let sealed = sealer::seal(store, &acme, &places, system::now()).await;
        if sealed.is_ok() && store.head(&acme).await.is_ok_and(|head| head.size() >= number) {
            return;
        }
    }
    panic!("{number} events are not sealed: {:?}", store.head(&acme).await);
}

/// What this process holds, by Linux's own account of it.
pub fn resident_megabytes() -> u64 {
    megabytes("VmRSS")
}

/// The most that it held since [`forget_peak`].
pub fn peak_megabytes() -> u64 {
    megabytes("VmHWM")
}

/// Begins another peak.
pub fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

fn megabytes(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches([':', '\t', ' ', 'k', 'B']).parse::<u64>().unwrap() / 1024
}
