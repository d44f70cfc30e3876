//! Slots of long reads, shared by all instances of a function.
//!
//! A slot is an attribute of its owner's item, with the time until which it is taken. Conditional updates take and free it.
//! If a reader crashes, its slots are free again after that time.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};

use super::{Store, item::Item, unavailable};
use crate::model::{
    error::Error,
    principal::TokenHolder,
    rate::{LongRead, SLOTS},
    timestamp::Timestamp,
};

/// A slot is taken for this much longer than the read may last.
const MARGIN: Duration = Duration::from_secs(5);
/// How long an item is stored after its last slot, in seconds.
const KEPT_SECONDS: i64 = 3600;
/// How many groups of shared slots are tried before a read is refused.
const GROUPS_TRIED: usize = 2;

/// The slots that a read holds. [`Store::free_slots`] frees them.
#[derive(Debug)]
pub struct Slots(Vec<Slot>);

#[derive(Debug)]
struct Slot {
    owner: String,
    read: LongRead,
    number: usize,
    /// Microseconds since 1970. The value also identifies this holder of the slot.
    until: i64,
}

impl Store {
    /// Takes a slot of the token, one of its workspace and a shared one, for at most `duration`. `None` if one of the three
    /// has no free slot.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer. Slots that were taken already are free again after `duration`.
    pub async fn take_slots(
        &self,
        holder: &TokenHolder,
        read: LongRead,
        duration: Duration,
        now: Timestamp,
    ) -> Result<Option<Slots>, Error> {
        let groups = read.groups();
        let first_group = spread(now, groups);
        let token = vec![(holder.token.to_string(), read.of_a_token())];
        // A token id has no `#`, so these keys differ from those of tokens.
        let workspace = vec![(format!("#{}", holder.workspace), read.of_a_workspace())];
        let all = (0..GROUPS_TRIED).map(|next| (format!("##{}", (first_group + next) % groups), SLOTS));
        let mut taken = Slots(Vec::new());
        for owners in [token, workspace, all.collect()] {
            let mut found = None;
            for (owner, slots) in owners {
                found = self.take_slot(owner, slots, read, duration, now).await?;
                if found.is_some() {
                    break;
                }
            }
            match found {
                Some(slot) => taken.0.push(slot),
                None => {
                    self.free_slots(taken).await;
                    return Ok(None);
                }
            }
        }
        Ok(Some(taken))
    }

    /// Frees slots. If a write fails, the slot is free after its time.
    pub async fn free_slots(&self, slots: Slots) {
        for Slot { owner, read, number, until } in slots.0 {
            let freed = self
                .client
                .update_item()
                .table_name(&self.tables.rates)
                .key("token", AttributeValue::S(owner))
                .key("window", AttributeValue::S(read.name().to_owned()))
                .update_expression("REMOVE #slot")
                .condition_expression("#slot = :until")
                .expression_attribute_names("#slot", slot_name(number))
                .expression_attribute_values(":until", AttributeValue::N(until.to_string()))
                .send()
                .await;
            if let Err(error) = freed {
                tracing::debug!(source = %error, "a slot was not given back");
            }
        }
    }

    /// Takes one of the slots of an owner. A failed attempt returns which slots are taken, so there are at most as many
    /// attempts as slots.
    async fn take_slot(
        &self,
        owner: String,
        slots: usize,
        read: LongRead,
        duration: Duration,
        now: Timestamp,
    ) -> Result<Option<Slot>, Error> {
        let mut number = spread(now, slots);
        for _ in 0..slots {
            let lasts = i64::try_from((duration + MARGIN).as_micros()).unwrap_or_default();
            let until = now.unix_microseconds() + lasts;
            let expires_at = until / 1_000_000 + KEPT_SECONDS;
            fn integer(number: i64) -> AttributeValue {
                AttributeValue::N(number.to_string())
            }
            let update = self
                .client
                .update_item()
                .table_name(&self.tables.rates)
                .key("token", AttributeValue::S(owner.clone()))
                .key("window", AttributeValue::S(read.name().to_owned()))
                .update_expression("SET #slot = :until, #expires_at = :expires_at")
                .condition_expression("attribute_not_exists(#slot) OR #slot < :now")
                .expression_attribute_names("#slot", slot_name(number))
                .expression_attribute_names("#expires_at", "expires_at")
                .expression_attribute_values(":until", integer(until))
                .expression_attribute_values(":now", integer(now.unix_microseconds()))
                .expression_attribute_values(":expires_at", integer(expires_at))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
                .await;
            let taken = match update {
                Ok(_) => return Ok(Some(Slot { owner, read, number, until })),
                Err(error) => match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(failure)) => failure.item.clone(),
                    _ => return Err(unavailable(error)),
                },
            };
            let taken = taken.unwrap_or_default();
            let free: Vec<_> = (0..slots).filter(|number| is_free(&taken, *number, now)).collect();
            let Some(next) = free.get(spread(now, free.len())) else { return Ok(None) };
            number = *next;
        }
        Ok(None)
    }
}

fn slot_name(number: usize) -> String {
    format!("slot_{number}")
}

fn is_free(item: &Item, number: usize, now: Timestamp) -> bool {
    let until = item.get(&slot_name(number)).and_then(|value| value.as_n().ok());
    until.and_then(|until| until.parse::<i64>().ok()).is_none_or(|until| until < now.unix_microseconds())
}

/// A number below `count`, so that simultaneous readers begin at different numbers.
fn spread(now: Timestamp, count: usize) -> usize {
    let microseconds = usize::try_from(now.unix_microseconds()).unwrap_or_default();
    microseconds.checked_rem(count).unwrap_or_default()
}
