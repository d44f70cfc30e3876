//! The pipe of the template from the ledger's stream to the queue of hints, and the function behind the queue.

use serde::Deserialize;
use serde_json::Map;

use super::{Resources, TemplateError, typed};

/// The way of hints to their function.
#[derive(Clone, Debug)]
pub struct HintSettings {
    /// The name of the crate of the function.
    pub function: String,
    /// Invocations at a time, at most.
    pub concurrency: usize,
}

pub(super) fn read(resources: &Resources) -> Result<HintSettings, TemplateError> {
    let (pipe, properties) = resources.only("AWS::Pipes::Pipe")?;
    let place = format!("Resources.{pipe}.Properties");
    let parameters = &properties["TargetParameters"];
    let template = parameters["InputTemplate"].as_str();
    let group = parameters["SqsQueueParameters"]["MessageGroupId"].as_str();
    if properties["Source"] != "AuditLedger"
        || template != Some(r#"{"workspace": <$.dynamodb.Keys.workspace.S>}"#)
        || group != Some("$.dynamodb.Keys.workspace.S")
    {
        return Err(TemplateError::new(place, "does not hint at workspaces in the form that is emulated"));
    }
    let queue = properties["Target"].as_str().unwrap_or_default();
    for (function, properties) in resources.of_type("AWS::Serverless::Function") {
        let none = Map::new();
        for (name, event) in properties["Events"].as_object().unwrap_or(&none) {
            if event["Type"] != "SQS" || event["Properties"]["Queue"] != queue {
                continue;
            }
            let place = format!("Resources.{function}.Properties.Events.{name}");
            let Source { batch_size, scaling } = typed(&place, &event["Properties"], &["Queue"])?;
            if batch_size != 1 {
                return Err(TemplateError::new(place, "gives several workspaces to one invocation"));
            }
            let function = resources.crate_of(function)?;
            return Ok(HintSettings { function, concurrency: scaling.maximum_concurrency });
        }
    }
    Err(TemplateError::new(format!("Resources.{queue}"), "has no function that takes its messages"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    #[serde(rename = "BatchSize")]
    batch_size: usize,
    #[serde(rename = "ScalingConfig")]
    scaling: Scaling,
}

#[derive(Deserialize)]
struct Scaling {
    #[serde(rename = "MaximumConcurrency")]
    maximum_concurrency: usize,
}
