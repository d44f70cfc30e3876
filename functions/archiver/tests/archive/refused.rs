//! Events that are not a run of one log are refused.

use archiver::archive::{InvalidRun, Run};
use serde_json::{Value, json};

use crate::{collect, event, run, workspace};

#[test]
fn an_event_of_another_log_or_sequence_is_refused() {
    check(&|events| events[2]["workspace_username"] = json!("globex"), 2);
    check(&|events| events[2]["sequence"] = Value::Null, 2);
    check(&|events| events[2]["timestamp"] = json!("yesterday"), 2);
    check(&|events| events[0]["sequence"] = json!(4), 0);
    check(&|events| events[4]["sequence"] = json!(10), 4);
    check(&|events| events.swap(1, 2), 2);
    check(&|events| events[3] = events[2].clone(), 3);
}

fn check(alter: &dyn Fn(&mut Vec<Value>), expected: usize) {
    let workspace = workspace();
    let mut events: Vec<_> = (5..10).map(|number| event(number, 0)).collect();
    alter(&mut events);
    let refused = run(&workspace, 5..=9, &collect(&events)).archive();
    assert!(
        matches!(refused, Err(InvalidRun::Event(number)) if number == expected),
        "{expected}: {refused:?}"
    );
}

#[test]
fn a_run_covers_what_it_counts() {
    let workspace = workspace();
    let events = [event(0, 0), event(1, 0)];
    let rows = collect(&events);
    let more = Run { expired: 1, ..run(&workspace, 0..=1, &rows) };
    assert!(matches!(more.archive(), Err(InvalidRun::Count)));
    let rows = collect(&[]);
    #[expect(clippy::reversed_empty_ranges, reason = "an empty range is the case")]
    let empty = run(&workspace, 1..=0, &rows);
    assert!(matches!(empty.archive(), Err(InvalidRun::Empty)));
}
