//! Each call of a run is its last one, or is done and answered with an error. Then another run comes, and there
//! is one receipt for all and a mark on each.

use local::Storage;
use shared::{config::Config, keys::Place, store::Store};
use tests::{Fault, FaultyEngine, Plan, Tables, invoke, sample::at};

use crate::aged::{acme, days, set};

const EVENTS: i64 = 12;

#[tokio::test]
async fn a_run_may_end_at_any_call() {
    for fault in [Fault::Denied, Fault::AnswerLost] {
        let mut runs = 0;
        while ends_at(runs, fault).await {
            runs += 1;
        }
        // The marks alone are as many.
        assert!(runs > EVENTS as usize, "{runs}");
        println!("{fault:?}: {runs} runs");
    }
}

/// Whether a run has a call of this number; with the fault at it, and all that is to hold after another run.
async fn ends_at(number: usize, fault: Fault) -> bool {
    let engine = local::Tables::start(0, Storage::Memory).await.unwrap();
    let (tables, store) = (Tables::at(engine.endpoint()), Store::connect(&Config::local(engine.endpoint())));
    tables.put_events("acme", "group_created", EVENTS).await;
    let place = |number| Place::from_key("acme", &format!("{}#group_created", at(number))).unwrap().1;
    let places: Vec<_> = (0..EVENTS).map(place).collect();
    sealer::seal(&store, &acme(), &places, shared::ambient::now()).await.unwrap();
    set(&store, &days(30)).await;

    let faulty = FaultyEngine::with(engine.endpoint(), Plan::default().nth(number, "*", fault)).await;
    let ended = invoke::expiry(&faulty.store(), "acme").await;
    let happened = faulty.happened(fault) > 0;
    assert_eq!(ended.is_err(), happened && fault == Fault::Denied, "{number}: {ended:?}");
    let store = Store::connect(&Config::local(engine.endpoint()));
    invoke::expiry(&store, "acme").await.unwrap();

    let receipts = tables.events_of("acme", "x_audit_log_expired").await;
    assert_eq!(receipts.len(), 1, "{fault:?} at {number}");
    assert!(receipts[0]["context"].as_str().unwrap().contains(r#""sequences":"0-11""#), "{receipts:?}");
    let settings = store.settings_now(&acme()).await.unwrap();
    assert_eq!(settings.expiry.marked_to, settings.expiry.receipted_to);
    assert_eq!(tables.sweep().await, EVENTS as usize, "{fault:?} at {number}");
    engine.shutdown().await;
    happened
}
