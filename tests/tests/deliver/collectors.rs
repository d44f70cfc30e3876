//! Splunk and Datadog: requests in the documented form, field by field.

use serde_json::{Deserializer, Value, json};
use shared::stream::Destination;
use tests::{invoke, sample::at};

use crate::{
    receiver::Receiver,
    world::{World, endpoint},
};

#[tokio::test]
async fn splunk_gets_the_documented_form_of_its_collector() {
    let world = World::with(620).await;
    let receiver = Receiver::that(move |number, _| match number {
        // An HTTP 200 that reports a failure.
        1 => Ok(json!({"text": "Server is busy", "code": 9}).to_string()),
        _ => success(),
    })
    .await;
    let url = endpoint(&receiver.url);
    let destination =
        Destination::Splunk { url, index: Some("audit".to_owned()), source: None, sourcetype: None };
    let stream = world.stream(destination, |stream| stream).await;
    invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    let progress = world.delivery(&stream).await.progress;
    assert_eq!((progress.next, progress.last_problem.unwrap().code.as_str()), (500, "splunk_refused"));
    world.let_retry(&stream).await;
    invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    let requests = receiver.received();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[1].body, requests[2].body);
    for request in &requests {
        assert_eq!(request.path, "/services/collector/event");
        assert_eq!(request.header("authorization"), "Splunk a-secret-of-a-destination");
        assert!(!request.body.contains('\n'));
    }
    let all = requests[0].body.clone() + &requests[2].body;
    let events: Vec<Value> = Deserializer::from_str(&all).into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(events.len(), 620);
    let event = &events[3];
    let members: Vec<_> = event.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["event", "fields", "host", "index", "source", "sourcetype", "time"]);
    assert_eq!((&event["index"], &event["sourcetype"]), (&json!("audit"), &json!("audit_logs:event")));
    assert_eq!(event["time"], 1739872803.0);
    assert_eq!(event["event"]["timestamp"], at(3));
    assert_eq!((&event["fields"]["sequence"], &event["event"]["sequence"]), (&json!(3), &json!(3)));
    world.end().await;
}

fn success() -> Result<String, crate::receiver::ReceiverFault> {
    Ok(json!({"text": "Success", "code": 0}).to_string())
}

#[tokio::test]
async fn datadog_gets_the_documented_form_of_its_intake() {
    let (world, receiver) = (World::with(30).await, Receiver::start().await);
    let destination =
        json!({"type": "datadog", "site": receiver.url, "service": "mode", "tags": ["env:test"]});
    let destination: Destination = serde_json::from_value(destination).unwrap();
    let stream = world.stream(destination, |stream| stream).await;
    invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    let requests = receiver.taken();
    assert_eq!((requests.len(), requests[0].path.as_str()), (1, "/api/v2/logs"));
    assert_eq!(requests[0].header("dd-api-key"), "a-secret-of-a-destination");
    assert_eq!(requests[0].header("content-type"), "application/json");
    let logs = requests[0].json();
    assert_eq!(logs.as_array().unwrap().len(), 30);
    let mut log = logs[7].clone();
    let event = log["audit_log"].take();
    assert_eq!(
        (&log["evt"].take()["name"], &log["usr"].take()["id"]),
        (&json!("group_created"), &event["actor"]["user_id"])
    );
    log.as_object_mut().unwrap().retain(|name, _| !matches!(name.as_str(), "evt" | "usr" | "network"));
    assert_eq!((&event["sequence"], &event["timestamp"]), (&json!(7), &json!(at(7))));
    assert_eq!(
        log,
        json!({
            "ddsource": "audit-logs", "ddtags": "workspace:acme,env:test", "hostname": "audit-logs", "service": "mode",
            "message": "Create a group", "status": "info", "timestamp": at(7), "audit_log": null,
        })
    );
    world.end().await;
}
