//! Crash drills: at each call of two runs in turn, the call is the last one of its run, or is answered with an
//! error. After other runs, there is one receipt for all events and a mark on each.

use local::Storage;
use shared::{aws::config::Config, model::keys::Place, store::Store};
use tests::{Fault, FaultyEngine, Plan, Tables, invoke, sample::at};

use crate::aged::{acme, days, seal_receipts, set};

const EVENTS: i64 = 12;

#[tokio::test]
async fn a_run_may_end_at_any_call() {
    for fault in [Fault::Denied, Fault::AnswerLost] {
        let mut runs = 0;
        while ends_at(runs, fault).await {
            runs += 1;
        }
        assert!(runs > 12, "{runs}");
        println!("{fault:?}: {runs} runs");
    }
}

/// Runs the drill at the call with this number. Returns false if a run has no such call.
async fn ends_at(number: usize, fault: Fault) -> bool {
    let engine = local::Tables::start(0, Storage::Memory).await.unwrap();
    let (tables, store) = (Tables::at(engine.endpoint()), Store::connect(&Config::local(engine.endpoint())));
    invoke::vouch(&store).await;
    tables.put_events("acme", "group_created", EVENTS).await;
    let places: Vec<_> = (0..EVENTS)
        .map(|number| Place::from_key("acme", &format!("{}#group_created", at(number))).unwrap().1)
        .collect();
    sealer::seal(&store, &acme(), &places, shared::system::now()).await.unwrap();
    set(&store, &days(30)).await;

    let faulty = FaultyEngine::with(engine.endpoint(), Plan::default().nth(number, "*", fault)).await;
    let mut denied = false;
    for _ in 0..2 {
        denied |= invoke::expiry(&faulty.store(), "acme").await.is_err();
        seal_receipts(&store).await;
    }
    let happened = faulty.happened(fault) > 0;
    assert_eq!(denied, happened && fault == Fault::Denied, "{number}");
    let store = Store::connect(&Config::local(engine.endpoint()));
    for _ in 0..2 {
        invoke::expiry(&store, "acme").await.unwrap();
        seal_receipts(&store).await;
    }

    let receipts = tables.events_of("acme", "x_audit_log_expired").await;
    assert_eq!(receipts.len(), 1, "{fault:?} at {number}");
    assert!(receipts[0]["context"].as_str().unwrap().contains(r#""sequences":"0-11""#), "{receipts:?}");
    let settings = store.settings_now(&acme()).await.unwrap();
    assert!(settings.expiry.marked_size > EVENTS as u64, "{settings:?}");
    assert_eq!(tables.sweep().await, EVENTS as usize, "{fault:?} at {number}");
    engine.shutdown().await;
    happened
}
