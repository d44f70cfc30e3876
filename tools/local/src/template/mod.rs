//! The parts of `template.yaml` that this process emulates: tables, routes, authorizers, bus, queue.
//!
//! The template is the only definition of the system, so nothing of it is repeated here. What is
//! read is read strictly: a property that is neither used nor listed as "not emulated" beside its
//! type stops the start, because ignoring it would show something else than what is deployed.

mod api;
mod bus;
mod hints;
mod tables;
mod yaml;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use api::{Api, Authorizer, JwtAuthorizer, Route, TokenAuthorizer};
pub use bus::{Bus, QueueSettings};
pub use hints::HintSettings;
pub use tables::{Attribute, Index, Key, Table};
pub use yaml::{ACCOUNT, REGION};

/// The project's own template, as it was when this program was built.
pub const TEMPLATE: &str = include_str!("../../../../template.yaml");

/// The parts of a template that run locally.
#[derive(Clone, Debug)]
pub struct Template {
    /// Every table, named by its logical id.
    pub tables: Vec<Table>,
    /// The HTTP API.
    pub api: Api,
    /// The event bus with its one rule and queue.
    pub bus: Bus,
    /// The name of the crate of the function behind the table's stream.
    pub sealer: String,
    /// The way from a log that has grown to the function that delivers it.
    pub hints: HintSettings,
    /// The functions that a schedule invokes.
    pub scheduled: Vec<Scheduled>,
    /// How many executions each function reserves, by its logical id.
    pub reserved: BTreeMap<String, usize>,
}

/// A function that a schedule invokes.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduled {
    /// The name of its crate.
    pub function: String,
    /// The input of an invocation.
    pub input: Value,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Names the place that is missing, or that means something this process cannot do.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let document = yaml::read(text)?;
        let none = Map::new();
        let parameters = document["Parameters"].as_object().unwrap_or(&none);
        if let Some(unread) = document["Globals"].get("HttpApi") {
            return Err(TemplateError::new("Globals.HttpApi", format!("is not read: {unread}")));
        }
        let resources =
            document["Resources"].as_object().ok_or_else(|| TemplateError::new("Resources", "is missing"))?;
        let resources = Resources {
            all: resources
                .iter()
                .map(|(id, resource)| (id.clone(), yaml::resolve(resource, parameters)))
                .collect(),
        };
        Ok(Self {
            tables: tables::read(&resources)?,
            api: api::read(&resources)?,
            bus: bus::read(&resources)?,
            sealer: sealer(&resources)?,
            hints: hints::read(&resources)?,
            scheduled: scheduled(&resources)?,
            reserved: reserved(&resources)?,
        })
    }
}

/// The one function behind a stream.
fn sealer(resources: &Resources) -> Result<String, TemplateError> {
    let mut found =
        resources.of_type("AWS::Serverless::Function").filter(|(_, properties)| is_behind_stream(properties));
    match (found.next(), found.next()) {
        (Some((id, _)), None) => resources.crate_of(id),
        _ => Err(TemplateError::new("Resources", "does not have exactly one function behind a stream")),
    }
}

fn is_behind_stream(properties: &Value) -> bool {
    let events = properties["Events"].as_object();
    events.is_some_and(|events| events.values().any(|event| event["Type"] == "DynamoDB"))
}

/// The schedules of the functions, without the one behind the stream: its schedule is run at each start.
fn scheduled(resources: &Resources) -> Result<Vec<Scheduled>, TemplateError> {
    let mut scheduled = Vec::new();
    for (id, properties) in resources.of_type("AWS::Serverless::Function") {
        let events: Vec<_> = properties["Events"].as_object().into_iter().flat_map(Map::values).collect();
        if events.iter().any(|event| event["Type"] == "DynamoDB") {
            continue;
        }
        for event in events.into_iter().filter(|event| event["Type"] == "Schedule") {
            let input = event["Properties"]["Input"].as_str().unwrap_or_default();
            let input = serde_json::from_str(input).map_err(|error| {
                TemplateError::new(format!("Resources.{id}.Properties.Events"), error.to_string())
            })?;
            scheduled.push(Scheduled { function: resources.crate_of(id)?, input });
        }
    }
    Ok(scheduled)
}

/// The reserved concurrency of each function, where the stack reserves it.
fn reserved(resources: &Resources) -> Result<BTreeMap<String, usize>, TemplateError> {
    let mut reserved = BTreeMap::new();
    for (id, properties) in resources.of_type("AWS::Serverless::Function") {
        let value = &properties["ReservedConcurrentExecutions"];
        let count = value["Fn::If"][1].as_u64().and_then(|count| usize::try_from(count).ok());
        let count = count.ok_or_else(|| {
            let place = format!("Resources.{id}.Properties.ReservedConcurrentExecutions");
            TemplateError::new(place, "is not !If [ReservesConcurrency, <number>, !Ref AWS::NoValue]")
        })?;
        reserved.insert(id.to_owned(), count);
    }
    Ok(reserved)
}

/// A place in the template that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("template.yaml, {place}: {reason}")]
pub struct TemplateError {
    place: String,
    reason: String,
}

impl TemplateError {
    fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), reason: reason.into() }
    }
}

/// The resources of a template, with what can be resolved resolved.
struct Resources {
    all: Map<String, Value>,
}

impl Resources {
    fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.all
            .iter()
            .filter(move |(_, resource)| resource["Type"] == kind)
            .map(|(id, resource)| (id.as_str(), &resource["Properties"]))
    }

    /// The one resource of a type.
    fn only<'a>(&'a self, kind: &'a str) -> Result<(&'a str, &'a Value), TemplateError> {
        let mut found = self.of_type(kind);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(TemplateError::new("Resources", format!("has no {kind}"))),
            (Some(_), Some((id, _))) => Err(TemplateError::new(
                format!("Resources.{id}"),
                format!("is a second {kind}, and only one is emulated"),
            )),
        }
    }

    fn properties(&self, id: &str) -> Result<&Value, TemplateError> {
        self.all
            .get(id)
            .map(|resource| &resource["Properties"])
            .ok_or_else(|| TemplateError::new(format!("Resources.{id}"), "is referred to but missing"))
    }

    /// The name of the crate behind a function: the folder its zip is built into.
    fn crate_of(&self, function: &str) -> Result<String, TemplateError> {
        let code = self.properties(function)?["CodeUri"].as_str();
        let folder = code.and_then(|path| path.strip_suffix("/bootstrap.zip")?.rsplit('/').next());
        folder.map(str::to_owned).ok_or_else(|| {
            TemplateError::new(
                format!("Resources.{function}.Properties.CodeUri"),
                "is not target/lambda/<crate>/bootstrap.zip",
            )
        })
    }
}

/// `value` as a `T`, whose fields are all that may be there beside `not_emulated`.
fn typed<T: DeserializeOwned>(place: &str, value: &Value, not_emulated: &[&str]) -> Result<T, TemplateError> {
    let mut value = value.clone();
    if let Some(object) = value.as_object_mut() {
        object.retain(|key, _| !not_emulated.contains(&key.as_str()));
    }
    serde_json::from_value(value).map_err(|error| TemplateError::new(place, error.to_string()))
}

#[cfg(test)]
mod tests;
