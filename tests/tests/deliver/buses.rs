//! Event buses: entries that EventBridge refuses are sent again, and the order stays.

use serde_json::{Value, json};
use shared::stream::{Destination, State};
use tests::invoke;

use crate::{receiver::Receiver, world::World};

const BUS: &str = "arn:aws:events:eu-central-1:111122223333:event-bus/security";

fn entries(body: &str) -> Vec<Value> {
    serde_json::from_str::<Value>(body).unwrap()["Entries"].as_array().unwrap().clone()
}

fn sequence(entry: &Value) -> u64 {
    serde_json::from_str::<Value>(entry["Detail"].as_str().unwrap()).unwrap()["sequence"].as_u64().unwrap()
}

/// An answer to `count` entries, one of them refused.
fn answer(count: usize, refused: Option<usize>) -> String {
    let entries: Vec<_> = (0..count)
        .map(|number| match refused {
            Some(refused) if refused == number => {
                json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "x"})
            }
            _ => json!({"EventId": "an-id"}),
        })
        .collect();
    let failed = usize::from(refused.is_some());
    json!({"FailedEntryCount": failed, "Entries": entries}).to_string()
}

#[tokio::test]
async fn entries_after_a_refused_one_are_put_again() {
    let world = World::with(35).await;
    let receiver = Receiver::that(|number, body| {
        let count = entries(body).len();
        Ok(answer(count, (number == 1).then_some(4)))
    })
    .await;
    let destination: Destination =
        serde_json::from_value(json!({"type": "eventbridge", "event_bus": BUS})).unwrap();
    let stream = world.stream(destination, |stream| stream).await;
    let post = world.post_to_bus(&receiver.url);
    invoke::deliver(&post, stream.as_str()).await.unwrap();
    let progress = world.delivery(&stream).await.progress;
    assert_eq!((progress.next, progress.state()), (14, State::Failing));
    assert_eq!(progress.last_problem.unwrap().code, "eventbridge_refused");
    world.let_retry(&stream).await;
    invoke::deliver(&post, stream.as_str()).await.unwrap();

    let requests = receiver.received();
    let put: Vec<Vec<_>> =
        requests.iter().map(|request| entries(&request.body).iter().map(sequence).collect()).collect();
    let expected: [Vec<u64>; 5] = [0..10, 10..20, 14..24, 24..34, 34..35].map(|range| range.collect());
    assert_eq!(put, expected);
    let entry = &entries(&requests[0].body)[0];
    assert_eq!((&entry["Source"], &entry["DetailType"]), (&json!("audit-logs"), &json!("Audit Log Event")));
    assert_eq!((&entry["EventBusName"], &entry["Time"]), (&json!(BUS), &json!(1739872800)));
    assert!(
        requests[0].header("authorization").contains("/eu-central-1/events/"),
        "signed for another region"
    );
    world.end().await;
}
