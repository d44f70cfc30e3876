//! Random events that share few values; many share even the microsecond.

use fastrand::Rng;
use serde_json::{Map, json};
use shared::{
    model::{
        catalogue::{Action, CATALOGUE},
        disclosure::Disclosure,
        event::{Actor, ActorType, Entity, Event, Outcome},
        id::{EventId, WorkspaceId},
        timestamp::Timestamp,
    },
    system,
};

pub(crate) const ACTORS: [&str; 6] = ["u1", "u2", "u3", "u4", "u5", "unknown"];
pub(crate) const ENTITY_TYPES: [&str; 3] = ["report", "connection", "nothing"];
pub(crate) const ENTITIES: [&str; 5] = ["e1", "e2", "e3", "e4", "nothing"];
pub(crate) const CORRELATIONS: [&str; 4] = ["c1", "c2", "c3", "nothing"];
pub(crate) const NAMES: [&str; 5] = ["Anna Bell", "anna carter", "Peter", "Jürgen", "Unknown"];
pub(crate) const IPS: [&str; 4] = ["10.0.0.1", "10.0.0.2", "2001:db8::1", "192.0.2.1"];

/// The start of a day in the month of all events.
pub(crate) fn day(day: u8) -> Timestamp {
    Timestamp::parse(&format!("2026-01-{day:02}T00:00:00Z")).unwrap()
}

/// A random event. It never has the last value of a list.
pub(crate) fn random_event(workspace: &WorkspaceId, id: &str, random: &mut Rng) -> Event {
    let action = match random.u8(..20) {
        0 => Action::parse_lenient("thing_renamed"),
        1 | 2 => Action::parse("x_own"),
        _ => Action::parse(CATALOGUE[random.usize(..CATALOGUE.len())].action),
    };
    // Few times, so that many events share one and differ only in their ids.
    let timestamp = day(random.u8(1..29)).plus_seconds(i64::from(random.u8(..8)) * 3600);
    let mut actor = Actor::new(ActorType::User, one_of(&ACTORS, random));
    actor.ip = random.bool().then(|| one_of(&IPS, random));
    actor.username = random.bool().then(|| one_of(&NAMES, random));
    if random.u8(..4) == 0 {
        let mut principal = Actor::new(ActorType::User, one_of(&ACTORS, random));
        principal.username = Some(one_of(&NAMES, random));
        actor.on_behalf_of = Some(Box::new(principal));
    }
    let entity = (random.u8(..4) > 0).then(|| Entity {
        entity_type: one_of(&ENTITY_TYPES, random),
        entity_id: one_of(&ENTITIES, random),
        entity_name: random.bool().then(|| one_of(&NAMES, random)),
    });
    let mut context = Map::new();
    if random.bool() {
        context.insert("correlation_id".to_owned(), json!(one_of(&CORRELATIONS, random)));
    }
    if random.u8(..200) == 0 {
        context.insert("filler".to_owned(), json!("x".repeat(16_000)));
    }
    Event {
        workspace: workspace.clone(),
        id: EventId::parse(id).unwrap(),
        action: action.unwrap(),
        timestamp,
        received_at: day(30),
        outcome: if random.u8(..10) == 0 { Outcome::Failure } else { Outcome::Success },
        description: None,
        actor: Some(actor),
        entity,
        context,
        changes: Vec::new(),
        disclosure: Disclosure::Whole(system::salt()),
        sequence: None,
    }
}

fn one_of(values: &[&str], random: &mut Rng) -> String {
    values[random.usize(..values.len() - 1)].to_owned()
}
