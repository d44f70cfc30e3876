//! `auditlog query`: events on standard output.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    api::{Listing, Wanted},
    error::Error,
    events::{Events, TableOptions},
    filters::{Filters, Reads},
    flags::Flags,
    output::{Output, Shape},
    terminal,
};

const RETRIES: u32 = 3;

/// Options of `auditlog query`.
#[derive(Args, Debug)]
pub(crate) struct Query {
    /// Which come first
    #[arg(long, value_enum, default_value_t = Order::Desc)]
    order: Order,
    /// How many to show at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Show all, however many there are
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Go on from the next_cursor of an earlier answer to the same question
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// How to write them
    #[arg(long, short, value_enum, default_value_t = Shape::Table)]
    output: Shape,
    #[command(flatten)]
    table: TableOptions,
    // The last, since its heading holds for all that follow.
    #[command(flatten)]
    filters: Filters,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    /// The newest first
    Desc,
    /// The oldest first
    Asc,
}

impl Query {
    /// Reads page after page and writes each at once.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        let mut parameters = self.filters.range(&Timestamp::now().to_zoned(self.table.zone()))?.parameters();
        parameters.extend(self.filters.but_range(Reads::Exclude));
        let order = match self.order {
            Order::Desc => "desc",
            Order::Asc => "asc",
        };
        parameters.insert("order".to_owned(), order.to_owned());
        let mut events = Events::new(self.output, &self.table, Output::new())?;
        let credentials = flags.gather()?;
        let api = flags.api(&credentials, RETRIES)?;
        let wanted = Wanted {
            workspace: credentials.workspace()?,
            token: credentials.bearer()?,
            parameters: &parameters,
            encoding: Events::encoding(self.output),
        };

        let mut left = if self.all { u64::MAX } else { self.limit };
        let mut listing = Listing::new(&wanted, self.cursor.clone(), None);
        let cursor = loop {
            let limit = usize::try_from(left).unwrap_or(usize::MAX);
            let page = listing.next(&api, limit)?;
            left = left.saturating_sub(events.write(&page.body)?);
            if page.next.is_none() || left == 0 {
                break page.next;
            }
        };
        let written = events.written();
        events.finish(&[("has_more", json!(cursor.is_some())), ("next_cursor", json!(cursor))])?;
        match &cursor {
            // The search may end at a page without an event, and go on behind it.
            Some(cursor) => terminal::say(&format!(
                "There are more: --cursor {cursor} goes on with them, --all shows all, `auditlog export` keeps them."
            )),
            None if written == 0 && self.filters.is_set() => {
                terminal::tell("Fewer filters or an earlier --since may find some.");
            }
            None => {}
        }
        Ok(())
    }
}
