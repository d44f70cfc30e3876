//! Any run: no event is lost, and the same run has the same bytes.

use archiver::archive::Run;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{collect, event, read_back::holds, run, workspace};

/// JSON as clients send it into a context.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1_000_000_i64..1_000_000).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zé\"]{1,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Events of a log from a sequence, some of whose sequences are skipped.
fn events() -> impl Strategy<Value = (u64, Vec<Value>)> {
    let one = (1_u64..4, 0_u64..72, json(), prop::option::of("\\PC{0,20}"), any::<bool>());
    (0_u64..1_000_000, prop::collection::vec(one, 0..20)).prop_map(|(first, all)| {
        let mut sequence = first;
        let events = all.into_iter().map(|(step, hours, context, description, erased)| {
            let mut event = event(sequence, hours);
            sequence += step;
            event["context"] = json!({"any": context});
            event["description"] = json!(description);
            if erased {
                event["actor"] = Value::Null;
            }
            event
        });
        (first, events.collect())
    })
}

fn last(first: u64, events: &[Value]) -> u64 {
    events.last().map_or(first, |event| event["sequence"].as_u64().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn nothing_is_lost_and_the_same_run_has_the_same_bytes((first, events) in events()) {
        let workspace = workspace();
        let rows = collect(&events);
        let run = Run { filter: true, ..run(&workspace, first..=last(first, &events), &rows) };
        let archived = run.archive().unwrap();
        holds(&archived, &events);
        prop_assert_eq!(run.archive().unwrap(), archived);
    }

    #[test]
    fn a_longer_run_overwrites_all_objects_of_a_shorter_one((first, events) in events(), part in 0.0..1.0) {
        let workspace = workspace();
        let shorter = &events[..(events.len() as f64 * part) as usize];
        let longer = keys(&workspace, first, &events);
        prop_assert!(keys(&workspace, first, shorter).iter().all(|key| longer.contains(key)));
    }
}

fn keys(workspace: &shared::model::id::WorkspaceId, first: u64, events: &[Value]) -> Vec<String> {
    let rows = collect(events);
    let run = Run { filter: true, ..run(workspace, first..=last(first, events), &rows) };
    let archived = run.archive().unwrap();
    let objects = archived.objects.into_iter().chain([archived.manifest]);
    objects.map(|object| object.key).collect::<Vec<_>>()
}
