//! The event bus of the template, and the way from it to a function.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{Resources, TemplateError, typed};

/// Properties of a queue that have no effect in a process of some minutes.
const QUEUE_NOT_EMULATED: &[&str] =
    &["KmsMasterKeyId", "MessageRetentionPeriod", "QueueName", "SqsManagedSseEnabled", "Tags"];

/// The event bus, its one rule, and the queue behind it.
#[derive(Clone, Debug)]
pub struct Bus {
    /// The name that `PutEvents` must use.
    pub name: String,
    /// The rule's pattern, as written.
    pub pattern: Value,
    /// The queue.
    pub queue: QueueSettings,
    /// The name of the crate of the function that gets the batches.
    pub function: String,
}

/// The event source mapping from a queue to its function.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    /// The queue's logical id, which ends its ARN here.
    pub name: String,
    /// Messages in one invocation, at most.
    pub batch_size: usize,
    /// Time for which AWS may wait to fill a batch.
    pub batching_window: Duration,
    /// Time after which AWS gives a failed message again.
    pub visibility_timeout: Duration,
    /// Deliveries after which a message becomes a dead letter.
    pub max_receive_count: u32,
}

pub(super) fn read(resources: &Resources) -> Result<Bus, TemplateError> {
    let (bus_id, properties) = resources.only("AWS::Events::EventBus")?;
    let place = format!("Resources.{bus_id}.Properties");
    let BusProperties { name } = typed(&place, properties, &["Description", "Tags"])?;

    let (rule_id, properties) = resources.only("AWS::Events::Rule")?;
    let place = format!("Resources.{rule_id}.Properties");
    let rule: Rule = typed(&place, properties, &["Name", "Description"])?;
    let [target] = rule.targets.as_slice() else {
        return Err(TemplateError::new(place, "does not have exactly one target"));
    };
    if rule.bus != bus_id || rule.state.is_some_and(|state| state != "ENABLED") {
        return Err(TemplateError::new(place, "is not an enabled rule of the one bus"));
    }
    let not_emulated = ["Id", "RetryPolicy", "DeadLetterConfig"];
    let Target { queue } = typed(&format!("{place}.Targets[0]"), target, &not_emulated)?;

    let place = format!("Resources.{queue}.Properties");
    let properties = resources.properties(&queue)?;
    let QueueProperties { visibility_timeout, redrive } = typed(&place, properties, QUEUE_NOT_EMULATED)?;
    let (function, source) = source_of(resources, &queue)?;
    Ok(Bus {
        name,
        pattern: rule.pattern,
        function: resources.crate_of(&function)?,
        queue: QueueSettings {
            name: queue,
            batch_size: source.batch_size,
            batching_window: Duration::from_secs(source.batching_window),
            visibility_timeout: Duration::from_secs(visibility_timeout),
            max_receive_count: redrive.max_receive_count,
        },
    })
}

/// The function that gets the messages of `queue`, and its settings.
fn source_of(resources: &Resources, queue: &str) -> Result<(String, EventSource), TemplateError> {
    for (function, properties) in resources.of_type("AWS::Serverless::Function") {
        let none = serde_json::Map::new();
        for (name, event) in properties["Events"].as_object().unwrap_or(&none) {
            if event["Type"] != "SQS" || event["Properties"]["Queue"] != queue {
                continue;
            }
            let place = format!("Resources.{function}.Properties.Events.{name}");
            let source: EventSource = typed(&place, &event["Properties"], &["Queue", "ScalingConfig"])?;
            if source.response_types != ["ReportBatchItemFailures"] {
                return Err(TemplateError::new(place, "does not report batch item failures"));
            }
            return Ok((function.to_owned(), source));
        }
    }
    Err(TemplateError::new(format!("Resources.{queue}"), "has no function that takes its messages"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BusProperties {
    #[serde(rename = "Name")]
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(rename = "EventBusName")]
    bus: String,
    #[serde(rename = "EventPattern")]
    pattern: Value,
    #[serde(rename = "State")]
    state: Option<String>,
    #[serde(rename = "Targets")]
    targets: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    #[serde(rename = "Arn")]
    queue: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueueProperties {
    #[serde(rename = "VisibilityTimeout")]
    visibility_timeout: u64,
    #[serde(rename = "RedrivePolicy")]
    redrive: RedrivePolicy,
}

#[derive(Deserialize)]
struct RedrivePolicy {
    #[serde(rename = "maxReceiveCount")]
    max_receive_count: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventSource {
    #[serde(rename = "BatchSize")]
    batch_size: usize,
    #[serde(rename = "MaximumBatchingWindowInSeconds", default)]
    batching_window: u64,
    #[serde(rename = "FunctionResponseTypes")]
    response_types: Vec<String>,
}
