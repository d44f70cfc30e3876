//! Records events that EventBridge forwarded, from a queue or directly.
//!
//! Every message ends in one of three ways: its event is recorded (now or earlier), or it is in quarantine with
//! the reason, or it is reported as failed, so that the queue delivers it again. A message leaves the queue
//! only after DynamoDB has accepted one of the first two.

mod envelope;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use futures::{StreamExt as _, stream};
use lambda_runtime::LambdaEvent;
use shared::{
    intake::new_event::{Door, Fallback, NewEvent},
    model::{error::Error, event::Event, retention::expired, timestamp::Timestamp},
    store::{AppendedAll, Quarantined, Reason, Status, Store},
    system,
};

pub use self::envelope::{Delivery, Message, Opened, Received};

/// Messages that are quarantined at a time: at most as many connections to the store are open.
const CONCURRENCY: usize = 32;

/// Records the events of a delivery, and names the messages that must be delivered again.
///
/// # Errors
/// If a bare envelope could not be recorded, because no queue would deliver it again, or if the delivery is
/// neither a batch of the queue nor an envelope.
pub async fn handle(
    store: &Store,
    event: LambdaEvent<Delivery>,
) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let received = event.payload.open()?;
    let now = system::now();
    let mut response = SqsBatchResponse::default();
    let mut settled = Vec::new();
    match received {
        Received::Bare(message) => {
            for end in settle(store, &[message], now).await {
                settled.push(end?);
            }
        }
        Received::Batch(messages) => {
            for (message, end) in messages.iter().zip(settle(store, &messages, now).await) {
                match end {
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
    // The template makes metrics of these numbers.
    tracing::info!(
        recorded = count(&settled, Status::Recorded),
        duplicates = count(&settled, Status::Duplicate),
        "appended"
    );
    Ok(response)
}

fn count(settled: &[Option<Status>], status: Status) -> usize {
    settled.iter().filter(|settled| **settled == Some(status)).count()
}

/// Settles each message: it is recorded, with its status, or quarantined.
async fn settle(store: &Store, messages: &[Message], now: Timestamp) -> Vec<Result<Option<Status>, Error>> {
    let read: Vec<_> = messages.iter().map(|message| read(message, now)).collect();
    let events: Vec<_> = read.iter().flatten().collect();
    let AppendedAll { results, write_units } = store.append_all(&events).await;
    // If we crash here, all messages are delivered again, and the recorded ones are duplicates then.
    tracing::debug!(events = results.len(), write_units.table, write_units.indexes, "recorded");
    let mut results = results.into_iter();
    let mut ends = Vec::with_capacity(messages.len());
    for (message, read) in messages.iter().zip(read) {
        let end = match read {
            Ok(_) => results.next().expect("there is a result for each event").map(|status| match status {
                Status::Conflict => Err(Box::new(message.set_aside(Reason::Conflict, Vec::new(), now))),
                Status::Expired(retained_from) => {
                    Err(Box::new(message.set_aside(Reason::InvalidEvent, vec![expired(retained_from)], now)))
                }
                status => Ok(status),
            }),
            Err(quarantined) => Ok(Err(quarantined)),
        };
        ends.push(async {
            match end? {
                Ok(status) => Ok(Some(status)),
                Err(quarantined) => quarantine(store, *quarantined, now).await.map(|()| None),
            }
        });
    }
    stream::iter(ends).buffered(CONCURRENCY).collect().await
}

/// The event of a message, or the message in the form of the quarantine.
fn read(message: &Message, now: Timestamp) -> Result<Event, Box<Quarantined>> {
    let set_aside = |reason, problems| Box::new(message.set_aside(reason, problems, now));
    let opened = message.open().map_err(|(reason, problems)| set_aside(reason, problems))?;
    let fallback = Fallback { now, id: opened.envelope.id.clone(), salt: system::salt() };
    NewEvent::parse(opened.detail, opened.problems, Door::Bus(&opened.envelope), fallback)
        .map(|new| new.event)
        .map_err(|problems| set_aside(Reason::InvalidEvent, problems))
}

async fn quarantine(store: &Store, quarantined: Quarantined, now: Timestamp) -> Result<(), Error> {
    let write_units = store.quarantine(&quarantined, now).await?;
    // If we crash here, the message is delivered again and overwrites its own item.
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
