//! The search for unsealed events in the whole events table.
//!
//! The table's stream reports each event within moments. So the search finds nothing, unless the sealer could not run for
//! as long as the stream keeps records. There is no index of unsealed events, because it would cost two write units for
//! each event.

use super::{
    Store, corrupt,
    item::{Writer, text, whole_key},
    unavailable,
};
use crate::model::{
    error::Error,
    id::WorkspaceId,
    keys::{Place, ledger},
    timestamp::Timestamp,
};

/// The progress of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// When it began.
    pub began_at: Timestamp,
    /// The key of the last item that was examined; `None` at the end of the table.
    pub after: Option<(String, String)>,
}

/// The result of one step of the search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The events without a sequence.
    pub unsealed: Vec<(WorkspaceId, Place)>,
    /// The key of the last item that was examined; `None` at the end of the table.
    pub after: Option<(String, String)>,
}

impl Store {
    /// One step of the search: the events without a sequence in at most 1 MB of the table.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn find_unsealed(&self, after: Option<&(String, String)>) -> Result<Found, Error> {
        let start = after.map(|(partition, sort_key)| {
            Writer::default().text("workspace", partition).text("timestamp", sort_key).finish()
        });
        let output = self
            .client
            .scan()
            .table_name(&self.tables.events)
            .filter_expression("attribute_not_exists(#sequence)")
            .projection_expression("#workspace, #timestamp")
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_names("#workspace", "workspace")
            .expression_attribute_names("#timestamp", "timestamp")
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(unavailable)?;
        let mut found =
            Found { after: output.last_evaluated_key().map(whole_key).transpose()?, ..Found::default() };
        for item in output.items() {
            let (partition, sort_key) = whole_key(item)?;
            // An item with any other key is not an event, and was not written by this service.
            found.unsealed.extend(Place::from_key(&partition, &sort_key));
        }
        Ok(found)
    }

    /// The progress of the last search, if there was one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn search(&self) -> Result<Option<Search>, Error> {
        let Some(item) = self.ledger_item(ledger::COMMON, ledger::RECONCILED).await? else { return Ok(None) };
        let began_at =
            Timestamp::parse(text(&item, "began_at")?).map_err(|_| corrupt("the time of a search"))?;
        let after = text(&item, "after_partition").ok().zip(text(&item, "after_key").ok());
        let after = after.map(|(partition, key)| (partition.to_owned(), key.to_owned()));
        Ok(Some(Search { began_at, after }))
    }

    /// Stores the progress of a search. If the write is lost, a part of the table is searched again.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may not have been written.
    pub async fn write_search(&self, search: &Search) -> Result<(), Error> {
        let Search { began_at, after } = search;
        let item = Writer::default()
            .text("workspace", ledger::COMMON)
            .text("part", ledger::RECONCILED)
            .text("began_at", began_at.to_string())
            .optional("after_partition", after.as_ref().map(|(partition, _)| partition))
            .optional("after_key", after.as_ref().map(|(_, key)| key))
            .finish();
        self.put_in_ledger(item).await.map(|_| ())
    }
}
