//! Crash drills: at each call of a run in turn, the call is the run's last one, or is answered with an error,
//! or is never answered and the run dies there. After another run, the receiver has every event, in order.

use tests::{Fault, FaultyEngine, Plan, invoke};

use crate::{
    ledger::all,
    receiver::{Receiver, ReceiverFault},
    world::World,
};

const EVENTS: i64 = 230;

#[tokio::test]
async fn a_run_may_end_at_any_call_to_the_tables() {
    let world = World::with(EVENTS).await;
    for fault in [Fault::Denied, Fault::AnswerLost, Fault::NeverAnswered, Fault::AnswerWithheld] {
        let (mut runs, mut repeated) = (0, 0);
        while let Some(more) = ends_at(&world, runs, fault).await {
            runs += 1;
            repeated += more;
        }
        // The lease, head and settings, deltas, events, three requests, the head again, the lease given back.
        assert!(runs > 8, "{fault:?}: {runs}");
        println!("{fault:?}: {runs} runs, {repeated} events repeated");
    }
    world.end().await;
}

/// The number of events that arrive twice if a run ends at the call with this number; `None` if it has no such
/// call.
async fn ends_at(world: &World, number: usize, fault: Fault) -> Option<usize> {
    let receiver = Receiver::start().await;
    let stream = world.webhook(&receiver.url).await;
    let faulty = FaultyEngine::with(world.engine(), Plan::default().nth(number, "*", fault)).await;
    let post = world.post_over(faulty.store());
    // Without an answer the function is killed: it does nothing more.
    let dies = matches!(fault, Fault::NeverAnswered | Fault::AnswerWithheld);
    tokio::select! {
        _ = invoke::deliver(&post, stream.as_str()) => {}
        () = faulty.reached(1), if dies => {}
    }
    let happened = faulty.happened(fault) > 0;
    world.let_retry(&stream).await;
    invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    let repeated = all(&receiver, EVENTS as u64);
    let progress = world.delivery(&stream).await.progress;
    assert_eq!((progress.next, progress.attempts), (EVENTS as u64, 0), "{fault:?} at {number}");
    happened.then_some(repeated)
}

#[tokio::test]
async fn a_run_may_end_at_any_request() {
    let faults = [
        ReceiverFault::ResetBefore,
        ReceiverFault::ResetAfter,
        ReceiverFault::Refused(500, &[]),
        ReceiverFault::Refused(404, &[]),
    ];
    let world = World::with(EVENTS).await;
    for fault in faults {
        for number in 0..3 {
            let once = fault.clone();
            let receiver =
                Receiver::that(
                    move |request, _| {
                        if request == number { Err(once.clone()) } else { Ok(String::new()) }
                    },
                )
                .await;
            let stream = world.webhook(&receiver.url).await;
            assert_eq!(invoke::deliver(&world.post(), stream.as_str()).await.unwrap().failed, 1);
            world.let_retry(&stream).await;
            invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
            let size = if number == 2 { 30 } else { 100 };
            let expected = if matches!(fault, ReceiverFault::ResetAfter) { size } else { 0 };
            assert_eq!(all(&receiver, EVENTS as u64), expected);
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_turn_writes_once_for_its_lease_and_once_for_each_request() {
    let world = World::with(EVENTS).await;
    let receiver = Receiver::start().await;
    let stream = world.webhook(&receiver.url).await;
    let counting = FaultyEngine::counting(world.engine()).await;
    invoke::deliver(&world.post_over(counting.store()), stream.as_str()).await.unwrap();
    all(&receiver, EVENTS as u64);
    // Each write is of one unit: the item of a stream is below 1 KB here.
    assert_eq!((receiver.received().len(), counting.calls("UpdateItem")), (3, 4));
    assert_eq!(world.delivery(&stream).await.leased_until, None);
    world.end().await;
}
