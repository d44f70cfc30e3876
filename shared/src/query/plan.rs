//! The choice of the index and partitions that answer a query.
//!
//! Each index lists the events of one value in the order of time, and the table lists all events of a workspace in that
//! order. So a query reads one sorted sequence for each partition and value, and merges them. It uses the most selective
//! index for which the filter has a value: entity, then actor, then action or category; otherwise the table itself.
//! Conditions that the index does not cover are checked after the read.
//!
//! Records of reads have a partition of their own. A query whose filter matches no such record leaves the partition out.

use crate::{
    model::{
        catalogue::{Action, CATALOGUE, CUSTOM, OTHER},
        event::Outcome,
        id::{TokenId, WorkspaceId},
        service_event::AUDIT_LOG,
    },
    query::{
        criteria::Criteria,
        page::{Filter, READ_ACTION},
    },
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
    /// Whether the partition of records of reads may have events that match.
    pub with_reads: bool,
}

impl<'a> Plan<'a> {
    /// The plan for a filter on a workspace with this number of partitions, without the one of records of reads.
    pub fn of(filter: &'a Filter, workspace: &WorkspaceId, partitions: usize) -> Self {
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
        Self { path, residual, with_reads: may_match_reads(filter, workspace) }
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

/// Whether a filter may match a record of a read that this service wrote, as `service_event::audit_log_accessed` makes it.
/// Records in other partitions are events of the product, or were written by an earlier version.
fn may_match_reads(filter: &Filter, workspace: &WorkspaceId) -> bool {
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
        exclude_reads,
        order: _,
    } = filter;
    let Criteria {
        not_actions,
        not_categories,
        not_actors: _,
        on_behalf_of,
        actor_name,
        entity_name,
        contains: _,
        ip: _,
    } = criteria;
    let action = Action::own(READ_ACTION);
    !exclude_reads
        && (actions.is_empty() || actions.contains(&action))
        && (categories.is_empty() || categories.contains(&action.category()))
        && !not_actions.contains(&action)
        && !not_categories.contains(&action.category())
        && actor.as_ref().is_none_or(|actor| TokenId::parse(actor).is_ok())
        && entity_type.as_ref().is_none_or(|entity_type| entity_type == AUDIT_LOG)
        && entity_id.as_ref().is_none_or(|entity_id| entity_id == workspace.as_str())
        && outcome.is_none_or(|outcome| outcome == Outcome::Success)
        && correlation_id.is_none()
        && on_behalf_of.is_none()
        && actor_name.is_none()
        && entity_name.is_none()
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
        disclosure::Salt,
        event::Event,
        id::EventId,
        principal::TokenHolder,
        scope::Scope,
        service_event::{Origin, audit_log_accessed},
        timestamp::Timestamp,
    };
    use crate::query::criteria::AddressRange;

    fn actions(names: &[&str]) -> Vec<Action> {
        names.iter().map(|name| Action::parse(name).unwrap()).collect()
    }

    fn acme() -> WorkspaceId {
        WorkspaceId::parse("acme").unwrap()
    }

    fn check(filter: Filter, path: Path<'_>, residual: bool) {
        let plan = Plan::of(&filter, &acme(), 1);
        assert_eq!((plan.path, plan.residual), (path, residual), "{filter:?}");
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
        assert!(matches!(Plan::of(&filter, &acme(), 16).path, Path::Action(_)));
        let plan = Plan { path: Path::Time, residual: true, with_reads: false };
        assert_eq!(Plan::of(&filter, &acme(), 17), plan);
    }

    #[test]
    fn a_filter_that_matches_no_record_of_a_read_leaves_their_partition_out() {
        fn check(filter: Filter, expected: bool) {
            let record = record_of_a_read();
            assert_eq!(Plan::of(&filter, &acme(), 1).with_reads, expected, "{filter:?}");
            assert_eq!(filter.matches(&record), expected, "{filter:?}");
        }
        fn text(text: &str) -> Option<String> {
            Some(text.to_owned())
        }
        fn all() -> Filter {
            Filter::default()
        }
        fn with(criteria: Criteria) -> Filter {
            Filter { criteria, ..all() }
        }
        fn none() -> Criteria {
            Criteria::default()
        }
        check(all(), true);
        check(Filter { exclude_reads: true, ..all() }, false);
        check(Filter { actions: actions(&["audit_log_accessed", "group_created"]), ..all() }, true);
        check(Filter { actions: actions(&["group_created"]), ..all() }, false);
        check(Filter { categories: vec![Action::own(READ_ACTION).category()], ..all() }, true);
        check(Filter { categories: vec![&USER_GROUPS], ..all() }, false);
        check(Filter { actor: text("AbCd01234567"), ..all() }, true);
        check(Filter { actor: text("u1"), ..all() }, false);
        check(Filter { entity_type: text("audit_log"), ..all() }, true);
        check(Filter { entity_type: text("report"), ..all() }, false);
        check(Filter { entity_id: text("acme"), ..all() }, true);
        check(Filter { entity_id: text("globex"), ..all() }, false);
        check(Filter { outcome: Some(Outcome::Success), ..all() }, true);
        check(Filter { outcome: Some(Outcome::Failure), ..all() }, false);
        check(Filter { correlation_id: text("c"), ..all() }, false);
        check(with(Criteria { not_actions: actions(&["audit_log_accessed"]), ..none() }), false);
        check(with(Criteria { not_actions: actions(&["group_created"]), ..none() }), true);
        check(with(Criteria { not_categories: vec![Action::own(READ_ACTION).category()], ..none() }), false);
        check(with(Criteria { not_actors: vec!["u1".to_owned()], ..none() }), true);
        check(with(Criteria { on_behalf_of: text("u1"), ..none() }), false);
        check(with(Criteria { actor_name: Some("a".to_owned().into()), ..none() }), false);
        check(with(Criteria { entity_name: Some("a".to_owned().into()), ..none() }), false);
        check(with(Criteria { contains: Some("audit_logs".to_owned().into()), ..none() }), true);
        check(with(Criteria { ip: AddressRange::parse("203.0.113.0/24").ok(), ..none() }), true);
    }

    fn record_of_a_read() -> Event {
        let holder = TokenHolder {
            workspace: acme(),
            token: TokenId::parse("AbCd01234567").unwrap(),
            scopes: vec![Scope::Read],
        };
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        let id = EventId::parse("x_audit_log_read.1").unwrap();
        let origin = Origin::without_request(now, id, Salt::from_bytes([7; 16]));
        let origin = Origin { ip: Some("203.0.113.9".to_owned()), ..origin };
        let route = serde_json::json!("GET /api/{workspace}/audit_logs");
        let context = serde_json::Map::from_iter([("route".to_owned(), route)]);
        audit_log_accessed(&holder, origin, context)
    }
}
