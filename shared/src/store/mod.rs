//! The store. Only this module calls DynamoDB.
//!
//! Its functions and guarantees:
//!
//! - [`Store::append`] writes an event once. The key of an event is its identity, and the write is conditional on a free
//!   key. So DynamoDB itself recognizes duplicates, without an additional read. If the key is taken, the answer says whether
//!   the stored event is the same or another one. It is safe to repeat a write whose outcome is unknown.
//! - [`Store::append_all`] does the same for several events, with fewer requests.
//! - [`Store::page`] reads the events that match a filter in the order of time. Without a filter the read is consistent: it
//!   returns all events that were acknowledged before it began. With a filter it may read an index, which follows the table
//!   within a moment.
//! - [`Store::create_token`] and [`Store::revoke_token`] write the token and the event about it in one transaction, so
//!   neither exists without the other.
//! - [`Store::count_read`] counts the reads of each token, and [`Store::take_slots`] limits long reads, across all instances
//!   of a function.
//! - [`Store::quarantine`] stores bus events that cannot be parsed.
//! - Streams are stored with their progress. Admins change the settings and deliverers write the progress, each on the
//!   condition that the other has not changed the stream meanwhile.
//! - The modules of the sealer, the ledger, redaction and inspection describe their own functions.
//!
//! Every read for a client returns only events that are retained at that instant. Expired events are neither returned nor
//! recorded again.
//!
//! A recorded event changes in three ways only: its sequence is written once; parts of it are erased, in one transaction
//! with the event about the redaction; and after a receipt lists it as expired, it is marked for DynamoDB to delete. An
//! error means that a write may or may not have happened, never that a part of it happened.

mod archive;
mod backlog;
mod checkpoint;
mod deliveries;
mod events;
mod expiry;
mod failing;
mod feed;
mod hints;
mod inserts;
mod inspect;
mod item;
mod ledger;
mod log;
mod marks;
mod opening;
mod quarantine;
mod rates;
mod read;
mod reconcile;
mod redaction;
mod service_key;
mod settings;
mod slots;
mod stamps;
mod stream_changes;
mod streams;
mod tokens;
mod transaction;
mod tree;

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::{StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig},
    error::SdkError,
    operation::update_item::{UpdateItemError, UpdateItemOutput},
    types::ConsumedCapacity,
};

pub use self::{
    backlog::Waiting,
    checkpoint::Signed,
    deliveries::{Afterwards, Lease},
    events::{Appended, Status},
    failing::{Attempt, Failed},
    feed::Feed,
    hints::Hints,
    inserts::AppendedAll,
    inspect::{Chunk, Filed, Kept, Rest, StoredDelta, StoredHead, StoredRoot, StoredSequence, StoredSigned},
    ledger::{Candidate, Standing, Written},
    log::{FIRST_CHUNK, Sealed, Stored},
    marks::{MAX_MARKS, MarkedPage},
    opening::Opening,
    quarantine::{Quarantined, Reason},
    read::Room,
    reconcile::{Found, Search},
    redaction::Redaction,
    slots::Slots,
    stamps::Misfit,
    tokens::Revoked,
};
use self::{service_key::ServiceKeys, settings::SettingsCache};
use crate::{
    aws::config::{Config, Tables},
    model::{error::Error, event::Event},
};

/// A client for the tables. Clones are cheap and share the connections.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    tables: Tables,
    settings: Arc<SettingsCache>,
    read_limit: Option<u32>,
    change_limit: Option<u32>,
    product: Option<Arc<str>>,
    hints: Option<Hints>,
    head_hints: Option<Hints>,
    service_keys: Arc<ServiceKeys>,
}

impl Store {
    /// The name of the product whose events these are, if the operator has named it.
    pub fn product(&self) -> Option<&str> {
        self.product.as_deref()
    }

    /// Prepares the client without sending a request.
    pub fn connect(config: &Config) -> Self {
        // An attempt that hangs times out early enough for another one within the same invocation.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(Duration::from_secs(3))
            .operation_timeout(Duration::from_secs(12))
            .build();
        let sdk = aws_sdk_dynamodb::config::Builder::from(&config.sdk(config.endpoint.as_deref()))
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .timeout_config(timeouts)
            // The attempt timeout is enough, because all bodies are short.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        Self {
            client: Client::from_conf(sdk.build()),
            tables: config.tables.clone(),
            settings: Arc::default(),
            read_limit: config.read_limit,
            change_limit: config.change_limit,
            product: config.product.as_deref().map(Arc::from),
            hints: None,
            head_hints: None,
            service_keys: Arc::new(ServiceKeys::of(config)),
        }
    }

    /// The same store, which calls `hints` for each event that it writes.
    pub fn with_hints(self, hints: Hints) -> Self {
        Self { hints: Some(hints), ..self }
    }

    /// The same store, which calls `hints` for each log head that it moves.
    pub fn with_head_hints(self, hints: Hints) -> Self {
        Self { head_hints: Some(hints), ..self }
    }

    /// Calls the hints after an event was written, or may have been.
    fn hint(&self, partition: &str, event: &Event) {
        if let Some(hints) = &self.hints {
            hints.tell(partition, &event.position().sort_key());
        }
    }
}

/// Converts an error of the SDK, which has retried already.
fn unavailable<E, R>(error: SdkError<E, R>) -> Error
where
    SdkError<E, R>: std::error::Error + Send + Sync + 'static,
{
    Error::Unavailable(error.into())
}

/// Whether the condition of an update failed.
fn condition_failed(error: &SdkError<UpdateItemError>) -> bool {
    error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}

/// True if the update's condition held.
fn written(sent: Result<UpdateItemOutput, SdkError<UpdateItemError>>) -> Result<bool, Error> {
    match sent {
        Ok(_) => Ok(true),
        Err(error) if condition_failed(&error) => Ok(false),
        Err(error) => Err(unavailable(error)),
    }
}

/// The error for a stored item that is not in the form that we write.
fn corrupt(what: impl Into<String>) -> Error {
    Error::Internal(what.into().into())
}

/// The error for items of a ledger that contradict each other.
fn inconsistent(what: impl Into<String>) -> Error {
    Error::Inconsistent(what.into().into())
}

/// The write units that a call took from its table and from the table's indexes.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WriteUnits {
    /// Write units of the table.
    pub table: f64,
    /// Write units of all its indexes.
    pub indexes: f64,
}

impl WriteUnits {
    fn of(consumed: &[ConsumedCapacity]) -> Self {
        let total: f64 = consumed.iter().filter_map(ConsumedCapacity::capacity_units).sum();
        let table: f64 = consumed
            .iter()
            .filter_map(ConsumedCapacity::table)
            .filter_map(|table| table.capacity_units())
            .sum();
        Self { table, indexes: total - table }
    }
}

impl std::ops::AddAssign for WriteUnits {
    fn add_assign(&mut self, other: Self) {
        self.table += other.table;
        self.indexes += other.indexes;
    }
}

/// The read units that a call took.
fn read_units(consumed: &[ConsumedCapacity]) -> f64 {
    consumed.iter().filter_map(ConsumedCapacity::capacity_units).sum()
}
