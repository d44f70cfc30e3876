//! The read units and items of a page, for each filter.

use local::{Options, System};
use shared::{
    model::{
        catalogue::{Action, Category},
        event::{Event, Outcome},
        id::{TokenId, WorkspaceId},
        principal::TokenHolder,
        scope::Scope,
        service_event::{Origin, audit_log_accessed},
        shards::Shards,
        timestamp::Timestamp,
    },
    query::{
        criteria::{AddressRange, Criteria},
        page::{Filter, MAX_LIMIT, Page},
        plan::{Path, Plan},
    },
    store::{Room, Store},
    system,
};

use crate::{
    Result,
    events::{ACTION, timestamp},
    fill::fill,
    report::{Report, Table},
};

/// The measured sizes of pages.
const PAGES: [usize; 2] = [100, MAX_LIMIT];
/// The number of shards of a busy workspace.
const SHARDS: u8 = 4;
/// The events of a workspace that is read often, and its records of reads.
const OFTEN_READ: (usize, usize) = (1_000, 10_000);
/// The read units of an event alone, up to 4 KB (DynamoDB, read consistency).
const UNITS_OF_AN_EVENT: f64 = 0.5;
/// The most read units of the largest page, for each returned event, where there is an index.
const MOST: f64 = 1.05;

/// Fills a workspace and reads a page of each filter from it.
///
/// # Errors
/// If the largest page of a filter with an index takes more than [`MOST`] units.
pub(crate) async fn run(events: usize) -> Result<Report> {
    let system = System::start(Options::default()).await?;
    let workspace = WorkspaceId::parse("bench")?;
    fill(system.store(), &workspace, events).await?;
    let mut report = Report::of("reads");
    report.say(format!(
        "{events} events like Mode's example in the workspace; a page in each row. Read for each: whole events that were \
         read for each that was returned. By units, for each: the read units of the page over those of its events, each \
         read by its key; at most {MOST} for {MAX_LIMIT} events from an index."
    ));
    let mut table = Table::new([
        "filter",
        "listed in",
        "page",
        "events",
        "read for each",
        "by units, for each",
        "read units",
        "units for 1,000 events",
    ]);
    let mut too_much = None;
    for (name, filter) in filters() {
        let path = Plan::of(&filter, &workspace, 1).path;
        for size in PAGES {
            let read = page(system.store(), &workspace, &filter, size).await?;
            let by_units = read.units / (read.returned * UNITS_OF_AN_EVENT);
            table.row([
                name.to_owned(),
                place(&path).to_owned(),
                size.to_string(),
                format!("{}", read.returned),
                format!("{:.2}", read.events / read.returned),
                format!("{by_units:.2}"),
                format!("{:.1}", read.units),
                format!("{:.0}", read.units / read.returned * 1000.0),
            ]);
            let short: String =
                name.chars().filter(|letter| letter.is_ascii_lowercase() || *letter == '_').collect();
            report.figure(format!("units.{short}.{size}"), read.units);
            report.figure(format!("items_per_item.{short}.{size}"), read.events / read.returned);
            if path != Path::Time && read.returned >= 1000.0 && by_units > MOST {
                too_much = Some(format!("{name} takes more than {MOST} events' units for each"));
            }
        }
    }
    let read = sharded(system.store()).await?;
    report.figure("items_per_item.sharded", read.events / read.returned);
    let (alone, excluded, merged) = often_read(system.store()).await?;
    report.figure("units.among_reads.100", merged);
    report.figure("ratio.reads_excluded.100", excluded / alone);
    system.shutdown().await;
    report.say(table);
    let (events, reads) = OFTEN_READ;
    report.say(format!(
        "The first page of 100 of {events} events takes {alone:.1} read units. Among {reads} records of reads, ten after \
         each event, it takes {excluded:.1} without these records, and {merged:.1} with them."
    ));
    report.say(format!(
        "The first page of 100 of a workspace with {SHARDS} shards, unfiltered: {:.2} events read for each, {:.1} read units.",
        read.events / read.returned,
        read.units
    ));
    let single = ["action", "actor", "entity_typeandentity_id"];
    let most = |what: &str, size: usize| {
        single
            .iter()
            .map(|filter| report.figures[&format!("reads.{what}.{filter}.{size}")])
            .fold(0.0, f64::max)
    };
    let (units, items) = (most("units", 100), most("items_per_item", 1000));
    report.figure("units.single_filter.100", units);
    report.figure("items_per_item.single_filter", items);
    match too_much {
        Some(too_much) => Err(format!("{}\n{too_much}", report.text).into()),
        None => Ok(report),
    }
}

