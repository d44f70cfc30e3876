//! Several events in one request to DynamoDB, which may be executed in part, or more than once.

use serde_json::json;
use tests::{Fault, Plan, invoke, sample::event};

use crate::Drill;

const EVENTS: usize = 30;

#[tokio::test]
async fn statements_that_a_batch_left_out_are_executed_one_by_one() {
    let drill = Drill::start().await;
    assert_eq!(record(&drill, Fault::StatementsLeftOut, usize::MAX).await, 201);
}

#[tokio::test]
async fn a_batch_with_a_lost_answer_or_executed_twice_is_recorded_once() {
    let drill = Drill::start().await;
    for fault in [
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::AnswerLost,
        Fault::AnswerTruncated,
        Fault::AnswerDelayed,
        Fault::CallDelayed,
        Fault::CalledTwice,
    ] {
        assert_eq!(record(&drill, fault, 1).await, 201, "{fault:?}");
    }
    for (fault, status) in [(Fault::AnswerGarbled, 201), (Fault::ResetAfter, 503), (Fault::Denied, 201)] {
        assert_eq!(record(&drill, fault, usize::MAX).await, status, "{fault:?}");
    }
}

/// Records a batch while its first `times` requests go wrong, and again without faults: each event is there
/// once, and every acknowledged one was there before the retry. Returns the first status.
async fn record(drill: &Drill, fault: Fault, times: usize) -> i64 {
    let engine = drill.engine(Plan::default().first(times, "BatchExecuteStatement", fault)).await;
    let ids: Vec<_> = (0..EVENTS).map(|number| format!("{fault:?}-{times}-{number}")).collect();
    let events: Vec<_> = ids.iter().map(|id| event(id, 0)).collect();
    let request = invoke::audit_logs("POST", &json!({ "events": events }));
    let (status, answer) = invoke::ingest_api(&engine.store(), request.clone()).await;
    assert!(engine.happened(fault) > 0, "{fault:?} did not happen");
    for (result, id) in answer["results"].as_array().unwrap().iter().zip(&ids) {
        let there = drill.count(id).await;
        let acknowledged = matches!(result["status"].as_str(), Some("recorded" | "duplicate"));
        assert!(there == 1 || !acknowledged && there == 0, "{fault:?}: {id} is there {there} times");
    }
    if fault == Fault::CallDelayed {
        engine.reached(1).await;
    }
    let (again, body) = invoke::ingest_api(&drill.app.store(), request).await;
    assert!(matches!(again, 200 | 201), "{body}");
    for id in &ids {
        assert_eq!(drill.count(id).await, 1, "{fault:?}: {id}");
    }
    status
}
