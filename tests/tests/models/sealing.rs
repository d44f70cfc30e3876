//! A model of sealing and signing: two sealers and the schedule of the backlog, a reader that has heads signed,
//! and at most one crash.
//!
//! Each step of a process is one call to the tables, and the steps of all processes happen in every order, so
//! that processes that resume late, second instances and repeated calls are included. A call may be executed
//! although its caller crashes. A turn may seem to be over at any time, which is the effect of wrong clocks.

mod broken;
mod checker;

use std::collections::BTreeSet;

use stateright::{Model, Property};

use self::broken::Broken;

const EVENTS: u8 = 2;
/// The length to which a log can grow that seals events twice.
const PLACES: usize = 3 * EVENTS as usize;
/// The events whose records the stream gives each of the two sealers; the third process is the schedule of the
/// backlog, which gets none.
const TOLD: [u8; 3] = [0b01, 0b11, 0];
/// This event is recorded at any time, and its record follows. The others exist from the beginning.
const LATE: u8 = 0b10;
const SCHEDULE: usize = 2;
#[test]
fn sealing_is_correct_with_crashes_and_wrong_clocks() {
    Sealing { broken: Broken::Nothing, crashes: 1, clocks_are_right: false }.holds();
}

#[test]
fn nothing_waits_for_the_schedule_unless_a_sealer_crashes() {
    Sealing { broken: Broken::Nothing, crashes: 0, clocks_are_right: true }.holds();
}

struct Sealing {
    broken: Broken,
    crashes: u8,
    /// If true, no turn ends before its sealer gives it up, and the schedule has nothing to do.
    clocks_are_right: bool,
}

