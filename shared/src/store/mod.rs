//! The store: the only code that speaks DynamoDB.
//!
//! What it guarantees, and all that it offers:
//!
//! - [`Store::append`] writes an event once. Its key is its identity and the write is conditional on
//!   there being none, so that DynamoDB itself tells a new event from one that is already there, at
//!   the price of the write alone. It says whether what is there is the same event or another one.
//!   A write that may or may not have arrived can be repeated with no harm.
//! - [`Store::append_all`] does so for several events, with a fraction of the requests.
//! - [`Store::page`] reads the events that match a filter in the order of time. Without a filter it
//!   is consistent: whatever was acknowledged before the read began is in it. With one it reads an
//!   index, which follows the table within a moment.
//! - [`Store::create_token`] and [`Store::revoke_token`] write the token and the event about it in one
//!   transaction: neither is ever there without the other.
//! - [`Store::count_read`] counts the reads of each token, and [`Store::take_slots`] the reads that last long, for all
//!   instances of a function together.
//! - [`Store::quarantine`] keeps what the bus brought and nobody could understand.
//!
//! - Streams are kept with how far each has come: admins change what is set, and who delivers notes what became of
//!   it, on the condition that nobody changed anything meanwhile.
//!
//! - What the sealer, the ledger and the redaction of events do is told in their own modules, and so is
//!   how what is stored is inspected.
//!
//! - Whatever reads for somebody gives what is retained at that instant and nothing else; what has expired
//!   is neither given nor recorded again.
//!
//! There is no way to change or delete an event, but to put its sequence on it once, to erase parts
//! of it together with a record of that, and to mark it for DynamoDB to delete once a receipt says that it
//! has expired. An error never means that something was half
//! done, only that it may or may not have been done.

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
    deliveries::Lease,
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

/// The tables, and how to reach them. Cloning it is cheap and shares the connections.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    tables: Tables,
    settings: Arc<SettingsCache>,
    read_limit: Option<u32>,
    change_limit: Option<u32>,
    hints: Option<Hints>,
    head_hints: Option<Hints>,
    service_keys: Arc<ServiceKeys>,
}

impl Store {
    /// Prepares to reach the tables; nothing is sent yet.
    pub fn connect(config: &Config) -> Self {
        // An attempt that hangs is given up while its invocation still has time for the next.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(Duration::from_secs(3))
            .operation_timeout(Duration::from_secs(12))
            .build();
        let sdk = aws_sdk_dynamodb::config::Builder::from(&config.sdk(config.endpoint.as_deref()))
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .timeout_config(timeouts)
            // An attempt has its time, and no body is so long that its pace would need to be watched.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        Self {
            client: Client::from_conf(sdk.build()),
            tables: config.tables.clone(),
            settings: Arc::default(),
            read_limit: config.read_limit,
            change_limit: config.change_limit,
            hints: None,
            head_hints: None,
            service_keys: Arc::new(ServiceKeys::of(config)),
        }
    }

    /// The same store, which tells `hints` of every event it writes.
    pub fn with_hints(self, hints: Hints) -> Self {
        Self { hints: Some(hints), ..self }
    }

    /// The same store, which tells `hints` of every head that it moves.
    pub fn with_head_hints(self, hints: Hints) -> Self {
        Self { head_hints: Some(hints), ..self }
    }

    /// Tells that an event was written, or may have been.
    fn hint(&self, partition: &str, event: &Event) {
        if let Some(hints) = &self.hints {
            hints.tell(partition, &event.position().sort_key());
        }
    }
}

/// Whatever the SDK could not do: it has tried again already, so it is not for now.
fn unavailable<E, R>(error: SdkError<E, R>) -> Error
where
    SdkError<E, R>: std::error::Error + Send + Sync + 'static,
{
    Error::Unavailable(error.into())
}

/// Whether an update was refused because its item is in another state.
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

/// What is stored is not what we write.
fn corrupt(what: impl Into<String>) -> Error {
    Error::Internal(what.into().into())
}

/// What the ledger holds does not go together.
fn inconsistent(what: impl Into<String>) -> Error {
    Error::Inconsistent(what.into().into())
}

/// The write units that a call took from its table and from the table's indexes.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WriteUnits {
    /// Of the table itself.
    pub table: f64,
    /// Of all its indexes.
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
