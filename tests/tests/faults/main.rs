//! Each fault that `docs/faults.md` names, caused by its test.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod batches;
mod clients;
mod connections;
mod documented;
mod outages;
mod processes;
mod queue;
mod reads;
mod refusals;
mod stream;
mod transactions;

use serde_json::{Value, json};
use tests::{Fault, FaultyEngine, Plan, TestApp, invoke, sample::event};

/// A system, and faulty engines before its tables.
struct Drill {
    app: TestApp,
}

/// The outcome at both doors while a fault happened.
#[derive(Debug, PartialEq)]
struct Doors {
    /// The status of `ingest-api`.
    api: i64,
    /// True if `ingest-bus` reported its message as handled.
    bus: bool,
}

const RECORDED: Doors = Doors { api: 201, bus: true };
const REFUSED: Doors = Doors { api: 503, bus: false };

impl Drill {
    async fn start() -> Self {
        Self { app: TestApp::start().await }
    }

    async fn engine(&self, plan: Plan) -> FaultyEngine {
        FaultyEngine::with(self.app.dynamodb_endpoint(), plan).await
    }

    /// Records an event through each door while the first `times` writes go wrong, and checks that acknowledged
    /// events are there. Then both senders retry without faults, and each event is there once.
    async fn record(&self, fault: Fault, times: usize) -> Doors {
        let engine = async || self.engine(Plan::default().first(times, "ExecuteStatement", fault)).await;
        let (api, bus) = futures::join!(engine(), engine());
        let [api_id, bus_id] = ["api", "bus"].map(|door| format!("{door}-{fault:?}-{times}"));
        let request = invoke::audit_logs("POST", &event(&api_id, 0));
        let detail = with_workspace(event(&bus_id, 0));
        let batch = invoke::batch(&[("m-1", &invoke::envelope("v-1", &detail).to_string())]);
        let (api_store, bus_store) = (api.store(), bus.store());
        let (answer, delivered) =
            futures::join!(invoke::ingest_api(&api_store, request.clone()), deliver(&bus_store, &batch));
        let doors = Doors { api: answer.0, bus: delivered };
        for (engine, acknowledged, id) in [(&api, doors.api == 201, &api_id), (&bus, doors.bus, &bus_id)] {
            assert!(engine.happened(fault) > 0, "{fault:?} did not happen");
            let there = self.count(id).await;
            assert!(there == 1 || !acknowledged && there == 0, "{fault:?}: {id} is there {there} times");
        }
        if fault == Fault::CallDelayed {
            // A call that the SDK gave up on arrives late, and changes nothing.
            futures::join!(api.reached(times.min(4)), bus.reached(times.min(4)));
        }
        let again = invoke::ingest_api(&self.app.store(), request).await;
        assert!(matches!(again.0, 200 | 201), "{fault:?}: {again:?}");
        assert!(deliver(&self.app.store(), &batch).await, "{fault:?}");
        assert_eq!((self.count(&api_id).await, self.count(&bus_id).await), (1, 1), "{fault:?}");
        doors
    }

    /// Checks the outcome of each fault at both doors, when it happens once and when it never ends.
    async fn check(&self, faults: impl IntoIterator<Item = Fault>, once: Doors, always: Doors) {
        futures::future::join_all(faults.into_iter().map(async |fault| {
            let (first, every) = futures::join!(self.record(fault, 1), self.record(fault, usize::MAX));
            assert_eq!((&first, &every), (&once, &always), "{fault:?}");
        }))
        .await;
    }

    /// The number of events with this id.
    async fn count(&self, id: &str) -> usize {
        let ending = format!("#{id}");
        let ends = |event: &Value| event["timestamp"].as_str().unwrap().ends_with(&ending);
        self.app.tables().events("acme").await.iter().filter(|event| ends(event)).count()
    }

    /// The number of recorded reads.
    async fn accesses(&self) -> usize {
        self.app.tables().events_of("acme", "audit_log_accessed").await.len()
    }
}

fn with_workspace(mut event: Value) -> Value {
    event["workspace"] = json!("acme");
    event
}

/// Gives a batch to `ingest-bus`. Returns true if all of it was handled.
async fn deliver(store: &shared::store::Store, batch: &Value) -> bool {
    invoke::ingest_bus(store, batch).await.unwrap().batch_item_failures.is_empty()
}
