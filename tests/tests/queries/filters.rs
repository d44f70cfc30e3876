//! Random filters: each has two of the kinds, and every pair has its turn.

use fastrand::Rng;
use shared::{
    model::{
        catalogue::{Action, CATALOGUE, Category},
        event::Outcome,
    },
    query::{
        criteria::AddressRange,
        page::{Filter, Order},
    },
};

use crate::events::{ACTORS, CORRELATIONS, ENTITIES, ENTITY_TYPES, IPS, day};

/// The number of kinds of filters.
const KINDS: u64 = 18;

/// The filter with this number, which alone decides the two kinds.
pub(crate) fn random_filter(number: u64, random: &mut Rng) -> Filter {
    let pairs: Vec<_> = (0..KINDS).flat_map(|one| (0..one).map(move |two| (one, two))).collect();
    let (one, two) = pairs[usize::try_from(number).unwrap() % pairs.len()];
    let order = if random.bool() { Order::Ascending } else { Order::Descending };
    let mut filter = Filter { order, ..Filter::default() };
    set(&mut filter, one, random);
    set(&mut filter, two, random);
    filter
}

fn set(filter: &mut Filter, kind: u64, random: &mut Rng) {
    match kind {
        0 => {
            let (from, days) = (random.u8(1..28), random.u8(0..6));
            filter.start = Some(day(from));
            filter.end = Some(day((from + days).min(28)));
        }
        1 => {
            let names =
                (0..random.usize(1..4)).map(|_| CATALOGUE[random.usize(..12)].action).chain(["x_own"]);
            filter.actions = names.map(|name| Action::parse(name).unwrap()).collect();
        }
        2 => filter.categories = (0..random.usize(1..3)).map(|_| category(random)).collect(),
        3 => filter.actor = one_of(&ACTORS, random),
        4 => {
            filter.entity_type = one_of(&ENTITY_TYPES, random);
            filter.entity_id = one_of(&ENTITIES, random);
        }
        5 => filter.entity_type = one_of(&ENTITY_TYPES, random),
        6 => filter.entity_id = one_of(&ENTITIES, random),
        7 => filter.outcome = Some(if random.bool() { Outcome::Success } else { Outcome::Failure }),
        8 => filter.correlation_id = one_of(&CORRELATIONS, random),
        9 => {
            let address = one_of(&IPS, random).unwrap();
            let range = if random.bool() { "10.0.0.0/24" } else { &address };
            filter.criteria.ip = Some(AddressRange::parse(range).unwrap());
        }
        10 => {
            filter.criteria.not_actions = vec![Action::parse(CATALOGUE[random.usize(..12)].action).unwrap()]
        }
        11 => filter.criteria.not_categories = vec![category(random), category(random)],
        12 => filter.criteria.not_actors = one_of(&ACTORS, random).into_iter().collect(),
        13 => filter.criteria.on_behalf_of = one_of(&ACTORS, random),
        14 => filter.criteria.actor_name = one_of(&["ANNA", "p", "jÜr", "x"], random).map(Into::into),
        15 => filter.criteria.entity_name = one_of(&["Anna B", "peter"], random).map(Into::into),
        16 => {
            filter.criteria.contains =
                one_of(&["BELL", "group", "ü", "c1", "nothing"], random).map(Into::into);
        }
        _ => filter.exclude_reads = true,
    }
}

fn one_of(values: &[&str], random: &mut Rng) -> Option<String> {
    Some(values[random.usize(..values.len())].to_owned())
}

fn category(random: &mut Rng) -> &'static Category {
    let names: Vec<_> = Category::names().collect();
    Category::parse(names[random.usize(..names.len())]).unwrap()
}
