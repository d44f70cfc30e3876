//! A model of the settings: the number of shards and the retention, which instances cache; and the confirmation that a change
//! needs.
//!
//! The unit of time is a minute, for which an instance uses what it has read; timestamps may be two units ahead, and so far
//! may clocks differ. The first instance may be frozen between any two steps, and then its monotonic clock stands still.

use shared::model::{
    retention::{Hold, NOTICE_SECONDS, Retention},
    timestamp::Timestamp,
};
use stateright::{Checker as _, HasDiscoveries, Model, Property};

const AGE: u8 = 1;
const AHEAD: u8 = 2;
/// The end of the time of the model.
const END: u8 = 9;
/// The first unit with two shards, and the instant at which the old event expires, if the admin sets that.
const NEW_DAY: u8 = 8;
const EXPIRES: u8 = 4;

/// A part of the rules that is left out on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// The age of the cached settings is told by the monotonic clock alone.
    MonotonicAge,
    /// A change of shards needs a notice of no more than what a timestamp may be ahead.
    ShortNotice,
    /// The partition is chosen by the time of recording.
    ByArrival,
    /// A change of retention takes effect at once.
    NoNotice,
}

/// The settings that an instance has read, and their age by each of its clocks, up to [`AGE`].
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Cached {
    wall_age: u8,
    monotonic_age: u8,
    has_shards: bool,
    has_retention: bool,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Instance {
    /// The difference of its clock.
    ahead: u8,
    cached: Option<Cached>,
    /// The partition that it has chosen for the event and not written yet.
    chosen: Option<bool>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct State {
    now: u8,
    /// The time of the event that both instances record.
    event: u8,
    has_shards: bool,
    has_retention: bool,
    instances: [Instance; 2],
    /// True if the event is in the first and in the second partition.
    stored: [bool; 2],
    /// An event was accepted by an instance for which it has expired, as the settings are.
    accepted_late: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Action {
    /// A unit passes; the first instance is frozen, or not.
    Tick {
        is_frozen: bool,
    },
    AddShard,
    Shorten,
    Read(usize),
    Choose(usize),
    Write(usize),
    RecordOld(usize),
}

struct Settings(Broken);

impl Settings {
    fn is_fresh(&self, instance: &Instance) -> bool {
        instance.cached.is_some_and(|cached| {
            let Cached { wall_age, monotonic_age, .. } = cached;
            let age =
                if self.0 == Broken::MonotonicAge { monotonic_age } else { wall_age.max(monotonic_age) };
            age < AGE
        })
    }
}

impl Model for Settings {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let clocks = [[0, 0], [0, AHEAD], [AHEAD, 0]];
        let states = clocks.into_iter().flat_map(|[one, other]| {
            (NEW_DAY - 1..=NEW_DAY + 1).map(move |event| State {
                now: 0,
                event,
                has_shards: false,
                has_retention: false,
                instances: [one, other].map(|ahead| Instance { ahead, cached: None, chosen: None }),
                stored: [false; 2],
                accepted_late: false,
            })
        });
        states.collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.now < END {
            actions.extend([false, true].map(|is_frozen| Action::Tick { is_frozen }));
        }
        let notice = if self.0 == Broken::ShortNotice { AHEAD } else { 2 * (AHEAD + AGE) };
        if !state.has_shards && state.now + notice < NEW_DAY {
            actions.push(Action::AddShard);
        }
        let notice = if self.0 == Broken::NoNotice { 0 } else { 2 * AGE };
        if !state.has_retention && state.now + notice <= EXPIRES {
            actions.push(Action::Shorten);
        }
        for (number, instance) in state.instances.iter().enumerate() {
            if !self.is_fresh(instance) {
                actions.push(Action::Read(number));
                // It writes what it has chosen before, however late.
            } else {
                actions.push(Action::RecordOld(number));
                if instance.chosen.is_none() && state.event <= state.now + instance.ahead + AHEAD {
                    actions.push(Action::Choose(number));
                }
            }
            if instance.chosen.is_some() {
                actions.push(Action::Write(number));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick { is_frozen } => {
                state.now += 1;
                for (instance, is_frozen) in state.instances.iter_mut().zip([is_frozen, false]) {
                    if let Some(cached) = &mut instance.cached {
                        cached.wall_age = AGE.min(cached.wall_age + 1);
                        cached.monotonic_age = AGE.min(cached.monotonic_age + u8::from(!is_frozen));
                    }
                }
            }
            Action::AddShard => state.has_shards = true,
            Action::Shorten => state.has_retention = true,
            Action::Read(number) => {
                let State { has_shards, has_retention, .. } = state;
                let cached = Cached { wall_age: 0, monotonic_age: 0, has_shards, has_retention };
                state.instances[number].cached = Some(cached);
            }
            Action::Choose(number) => {
                let instance = &mut state.instances[number];
                let time = if self.0 == Broken::ByArrival { state.now + instance.ahead } else { state.event };
                let has_shards = instance.cached.is_some_and(|cached| cached.has_shards);
                instance.chosen = Some(has_shards && time >= NEW_DAY);
            }
            Action::Write(number) => {
                let second = state.instances[number].chosen.take()?;
                state.stored[usize::from(second)] = true;
            }
            Action::RecordOld(number) => {
                let instance = &state.instances[number];
                let now = state.now + instance.ahead;
                let knows = instance.cached.is_some_and(|cached| cached.has_retention);
                let is_accepted = !knows || now < EXPIRES;
                state.accepted_late |= is_accepted && state.has_retention && state.now >= EXPIRES;
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("an event has one partition", |_, state: &State| state.stored != [true, true]),
            Property::always("an event is where readers look for it", |_, state: &State| {
                let is_new = state.has_shards && state.event >= NEW_DAY;
                !state.stored[usize::from(!is_new)]
            }),
            Property::always("no expired event is accepted", |_, state: &State| !state.accepted_late),
            Property::sometimes("an event is in the second partition", |_, state: &State| state.stored[1]),
        ]
    }
}

#[test]
fn an_event_has_one_partition_and_expires_for_all_instances() {
    let began = std::time::Instant::now();
    let checker = Settings(Broken::Nothing).checker().threads(2).spawn_bfs().join();
    println!(
        "settings: all {} states in {:.1} s",
        checker.unique_state_count(),
        began.elapsed().as_secs_f64()
    );
    checker.assert_properties();
}

#[test]
fn the_model_of_the_settings_finds_each_broken_variant() {
    for (broken, property) in [
        (Broken::MonotonicAge, "an event has one partition"),
        (Broken::MonotonicAge, "no expired event is accepted"),
        (Broken::ShortNotice, "an event has one partition"),
        (Broken::ByArrival, "an event is where readers look for it"),
        (Broken::NoNotice, "no expired event is accepted"),
    ] {
        let finish = HasDiscoveries::AllOf([property].into());
        let checker = Settings(broken).checker().finish_when(finish).spawn_bfs().join();
        let path = checker.assert_any_discovery(property);
        println!("settings, {broken:?}: not \"{property}\" after {:?}", path.into_actions());
    }
}

/// The changes of an admin who never confirms, on the settings as they are shipped.
struct Unconfirmed {
    /// True if the old and the new settings are compared at one instant alone, that of the change.
    compares_once: bool,
}

/// The settings as they are stored, the hour, and the settings of the beginning.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Stored {
    retention: String,
    first: String,
    hour: i64,
    changes: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Patch {
    Days { days: Option<u32>, from_hour: i64 },
    Hold { is_placed: bool, from_hour: i64 },
    Wait,
}

/// The changes of a run, and the hours at which one may begin.
const CHANGES: u8 = 3;
const FROM: [i64; 2] = [1, 240];

fn at(hour: i64) -> Timestamp {
    Timestamp::parse("2026-11-28T00:00:00Z").unwrap().plus_seconds(hour * 3600)
}

fn parsed(text: &str) -> Retention {
    serde_json::from_str(text).unwrap()
}

fn written(retention: &Retention) -> String {
    serde_json::to_string(retention).unwrap()
}

impl Model for Unconfirmed {
    type State = Stored;
    type Action = Patch;

    fn init_states(&self) -> Vec<Stored> {
        let set_at = at(-1).plus_seconds(-NOTICE_SECONDS);
        let thirty = Retention::default().keep(Some(30), at(-1), set_at).unwrap();
        let hold = Some(Hold { reason: "case".to_owned(), by: "u1".to_owned() });
        let held = thirty.with_hold(hold, at(-1), set_at).unwrap();
        let first = [thirty, held].map(|retention| written(&retention));
        first.map(|first| Stored { retention: first.clone(), first, hour: 0, changes: 0 }).into()
    }

    fn actions(&self, state: &Stored, patches: &mut Vec<Patch>) {
        if state.changes == CHANGES {
            return;
        }
        for from_hour in FROM {
            patches.extend([Some(1), Some(30), Some(3650), None].map(|days| Patch::Days { days, from_hour }));
            patches.extend([true, false].map(|is_placed| Patch::Hold { is_placed, from_hour }));
        }
        patches.push(Patch::Wait);
    }

    fn next_state(&self, last: &Stored, patch: Patch) -> Option<Stored> {
        let (old, now) = (parsed(&last.retention), at(last.hour));
        let mut state = Stored { changes: last.changes + 1, ..last.clone() };
        let (new, from) = match patch {
            Patch::Wait => {
                state.hour += 48;
                return Some(state);
            }
            Patch::Days { days, from_hour } => {
                let from = at(last.hour + from_hour);
                (old.keep(days, from, now).ok()?, from)
            }
            Patch::Hold { is_placed, from_hour } => {
                let hold = is_placed.then(|| Hold { reason: "case".to_owned(), by: "u1".to_owned() });
                let from = at(last.hour + from_hour);
                (old.with_hold(hold, from, now).ok()?, from)
            }
        };
        let expires_more = if self.compares_once {
            new.retained_from(from).is_some_and(|new| old.retained_from(from).is_none_or(|old| old < new))
        } else {
            new.expires_sooner_than(&old, now).is_some()
        };
        if expires_more {
            return None;
        }
        state.retention = written(&new);
        (state.retention != last.retention).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("without a confirmation no event expires earlier", |_, state: &Stored| {
            let (first, last) = (parsed(&state.first), parsed(&state.retention));
            let hours = (state.hour..state.hour + 800).step_by(8).chain([4_000, 40_000, 100_000]);
            hours.map(|hour| at(hour).plus_seconds(1)).all(|time| {
                let promised = first.retained_from(time);
                last.retained_from(time).is_none_or(|now| promised.is_some_and(|promised| now <= promised))
            })
        })]
    }
}

#[test]
fn without_a_confirmation_no_event_expires_earlier() {
    let began = std::time::Instant::now();
    let checker = Unconfirmed { compares_once: false }.checker().threads(2).spawn_bfs().join();
    println!(
        "confirmation: all {} states in {:.1} s",
        checker.unique_state_count(),
        began.elapsed().as_secs_f64()
    );
    checker.assert_properties();
    let finish = HasDiscoveries::AnyFailures;
    let checker = Unconfirmed { compares_once: true }.checker().finish_when(finish).spawn_bfs().join();
    let path = checker.assert_any_discovery("without a confirmation no event expires earlier");
    println!("confirmation, compared at one instant: earlier after {:?}", path.into_actions());
}
