//! The choice of the index and partitions that answer a query.
//!
//! Each index lists the events of one value in the order of time, and the table lists all events of a workspace in that
//! order. So a query reads one sorted sequence for each partition and value, and merges them. It uses the most selective
//! index for which the filter has a value: entity, then actor, then action or category; otherwise the table itself.
//! Conditions that the index does not cover are checked after the read.

use crate::{
    model::catalogue::{Action, CATALOGUE, CUSTOM, OTHER},
    query::page::Filter,
};

/// The most sequences that a query merges. With more values, reading all events by time costs less.
const MAX_STREAMS: usize = 64;

/// The index that a query reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path<'a> {
    /// The table itself, with all events.
    Time,
    /// The index of actions, with these values.
    Action(Vec<&'a str>),
    /// The index of actors.
    Actor(&'a str),
    /// The index of entities.
    Entity {
        /// The type of the entity.
        entity_type: &'a str,
        /// The id of the entity.
        entity_id: &'a str,
    },
}

/// The plan of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan<'a> {
    /// The index to read.
    pub path: Path<'a>,
    /// Whether the index may also list many events that do not match.
    pub residual: bool,
}

impl<'a> Plan<'a> {
    /// The plan for a filter on a workspace with this number of partitions.
    pub fn of(filter: &'a Filter, partitions: usize) -> Self {
        let path = path(filter, partitions);
        let Filter {
            start: _,
            end: _,
            actions,
            categories,
            actor,
            entity_type,
            entity_id,
            outcome,
            correlation_id,
            criteria,
            exclude_reads: _,
            order: _,
        } = filter;
        let by_action = !actions.is_empty() || !categories.is_empty();
        let by_entity = entity_type.is_some() || entity_id.is_some();
        let left = match path {
            Path::Time => [by_action, actor.is_some(), by_entity],
            Path::Action(_) => [false, actor.is_some(), by_entity],
            Path::Actor(_) => [by_action, false, by_entity],
            Path::Entity { .. } => [by_action, actor.is_some(), false],
        };
        let residual =
            left.contains(&true) || outcome.is_some() || correlation_id.is_some() || criteria.is_selective();
        Self { path, residual }
    }
}

fn path(filter: &Filter, partitions: usize) -> Path<'_> {
    if let (Some(entity_type), Some(entity_id)) = (&filter.entity_type, &filter.entity_id) {
        return Path::Entity { entity_type, entity_id };
    }
    if let Some(actor) = &filter.actor {
        return Path::Actor(actor);
    }
    match actions(filter) {
        Some(actions) if actions.len() * partitions <= MAX_STREAMS => Path::Action(actions),
        _ => Path::Time,
    }
}

/// The actions that a filter allows; `None` if they cannot be listed.
fn actions(filter: &Filter) -> Option<Vec<&str>> {
    let categories = &filter.categories;
    let mut names: Vec<&str> = if !filter.actions.is_empty() {
        let wanted = |action: &&Action| categories.is_empty() || categories.contains(&action.category());
        filter.actions.iter().filter(wanted).map(Action::name).collect()
    } else if categories.is_empty() || categories.iter().any(|category| [&CUSTOM, &OTHER].contains(category))
    {
        // Custom and unknown actions cannot be listed.
        return None;
    } else {
        CATALOGUE.iter().filter(|row| categories.contains(&row.category)).map(|row| row.action).collect()
    };
    names.sort_unstable();
    names.dedup();
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        catalogue::{Category, USER_GROUPS, USER_MEMBERSHIP},
        event::Outcome,
    };
    use crate::query::criteria::{AddressRange, Criteria};

    fn actions(names: &[&str]) -> Vec<Action> {
        names.iter().map(|name| Action::parse(name).unwrap()).collect()
    }

    fn check(filter: Filter, path: Path<'_>, residual: bool) {
        assert_eq!(Plan::of(&filter, 1), Plan { path, residual }, "{filter:?}");
    }

    #[test]
    fn the_most_selective_index_is_taken() {
        fn text(text: &str) -> Option<String> {
            Some(text.to_owned())
        }
        fn entity() -> Path<'static> {
            Path::Entity { entity_type: "report", entity_id: "r1" }
        }
        fn on_entity() -> Filter {
            Filter { entity_type: text("report"), entity_id: text("r1"), ..Filter::default() }
        }
        check(Filter::default(), Path::Time, false);
        check(on_entity(), entity(), false);
        check(Filter { actor: text("u1"), ..on_entity() }, entity(), true);
        check(Filter { actor: text("u1"), ..Filter::default() }, Path::Actor("u1"), false);
        check(
            Filter { actor: text("u1"), entity_id: text("r1"), ..Filter::default() },
            Path::Actor("u1"),
            true,
        );
        check(
            Filter { actor: text("u1"), actions: actions(&["x_a"]), ..Filter::default() },
            Path::Actor("u1"),
            true,
        );
        check(Filter { entity_type: text("report"), ..Filter::default() }, Path::Time, true);
        check(Filter { outcome: Some(Outcome::Failure), ..Filter::default() }, Path::Time, true);
        fn with(criteria: Criteria) -> Filter {
            Filter { criteria, ..on_entity() }
        }
        check(with(Criteria { ip: AddressRange::parse("::1").ok(), ..Criteria::default() }), entity(), true);
        check(with(Criteria { not_actors: vec!["u1".to_owned()], ..Criteria::default() }), entity(), false);
        check(Filter { correlation_id: text("c"), ..Filter::default() }, Path::Time, true);
    }

    #[test]
    fn a_category_is_read_as_the_union_of_its_actions() {
        let groups = vec!["group_created", "group_deleted", "group_member_added", "group_member_removed"];
        fn of(categories: Vec<&'static Category>, names: &[&str]) -> Filter {
            Filter { categories, actions: actions(names), ..Filter::default() }
        }
        check(of(vec![&USER_GROUPS], &[]), Path::Action(groups), false);
        check(
            of(vec![&USER_GROUPS], &["group_deleted", "org_user_invited"]),
            Path::Action(vec!["group_deleted"]),
            false,
        );
        check(of(vec![&USER_MEMBERSHIP], &["group_deleted"]), Path::Action(vec![]), false);
        check(of(vec![&USER_GROUPS, &CUSTOM], &[]), Path::Time, true);
        check(of(vec![&CUSTOM], &["x_a", "group_deleted"]), Path::Action(vec!["x_a"]), false);
        check(of(vec![], &["x_b", "x_a", "x_b"]), Path::Action(vec!["x_a", "x_b"]), false);
    }

    #[test]
    fn too_many_streams_are_not_merged() {
        let filter = Filter { categories: vec![&USER_GROUPS], ..Filter::default() };
        assert!(matches!(Plan::of(&filter, 16).path, Path::Action(_)));
        assert_eq!(Plan::of(&filter, 17), Plan { path: Path::Time, residual: true });
    }
}
