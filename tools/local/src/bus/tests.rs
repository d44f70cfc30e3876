use std::sync::{Arc, Mutex};

use aws_lambda_events::sqs::SqsBatchResponse;
use serde_json::{Value, json};

use super::{EventBus, Refused};
use crate::{
    queue::Queue,
    template::{TEMPLATE, Template},
};

const NOW: i64 = 1_739_875_657;

/// The template's bus, and the bodies that its function got.
struct Fixture {
    bus: EventBus,
    queue: Arc<Queue>,
    bodies: Arc<Mutex<Vec<Value>>>,
}

impl Fixture {
    fn new() -> Self {
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let taken = bodies.clone();
        let bus = Template::parse(TEMPLATE).unwrap().bus;
        let queue = Queue::start(bus.queue.clone(), None, move |event: String| {
            let event: Value = serde_json::from_str(&event).unwrap();
            for record in event["Records"].as_array().unwrap() {
                taken.lock().unwrap().push(serde_json::from_str(record["body"].as_str().unwrap()).unwrap());
            }
            std::future::ready(Ok(SqsBatchResponse::default()))
        });
        let queue = Arc::new(queue.unwrap());
        Self { bus: EventBus::new(&bus, queue.clone()).unwrap(), queue, bodies }
    }

    fn put(&self, entries: Value) -> Result<Value, Refused> {
        let body = json!({"Entries": entries}).to_string();
        let now = jiff::Timestamp::from_second(NOW).unwrap();
        self.bus.call("AWSEvents.PutEvents", body.as_bytes(), now)
    }

    async fn forwarded(&self) -> Vec<Value> {
        self.queue.settled().await;
        std::mem::take(&mut *self.bodies.lock().unwrap())
    }
}

fn entry() -> Value {
    json!({"Source": "shop", "DetailType": "order", "Detail": "{\"b\":1,\"a\":2}", "EventBusName": "audit-logs"})
}

fn with(name: &str, value: Value) -> Value {
    let mut entry = entry();
    entry[name] = value;
    entry
}

#[tokio::test]
async fn an_entry_becomes_an_envelope() {
    let fixture = Fixture::new();
    let timed = with("Time", json!(1_700_000_000.75));
    let answer = fixture.put(json!([entry(), timed])).unwrap();
    assert_eq!(answer["FailedEntryCount"], 0);
    let forwarded = fixture.forwarded().await;
    let mut expected = json!({
        "version": "0", "id": answer["Entries"][0]["EventId"], "detail-type": "order", "source": "shop",
        "account": "000000000000", "time": "2025-02-18T10:47:37Z", "region": "us-east-1", "resources": [],
        "detail": {"a": 2, "b": 1},
    });
    assert_eq!(forwarded[0], expected);
    expected["time"] = json!("2023-11-14T22:13:20Z");
    expected["id"] = answer["Entries"][1]["EventId"].clone();
    assert_eq!(forwarded[1], expected);
}

#[tokio::test]
async fn a_bus_is_named_by_name_or_arn_and_another_is_an_error() {
    let fixture = Fixture::new();
    let arn = "arn:aws:events:us-east-1:000000000000:event-bus/audit-logs";
    let answer =
        fixture.put(json!([with("EventBusName", json!(arn)), with("EventBusName", Value::Null)])).unwrap();
    assert_eq!(answer["FailedEntryCount"], 1);
    assert_eq!(answer["Entries"][1]["ErrorCode"], "ResourceNotFoundException");
    assert!(answer["Entries"][1]["ErrorMessage"].as_str().unwrap().contains("audit-logs"));
    assert_eq!(fixture.forwarded().await.len(), 1);
}

#[tokio::test]
async fn each_bad_entry_fails_alone_with_the_code_of_aws() {
    let fixture = Fixture::new();
    for required in ["Source", "DetailType", "Detail"] {
        check_entry(&fixture, with(required, Value::Null), "InvalidArgument");
        check_entry(&fixture, with(required, json!("")), "InvalidArgument");
    }
    check_entry(&fixture, with("DetailType", json!("a".repeat(129))), "InvalidArgument");
    check_entry(&fixture, with("Detail", json!("not json")), "MalformedDetail");
    check_entry(&fixture, with("Detail", json!("[1]")), "MalformedDetail");
    check_entry(&fixture, with("Source", json!("aws.ec2")), "NotAuthorizedForSourceException");
    check_entry(&fixture, with("Time", json!(1e300)), "InvalidArgument");
    assert_eq!(fixture.put(json!([entry(), with("Detail", json!("1"))])).unwrap()["FailedEntryCount"], 1);
    assert_eq!(fixture.forwarded().await.len(), 1);
}

fn check_entry(fixture: &Fixture, entry: Value, expected: &str) {
    let answer = fixture.put(json!([entry])).unwrap();
    assert_eq!(answer["FailedEntryCount"], 1, "{answer}");
    assert_eq!(answer["Entries"][0]["ErrorCode"], expected, "{answer}");
}

#[tokio::test]
async fn a_call_that_is_too_large_is_refused_as_a_whole() {
    let fixture = Fixture::new();
    check_refused(&fixture, json!([]), "ValidationException");
    check_refused(&fixture, Value::Null, "ValidationException");
    check_refused(&fixture, json!(vec![entry(); 11]), "ValidationException");
    let overhead = "shop".len() + "order".len() + r#"{"a":""}"#.len();
    let sized =
        |bytes: usize| with("Detail", json!(format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - overhead))));
    check_refused(&fixture, json!([sized(1024 * 1024 + 1)]), "ValidationException");
    check_refused(&fixture, json!([{"Source": 1}]), "SerializationException");
    // It fits the call, but with its envelope it exceeds a message of the queue.
    assert_eq!(fixture.put(json!([sized(1024 * 1024)])).unwrap()["FailedEntryCount"], 0);
    assert_eq!(fixture.queue.status().dead_letters, 1);
    assert_eq!(fixture.forwarded().await.len(), 0);
}

fn check_refused(fixture: &Fixture, entries: Value, expected: &str) {
    assert_eq!(fixture.put(entries).unwrap_err().code, expected);
}

#[tokio::test]
async fn other_calls_are_refused_by_name() {
    let fixture = Fixture::new();
    let refused = fixture.bus.call("AWSEvents.ListRules", b"{}", jiff::Timestamp::UNIX_EPOCH).unwrap_err();
    assert_eq!(refused.code, "UnknownOperationException");
}
