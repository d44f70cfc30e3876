//! Event buses of Amazon EventBridge, reached with this function's own rights.

use aws_sdk_eventbridge::{
    Client,
    config::{Region, retry::RetryConfig, timeout::TimeoutConfig},
    primitives::DateTime,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};
use shared::{aws::config::Config, stream::EventBus};

use crate::{
    entry::Entry,
    failure::{Carried, Failure},
    internet::TIMEOUT,
};

/// The source and the type of events on a bus.
const SOURCE: &str = "audit-logs";
const DETAIL_TYPE: &str = "Audit Log Event";
/// The detail type of a test.
const TEST_DETAIL_TYPE: &str = "Audit Log Test";

/// A bus, and its client.
#[derive(Debug)]
pub(crate) struct Bus {
    arn: String,
    client: Client,
}

impl Bus {
    /// A client for a bus in its own region; no request is made yet.
    pub(crate) fn of(bus: &EventBus, config: &Config, endpoint: Option<&str>) -> Self {
        let arn = bus.as_str().to_owned();
        let region = arn.split(':').nth(3).unwrap_or(&config.region).to_owned();
        let timeouts = TimeoutConfig::builder().operation_timeout(TIMEOUT).build();
        let sdk = aws_sdk_eventbridge::config::Builder::from(&config.sdk(endpoint))
            .region(Region::new(region))
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .timeout_config(timeouts);
        Self { arn, client: Client::from_conf(sdk.build()) }
    }

    /// Puts entries on the bus. All entries before the first refused one are on the bus. Entries after it may
    /// be there too, and are put again.
    pub(crate) async fn put(&self, entries: &[Entry]) -> Carried {
        let entries: Vec<_> = entries
            .iter()
            .map(|entry: &Entry| {
                PutEventsRequestEntry::builder()
                    .event_bus_name(&self.arn)
                    .source(SOURCE)
                    .detail_type(if entry.sequence.is_some() { DETAIL_TYPE } else { TEST_DETAIL_TYPE })
                    .time(DateTime::from_secs(entry.timestamp.unix_seconds()))
                    .detail(&entry.text)
                    .build()
            })
            .collect();
        match self.client.put_events().set_entries(Some(entries)).send().await {
            Ok(output) => taken(output.entries()),
            Err(error) => {
                let code = error.as_service_error().and_then(|error| error.meta().code()).map(plain);
                let why = code.unwrap_or_else(|| "there was no answer".to_owned());
                Carried::nothing(Failure::new(
                    "eventbridge_failed",
                    format!("EventBridge did not accept the events: {why}"),
                ))
            }
        }
    }
}

/// The number of entries before the first refused one.
fn taken(results: &[PutEventsResultEntry]) -> Carried {
    let refused = results.iter().position(|result| result.error_code().is_some());
    let Some(refused) = refused else { return Carried { taken: results.len(), failure: None } };
    let code = plain(results[refused].error_code().unwrap_or_default());
    let failure = Failure::new("eventbridge_refused", format!("EventBridge did not accept an event: {code}"));
    Carried { taken: refused, failure: Some(failure) }
}

/// AWS's error code, without any other text of the answer.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_after_a_refused_one_count_as_refused() {
        check(&[None, None], 2, false);
        check(&[None, Some("ThrottlingException"), None], 1, true);
        check(&[Some("InternalFailure"), None], 0, true);
    }

    fn check(codes: &[Option<&str>], expected: usize, refused: bool) {
        let carried = taken(&codes.iter().map(|code| result(*code)).collect::<Vec<_>>());
        assert_eq!((carried.taken, carried.failure.is_some()), (expected, refused), "{codes:?}");
    }

    fn result(code: Option<&str>) -> PutEventsResultEntry {
        PutEventsResultEntry::builder().set_error_code(code.map(str::to_owned)).build()
    }
}
