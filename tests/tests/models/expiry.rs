//! A model of expiry: receipts, marks and holds, with two concurrent runs that may stand still at any call.

use stateright::{Checker as _, Model, Property};

/// The events of the log; all have expired.
const EVENTS: usize = 2;
/// The number of times that an admin may place or end a hold.
const CHANGES: u8 = 3;

/// A part of the protocol that is left out on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// Marks have no check of the settings in their transaction.
    UncheckedMarks,
    /// Marks do not wait until their receipt is sealed.
    UnsealedReceipts,
    /// A run marks the events of the last receipt before it reads the hold.
    HoldUnseen,
    /// Marks are removed before the progress is set back.
    LateSetback,
    /// Progress is noted without a condition.
    UncheckedProgress,
}

/// The values that a run has read, and its next call. It may stand still here for any time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Run {
    Idle,
    /// It read the settings: the retention's version, whether there was a hold, and the progress.
    Decided {
        version: u8,
        is_held: bool,
        marked_size: usize,
        sealed: usize,
    },
    /// It marked an event, and notes that next.
    Marked {
        version: u8,
        marked_size: usize,
        event: usize,
    },
    /// It set the progress back, or does so next, and removes the mark of an event.
    Unmarking {
        version: u8,
        marked_size: usize,
        event: usize,
    },
}

/// The tables and the runs. Receipt `n` names event `n`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    version: u8,
    is_held: bool,
    receipts: usize,
    sealed: usize,
    marked_size: usize,
    marks: [bool; EVENTS],
    gone: [bool; EVENTS],
    runs: [Run; 2],
    /// An event was marked under a hold, or without a sealed receipt.
    wrongly_marked: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    Hold,
    EndHold,
    Seal,
    Delete(usize),
    Read(usize),
    GoOn(usize),
    Crash(usize),
}

#[derive(Clone, Copy)]
struct Expiry(Broken);

impl Expiry {
    fn is(self, broken: Broken) -> bool {
        self.0 == broken
    }

    /// The condition of a transaction that adds or removes a mark: the settings are as they were read.
    fn checked(self, state: &State, version: u8, marked_size: usize) -> bool {
        self.is(Broken::UncheckedMarks) || (state.version == version && state.marked_size == marked_size)
    }

    fn go_on(self, state: &mut State, run: usize) {
        let next = match state.runs[run].clone() {
            Run::Idle => Run::Idle,
            Run::Decided { version, is_held: true, marked_size, .. } if !self.is(Broken::HoldUnseen) => {
                match (0..EVENTS).find(|event| state.marks[*event] && !state.gone[*event]) {
                    None => Run::Idle,
                    Some(event) if self.is(Broken::LateSetback) || marked_size <= event => {
                        Run::Unmarking { version, marked_size, event }
                    }
                    Some(event) if self.checked(state, version, marked_size) => {
                        state.marked_size = event;
                        Run::Unmarking { version, marked_size: event, event }
                    }
                    Some(_) => Run::Idle,
                }
            }
            Run::Decided { version, marked_size, sealed, .. } => {
                let receipts = if self.is(Broken::UnsealedReceipts) { state.receipts } else { sealed };
                if marked_size < receipts {
                    self.mark(state, version, marked_size)
                } else {
                    // A receipt, in one transaction with a check of the retention.
                    if state.version == version && !state.is_held && state.receipts < EVENTS {
                        state.receipts += 1;
                    }
                    Run::Idle
                }
            }
            Run::Marked { version, marked_size, event } => {
                if self.is(Broken::UncheckedProgress)
                    || (state.version == version && state.marked_size == marked_size)
                {
                    state.marked_size = event + 1;
                }
                Run::Idle
            }
            Run::Unmarking { version, marked_size, event } => {
                if self.checked(state, version, marked_size) {
                    // With a late setback, a crash happens here.
                    state.marks[event] = false;
                }
                Run::Idle
            }
        };
        state.runs[run] = next;
    }

    fn mark(self, state: &mut State, version: u8, event: usize) -> Run {
        if !self.checked(state, version, event) {
            return Run::Idle;
        }
        if !state.gone[event] {
            state.wrongly_marked |= state.is_held || event >= state.sealed;
            state.marks[event] = true;
        }
        Run::Marked { version, marked_size: event, event }
    }
}

impl Model for Expiry {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            version: 0,
            is_held: false,
            receipts: 0,
            sealed: 0,
            marked_size: 0,
            marks: [false; EVENTS],
            gone: [false; EVENTS],
            runs: [Run::Idle, Run::Idle],
            wrongly_marked: false,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.version < CHANGES {
            steps.push(if state.is_held { Step::EndHold } else { Step::Hold });
        }
        if state.sealed < state.receipts {
            steps.push(Step::Seal);
        }
        steps
            .extend((0..EVENTS).filter(|event| state.marks[*event] && !state.gone[*event]).map(Step::Delete));
        for (number, run) in state.runs.iter().enumerate() {
            if *run == Run::Idle {
                steps.push(Step::Read(number));
            } else {
                steps.extend([Step::GoOn(number), Step::Crash(number)]);
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Hold => (state.is_held, state.version) = (true, state.version + 1),
            Step::EndHold => (state.is_held, state.version) = (false, state.version + 1),
            Step::Seal => state.sealed += 1,
            Step::Delete(event) => state.gone[event] = true,
            Step::Read(run) => {
                let State { version, is_held, marked_size, sealed, .. } = state;
                state.runs[run] = Run::Decided { version, is_held, marked_size, sealed };
            }
            Step::GoOn(run) => self.go_on(&mut state, run),
            Step::Crash(run) => state.runs[run] = Run::Idle,
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "no event is marked under a hold, or before its receipt is sealed",
                |_, state: &State| !state.wrongly_marked,
            ),
            // Every receipt below the progress has its events marked or deleted, except for a mark that is not
            // noted yet.
            Property::always("no event of a receipt is left out", |_, state: &State| {
                (0..state.marked_size).all(|event| state.marks[event] || state.gone[event])
            }),
            Property::always("no event is marked that no receipt names", |_, state: &State| {
                (0..EVENTS).all(|event| !state.marks[event] || event < state.receipts)
            }),
            Property::sometimes("all events are deleted", |_, state: &State| {
                state.gone.iter().all(|gone| *gone)
            }),
            Property::sometimes("a hold is in effect and no mark is left", |_, state: &State| {
                state.is_held
                    && state.receipts == EVENTS
                    && state.sealed == EVENTS
                    && state.marks == [false; EVENTS]
            }),
        ]
    }
}

#[test]
fn expiry_marks_by_sealed_receipts_alone_and_never_under_a_hold() {
    let checker = Expiry(Broken::Nothing).checker().spawn_bfs().join();
    println!("expiry: {} states", checker.unique_state_count());
    checker.assert_properties();
}

#[test]
fn the_model_of_expiry_finds_each_broken_variant() {
    let variants = [
        (Broken::UncheckedMarks, "no event is marked under a hold, or before its receipt is sealed"),
        (Broken::UnsealedReceipts, "no event is marked under a hold, or before its receipt is sealed"),
        (Broken::HoldUnseen, "no event is marked under a hold, or before its receipt is sealed"),
        (Broken::LateSetback, "no event of a receipt is left out"),
        (Broken::UncheckedProgress, "no event of a receipt is left out"),
    ];
    for (broken, property) in variants {
        let checker = Expiry(broken).checker().spawn_bfs().join();
        let path = checker.assert_any_discovery(property);
        println!("expiry, {broken:?}: {:?}", path.into_actions());
    }
}
