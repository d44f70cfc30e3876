//! Every fault that `docs/faults.md` names, each made to happen by its test.

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

/// A system, and ways to its tables on which things go wrong.
struct Drill {
    app: TestApp,
}

/// What both doors said while something went wrong.
#[derive(Debug, PartialEq)]
struct Doors {
    /// The status of `ingest-api`.
    api: i64,
    /// Whether `ingest-bus` was done with its message.
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

    /// Records an event through each door while the first `times` writes go wrong, and looks that what was
    /// acknowledged is there. Then both senders try again when all is well, and each event is there once.
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
            // What was given up arrives late, and changes nothing.
            futures::join!(api.reached(times.min(4)), bus.reached(times.min(4)));
        }
        let again = invoke::ingest_api(&self.app.store(), request).await;
        assert!(matches!(again.0, 200 | 201), "{fault:?}: {again:?}");
        assert!(deliver(&self.app.store(), &batch).await, "{fault:?}");
        assert_eq!((self.count(&api_id).await, self.count(&bus_id).await), (1, 1), "{fault:?}");
        doors
    }

    /// Each fault, once and without end, and what both doors say of it.
    async fn check(&self, faults: impl IntoIterator<Item = Fault>, once: Doors, always: Doors) {
        let check = async |fault| {
            let (first, every) = futures::join!(self.record(fault, 1), self.record(fault, usize::MAX));
            assert_eq!((&first, &every), (&once, &always), "{fault:?}");
        };
        futures::future::join_all(faults.into_iter().map(check)).await;
    }

    /// How many events there are with this id.
    async fn count(&self, id: &str) -> usize {
        let ending = format!("#{id}");
        let ends = |event: &Value| event["timestamp"].as_str().unwrap().ends_with(&ending);
        self.app.tables().events("acme").await.iter().filter(|event| ends(event)).count()
    }

    /// How many reads are recorded.
    async fn accesses(&self) -> usize {
        self.app.tables().events_of("acme", "audit_log_accessed").await.len()
    }
}

fn with_workspace(mut event: Value) -> Value {
    event["workspace"] = json!("acme");
    event
}

/// Gives a batch to `ingest-bus`; whether it is done with all of it.
async fn deliver(store: &shared::store::Store, batch: &Value) -> bool {
    invoke::ingest_bus(store, batch).await.unwrap().batch_item_failures.is_empty()
}
