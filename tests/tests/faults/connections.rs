//! The call or its answer is lost, late, broken, or arrives twice, so that the caller cannot know whether the
//! write was executed.

use tests::Fault;

use crate::{Doors, Drill, RECORDED, REFUSED};

#[tokio::test]
async fn after_a_reset_the_write_is_tried_again_and_recorded_once() {
    let drill = Drill::start().await;
    drill.check([Fault::ResetBefore, Fault::ResetAfter], RECORDED, REFUSED).await;
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_or_broken_is_recorded_once() {
    let drill = Drill::start().await;
    drill.check([Fault::AnswerLost, Fault::AnswerTruncated], RECORDED, REFUSED).await;
}

#[tokio::test]
async fn an_unreadable_answer_is_not_an_acknowledgement() {
    let drill = Drill::start().await;
    drill.check([Fault::AnswerGarbled], REFUSED, REFUSED).await;
}

#[tokio::test]
async fn an_answer_after_the_sdks_timeout_is_retried() {
    let drill = Drill::start().await;
    assert_eq!(drill.record(Fault::AnswerDelayed, 1).await, RECORDED);
}

#[tokio::test]
async fn a_write_that_arrives_after_its_retry_changes_nothing() {
    let drill = Drill::start().await;
    assert_eq!(drill.record(Fault::CallDelayed, 1).await, RECORDED);
}

#[tokio::test]
async fn a_write_that_is_delivered_twice_is_recorded_once() {
    let drill = Drill::start().await;
    drill.check([Fault::CalledTwice], RECORDED, RECORDED).await;
}

#[tokio::test]
async fn a_silent_store_times_out_in_time_to_answer_the_sender() {
    let drill = Drill::start().await;
    let (never, withheld) = futures::join!(
        drill.record(Fault::NeverAnswered, usize::MAX),
        drill.record(Fault::AnswerWithheld, usize::MAX),
    );
    assert_eq!([never, withheld], [Doors { ..REFUSED }, REFUSED]);
}
