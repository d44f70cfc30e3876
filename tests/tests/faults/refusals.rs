//! DynamoDB, or something before it, refuses a write and does nothing.

use tests::Fault;

use crate::{Drill, RECORDED, REFUSED};

#[tokio::test]
async fn throttling_for_any_reason_is_waited_out_and_else_told_to_the_sender() {
    let drill = Drill::start().await;
    let faults = [
        Fault::TableThrottled,
        Fault::IndexThrottled,
        Fault::KeyThrottled,
        Fault::MaximumThrottled,
        Fault::AccountThrottled,
    ];
    drill.check(faults, RECORDED, REFUSED).await;
}

#[tokio::test]
async fn a_failure_of_the_service_is_tried_again_and_else_told_to_the_sender() {
    let drill = Drill::start().await;
    let faults = [Fault::InternalError, Fault::ServiceUnavailable, Fault::AnsweredByAnother];
    drill.check(faults, RECORDED, REFUSED).await;
}

#[tokio::test]
async fn what_no_retry_mends_is_told_at_once_and_nothing_is_lost() {
    let drill = Drill::start().await;
    let faults = [Fault::Denied, Fault::CredentialsExpired, Fault::TableGone, Fault::MetTransaction];
    drill.check(faults, REFUSED, REFUSED).await;
}
