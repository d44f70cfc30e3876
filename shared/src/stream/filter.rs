//! The filter of a stream.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::{
    intake::{
        members::{Members, Present, identifier_problem},
        new_event::MAX_ID_CHARACTERS,
    },
    model::{
        catalogue::{Action, Category, slip_of},
        event::{Event, Outcome},
    },
    query::criteria::{AddressRange, Criteria, FoldedText, MAX_TEXT_CHARACTERS},
    text::nearest::did_you_mean,
};

/// The members of a filter.
pub const FILTER_FIELDS: &[&str] = &[
    "actions",
    "categories",
    "actors",
    "entity_types",
    "outcome",
    "not_actions",
    "not_categories",
    "not_actors",
    "on_behalf_of",
    "actor_name",
    "entity_name",
    "contains",
    "ip",
];
/// The most values that one member of a filter may list.
pub const MAX_FILTER_VALUES: usize = 50;

/// A filter on events. Members are combined with AND, the values of one member with OR. An empty filter matches all events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamFilter {
    /// Any of these actions.
    pub actions: Vec<Action>,
    /// Any of these categories.
    pub categories: Vec<&'static Category>,
    /// The ids of the actors.
    pub actors: Vec<String>,
    /// The types of the entities.
    pub entity_types: Vec<String>,
    /// The outcome.
    pub outcome: Option<Outcome>,
    /// Further conditions.
    pub criteria: Criteria,
}

/// A stored filter is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a filter of a stream")]
pub struct InvalidFilter;

impl StreamFilter {
    /// Whether the filter matches an event.
    pub fn matches(&self, event: &Event) -> bool {
        let Self { actions, categories, actors, entity_types, outcome, criteria } = self;
        fn one_of(wanted: &[String], found: Option<&String>) -> bool {
            wanted.is_empty() || found.is_some_and(|found| wanted.contains(found))
        }
        (actions.is_empty() || actions.contains(&event.action))
            && (categories.is_empty() || categories.contains(&event.action.category()))
            && one_of(actors, event.actor.as_ref().map(|actor| &actor.user_id))
            && one_of(entity_types, event.entity.as_ref().map(|entity| &entity.entity_type))
            && outcome.is_none_or(|outcome| outcome == event.outcome)
            && criteria.matches(event)
    }

    /// Reads a filter; problems are added to the list of problems.
    pub fn read(object: &mut Members<'_>) -> Self {
        let filter = Self {
            actions: read_list(object, "actions", action),
            categories: read_list(object, "categories", category),
            actors: read_list(object, "actors", identifier),
            entity_types: read_list(object, "entity_types", identifier),
            outcome: object.one_of("outcome", &Outcome::NAMES),
            criteria: Criteria {
                not_actions: read_list(object, "not_actions", action),
                not_categories: read_list(object, "not_categories", category),
                not_actors: read_list(object, "not_actors", identifier),
                on_behalf_of: read_text(object, "on_behalf_of", MAX_ID_CHARACTERS),
                actor_name: read_text(object, "actor_name", MAX_TEXT_CHARACTERS).map(FoldedText::from),
                entity_name: read_text(object, "entity_name", MAX_TEXT_CHARACTERS).map(FoldedText::from),
                contains: read_text(object, "contains", MAX_TEXT_CHARACTERS).map(FoldedText::from),
                ip: match object.parsed("ip", "invalid_address", AddressRange::parse) {
                    Present::Valid(range) => Some(range),
                    Present::Absent | Present::Invalid => None,
                },
            },
        };
        object.finish(FILTER_FIELDS);
        filter
    }
}

/// Parses an action: of the catalogue, custom, or an unknown one from the bus. Refuses a misspelt action of the catalogue,
/// because it would match no event, and the stream would deliver nothing.
fn action(name: &str) -> Result<Action, (&'static str, String)> {
    let detail = match (Action::parse_lenient(name), slip_of(name)) {
        (Some(Action::Other(_)), Some(meant)) => {
            format!("is no action of the catalogue; did you mean {meant}?")
        }
        (Some(action), _) => return Ok(action),
        (None, _) => "is not the name of an action".to_owned(),
    };
    Err(("unknown_action", detail))
}

