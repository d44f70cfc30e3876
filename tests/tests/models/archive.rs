//! A model of the runs of an archive: two archivers, an admin who changes the filter, events that expire, crashes, and
//! answers that are lost.
//!
//! Each event has a day of its own, so an object is named by the first sequence of its run and an event. A lease ends at any
//! time after its holder has crashed; a living holder is gone before its lease ends, because Lambda ends it.

use std::collections::BTreeMap;

use stateright::{Checker as _, HasDiscoveries, Model, Property};

/// The events of the log.
const EVENTS: u8 = 3;
/// The most events of a run.
const RUN: u8 = 2;
/// The event that the changed filter leaves out.
const LEFT_OUT: u8 = 1;
const CRASHES: u8 = 2;

/// A part of the protocol that is left out on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// A run is decided in memory alone, and decided anew after a crash.
    NotPlanned,
    /// The progress is noted before the manifest is put.
    NotedFirst,
    /// The progress is noted without a look at the lease, which ends while its holder works.
    ShortLease,
}

/// A decided run: its sequences, and true if the filter is the changed one.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Plan {
    first: u8,
    next: u8,
    is_narrow: bool,
}

/// The objects of a run, each with true if its event is in it.
type Objects = BTreeMap<(u8, u8), bool>;

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
enum Step {
    Idle,
    /// It has the lease and the item.
    Leased {
        next: u8,
        planned: Option<Plan>,
        is_narrow: bool,
        generation: u8,
    },
    /// The run is in the item, and these objects are still to be put.
    Putting {
        plan: Plan,
        generation: u8,
        left: Objects,
        all: Objects,
    },
    Manifest {
        plan: Plan,
        generation: u8,
        all: Objects,
    },
    Note {
        plan: Plan,
        generation: u8,
        all: Objects,
    },
    Release,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct State {
    next: u8,
    planned: Option<Plan>,
    is_narrow: bool,
    generation: u8,
    lease: Option<usize>,
    /// True if the holder of the lease has crashed.
    is_orphaned: bool,
    expired: [bool; EVENTS as usize],
    objects: Objects,
    /// By the first sequence of its run: the run and its objects.
    manifests: BTreeMap<u8, (Plan, Objects)>,
    steps: [Step; 2],
    crashes: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Action {
    Expire(u8),
    Narrow,
    Call(usize),
    /// The call is executed, and its caller crashes.
    CallAndCrash(usize),
    LeaseEnds,
}

#[derive(Clone, Copy)]
struct Archive(Broken);

impl Archive {
    /// The objects of a run, by the events that are there now.
    fn objects(state: &State, plan: Plan) -> Objects {
        let events = (plan.first..plan.next).filter_map(|event| {
            let has_expired = state.expired[usize::from(event)];
            let is_left_out = plan.is_narrow && event == LEFT_OUT && !has_expired;
            (!is_left_out).then_some(((plan.first, event), !has_expired))
        });
        events.collect()
    }

    fn call(self, state: &mut State, process: usize) {
        let has_lease = state.lease == Some(process);
        let step = match state.steps[process].clone() {
            Step::Idle if state.lease.is_none() && state.next < EVENTS => {
                (state.lease, state.is_orphaned) = (Some(process), false);
                let State { next, planned, is_narrow, generation, .. } = *state;
                Step::Leased { next, planned, is_narrow, generation }
            }
            Step::Idle => Step::Idle,
            Step::Leased { next, planned, is_narrow, generation } => {
                let decided = planned.filter(|plan| plan.first == next && self.0 != Broken::NotPlanned);
                let plan = decided.unwrap_or(Plan { first: next, next: EVENTS.min(next + RUN), is_narrow });
                let is_refused = !has_lease || state.generation != generation;
                if decided.is_none() && is_refused && self.0 != Broken::ShortLease {
                    Step::Release
                } else {
                    state.planned = Some(plan);
                    let mut all = Self::objects(state, plan);
                    if self.0 == Broken::NotPlanned {
                        // Days without events have no objects.
                        all.retain(|_, is_there| *is_there);
                    }
                    Step::Putting { plan, generation, left: all.clone(), all }
                }
            }
            Step::Putting { plan, generation, mut left, all } => match left.pop_first() {
                Some((key, content)) => {
                    state.objects.insert(key, content);
                    Step::Putting { plan, generation, left, all }
                }
                None if self.0 == Broken::NotedFirst => Step::Note { plan, generation, all },
                None => Step::Manifest { plan, generation, all },
            },
            Step::Manifest { plan, generation, all } => {
                state.manifests.insert(plan.first, (plan, all.clone()));
                if self.0 == Broken::NotedFirst {
                    Step::Release
                } else {
                    Step::Note { plan, generation, all }
                }
            }
            Step::Note { plan, generation, all } => {
                let is_checked = has_lease && state.generation == generation;
                if is_checked || self.0 == Broken::ShortLease {
                    (state.next, state.planned) = (plan.next, None);
                }
                if self.0 == Broken::NotedFirst {
                    Step::Manifest { plan, generation, all }
                } else {
                    Step::Release
                }
            }
            Step::Release => {
                if has_lease {
                    state.lease = None;
                }
                Step::Idle
            }
        };
        state.steps[process] = step;
    }
}

impl Model for Archive {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            next: 0,
            planned: None,
            is_narrow: false,
            generation: 0,
            lease: None,
            is_orphaned: false,
            expired: [false; EVENTS as usize],
            objects: Objects::new(),
            manifests: BTreeMap::new(),
            steps: [Step::Idle, Step::Idle],
            crashes: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend((0..EVENTS).filter(|event| !state.expired[usize::from(*event)]).map(Action::Expire));
        if state.generation == 0 {
            actions.push(Action::Narrow);
        }
        if state.lease.is_some() && (state.is_orphaned || self.0 == Broken::ShortLease) {
            actions.push(Action::LeaseEnds);
        }
        // A lease that ends too soon does harm without a crash.
        let crashes = if self.0 == Broken::ShortLease { 0 } else { CRASHES };
        for process in 0..2 {
            actions.push(Action::Call(process));
            if state.crashes < crashes && state.steps[process] != Step::Idle {
                actions.push(Action::CallAndCrash(process));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Expire(event) => state.expired[usize::from(event)] = true,
            Action::Narrow => (state.is_narrow, state.generation) = (true, state.generation + 1),
            Action::Call(process) => self.call(&mut state, process),
            Action::CallAndCrash(process) => {
                self.call(&mut state, process);
                state.is_orphaned |= state.lease == Some(process);
                state.steps[process] = Step::Idle;
                state.crashes += 1;
            }
            Action::LeaseEnds => state.lease = None,
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "each object of a finished run is named by a manifest, as it is",
                |_, state: &State| {
                    let objects = state.objects.iter().filter(|((first, _), _)| *first < state.next);
                    objects.into_iter().all(|(key, content)| {
                        let manifest = state.manifests.get(&key.0);
                        manifest.is_some_and(|(_, named)| named.get(key) == Some(content))
                    })
                },
            ),
            Property::always(
                "each object that a manifest of a finished run names is there",
                |_, state: &State| {
                    let finished = state.manifests.iter().filter(|(first, _)| **first < state.next);
                    finished.into_iter().all(|(_, (_, named))| {
                        named.iter().all(|(key, content)| state.objects.get(key) == Some(content))
                    })
                },
            ),
            Property::always("each event is in one finished run", |_, state: &State| {
                let mut next = 0;
                for (plan, _) in state.manifests.range(..state.next).map(|(_, manifest)| manifest) {
                    if plan.first != next {
                        return false;
                    }
                    next = plan.next;
                }
                next == state.next
            }),
            Property::sometimes("the whole log is archived", |_, state: &State| state.next == EVENTS),
        ]
    }
}

#[test]
fn every_object_of_an_archive_is_named_by_a_manifest() {
    let began = std::time::Instant::now();
    let checker = Archive(Broken::Nothing).checker().threads(2).spawn_bfs().join();
    println!(
        "archive: all {} states in {:.1} s",
        checker.unique_state_count(),
        began.elapsed().as_secs_f64()
    );
    checker.assert_properties();
}

#[test]
fn the_model_of_the_archive_finds_each_broken_variant() {
    for (broken, property) in [
        (Broken::NotPlanned, "each object of a finished run is named by a manifest, as it is"),
        (Broken::NotedFirst, "each event is in one finished run"),
        (Broken::ShortLease, "each object of a finished run is named by a manifest, as it is"),
    ] {
        let finish = HasDiscoveries::AllOf([property].into());
        let checker = Archive(broken).checker().finish_when(finish).spawn_bfs().join();
        let path = checker.assert_any_discovery(property);
        println!("archive, {broken:?}: not \"{property}\" after {:?}", path.into_actions());
    }
}
