//! What a page takes, for each filter.

use std::{error::Error, fmt::Write as _};

use fastrand::Rng;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use local::{Options, System};
use shared::{
    catalogue::{Action, Category},
    event::Outcome,
    id::WorkspaceId,
    page::{Filter, MAX_LIMIT, Page},
    plan::{Path, Plan},
    store::{Room, Store},
};

use crate::events::{ACTION, event};

/// The sizes of pages that are counted.
const PAGES: [usize; 2] = [100, MAX_LIMIT];
/// The read units of an event alone, up to 4 KB (DynamoDB, read consistency).
const UNITS_OF_AN_EVENT: f64 = 0.5;
/// How many events' units the largest page may take for each that it returns, where there is an index.
const MOST: f64 = 1.05;

/// Fills a workspace and reads a page of each filter from it; the figures as a Markdown table.
///
/// # Errors
/// If the largest page of a filter with an index takes more than [`MOST`], by units.
pub(crate) async fn run(events: usize) -> Result<String, Box<dyn Error>> {
    let system = System::start(Options::default()).await?;
    let workspace = WorkspaceId::parse("bench")?;
    fill(system.store(), &workspace, events).await?;
    let mut table = format!(
        "{events} events like Mode's example in the workspace; a page in each row. Read for each: whole events\n\
         that were read for each that was returned. By units, for each: the read units of the page over those\n\
         of its events, each read by its key; at most {MOST} for {MAX_LIMIT} events from an index.\n\n\
         | filter | listed in | page | events | read for each | by units, for each | read units | units for 1,000 events |\n\
         |---|---|---|---|---|---|---|---|\n"
    );
    for (name, filter) in filters() {
        let path = Plan::of(&filter, 1).path;
        for size in PAGES {
            let room = Room { events: size, bytes: usize::MAX, measure: |_| 0 };
            let Page { events, read, .. } = system.store().page(&workspace, &filter, None, room).await?;
            #[expect(clippy::cast_precision_loss, reason = "there are some thousands at most")]
            let (returned, looked_at) = (events.len().max(1) as f64, read.events as f64);
            let by_units = read.units / (returned * UNITS_OF_AN_EVENT);
            writeln!(
                table,
                "| {name} | {} | {size} | {} | {:.2} | {by_units:.2} | {:.1} | {:.0} |",
                place(&path),
                events.len(),
                looked_at / returned,
                read.units,
                read.units / returned * 1000.0
            )?;
            if path != Path::Time && events.len() == MAX_LIMIT && by_units > MOST {
                return Err(format!("{table}\n{name} takes more than {MOST} events' units for each").into());
            }
        }
    }
    system.shutdown().await;
    Ok(table)
}

/// Where the events of a query are listed: an index of keys, or the table, which is read as it is.
fn place(path: &Path<'_>) -> &'static str {
    match path {
        Path::Time => "table",
        Path::Action(_) => "`by_action`",
        Path::Actor(_) => "`by_actor`",
        Path::Entity { .. } => "`by_entity`",
    }
}

/// One filter of each kind; with an index the first ones, without one the others.
fn filters() -> Vec<(&'static str, Filter)> {
    let text = |text: &str| Some(text.to_owned());
    let none = Filter::default;
    vec![
        ("none", none()),
        ("`action`", Filter { actions: Action::parse(ACTION).into_iter().collect(), ..none() }),
        (
            "`category` (8 actions)",
            Filter { categories: Category::parse("workspace_connections").into_iter().collect(), ..none() },
        ),
        ("`actor`", Filter { actor: text("af03c0246b81"), ..none() }),
        (
            "`entity_type` and `entity_id`",
            Filter { entity_type: text("workspace_connection"), entity_id: text("af5aaf316581"), ..none() },
        ),
        ("`entity_type` (all match)", Filter { entity_type: text("workspace_connection"), ..none() }),
        ("`entity_id` (1 in 10)", Filter { entity_id: text("af5aaf316581"), ..none() }),
        ("`outcome` (1 in 10)", Filter { outcome: Some(Outcome::Failure), ..none() }),
        (
            "`correlation_id` (1 in 10)",
            Filter { correlation_id: text("12321917-5e07-4094-ae08-1b6254a2a6c1"), ..none() },
        ),
        ("`ip` (1 in 10)", Filter { ip: text("157.52.123.1"), ..none() }),
    ]
}

async fn fill(store: &Store, workspace: &WorkspaceId, count: usize) -> Result<(), Box<dyn Error>> {
    let mut random = Rng::with_seed(1);
    let events: Result<Vec<_>, _> = (0..count).map(|number| event(workspace, number, &mut random)).collect();
    let events = events.map_err(|problems| format!("an event of the bench is not valid: {problems:?}"))?;
    let style = ProgressStyle::with_template("recording {bar:40} {pos}/{len} ({per_sec}, {eta} left)")?;
    let progress = ProgressBar::new(count as u64).with_style(style);
    stream::iter(&events)
        .map(|event| store.append(event))
        .buffer_unordered(32)
        .inspect(|_| progress.inc(1))
        .try_collect::<Vec<_>>()
        .await?;
    progress.finish_and_clear();
    Ok(())
}