fn category(name: &str) -> Result<&'static Category, (&'static str, String)> {
    Category::parse(name)
        .ok_or_else(|| ("unknown_value", format!("is no category{}", did_you_mean(name, Category::names()))))
}

/// Takes a text that must not be empty.
fn read_text(object: &mut Members<'_>, name: &str, max_characters: usize) -> Option<String> {
    let text = object.identifier(name, max_characters)?;
    if text.is_empty() {
        object.problem(name, "empty", "may not be empty; leave it out");
    }
    Some(text)
}

fn identifier(text: &str) -> Result<String, (&'static str, String)> {
    if text.is_empty() {
        return Err(("empty", "may not be empty".to_owned()));
    }
    identifier_problem(text, MAX_ID_CHARACTERS).map_or_else(|| Ok(text.to_owned()), Err)
}

/// Takes a list of strings and parses each with `read`. The problem of an element has the element's pointer.
pub(super) fn read_list<T>(
    object: &mut Members<'_>,
    name: &str,
    read: impl Fn(&str) -> Result<T, (&'static str, String)>,
) -> Vec<T> {
    let values = match object.take(name) {
        None => return Vec::new(),
        Some(Value::Array(values)) => values,
        Some(_) => {
            object.problem(name, "wrong_type", "must be a list of strings");
            return Vec::new();
        }
    };
    if values.len() > MAX_FILTER_VALUES {
        object.problem(name, "too_many", format!("may have at most {MAX_FILTER_VALUES}"));
        return Vec::new();
    }
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for (index, value) in values.iter().enumerate() {
        let read = match value.as_str() {
            None => Err(("wrong_type", "must be a string".to_owned())),
            Some(text) if !seen.insert(text) => Err(("duplicate", "stands here more than once".to_owned())),
            Some(text) => read(text),
        };
        match read {
            Ok(value) => found.push(value),
            Err((code, detail)) => object.problem_within(name, index, code, detail),
        }
    }
    found
}

/// A filter with names, the form in which it is stored and returned by the API.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Names {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    categories: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actors: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entity_types: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_actions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_categories: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_actors: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_name: Option<FoldedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_name: Option<FoldedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contains: Option<FoldedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<AddressRange>,
}

impl Serialize for StreamFilter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { actions, categories, actors, entity_types, outcome, criteria } = self;
        let Criteria {
            not_actions,
            not_categories,
            not_actors,
            on_behalf_of,
            actor_name,
            entity_name,
            contains,
            ip,
        } = criteria;
        Names {
            actions: action_names(actions),
            categories: category_names(categories),
            actors: actors.clone(),
            entity_types: entity_types.clone(),
            outcome: *outcome,
            not_actions: action_names(not_actions),
            not_categories: category_names(not_categories),
            not_actors: not_actors.clone(),
            on_behalf_of: on_behalf_of.clone(),
            actor_name: actor_name.clone(),
            entity_name: entity_name.clone(),
            contains: contains.clone(),
            ip: *ip,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StreamFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Names {
            actions,
            categories,
            actors,
            entity_types,
            outcome,
            not_actions,
            not_categories,
            not_actors,
            on_behalf_of,
            actor_name,
            entity_name,
            contains,
            ip,
        } = Names::deserialize(deserializer)?;
        fn known<T, E: de::Error>(stored: Option<T>) -> Result<T, E> {
            stored.ok_or_else(|| E::custom(InvalidFilter))
        }
        Ok(Self {
            actions: known(stored_actions(&actions))?,
            categories: known(stored_categories(&categories))?,
            actors,
            entity_types,
            outcome,
            criteria: Criteria {
                not_actions: known(stored_actions(&not_actions))?,
                not_categories: known(stored_categories(&not_categories))?,
                not_actors,
                on_behalf_of,
                actor_name,
                entity_name,
                contains,
                ip,
            },
        })
    }
}

