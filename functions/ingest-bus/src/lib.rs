//! Records events that EventBridge forwarded, from a queue or handed over directly.
//!
//! Every message ends in one of three ways: its event is recorded (or was before), or it is in
//! quarantine with the reason, or it is reported as failed, so that the queue delivers it again.
//! Only after DynamoDB took one of the first two does a message leave the queue.

mod envelope;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use futures::{StreamExt as _, stream};
use lambda_runtime::LambdaEvent;
use shared::{
    ambient,
    error::Error,
    new_event::{Door, Fallback, NewEvent},
    store::{Appended, Quarantined, Reason, Status, Store},
    timestamp::Timestamp,
};

pub use self::envelope::{Delivery, Message, Opened, Received};

/// How many messages are handled at a time: as many connections to the store are open at most.
const CONCURRENCY: usize = 32;

/// Records the events of a delivery and names the messages that must come again.
///
/// # Errors
/// If a bare envelope could not be recorded, since there is no queue to bring it again, or if the
/// delivery is neither a batch of the queue nor an envelope.
pub async fn handle(
    store: &Store,
    event: LambdaEvent<Delivery>,
) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let received = event.payload.open()?;
    let now = ambient::now();
    let mut response = SqsBatchResponse::default();
    let mut settled = Vec::new();
    match received {
        Received::Bare(message) => settled.push(settle(store, &message, now).await?),
        Received::Batch(messages) => {
            // Collected first: the compiler cannot see that a borrowing closure kept across an await is Send.
            let outcomes: Vec<_> = messages.iter().map(|message| settle(store, message, now)).collect();
            let outcomes: Vec<_> = stream::iter(outcomes).buffered(CONCURRENCY).collect().await;
            for (message, outcome) in messages.iter().zip(outcomes) {
                match outcome {
                    Ok(status) => settled.push(status),
                    Err(error) => {
                        tracing::error!(message_id = message.id, source = %describe(&error), "not recorded; the queue delivers it again");
                        let mut failure = BatchItemFailure::default();
                        failure.item_identifier.clone_from(&message.id);
                        response.batch_item_failures.push(failure);
                    }
                }
            }
        }
    }
    let count = |status| settled.iter().filter(|settled| **settled == Some(status)).count();
    // The template makes metrics of these numbers.
    tracing::info!(recorded = count(Status::Recorded), duplicates = count(Status::Duplicate), "appended");
    Ok(response)
}

/// Brings a message to its end: recorded, as the status says, or in quarantine.
async fn settle(store: &Store, message: &Message, now: Timestamp) -> Result<Option<Status>, Error> {
    match record(store, message, now).await? {
        Ok(Appended { status: Status::Conflict, .. }) => {
            let conflict = message.set_aside(Reason::Conflict, Vec::new(), now);
            quarantine(store, conflict, now).await.map(|()| None)
        }
        Ok(Appended { status, write_units }) => {
            tracing::debug!(
                message_id = message.id,
                ?status,
                write_units.table,
                write_units.indexes,
                "recorded"
            );
            Ok(Some(status))
        }
        Err(quarantined) => quarantine(store, *quarantined, now).await.map(|()| None),
    }
}

/// Records the event of a message; or says why there is none in it.
async fn record(
    store: &Store,
    message: &Message,
    now: Timestamp,
) -> Result<Result<Appended, Box<Quarantined>>, Error> {
    let opened = match message.open() {
        Ok(opened) => opened,
        Err((reason, problems)) => return Ok(Err(Box::new(message.set_aside(reason, problems, now)))),
    };
    let fallback = Fallback { now, id: opened.envelope.id.clone(), salt: ambient::salt() };
    match NewEvent::parse(opened.detail, opened.problems, Door::Bus(&opened.envelope), fallback) {
        Ok(new) => store.append(&new.event).await.map(Ok),
        Err(problems) => Ok(Err(Box::new(message.set_aside(Reason::InvalidEvent, problems, now)))),
    }
}

async fn quarantine(store: &Store, quarantined: Quarantined, now: Timestamp) -> Result<(), Error> {
    let write_units = store.quarantine(&quarantined, now).await?;
    // If we crash here, the message comes again and overwrites its own entry.
    // An alarm of the template counts this line.
    let problems: Vec<_> = quarantined.problems.iter().map(|problem| problem.code).collect();
    tracing::warn!(
        reason = quarantined.reason.name(),
        envelope_id = quarantined.id,
        ?problems,
        write_units.table,
        "quarantined"
    );
    Ok(())
}

fn describe(error: &Error) -> String {
    match error {
        Error::Unavailable(source) | Error::Internal(source) => source.to_string(),
        error => error.to_string(),
    }
}
