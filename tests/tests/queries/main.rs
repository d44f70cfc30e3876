//! Every query agrees with a plain filter over all recorded events.
//!
//! One workspace of 20 is filled with random events that share few values, so that every filter finds some;
//! then random queries with two filters each are read page by page in both orders. While a page is read,
//! another event is recorded. The [`Model`] is a sorted list with a filter of its own, and knows nothing of
//! keys, indexes or pages.
//!
//! A query must return, in order and once, each event that was acknowledged before it began, and of the events
//! recorded since only matching ones. All matching events before a cursor must have been returned. Most queries
//! are compared for some pages, and one in sixteen to its end.
//!
//! `EVENTS` (500), `QUERIES` (153) and `SEED` (1) set the size; the full run is
//! `EVENTS=100000 QUERIES=2448 cargo test --profile long -p tests --test queries -- --nocapture`.
#![allow(clippy::unwrap_used, reason = "an unwrap in a test is an assertion")]

mod events;
mod filters;
mod model;
mod progress;

use std::cell::{Cell, RefCell};

use fastrand::Rng;
use futures::{StreamExt as _, stream};
use local::{Options, System};
use shared::{
    model::{event::Event, id::WorkspaceId},
    query::page::Filter,
    store::{Room, Status, Store},
    system,
};

use self::{
    events::random_event,
    filters::random_filter,
    model::{Known, Model, comes_after},
    progress::Progress,
};

/// Limits for a query that is not compared to its end: pages, and events that the store looked at.
const MAX_PAGES: usize = 6;
const MAX_LOOKED_AT: usize = 5_000;
/// One in so many queries is compared to its end. Every pair of filters has such a query.
const ONE_TO_THE_END_OF: u64 = 16;
/// The smallest page of a query that is compared to its end.
const LEAST_TO_THE_END: usize = 50;
/// Queries that run at a time.
const AT_A_TIME: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_agrees_with_a_plain_filter() {
    let (events, queries, seed) = (number("EVENTS", 500), number("QUERIES", 153), number("SEED", 1));
    let progress = Progress::begin();
    progress.tell(&format!("{events} events, {queries} queries, seed {seed}"));
    let mut random = Rng::with_seed(seed);
    let system = System::start(Options::default()).await.unwrap();

    let workspace = WorkspaceId::parse("busy").unwrap();
    let mut model = Model::default();
    let mut all: Vec<_> =
        (0..events).map(|number| random_event(&workspace, &number.to_string(), &mut random)).collect();
    all.iter().for_each(|event| model.add(event.clone()));
    for other in 1..20 {
        let other = WorkspaceId::parse(&format!("other-{other}")).unwrap();
        let some = events.div_ceil(200);
        all.extend((0..some).map(|number| random_event(&other, &number.to_string(), &mut random)));
    }
    record(system.store(), &all, &progress).await;
    progress.tell(&format!("{} events recorded", all.len()));

    let questions: Vec<_> = (0..queries).map(|number| Question::random(number, &mut random)).collect();
    let audit = Audit {
        store: system.store(),
        workspace,
        model: RefCell::new(model),
        random: RefCell::new(Rng::with_seed(seed + 1)),
        late: Cell::new(0),
    };
    let (mut asked, mut compared, mut ended) = (0, 0, 0);
    let mut answers =
        stream::iter(&questions).map(|question| audit.compare(question)).buffer_unordered(AT_A_TIME);
    while let Some(answer) = answers.next().await {
        asked += 1;
        compared += answer.compared;
        ended += u64::from(answer.ended);
        progress.tell_now_and_then(|| {
            format!(
                "{asked} queries, {ended} of them to the end: {compared} events compared, {} recorded meanwhile",
                audit.late.get()
            )
        });
    }
    progress.tell(&format!(
        "all {asked} queries agree, {ended} of them to the end: {compared} events compared, {} recorded meanwhile",
        audit.late.get()
    ));
    assert_eq!(asked, queries);
    assert!(compared > queries, "the queries found too little to show anything");
    assert!(ended >= queries / ONE_TO_THE_END_OF);
    drop(answers);
    system.shutdown().await;
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// A query and the way to ask it.
struct Question {
    filter: Filter,
    page_size: usize,
    to_the_end: bool,
}

/// The result of a query that agrees.
struct Answer {
    /// The number of compared events.
    compared: u64,
    /// True if the query was compared to its end.
    ended: bool,
}

/// A workspace that is queried and written to, and the model of it.
struct Audit<'a> {
    store: &'a Store,
    workspace: WorkspaceId,
    model: RefCell<Model>,
    random: RefCell<Rng>,
    /// The number of events that were recorded between the queries.
    late: Cell<u64>,
}