/// The first page of a workspace with shards.
async fn sharded(store: &Store) -> Result<Read> {
    let workspace = WorkspaceId::parse("sharded")?;
    let change = Shards::default().change(SHARDS, day("2025-02-18T00:00:00Z"), day("2025-02-16T00:00:00Z"));
    let shards = change.map_err(|refused| format!("{refused:?}"))?;
    store.set_shards(&workspace, &Shards::default(), &shards).await?;
    fill(store, &workspace, 2_000).await?;
    page(store, &workspace, &Filter::default(), 100).await
}

/// The read units of the first page of 100: of events alone, of the same events among records of reads that the filter
/// leaves out, and with those records.
async fn often_read(store: &Store) -> Result<(f64, f64, f64)> {
    let (events, reads) = OFTEN_READ;
    let [alone, among] = ["alone", "among"].map(WorkspaceId::parse);
    let (alone, among) = (alone?, among?);
    fill(store, &alone, events).await?;
    fill(store, &among, events).await?;
    let records: Vec<_> =
        (0..reads).map(|number| record_of_a_read(&among, number, reads / events)).collect::<Result<_>>()?;
    for records in records.chunks(200) {
        let appended = store.append_all(&records.iter().collect::<Vec<_>>()).await;
        appended.results.into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
    }
    let excluded = Filter { exclude_reads: true, ..Filter::default() };
    Ok((
        page(store, &alone, &excluded, 100).await?.units,
        page(store, &among, &excluded, 100).await?.units,
        page(store, &among, &Filter::default(), 100).await?.units,
    ))
}

/// A record of a read, in the second of the event after which so many records come.
fn record_of_a_read(workspace: &WorkspaceId, number: usize, each: usize) -> Result<Event> {
    let holder = TokenHolder {
        workspace: workspace.clone(),
        token: TokenId::parse("AbCd01234567").map_err(|invalid| invalid.to_string())?,
        scopes: vec![Scope::Read],
    };
    let origin = Origin::without_request(timestamp(number / each), system::read_id(), system::salt());
    let context =
        serde_json::json!({"route": "GET /api/{workspace}/audit_logs", "filters": {}, "count": 100});
    let context = context.as_object().cloned().unwrap_or_default();
    Ok(audit_log_accessed(&holder, origin, context))
}

fn day(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a literal time")
}

/// The consumption of a page.
pub(crate) struct Read {
    /// The number of its events; one if it is empty.
    pub(crate) returned: f64,
    /// The number of complete events that were read.
    pub(crate) events: f64,
    pub(crate) units: f64,
}

/// Reads the first page of a filter.
#[expect(clippy::cast_precision_loss, reason = "there are some thousands at most")]
pub(crate) async fn page(
    store: &Store,
    workspace: &WorkspaceId,
    filter: &Filter,
    size: usize,
) -> Result<Read> {
    let room = Room { events: size, bytes: usize::MAX, measure: |_| 0 };
    let Page { events, read, .. } = store.page(workspace, filter, None, room, system::now()).await?;
    Ok(Read { returned: events.len().max(1) as f64, events: read.events as f64, units: read.units })
}

/// The listing of a query's events: an index of keys, or the table.
fn place(path: &Path<'_>) -> &'static str {
    match path {
        Path::Time => "table",
        Path::Action(_) => "`by_action`",
        Path::Actor(_) => "`by_actor`",
        Path::Entity { .. } => "`by_entity`",
    }
}

/// One filter of each kind: the first ones have an index, the others have none.
pub(crate) fn filters() -> Vec<(&'static str, Filter)> {
    let none = Filter::default;
    let criteria = Criteria { ip: AddressRange::parse("157.52.123.1").ok(), ..Criteria::default() };
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
        ("`ip` (1 in 10)", Filter { criteria, ..none() }),
    ]
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}