fn action_names(actions: &[Action]) -> Vec<String> {
    actions.iter().map(Action::to_string).collect()
}

fn category_names(categories: &[&'static Category]) -> Vec<String> {
    categories.iter().map(|category| category.name.to_owned()).collect()
}

fn stored_actions(names: &[String]) -> Option<Vec<Action>> {
    names.iter().map(|name| Action::parse_lenient(name)).collect()
}

fn stored_categories(names: &[String]) -> Option<Vec<&'static Category>> {
    names.iter().map(|name| Category::parse(name)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{model::event::Entity, stream::mask::tests::event};

    fn read(filter: Value) -> Result<StreamFilter, Vec<String>> {
        let Value::Object(members) = filter else { panic!("an object") };
        let mut problems = Vec::new();
        let filter =
            StreamFilter::read(&mut Members { members, pointer: String::new(), problems: &mut problems });
        let problems: Vec<_> =
            problems.iter().map(|problem| format!("{} {}", problem.field, problem.code)).collect();
        if problems.is_empty() { Ok(filter) } else { Err(problems) }
    }

    #[test]
    fn members_are_combined_with_and_and_values_with_or() {
        let event = event();
        let check = |filter: Value, matches: bool| {
            let found = read(filter.clone()).unwrap();
            assert_eq!(found.matches(&event), matches, "{filter}");
            assert_eq!(json!(found), filter);
            assert_eq!(serde_json::from_value::<StreamFilter>(filter).unwrap(), found);
        };
        check(json!({}), true);
        check(json!({"actions": ["group_created", "group_member_added"]}), true);
        check(json!({"actions": ["group_created"]}), false);
        check(json!({"actions": ["x_own", "x_audit_log_redacted"]}), false);
        check(json!({"categories": ["user_groups"], "actors": ["u-1", "u-2"]}), true);
        check(json!({"categories": ["user_groups"], "actors": ["u-2"]}), false);
        check(json!({"categories": ["custom"]}), false);
        check(json!({"entity_types": ["group"], "outcome": "success"}), true);
        check(json!({"outcome": "failure"}), false);
        check(json!({"actions": ["user.login", "ConsoleLogin"]}), false);
        check(json!({"not_actions": ["group_created"], "not_actors": ["u-2"]}), true);
        check(json!({"not_actions": ["group_member_added"]}), false);
        check(json!({"not_categories": ["user_groups"]}), false);
        check(json!({"not_actors": ["u-2", "u-1"]}), false);
        check(json!({"contains": "no such text"}), false);
        check(json!({"ip": "192.0.2.0/24"}), false);
        // An erased part does not match a condition on it.
        let erased = Event { actor: None, entity: None::<Entity>, ..event.clone() };
        assert!(!read(json!({"actors": ["u-1"]})).unwrap().matches(&erased));
    }

    #[test]
    fn all_problems_of_a_filter_are_listed() {
        fn check(filter: Value, expected: &[&str]) {
            assert_eq!(read(filter).unwrap_err(), expected);
        }
        check(
            json!({"actions": ["group_creatd", 1]}),
            &["/actions/0 unknown_action", "/actions/1 wrong_type"],
        );
        check(
            json!({"categories": ["groups"], "actors": [""]}),
            &["/categories/0 unknown_value", "/actors/0 empty"],
        );
        check(json!({"actors": ["u", "u"], "action": []}), &["/actors/1 duplicate", "/action unknown_field"]);
        check(
            json!({"not_actions": ["grop_created"], "ip": "300.1.1.1", "contains": "", "actor_name": 1}),
            &[
                "/not_actions/0 unknown_action",
                "/actor_name wrong_type",
                "/contains empty",
                "/ip invalid_address",
            ],
        );
        check(
            json!({"entity_types": "group", "outcome": "both"}),
            &["/entity_types wrong_type", "/outcome unknown_value"],
        );
        check(json!({"actors": (0..51).map(|n| n.to_string()).collect::<Vec<_>>()}), &["/actors too_many"]);
    }
}
