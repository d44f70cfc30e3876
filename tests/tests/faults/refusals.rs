//! DynamoDB, or a server before it, refuses a write and does nothing.

use tests::Fault;

use crate::{Drill, RECORDED, REFUSED};

#[tokio::test]
async fn throttling_is_retried_and_then_reported_to_the_sender() {
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
async fn a_failure_of_the_service_is_retried_and_then_reported_to_the_sender() {
    let drill = Drill::start().await;
    let faults = [Fault::InternalError, Fault::ServiceUnavailable, Fault::AnsweredByAnother];
    drill.check(faults, RECORDED, REFUSED).await;
}

#[tokio::test]
async fn an_error_that_no_retry_mends_is_reported_at_once() {
    let drill = Drill::start().await;
    let faults = [Fault::Denied, Fault::CredentialsExpired, Fault::TableGone, Fault::MetTransaction];
    drill.check(faults, REFUSED, REFUSED).await;
}
