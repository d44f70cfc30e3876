//! Half of DynamoDB is unavailable, or one key is at its limit.

use serde_json::json;
use tests::{Fault, Plan, invoke, sample::event};

use crate::{Drill, deliver, with_workspace};

const LIST: &str = "GET /api/{workspace}/audit_logs";

#[tokio::test]
async fn while_writes_fail_nothing_is_acknowledged_and_nothing_is_shown() {
    let drill = Drill::start().await;
    let engine = drill.engine(Plan::default().always("*", Fault::WritesFail)).await;
    let store = engine.store();
    let request = invoke::audit_logs("POST", &event("e-1", 0));
    let detail = with_workspace(event("e-2", 0));
    let batch = invoke::batch(&[("m-1", &invoke::envelope("v-1", &detail).to_string()), ("m-2", "{")]);
    let (status, failures, (read_status, page)) =
        futures::join!(recorded(&store, &request), not_delivered(&store, &batch), read(&store));
    assert_eq!((status, failures, read_status), (503, 2, 503));
    assert!(page["audit_logs"].is_null());
    assert!(drill.app.tables().events("acme").await.is_empty());

    engine.heal();
    assert_eq!(
        (recorded(&store, &request).await, not_delivered(&store, &batch).await, read(&store).await.0),
        (201, 0, 200)
    );
    assert_eq!((drill.count("e-1").await, drill.count("e-2").await), (1, 1));
}

async fn read(store: &shared::store::Store) -> (i64, serde_json::Value) {
    invoke::query(store, invoke::by_token(LIST, &[], "")).await
}

async fn not_delivered(store: &shared::store::Store, batch: &serde_json::Value) -> usize {
    invoke::ingest_bus(store, batch).await.unwrap().batch_item_failures.len()
}

async fn recorded(store: &shared::store::Store, request: &serde_json::Value) -> i64 {
    invoke::ingest_api(store, request.clone()).await.0
}

#[tokio::test]
async fn while_reads_fail_an_instance_that_has_recorded_continues_to_record() {
    let drill = Drill::start().await;
    let engine = drill.engine(Plan::default()).await;
    let store = engine.store();
    assert_eq!(record(&store, "e-1").await, 201);
    engine.plan(Plan::default().always("*", Fault::ReadsFail));
    assert_eq!(record(&store, "e-2").await, 201);
    let (status, page) = invoke::query(&store, invoke::by_token(LIST, &[], "")).await;
    assert_eq!((status, page["audit_logs"].is_null()), (503, true));
    // A token that cannot be read is not refused: the gateway would cache a refusal for a minute.
    let token = shared::system::workspace_token().unwrap();
    assert!(invoke::authorizer(&store, &format!("Bearer {}", *token.bearer())).await.is_err());
    assert!(engine.happened(Fault::ReadsFail) > 0);
}

async fn record(store: &shared::store::Store, id: &str) -> i64 {
    let request = invoke::audit_logs("POST", &event(id, 0));
    invoke::ingest_api(store, request).await.0
}

#[tokio::test]
async fn a_key_at_its_cap_slows_only_its_own_workspace() {
    let drill = Drill::start().await;
    let engine = drill.engine(Plan::default().capped(60.0)).await;
    let store = engine.store();
    let events: Vec<_> = (0..200).map(|number| event(&format!("e-{number:03}"), number)).collect();
    let request = invoke::audit_logs("POST", &json!({ "events": events }));
    let busy = async {
        // As a client does after an answer that lists the events that are not recorded yet.
        loop {
            let (status, answer) = invoke::ingest_api(&store, request.clone()).await;
            if status != 503 {
                return (status, answer);
            }
            assert!(answer["results"].as_array().unwrap().iter().any(|result| is_unavailable(&result)));
        }
    };
    let calm = async {
        engine.reached(1).await;
        let mut calm = with_workspace(event("calm", 0));
        calm["workspace"] = json!("globex");
        let batch = invoke::batch(&[("m-1", &invoke::envelope("v-1", &calm).to_string())]);
        assert!(deliver(&store, &batch).await);
    };
    let ((status, answer), ()) = futures::join!(busy, calm);
    assert!(matches!(status, 200 | 201), "{answer}");
    assert!(engine.happened(Fault::KeyCapped) > 0);
    assert_eq!(drill.app.tables().events_of("acme", "group_created").await.len(), 200);
    assert_eq!(drill.app.tables().events("globex").await.len(), 1);
}

fn is_unavailable(result: &&serde_json::Value) -> bool {
    result["status"] == "unavailable"
}
