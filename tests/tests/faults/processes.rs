//! A function's process ends, or stands still, at one of its calls to the store.
//!
//! With `PROGRAMS=target/release` the shipped programs run.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{
    Fault, FaultyEngine, Plan, invoke,
    process::{PATIENCE, ProcessFault, freeze, invoke as call, start},
    runtime_api::{Failed, Instance},
    sample::event,
    stream::batches,
};

use crate::{Drill, with_workspace};

#[tokio::test]
async fn a_bus_function_killed_at_any_call_leaves_its_batch_to_the_next() {
    let drill = Drill::start().await;
    let clean = drill.engine(Plan::default()).await;
    let done = json!({"batchItemFailures": []});
    assert_eq!(
        call(&function("ingest-bus", &clean).await, &bus_batch("clean"), PATIENCE).await.unwrap(),
        done
    );
    let calls = clean.all_calls();
    for fault in [ProcessFault::Killed, ProcessFault::KilledAfter] {
        for number in 0..calls {
            let batch = bus_batch(&format!("{fault:?}-{number}"));
            killed(&drill, "ingest-bus", fault, number, &batch).await;
            let next = function("ingest-bus", &clean).await;
            assert_eq!(call(&next, &batch, PATIENCE).await.unwrap(), done);
            for event in ["a", "b"] {
                assert_eq!(drill.count(&format!("{fault:?}-{number}-{event}")).await, 1);
            }
        }
    }
}

#[tokio::test]
async fn an_api_function_killed_at_any_call_acknowledges_nothing_that_is_lost() {
    let drill = Drill::start().await;
    let clean = drill.engine(Plan::default()).await;
    let next = function("ingest-api", &clean).await;
    assert_eq!(call(&next, &post("clean"), PATIENCE).await.unwrap()["statusCode"], 201);
    let calls = clean.all_calls();
    for fault in [ProcessFault::Killed, ProcessFault::KilledAfter] {
        for number in 0..calls {
            let id = format!("{fault:?}-{number}");
            killed(&drill, "ingest-api", fault, number, &post(&id)).await;
            let status = call(&next, &post(&id), PATIENCE).await.unwrap()["statusCode"].clone();
            assert!(status == 200 || status == 201, "{status}");
            assert_eq!(drill.count(&id).await, 1);
        }
    }
}

#[tokio::test]
async fn a_reader_whose_function_is_killed_got_no_unrecorded_data() {
    let drill = Drill::start().await;
    assert_eq!(invoke::ingest_api(&drill.app.store(), post("e-1")).await.0, 201);
    let list = invoke::by_token("GET /api/{workspace}/audit_logs", &[], "");
    let engine = drill.engine(Plan::default().first(1, "ExecuteStatement", Fault::AnswerWithheld)).await;
    let instance = function("query", &engine).await;
    let (answer, ()) = futures::join!(call(&instance, &list, PATIENCE), async {
        engine.reached(1).await;
        instance.kill().await.unwrap();
    });
    // The record was written, and its answer lost: the reader got no data, although the read is recorded.
    assert_eq!(answer, Err(Failed::Exited));
    assert_eq!(drill.accesses().await, 1);
}

#[tokio::test]
async fn a_sealer_killed_at_any_call_leaves_a_log_that_the_next_completes() {
    let drill = Drill::start().await;
    let clean = drill.engine(Plan::default()).await;
    let next = function("sealer", &clean).await;
    let done = json!({"batchItemFailures": []});
    assert_eq!(call(&next, &recorded_batch(&drill, 0).await, PATIENCE).await.unwrap(), done);
    let calls = clean.all_calls();
    for number in 0..calls {
        for fault in [ProcessFault::Killed, ProcessFault::KilledAfter] {
            let batch =
                recorded_batch(&drill, 1 + 2 * number + usize::from(fault == ProcessFault::KilledAfter))
                    .await;
            killed(&drill, "sealer", fault, number, &batch).await;
            assert_eq!(call(&next, &batch, PATIENCE).await.unwrap(), done);
        }
    }
    let events = drill.app.tables().events("acme").await;
    let mut sequences: Vec<_> = events.iter().map(|event| event["sequence"].as_u64()).collect();
    sequences.sort_unstable();
    let all: Vec<_> = (0..=2 * calls as u64).map(Some).collect();
    assert_eq!(sequences, all);
}

