//! Passes that run at the same time: two or three sealers that got records of the same events, a writer that
//! records more, a signer, and the scheduled search. Their calls pass one at a time, in an order that a seed
//! chooses.

use std::{
    collections::VecDeque,
    iter,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use shared::{ledger::turn::Turn, model::keys::Place, store::Store, system};
use tests::invoke;
use tokio::sync::{mpsc, oneshot};

use crate::{
    engine::{Arrival, Engine, Rule},
    is_full,
    log::{Prepared, Shown, acme, audit, event},
    protocol::Protocol,
    run,
};

#[test]
fn two_sealers_seal_each_event_once() {
    check(2);
}

#[test]
fn three_sealers_seal_each_event_once() {
    check(3);
}

fn check(sealers: usize) {
    let seeds = if is_full() { 500 } else { 30 };
    let began = Instant::now();
    let calls = run(async {
        let (grounds, engine) = (Grounds::prepare().await, Engine::start().await);
        let mut calls = 0;
        for seed in 0..seeds {
            let protocol = if seed % 2 == 0 { Protocol::Shipped } else { Protocol::Streamed };
            calls += grounds.interleave(&engine, protocol, sealers, seed).await.unwrap();
        }
        calls
    });
    let seconds = began.elapsed().as_secs();
    println!("interleavings: {sealers} sealers, {seeds} seeds, {calls} calls in {seconds} s");
}

/// The logs that the drills begin with: an empty one, and one near the end of a tile.
pub(crate) struct Grounds([Prepared; 2]);

type Agent = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

impl Grounds {
    pub(crate) async fn prepare() -> Self {
        Self([Prepared::with(0, 0).await, Prepared::with(252, 0).await])
    }

    /// Runs one drill. Returns the number of calls, or the violation after it.
    pub(crate) async fn interleave(
        &self,
        engine: &Engine,
        protocol: Protocol,
        sealers: usize,
        seed: u64,
    ) -> Result<usize, String> {
        let mut random = fastrand::Rng::with_seed(seed);
        let prepared = &self.0[random.usize(..2)];
        engine.reset(&prepared.file());
        let events: Vec<_> = (0..random.i64(5..=9)).map(|number| event(number, random.i64(0..9))).collect();
        let there = random.usize(2..events.len());
        let store = engine.store();
        let mut places = Vec::new();
        for (number, event) in events.iter().enumerate() {
            places.push(store.place_of(event).await.unwrap());
            if number < there {
                store.append(event).await.unwrap();
            }
        }

        let (arrivals, mut gate) = mpsc::unbounded_channel();
        let shown = Arc::new(Shown::default());
        let mut agents: Vec<Agent> = Vec::new();
        let mut doors = Vec::new();
        let mut told = Vec::new();
        let mut enter = |agents: &Vec<Agent>| {
            doors.push(engine.door(Rule::Waits { agent: agents.len(), arrivals: arrivals.clone() }));
            doors[agents.len()].store()
        };
        for _ in 0..sealers {
            let mut hints: Vec<_> = places.iter().filter(|_| random.u8(..4) > 0).cloned().collect();
            random.shuffle(&mut hints);
            told.extend(hints.clone());
            agents.push(Box::pin(seal(protocol, enter(&agents), hints, shown.clone())));
        }
        let more = events[there..].to_vec();
        let store_of_more = enter(&agents);
        agents.push(Box::pin(async move {
            for event in more {
                store_of_more.append(&event).await.unwrap();
            }
            Ok(())
        }));
        if random.bool() {
            let (store, shown) = (enter(&agents), shown.clone());
            agents.push(Box::pin(async move {
                for _ in 0..3 {
                    shown.ask(store.clone()).await?;
                }
                Ok(())
            }));
        }
        if matches!(protocol, Protocol::Shipped | Protocol::Streamed) && random.u8(..3) == 0 {
            let store = enter(&agents);
            agents.push(Box::pin(async move {
                invoke::sealer(&store, json!({"reconcile": true})).await;
                Ok(())
            }));
        }

        let failed = |violation| format!("seed {seed} of {sealers} sealers: {violation}");
        let began = Instant::now();
        let at_ends = schedule(agents, &arrivals, &mut gate, &mut random).await;
        at_ends.into_iter().collect::<Result<(), _>>().map_err(failed)?;
        // On a busy machine a turn or the time of a pass may be over; then events may wait in the backlog.
        let may_wait = began.elapsed() > Duration::from_secs(Turn::SECONDS.unsigned_abs());
        is_sealed(&store, &places[..there], &told, may_wait).await.map_err(failed)?;
        sealer::seal(&store, &acme(), &places, system::now().plus_seconds(3600)).await.unwrap();
        shown.ask(store.clone()).await.map_err(failed)?;
        audit(&store, &prepared.and(&places), &shown).await.map_err(failed)?;
        Ok(doors.iter().map(|door| door.calls().len()).sum())
    }
}

async fn seal(protocol: Protocol, store: Store, hints: Vec<Place>, shown: Arc<Shown>) -> Result<(), String> {
    protocol.pass(&store, &hints, &shown).await.map_err(|error| format!("a pass fails: {error:?}"))
}

/// Lets the calls of all agents pass, one at a time and each executed before the next, until all agents have
/// finished. Returns the result of each.
///
/// An agent is chosen only when every unfinished agent has a call at its door, so that the order follows from
/// the seed alone. If an agent has several calls at the door, the first one passes.
async fn schedule(
    agents: Vec<Agent>,
    arrivals: &mpsc::UnboundedSender<Arrival>,
    gate: &mut mpsc::UnboundedReceiver<Arrival>,
    random: &mut fastrand::Rng,
) -> Vec<Result<(), String>> {
    let mut waiting: Vec<VecDeque<oneshot::Sender<oneshot::Sender<()>>>> = Vec::new();
    let mut tasks = Vec::new();
    for (number, agent) in agents.into_iter().enumerate() {
        let arrivals = arrivals.clone();
        waiting.push(VecDeque::new());
        tasks.push(tokio::spawn(async move {
            let at_end = agent.await;
            arrivals.send(Arrival::End(number)).unwrap();
            at_end
        }));
    }
    let mut running: Vec<usize> = (0..tasks.len()).collect();
    let mut paces = vec![1; tasks.len()];
    loop {
        while running.iter().any(|agent| waiting[*agent].is_empty()) {
            match gate.recv().await.unwrap() {
                Arrival::Call(agent, call) => waiting[agent].push_back(call),
                Arrival::End(agent) => running.retain(|running| *running != agent),
            }
        }
        if running.is_empty() {
            break;
        }
        // Now and then other agents become the fast ones, so that some sleep while the rest do all their work.
        if random.u8(..16) == 0 {
            paces.fill_with(|| [1, 1, 4, 16][random.usize(..4)]);
        }
        let draws: Vec<_> = running.iter().flat_map(|agent| iter::repeat_n(*agent, paces[*agent])).collect();
        let call = waiting[draws[random.usize(..draws.len())]].pop_front().unwrap();
        let (done, wait) = oneshot::channel();
        // A call that its agent has given up since is no longer there.
        if call.send(done).is_ok() {
            let _ = wait.await;
        }
    }
    let mut at_ends = Vec::new();
    for task in tasks {
        at_ends.push(task.await.unwrap());
    }
    at_ends
}

/// Checks that the events that existed before a pass, and whose places it was given, are sealed after it, or
/// wait in the backlog if they may.
async fn is_sealed(store: &Store, there: &[Place], told: &[Place], may_wait: bool) -> Result<(), String> {
    let waiting = if may_wait { store.waiting(&acme(), None).await.unwrap() } else { Vec::new() };
    let waits = |place: &Place| waiting.iter().any(|waiting| waiting.places.contains(place));
    for candidate in store.candidates(&acme(), there).await.unwrap() {
        let place = candidate.place;
        if candidate.event.unwrap().sequence.is_none() && told.contains(&place) && !waits(&place) {
            return Err(format!("{place:?} is not sealed"));
        }
    }
    Ok(())
}