/// A sealer's next call. Sets of events are bits; a delta has its events in numeric order.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
enum Step {
    Idle,
    ReadHead {
        before: Option<u8>,
    },
    ReadDelta {
        head: Vec<u8>,
        turn: Option<u8>,
        before: Option<u8>,
    },
    ReadEvents {
        head: Vec<u8>,
        has_turn: bool,
    },
    Decide {
        head: Vec<u8>,
        delta: u8,
    },
    Stamp {
        head: Vec<u8>,
        delta: u8,
        left: u8,
        found: bool,
    },
    Look {
        head: Vec<u8>,
        delta: u8,
        found: bool,
    },
    Advance {
        head: Vec<u8>,
        delta: u8,
        keeps: bool,
        found: bool,
    },
    /// The time of the pass is over.
    Stop {
        head: Vec<u8>,
        has_turn: bool,
    },
    GiveUp {
        head: Vec<u8>,
        ends: bool,
    },
    Forget {
        ends: bool,
    },
    ReadWaiting,
    Leave,
    End,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Sealer {
    /// A pass after a crash is a new pass.
    id: u8,
    step: Step,
    queue: u8,
    taken: BTreeSet<u8>,
    left: bool,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct State {
    recorded: u8,
    stamps: [Option<u8>; EVENTS as usize],
    /// By the sequence of its first event: the events, and the turn.
    deltas: [Option<(u8, u8)>; PLACES],
    /// The events that the head covers, in the order of the log.
    head: Vec<u8>,
    turn: Option<u8>,
    backlog: BTreeSet<u8>,
    /// The head that a signer has read, and the head that was signed last.
    seen: Option<Vec<u8>>,
    signed: Vec<u8>,
    /// True if a delta was overwritten.
    rewritten: bool,
    sealers: [Sealer; 3],
    crashes: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Action {
    Record,
    /// A process makes its next call.
    Call(usize),
    /// The same, while the turn of another seems to be over.
    CallAfterTurn(usize),
    /// The time of a pass is over; it begins no round.
    TimeOver(usize),
    /// The call is executed twice, and its answer is the second one.
    CallTwice(usize),
    /// The call is executed, and its caller crashes. The stream delivers its records again. A crash before a
    /// call equals a crash after the previous call.
    CallAndCrash(usize),
    ReadHeadToSign,
    Sign,
}

fn events(delta: u8) -> impl Iterator<Item = u8> {
    (0..EVENTS).filter(move |event| delta & (1 << event) != 0)
}

impl State {
    /// The log that the deltas define.
    fn log(&self) -> Vec<u8> {
        let mut log = Vec::new();
        while let Some(Some((delta, _))) = self.deltas.get(log.len()) {
            log.extend(events(*delta));
        }
        log
    }

    fn unstamped(&self, queue: u8) -> u8 {
        let there = events(queue & self.recorded).filter(|event| self.stamps[usize::from(*event)].is_none());
        there.fold(0, |found, event| found | 1 << event)
    }

    fn is_quiet(&self) -> bool {
        self.recorded == (1 << EVENTS) - 1
            && self.sealers.iter().all(|sealer: &Sealer| matches!(sealer.step, Step::End | Step::Idle))
            && self.sealers[..SCHEDULE].iter().all(|sealer| sealer.step == Step::End)
    }
}

impl Sealing {
    /// Makes a call; `over` if the turn of another seems to be over, `repeated` if the call was executed once
    /// before.
    fn call(&self, state: &mut State, process: usize, over: bool, repeated: bool) {
        let mut sealer = state.sealers[process].clone();
        sealer.step = match sealer.step.clone() {
            Step::Idle => {
                sealer.queue = TOLD[process];
                let early = matches!(self.broken, Broken::CandidatesBeforeHead | Broken::CandidatesReadOnce);
                Step::ReadHead { before: early.then(|| state.unstamped(sealer.queue)) }
            }
            Step::ReadHead { before } => {
                Step::ReadDelta { head: state.head.clone(), turn: state.turn, before }
            }
            Step::ReadDelta { head, turn, before } => {
                self.enter(state, &mut sealer, head, turn, before, over)
            }
            Step::ReadEvents { head, has_turn } => match state.unstamped(sealer.queue) {
                0 => {
                    sealer.queue = 0;
                    if has_turn { Step::GiveUp { head, ends: false } } else { Step::Forget { ends: false } }
                }
                delta => self.proposed(state, head, delta),
            },
            Step::Decide { head, delta } => self.decide(state, &mut sealer, head, delta, repeated),
            Step::Stamp { head, delta, left, found } => {
                if let Some(event) = events(left).next() {
                    let rank =
                        events(delta).position(|each| each == event).expect("the event is one of the delta");
                    let stamp = &mut state.stamps[usize::from(event)];
                    *stamp = stamp.or(u8::try_from(head.len() + rank).ok());
                    after_stamp(self.broken, head, delta, left & !(1 << event), found)
                } else {
                    after_stamp(self.broken, head, delta, 0, found)
                }
            }
            Step::Look { head, delta, found } => {
                sealer.queue &= if found { u8::MAX } else { !delta };
                let known: u8 = sealer.taken.iter().fold(0, |all, each| all | each);
                if self.broken != Broken::LeftWithoutLook && !found {
                    take(state, &mut sealer, self.broken);
                }
                sealer.queue &= !known | if found { u8::MAX } else { 0 };
                Step::Advance { keeps: sealer.queue != 0, head, delta, found }
            }
            Step::Advance { head, delta, keeps, found } => {
                self.advance(state, &mut sealer, head, delta, keeps, found)
            }
            Step::Stop { head, has_turn } => {
                let known: u8 = sealer.taken.iter().fold(0, |all, each| all | each);
                let own = sealer.queue & !known;
                if own != 0 && self.broken != Broken::StoppedWithoutLeaving {
                    state.backlog.insert(own);
                }
                sealer.taken.retain(|taken| taken & sealer.queue == 0);
                if has_turn { Step::GiveUp { head, ends: true } } else { Step::Forget { ends: true } }
            }
            Step::GiveUp { head, ends } => {
                if state.head == head {
                    state.turn = None;
                }
                Step::Forget { ends }
            }
            Step::Forget { ends } => {
                for taken in std::mem::take(&mut sealer.taken) {
                    state.backlog.remove(&taken);
                }
                let reads = !ends && self.broken != Broken::ReadBeforeGivenUp;
                if reads { Step::ReadWaiting } else { Step::End }
            }
            Step::ReadWaiting => {
                take(state, &mut sealer, self.broken);
                if sealer.queue == 0 { Step::End } else { Step::ReadHead { before: None } }
            }
            Step::Leave => {
                state.backlog.insert(sealer.queue);
                sealer.left = true;
                if self.broken == Broken::LeftWithoutLook {
                    Step::End
                } else {
                    Step::ReadHead { before: None }
                }
            }
            Step::End => Step::End,
        };
        if sealer.step == Step::End {
            sealer = Sealer { id: sealer.id, step: Step::End, queue: 0, taken: BTreeSet::new(), left: false };
            if process == SCHEDULE {
                sealer.step = Step::Idle;
            }
        }
        state.sealers[process] = sealer;
    }

    /// The next step of a pass after it has read the head and the events after it.
    fn enter(
        &self,
        state: &State,
        sealer: &mut Sealer,
        head: Vec<u8>,
        turn: Option<u8>,
        before: Option<u8>,
        over: bool,
    ) -> Step {
        let found = state.deltas.get(head.len()).copied().flatten();
        let turn = found.map(|(_, turn)| turn).or(turn);
        if turn.is_some_and(|turn| turn != sealer.id) && !over {
            return if sealer.left || sealer.queue == 0 { Step::End } else { Step::Leave };
        }
        match (found, before) {
            (Some((delta, _)), _) if self.broken == Broken::FoundNotFinished => {
                Step::Advance { head, delta, keeps: sealer.queue != 0, found: true }
            }
            (Some((delta, _)), _) => Step::Stamp { head, delta, left: delta, found: true },
            (None, Some(delta)) if delta != 0 => Step::Decide { head, delta },
            (None, _) if sealer.queue == 0 => Step::ReadWaiting,
            (None, _) => Step::ReadEvents { has_turn: turn == Some(sealer.id), head },
        }
    }

    fn proposed(&self, state: &mut State, head: Vec<u8>, delta: u8) -> Step {
        if self.broken == Broken::SignedBeforeDecided {
            state.signed = head.iter().copied().chain(events(delta)).collect();
        }
        if self.broken == Broken::StampsBeforeDecided {
            return Step::Stamp { head, delta, left: delta, found: false };
        }
        Step::Decide { head, delta }
    }

    fn decide(
        &self,
        state: &mut State,
        sealer: &mut Sealer,
        head: Vec<u8>,
        delta: u8,
        repeated: bool,
    ) -> Step {
        let Some(there) = state.deltas.get_mut(head.len()) else { return Step::End };
        let unconditional = matches!(self.broken, Broken::TurnDecides | Broken::HeadDecides);
        let first = there.is_none();
        if first || unconditional {
            state.rewritten |= there.is_some_and(|(other, _)| other != delta);
            *there = Some((delta, sealer.id));
        }
        if (first && !repeated) || unconditional || self.broken == Broken::LostRaceIgnored {
            return match self.broken {
                Broken::StampsBeforeDecided => Step::Look { head, delta, found: false },
                Broken::HeadBeforeStamps => Step::Advance { head, delta, keeps: true, found: false },
                _ => Step::Stamp { head, delta, left: delta, found: false },
            };
        }
        let again = self.broken == Broken::CandidatesReadOnce;
        Step::ReadHead { before: again.then_some(delta) }
    }

    fn advance(
        &self,
        state: &mut State,
        sealer: &mut Sealer,
        head: Vec<u8>,
        delta: u8,
        keeps: bool,
        found: bool,
    ) -> Step {
        let moved = state.head == head;
        let next: Vec<u8> = head.iter().copied().chain(events(delta)).collect();
        if moved {
            state.head.clone_from(&next);
            state.turn = keeps.then_some(sealer.id);
        }
        if self.broken == Broken::HeadBeforeStamps {
            return Step::Stamp { head, delta, left: delta, found };
        }
        if found || !moved {
            return Step::ReadHead { before: None };
        }
        if keeps { Step::ReadEvents { head: next, has_turn: true } } else { Step::Forget { ends: false } }
    }
}

/// The next step after a stamp of an event of a delta.
fn after_stamp(broken: Broken, head: Vec<u8>, delta: u8, left: u8, found: bool) -> Step {
    match (left, broken) {
        (0, Broken::StampsBeforeDecided) if !found => Step::Decide { head, delta },
        (0, Broken::HeadBeforeStamps) => Step::ReadHead { before: None },
        (0, _) => Step::Look { head, delta, found },
        _ => Step::Stamp { head, delta, left, found },
    }
}

/// Reads the backlog.
fn take(state: &mut State, sealer: &mut Sealer, broken: Broken) {
    for waiting in &state.backlog {
        if !sealer.taken.contains(waiting) {
            sealer.queue |= waiting;
            sealer.taken.insert(*waiting);
        }
    }
    if broken == Broken::ForgottenBeforeSealed {
        state.backlog.clear();
    }
}

impl Model for Sealing {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            recorded: ((1 << EVENTS) - 1) & !LATE,
            stamps: [None; EVENTS as usize],
            deltas: [None; PLACES],
            head: Vec::new(),
            turn: None,
            backlog: BTreeSet::new(),
            seen: None,
            signed: Vec::new(),
            rewritten: false,
            sealers: [idle(0), idle(1), idle(2)],
            crashes: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.recorded & LATE == 0 {
            actions.push(Action::Record);
        }
        for (process, sealer) in state.sealers.iter().enumerate() {
            let starts = match process {
                SCHEDULE => !self.clocks_are_right && !state.backlog.is_empty(),
                _ => TOLD[process] & !state.recorded == 0,
            };
            if sealer.step == Step::End || sealer.step == Step::Idle && !starts {
                continue;
            }
            actions.push(Action::Call(process));
            if !self.clocks_are_right && matches!(sealer.step, Step::ReadDelta { .. }) {
                actions.push(Action::CallAfterTurn(process));
            }
            if !self.clocks_are_right && sealer.queue != 0 && matches!(sealer.step, Step::ReadEvents { .. }) {
                actions.push(Action::TimeOver(process));
            }
            if matches!(sealer.step, Step::Decide { .. }) {
                actions.push(Action::CallTwice(process));
            }
            if state.crashes < self.crashes && sealer.step != Step::Idle {
                actions.push(Action::CallAndCrash(process));
            }
        }
        match &state.seen {
            None if state.head.len() > state.signed.len() => actions.push(Action::ReadHeadToSign),
            Some(_) => actions.push(Action::Sign),
            None => {}
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Record => state.recorded |= LATE,
            Action::Call(process) => self.call(&mut state, process, false, false),
            Action::CallAfterTurn(process) => self.call(&mut state, process, true, false),
            Action::TimeOver(process) => time_over(&mut state.sealers[process]),
            Action::CallTwice(process) => self.call(&mut state, process, false, true),
            Action::CallAndCrash(process) => {
                self.call(&mut state, process, false, false);
                crash(&mut state, process);
            }
            Action::ReadHeadToSign => state.seen = Some(state.head.clone()),
            Action::Sign => {
                let seen = state.seen.take()?;
                // The write of a signature has the condition that no larger head was signed meanwhile.
                if seen.len() > state.signed.len() {
                    state.signed = seen;
                }
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("each event has one sequence", |_, state: &State| {
                let log = state.log();
                log.len() == log.iter().collect::<BTreeSet<_>>().len()
            }),
            Property::always("each stamp is the log's", |_, state: &State| {
                let log = state.log();
                (0..).zip(&state.stamps).all(|(event, stamp): (u8, &Option<u8>)| {
                    stamp.is_none_or(|stamp| log.get(usize::from(stamp)) == Some(&event))
                })
            }),
            Property::always("each event below the head is stamped", |_, state: &State| {
                state.head.iter().all(|event| state.stamps[usize::from(*event)].is_some())
            }),
            Property::always("what was decided or signed stays", |_, state: &State| {
                let log = state.log();
                !state.rewritten
                    && (log.starts_with(&state.signed) || state.signed.len() > log.len())
                    && log.starts_with(&state.head)
            }),
            Property::always("no head is signed beyond what is committed", |_, state: &State| {
                state.signed.len() <= state.head.len()
            }),
            Property::always("no event is left at the end", |model: &Sealing, state: &State| {
                let waits = !state.backlog.is_empty() && !model.clocks_are_right;
                !state.is_quiet() || waits || state.head.len() == usize::from(EVENTS)
            }),
        ]
    }
}

fn time_over(sealer: &mut Sealer) {
    if let Step::ReadEvents { head, has_turn } = sealer.step.clone() {
        sealer.step = Step::Stop { head, has_turn };
    }
}

fn crash(state: &mut State, process: usize) {
    state.crashes += 1;
    let id = state.sealers[process].id + 3;
    state.sealers[process] = Sealer { id, step: Step::Idle, queue: 0, taken: BTreeSet::new(), left: false };
}

fn idle(id: u8) -> Sealer {
    Sealer { id, step: Step::Idle, queue: 0, taken: BTreeSet::new(), left: false }
}
