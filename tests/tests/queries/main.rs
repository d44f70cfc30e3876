//! Every query agrees with a plain filter over all that was recorded.
//!
//! A workspace among 20 is filled with random events that share few values, so that every filter
//! finds some; then random queries of two filters each are paged through in both orders, while
//! another client goes on recording. The model is a sorted list and [`matches`] below, which knows
//! nothing of keys, indexes or pages.
//!
//! The size is set by `EVENTS` (500), `QUERIES` (90) and `SEED` (1); the full run is
//! `EVENTS=100000 QUERIES=2025 cargo test --release -p tests --test queries -- --nocapture`.
#![allow(clippy::unwrap_used, reason = "an unwrap in a test is an assertion")]

mod events;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use fastrand::Rng;
use futures::{StreamExt as _, stream};
use local::{Options, System};
use shared::{
    catalogue::{Action, CATALOGUE, Category},
    event::{Event, Outcome},
    id::WorkspaceId,
    keys::Position,
    page::{Filter, Order},
    store::{Room, Store},
};

use self::events::{ACTORS, CORRELATIONS, ENTITIES, ENTITY_TYPES, IPS, day, random_event};

/// How many pages of a query are compared at most; a query with more is compared that far.
const MAX_PAGES: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_agrees_with_a_plain_filter() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (events, queries, seed) = (number("EVENTS", 500), number("QUERIES", 90), number("SEED", 1));
    println!("{events} events, {queries} queries, seed {seed}");
    let mut random = Rng::with_seed(seed);
    let system = System::start(Options::default()).await.unwrap();
    let store = system.store();

    let busy = WorkspaceId::parse("busy").unwrap();
    let mut model = Model::default();
    let mut all: Vec<_> =
        (0..events).map(|number| random_event(&busy, &number.to_string(), &mut random)).collect();
    all.iter().for_each(|event| model.add(event.clone()));
    for other in 1..20 {
        let other = WorkspaceId::parse(&format!("other-{other}")).unwrap();
        all.extend((0..events / 50).map(|number| random_event(&other, &number.to_string(), &mut random)));
    }
    record_all(store, all).await;

    let done = AtomicBool::new(false);
    let (asked, written) = (AtomicU64::new(0), AtomicU64::new(0));
    let writer = async {
        let mut random = Rng::with_seed(seed + 1);
        while !done.load(Ordering::Relaxed) {
            let number = written.fetch_add(1, Ordering::Relaxed);
            store.append(&random_event(&busy, &format!("late-{number}"), &mut random)).await.unwrap();
            // One or so for each query: enough to be in the way, and not so many that they are all there is.
            while !done.load(Ordering::Relaxed) && number > asked.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
        }
    };
    let reader = async {
        let mut compared = 0;
        for query in 0..queries {
            let (filter, page_size) = random_query(query, &mut random);
            asked.store(query, Ordering::Relaxed);
            compared += compare(store, &busy, &model, &filter, page_size).await;
        }
        done.store(true, Ordering::Relaxed);
        compared
    };
    let (compared, ()) = tokio::join!(reader, writer);
    println!("{compared} events compared; {} recorded meanwhile", written.load(Ordering::Relaxed));
    assert!(compared > queries, "the queries found too little to show anything");
    system.shutdown().await;
}

/// All that was recorded before the queries began, in the order of time.
#[derive(Default)]
struct Model(BTreeMap<Position, Event>);

impl Model {
    fn add(&mut self, event: Event) {
        self.0.insert(event.position(), event);
    }

    fn answer(&self, filter: &Filter) -> Vec<&Event> {
        let found = self.0.values().filter(|event| matches(filter, event));
        match filter.order {
            Order::Ascending => found.collect(),
            Order::Descending => found.rev().collect(),
        }
    }
}

/// What a filter means, said once more and on its own.
fn matches(filter: &Filter, event: &Event) -> bool {
    let json = serde_json::to_value(event).unwrap();
    let text = |pointer: &str| json.pointer(pointer).and_then(|value| value.as_str()).map(str::to_owned);
    let is = |wanted: &Option<String>, pointer: &str| wanted.is_none() || *wanted == text(pointer);
    let any = |wanted: Vec<&str>, pointer: &str| {
        wanted.is_empty() || wanted.contains(&text(pointer).unwrap().as_str())
    };
    filter.start.is_none_or(|start| event.timestamp >= start)
        && filter.end.is_none_or(|end| event.timestamp < end)
        && any(filter.actions.iter().map(Action::name).collect(), "/action")
        && any(filter.categories.iter().map(|category| category.name).collect(), "/category")
        && is(&filter.actor, "/actor/user_id")
        && is(&filter.entity_type, "/entity/entity_type")
        && is(&filter.entity_id, "/entity/entity_id")
        && is(&filter.outcome.map(|outcome| outcome.name().to_owned()), "/outcome")
        && is(&filter.correlation_id, "/context/correlation_id")
        && is(&filter.ip, "/actor/ip")
}

/// Pages through a query and compares; how many events were compared.
async fn compare(
    store: &Store,
    workspace: &WorkspaceId,
    model: &Model,
    filter: &Filter,
    page_size: usize,
) -> u64 {
    let mut expected = model.answer(filter).into_iter();
    let mut cursor: Option<String> = None;
    let mut compared = 0;
    for _ in 0..MAX_PAGES {
        let after = cursor.as_deref().map(|cursor| filter.resume(workspace, cursor).unwrap());
        let room = Room { events: page_size, bytes: 5_000_000, measure: |_| 1_000 };
        let page = store.page(workspace, filter, after.as_ref(), room).await.unwrap();
        assert!(page.events.len() <= page_size);
        for event in &page.events {
            if event.id.as_str().starts_with("late-") {
                assert!(matches(filter, event), "{filter:?} gave {event:?}");
                continue;
            }
            assert_eq!(Some(event), expected.next(), "{filter:?} by {page_size}");
            compared += 1;
        }
        match page.next {
            Some(position) => cursor = Some(filter.cursor(workspace, &position)),
            None => {
                assert_eq!(expected.next(), None, "{filter:?} by {page_size} ended too soon");
                return compared;
            }
        }
    }
    compared
}

/// The kinds of filters; a query has two of them, and every pair has its turn.
const KINDS: u64 = 10;

fn random_query(number: u64, random: &mut Rng) -> (Filter, usize) {
    let pairs: Vec<_> = (0..KINDS).flat_map(|one| (0..one).map(move |two| (one, two))).collect();
    let (one, two) = pairs[usize::try_from(number).unwrap() % pairs.len()];
    let order = if random.bool() { Order::Ascending } else { Order::Descending };
    let mut filter = Filter { order, ..Filter::default() };
    set(&mut filter, one, random);
    set(&mut filter, two, random);
    // As many small pages as large ones.
    let page_size = 10_f64.powf(random.f64() * 3.0) as usize;
    (filter, page_size.clamp(1, 1000))
}

fn set(filter: &mut Filter, kind: u64, random: &mut Rng) {
    let one_of = |values: &[&str], random: &mut Rng| Some(values[random.usize(..values.len())].to_owned());
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
        _ => filter.ip = one_of(&IPS, random),
    }
}

fn category(random: &mut Rng) -> &'static Category {
    let names: Vec<_> = Category::names().collect();
    Category::parse(names[random.usize(..names.len())]).unwrap()
}

async fn record_all(store: &Store, events: Vec<Event>) {
    let mut appended = stream::iter(&events).map(|event| store.append(event)).buffer_unordered(32);
    while let Some(appended) = appended.next().await {
        appended.unwrap();
    }
}