async fn recorded_batch(drill: &Drill, number: usize) -> Value {
    let id = format!("e-{number}");
    assert_eq!(invoke::ingest_api(&drill.app.store(), post(&id)).await.0, 201);
    batches("acme", &[format!("2025-02-18T10:00:00.000000Z#{id}")], None).remove(0)
}

#[tokio::test]
async fn a_batch_whose_function_runs_out_of_time_is_redelivered_and_recorded_once() {
    let drill = Drill::start().await;
    let fault = ProcessFault::OutOfTime;
    let batch = bus_batch(&format!("{fault:?}"));
    let engine = drill.engine(Plan::default().always("ExecuteStatement", Fault::NeverAnswered)).await;
    let instance = function("ingest-bus", &engine).await;
    // The time limit ends the first call that hangs; then Lambda ends the environment.
    let late = call(&instance, &batch, Duration::from_secs(2)).await;
    assert_eq!(late, Err(Failed::TimedOut));
    engine.reached(1).await;
    instance.kill().await.unwrap();

    let well = drill.engine(Plan::default()).await;
    let next = function("ingest-bus", &well).await;
    assert_eq!(call(&next, &batch, PATIENCE).await.unwrap(), json!({"batchItemFailures": []}));
    for event in ["a", "b"] {
        assert_eq!(drill.count(&format!("{fault:?}-{event}")).await, 1);
    }
}

#[tokio::test]
async fn a_function_frozen_in_a_call_and_thawed_without_connections_answers() {
    let drill = Drill::start().await;
    let fault = ProcessFault::Frozen;
    let engine = drill.engine(Plan::default()).await;
    let instance = function("ingest-api", &engine).await;
    assert_eq!(call(&instance, &post("warm"), PATIENCE).await.unwrap()["statusCode"], 201);

    // Between two calls, as Lambda does it.
    freeze(&instance, async { engine.hang_up() }).await;
    assert_eq!(call(&instance, &post("thawed"), PATIENCE).await.unwrap()["statusCode"], 201);

    // During a call whose answer is on its way.
    engine.plan(Plan::default().first(1, "ExecuteStatement", Fault::AnswerWithheld));
    let id = format!("{fault:?}");
    let request = post(&id);
    let (answer, ()) = futures::join!(call(&instance, &request, PATIENCE), async {
        engine.reached(1).await;
        freeze(&instance, async { engine.hang_up() }).await;
    });
    assert_eq!(answer.unwrap()["statusCode"], 201);
    for id in ["warm", "thawed", &id] {
        assert_eq!(drill.count(id).await, 1);
    }
}

/// Gives a function a payload, and kills it at the call with this number.
async fn killed(drill: &Drill, name: &str, fault: ProcessFault, number: usize, payload: &Value) {
    let at_call = if fault == ProcessFault::Killed { Fault::NeverAnswered } else { Fault::AnswerWithheld };
    let engine = drill.engine(Plan::default().nth(number, "*", at_call)).await;
    let instance = function(name, &engine).await;
    let (answer, ()) = futures::join!(call(&instance, payload, PATIENCE), async {
        engine.reached(1).await;
        instance.kill().await.unwrap();
    });
    assert_eq!(answer, Err(Failed::Exited), "{name}: {fault:?} at call {number}");
}

async fn function(name: &str, engine: &FaultyEngine) -> Instance {
    start(env!("CARGO_BIN_EXE_function"), name, engine.endpoint()).await
}

fn post(id: &str) -> Value {
    invoke::audit_logs("POST", &event(id, 0))
}

/// Two events and one message that is not an event.
fn bus_batch(id: &str) -> Value {
    invoke::batch(&[("m-1", &message(id, "a")), ("m-2", &message(id, "b")), ("m-3", "{")])
}

fn message(id: &str, letter: &str) -> String {
    let detail = with_workspace(event(&format!("{id}-{letter}"), 0));
    invoke::envelope(&format!("{id}-{letter}"), &detail).to_string()
}
