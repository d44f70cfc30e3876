//! Crash drills: at each call of a pass in turn, the call is executed or not, and its answer is an error or
//! never arrives. A fresh pass must then complete the log, and nothing that was signed in between may change.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use shared::ledger::turn::Turn;

use crate::{
    engine::{Answer, Applied, Engine, Fault, Rule},
    is_full,
    log::{Prepared, Shown, audit, demand, now},
    protocol::Protocol,
    run,
};

const FAULTS: [Fault; 6] = [
    Fault { applied: Applied::Nothing, answer: Answer::Error },
    Fault { applied: Applied::Nothing, answer: Answer::None },
    Fault { applied: Applied::Half, answer: Answer::Error },
    Fault { applied: Applied::Half, answer: Answer::None },
    Fault { applied: Applied::All, answer: Answer::Error },
    Fault { applied: Applied::All, answer: Answer::None },
];
/// Logs that are drilled at a time.
const THREADS: usize = 2;

#[test]
fn any_call_of_a_pass_may_be_its_last() {
    // 4 events across the end of a tile have each kind of call that 600 have.
    let (sealed, unsealed) = if is_full() { (0, 600) } else { (254, 4) };
    let prepared = run(Prepared::with(sealed, unsealed));
    let began = Instant::now();
    let drill = Drill::of(Protocol::Shipped, &prepared);
    let stamps = drill.calls.iter().filter(|call| *call == "BatchExecuteStatement").count();
    // 25 events to a request, from any of the deltas.
    assert_eq!(stamps, if is_full() { 24 } else { 1 });
    let runs = drill.run_all().unwrap();
    let (calls, seconds) = (drill.calls.len(), began.elapsed().as_secs());
    println!("crash drill: {unsealed} events, {calls} calls ({stamps} stamps), {runs} runs in {seconds} s");
}

#[test]
fn any_call_of_a_large_pass_may_be_its_last() {
    let prepared = run(Prepared::with(0, 300));
    let drill = Drill::of(Protocol::Shipped, &prepared);
    let mut random = fastrand::Rng::with_seed(1);
    run(async {
        let engine = Engine::start().await;
        for _ in 0..4 {
            drill.crash(&engine, &[drill.any_fault(&mut random)]).await.unwrap();
        }
    });
}

#[test]
fn the_pass_after_a_crash_may_crash_as_well() {
    let prepared = run(Prepared::with(254, 4));
    let drill = Drill::of(Protocol::Shipped, &prepared);
    let mut random = fastrand::Rng::with_seed(2);
    run(async {
        let engine = Engine::start().await;
        for _ in 0..if is_full() { 500 } else { 20 } {
            let faults = [(); 3].map(|()| drill.any_fault(&mut random));
            drill.crash(&engine, &faults).await.unwrap();
        }
    });
}

/// Passes over the same tables, each of which fails at another call.
pub(crate) struct Drill<'a> {
    protocol: Protocol,
    prepared: &'a Prepared,
    /// The operations of a pass without faults.
    calls: Vec<String>,
}

impl<'a> Drill<'a> {
    pub(crate) fn of(protocol: Protocol, prepared: &'a Prepared) -> Self {
        let calls = run(async {
            let engine = Engine::start().await;
            engine.reset(&prepared.file());
            let (door, shown) = (engine.door(Rule::Open), Shown::default());
            protocol.pass(&door.store(), &prepared.unsealed, &shown).await.unwrap();
            audit(&engine.store(), &prepared.and(&prepared.unsealed), &shown).await.unwrap();
            door.calls()
        });
        Self { protocol, prepared, calls }
    }

    /// Fails every call in every way. Returns the number of runs, or the first violation.
    pub(crate) fn run_all(&self) -> Result<usize, String> {
        let runs = self.calls.len() * FAULTS.len();
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        run(async {
                            let engine = Engine::start().await;
                            loop {
                                let run = next.fetch_add(1, Ordering::SeqCst);
                                if run >= runs {
                                    return Ok::<_, String>(());
                                }
                                self.crash(&engine, &[(run / FAULTS.len(), FAULTS[run % FAULTS.len()])])
                                    .await?;
                                if run % 100 == 99 {
                                    println!("crash drill: {} of {runs} runs", run + 1);
                                }
                            }
                        })
                    })
                })
                .collect();
            workers.into_iter().try_for_each(|worker| worker.join().unwrap())
        })?;
        Ok(runs)
    }

    fn any_fault(&self, random: &mut fastrand::Rng) -> (usize, Fault) {
        (random.usize(..self.calls.len()), FAULTS[random.usize(..FAULTS.len())])
    }

    /// Runs passes one after the other, each of which fails at its call if it makes so many, and then one
    /// without faults. Returns the violation that is left, if any.
    async fn crash(&self, engine: &Engine, faults: &[(usize, Fault)]) -> Result<(), String> {
        let Self { protocol, prepared, calls } = self;
        engine.reset(&prepared.file());
        let shown = Shown::default();
        let drilled = async {
            shown.ask(engine.store()).await?;
            // The turn of each crashed pass is over when the next one begins.
            let mut times = (0..).map(|turns| now().plus_seconds(turns * 2 * Turn::SECONDS));
            for ((number, fault), now) in faults.iter().zip(&mut times) {
                let door = engine.door(Rule::Fails(*number, *fault));
                let store = door.store();
                tokio::select! {
                    passed = protocol.pass_at(&store, &prepared.unsealed, &shown, now) => {
                        // Stamps that were refused together are retried one by one.
                        let failed = door.calls().get(*number).is_some_and(|call| call != "BatchExecuteStatement");
                        demand(passed.is_err() == failed, || "a pass goes on after an error".to_owned())?;
                    }
                    () = door.crashed() => {}
                }
                shown.ask(engine.store()).await?;
            }
            let now = times.next().unwrap_or_else(now);
            let recovery = protocol.pass_at(&engine.store(), &prepared.unsealed, &shown, now).await;
            recovery.map_err(|error| format!("no recovery: {error:?}"))?;
            shown.ask(engine.store()).await?;
            audit(&engine.store(), &prepared.and(&prepared.unsealed), &shown).await
        };
        drilled.await.map_err(|violation| {
            let faults =
                faults.iter().map(|(number, fault)| format!("{} {number} {fault:?}", calls[*number]));
            format!("{}: {violation}", faults.collect::<Vec<_>>().join(", then "))
        })
    }
}