impl Question {
    fn random(number: u64, random: &mut Rng) -> Self {
        let filter = random_filter(number, random);
        let to_the_end = number.is_multiple_of(ONE_TO_THE_END_OF);
        let least = if to_the_end { LEAST_TO_THE_END } else { 1 };
        // As many small pages as large ones.
        let page_size = 10_f64.powf(random.f64() * 3.0) as usize;
        Self { filter, page_size: page_size.clamp(least, 1000), to_the_end }
    }
}

impl Audit<'_> {
    /// Reads a query page by page, while events are recorded, and compares the result.
    async fn compare(&self, question: &Question) -> Answer {
        let Question { filter, page_size, to_the_end } = question;
        let known = self.model.borrow().answer(filter);
        let mut expected = known.iter().peekable();
        let (mut cursor, mut last) = (None::<String>, None);
        let (mut pages, mut looked_at, mut compared) = (0, 0, 0);
        loop {
            let after = cursor.as_deref().map(|cursor| filter.resume(&self.workspace, cursor).unwrap());
            let room = Room { events: *page_size, bytes: 5_000_000, measure: |_| 1_000 };
            let read = self.store.page(&self.workspace, filter, after.as_ref(), room, system::now());
            let (page, ()) = tokio::join!(read, self.record_one());
            let page = page.unwrap();
            assert!(page.events.len() <= *page_size);
            for event in page.events {
                let place = event.position();
                let in_order = last.as_ref().is_none_or(|last| comes_after(filter.order, &place, last));
                assert!(in_order, "{filter:?} by {page_size} gave {event:?} after {last:?}");
                if expected.next_if(|next| next.event == event).is_some() {
                    compared += 1;
                } else {
                    let next = expected.peek().map(|next| &next.position);
                    let passed_by = next.is_some_and(|next| !comes_after(filter.order, next, &place));
                    assert!(!passed_by, "{filter:?} by {page_size} gave {event:?} and not {next:?}");
                    assert!(self.is_of_late(&event), "{filter:?} by {page_size} gave {event:?}");
                    assert!(Known::of(event).matches(filter), "{filter:?} by {page_size} gave {place:?}");
                }
                last = Some(place);
            }
            let Some(next) = page.next else {
                let missed = expected.next().map(|missed| &missed.event);
                assert_eq!(missed, None, "{filter:?} by {page_size} ended too soon");
                return Answer { compared, ended: true };
            };
            let missed = expected.peek().filter(|missed| !comes_after(filter.order, &missed.position, &next));
            let missed = missed.map(|missed| &missed.event);
            assert_eq!(missed, None, "{filter:?} by {page_size} leads on from {next:?}");
            cursor = Some(filter.cursor(&self.workspace, &next));
            pages += 1;
            looked_at += page.read.events;
            if !to_the_end && (pages == MAX_PAGES || looked_at >= MAX_LOOKED_AT) {
                return Answer { compared, ended: false };
            }
        }
    }

    /// Records one more event, which every later query must return if it matches.
    async fn record_one(&self) {
        let number = self.late.replace(self.late.get() + 1);
        let event = random_event(&self.workspace, &format!("late-{number}"), &mut self.random.borrow_mut());
        assert_eq!(self.store.append(&event).await.unwrap().status, Status::Recorded);
        self.model.borrow_mut().add(event);
    }

    /// True if an event is one of those that are recorded between the queries.
    fn is_of_late(&self, event: &Event) -> bool {
        event.workspace == self.workspace && event.id.as_str().starts_with("late-")
    }
}

async fn record(store: &Store, events: &[Event], progress: &Progress) {
    let appended = stream::iter(events).map(|event| store.append(event)).buffer_unordered(32);
    let mut appended = appended.enumerate();
    while let Some((number, appended)) = appended.next().await {
        assert_eq!(appended.unwrap().status, Status::Recorded);
        progress.tell_now_and_then(|| format!("{number} of {} events recorded", events.len()));
    }
}
