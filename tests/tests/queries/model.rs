//! The recorded events as a sorted list, and the meaning of filters, written independently of the server.

use std::{cmp::Ordering, collections::BTreeMap, rc::Rc};

use serde_json::Value;
use shared::{
    model::{event::Event, keys::Position},
    query::{
        criteria::{AddressRange, Criteria, FoldedText},
        page::{Filter, Order},
    },
};

/// All acknowledged events, in the order of time.
#[derive(Default)]
pub(crate) struct Model(BTreeMap<Position, Rc<Known>>);

/// An event, and the values that filters compare.
pub(crate) struct Known {
    pub(crate) event: Event,
    pub(crate) position: Position,
    action: String,
    category: String,
    actor: String,
    entity_type: Option<String>,
    entity_id: Option<String>,
    outcome: String,
    correlation_id: Option<String>,
    ip: Option<String>,
    on_behalf_of: Option<String>,
    actor_name: Option<String>,
    entity_name: Option<String>,
    /// The texts that people see, in lower case.
    seen: Vec<String>,
}

impl Model {
    /// Adds an acknowledged event.
    pub(crate) fn add(&mut self, event: Event) {
        let known = Known::of(event);
        self.0.insert(known.position.clone(), Rc::new(known));
    }

    /// All present events that match, in the filter's order.
    pub(crate) fn answer(&self, filter: &Filter) -> Vec<Rc<Known>> {
        let found = self.0.values().filter(|known| known.matches(filter)).cloned();
        match filter.order {
            Order::Ascending => found.collect(),
            Order::Descending => found.rev().collect(),
        }
    }
}

impl Known {
    /// Reads the values that filters compare from the event's JSON, as readers get it.
    pub(crate) fn of(event: Event) -> Self {
        let json = serde_json::to_value(&event).unwrap();
        Self {
            position: event.position(),
            action: required(&json, "/action"),
            category: required(&json, "/category"),
            actor: required(&json, "/actor/user_id"),
            entity_type: optional(&json, "/entity/entity_type"),
            entity_id: optional(&json, "/entity/entity_id"),
            outcome: required(&json, "/outcome"),
            correlation_id: optional(&json, "/context/correlation_id"),
            ip: optional(&json, "/actor/ip"),
            on_behalf_of: optional(&json, "/actor/on_behalf_of/user_id"),
            actor_name: optional(&json, "/actor/username").map(|name| name.to_lowercase()),
            entity_name: optional(&json, "/entity/entity_name").map(|name| name.to_lowercase()),
            seen: seen(&json),
            event,
        }
    }

    /// True if the event matches the filter.
    pub(crate) fn matches(&self, filter: &Filter) -> bool {
        filter.start.is_none_or(|start| self.event.timestamp >= start)
            && filter.end.is_none_or(|end| self.event.timestamp < end)
            && (filter.actions.is_empty() || filter.actions.iter().any(|action| action.name() == self.action))
            && (filter.categories.is_empty()
                || filter.categories.iter().any(|category| category.name == self.category))
            && filter.actor.as_ref().is_none_or(|actor| *actor == self.actor)
            && agrees(&filter.entity_type, &self.entity_type)
            && agrees(&filter.entity_id, &self.entity_id)
            && filter.outcome.is_none_or(|outcome| outcome.name() == self.outcome)
            && agrees(&filter.correlation_id, &self.correlation_id)
            && self.fits(&filter.criteria)
            && (!filter.exclude_reads || self.action != "audit_log_accessed")
    }

    /// Whether the event fits the filters that no index settles. The addresses of the random events are written in one way,
    /// and their ranges end between two numbers.
    fn fits(&self, criteria: &Criteria) -> bool {
        let is_at = |range: AddressRange| {
            let range = range.to_string();
            let start = range.strip_suffix("0/24").unwrap_or(&range);
            self.ip
                .as_ref()
                .is_some_and(|ip| if start == range { *ip == range } else { ip.starts_with(start) })
        };
        !criteria.not_actions.iter().any(|action| action.name() == self.action)
            && !criteria.not_categories.iter().any(|category| category.name == self.category)
            && !criteria.not_actors.contains(&self.actor)
            && criteria.on_behalf_of.as_ref().is_none_or(|id| self.on_behalf_of.as_ref() == Some(id))
            && begins(&criteria.actor_name, &self.actor_name)
            && begins(&criteria.entity_name, &self.entity_name)
            && criteria.contains.as_ref().is_none_or(|text| {
                let text = text.as_str().to_lowercase();
                self.seen.iter().any(|seen| seen.contains(&text))
            })
            && criteria.ip.is_none_or(is_at)
    }
}

fn begins(wanted: &Option<FoldedText>, found: &Option<String>) -> bool {
    wanted.as_ref().is_none_or(|wanted| {
        found.as_ref().is_some_and(|found| found.starts_with(&wanted.as_str().to_lowercase()))
    })
}

/// The texts of an event that people see, in lower case.
fn seen(event: &Value) -> Vec<String> {
    fn gather(value: &Value, texts: &mut Vec<String>) {
        match value {
            Value::Null => {}
            Value::String(text) => texts.push(text.to_lowercase()),
            Value::Array(values) => values.iter().for_each(|value| gather(value, texts)),
            Value::Object(members) => members.values().for_each(|value| gather(value, texts)),
            other => texts.push(other.to_string()),
        }
    }
    let mut texts = Vec::new();
    for pointer in
        ["/description", "/actor/username", "/actor/on_behalf_of/username", "/entity/entity_name", "/context"]
    {
        gather(event.pointer(pointer).unwrap_or(&Value::Null), &mut texts);
    }
    texts
}

fn agrees(wanted: &Option<String>, found: &Option<String>) -> bool {
    wanted.is_none() || wanted == found
}

fn required(json: &Value, pointer: &str) -> String {
    optional(json, pointer).unwrap()
}

fn optional(json: &Value, pointer: &str) -> Option<String> {
    json.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

/// True if one position is after another in this order.
pub(crate) fn comes_after(order: Order, one: &Position, other: &Position) -> bool {
    let after = match order {
        Order::Ascending => Ordering::Greater,
        Order::Descending => Ordering::Less,
    };
    one.cmp(other) == after
}
