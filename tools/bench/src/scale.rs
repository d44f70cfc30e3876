//! Shows that a page's cost does not grow with the content of the workspace or of others.

use local::{Storage, Tables};
use shared::{aws::config::Config, model::id::WorkspaceId, store::Store};

use crate::{
    Result,
    fill::{fill, fill_from},
    instructions::counted_pages,
    programs::{Programs, on_path},
    reads::{Read, filters, page},
    report::{Report, Table, number},
    stub::Endpoint,
};

/// The number of other workspaces, each with events.
const WORKSPACES: [usize; 3] = [1, 100, 1000];
const EVENTS_IN_EACH: usize = 5;
/// The size of a page.
const PAGE: usize = 100;

/// Reads pages at 1,000 events and at every tenfold size, up to `most`.
pub(crate) async fn run(programs: Programs, most: usize) -> Result<Report> {
    let mut report = Report::of("scale");
    // In memory, where a million events take some gigabytes, because a disk would take hours.
    let tables = Tables::start(0, Storage::Memory).await?;
    let engine = Endpoint { url: tables.endpoint().to_owned(), bundle: None };
    let store = Store::connect(&Config::local(&engine.url));
    let workspace = WorkspaceId::parse("acme")?;

    let mut table = Table::new(["events", "filter", "items read", "read units", "instructions of a page"]);
    let counts = on_path("valgrind").is_ok();
    let mut there = 0;
    let mut sizes = Vec::new();
    let mut size = 1_000;
    while size <= most {
        fill_from(&store, &workspace, there, size - there).await?;
        there = size;
        sizes.push(size);
        for (name, filter) in filters().into_iter().take(5) {
            let Read { events, units, .. } = page(&store, &workspace, &filter, PAGE).await?;
            let instructions = match (name, counts) {
                ("none", true) => Some(counted_pages(&programs, &engine, PAGE).await?),
                _ => None,
            };
            let short: String =
                name.chars().filter(|letter| letter.is_ascii_lowercase() || *letter == '_').collect();
            report.figure(format!("items.{short}.{size}"), events);
            report.figure(format!("units.{short}.{size}"), units);
            if let Some(instructions) = instructions {
                report.figure(format!("instructions.{short}.{size}"), instructions);
            }
            table.row([
                size.to_string(),
                name.to_owned(),
                number(events),
                number(units),
                instructions.map(number).unwrap_or_default(),
            ]);
        }
        size *= 10;
    }
    report.say(format!("The first page of {PAGE}, by how many events are in the workspace:"));
    report.say(table);
    if !counts {
        report.say("Instructions were not counted: valgrind is not installed.");
    }

    let mut table = Table::new(["workspaces beside it", "read units of a page", "items read"]);
    let mut others = 0;
    for workspaces in WORKSPACES {
        for number in others..workspaces {
            fill(&store, &WorkspaceId::parse(&format!("beside-{number}"))?, EVENTS_IN_EACH).await?;
        }
        others = workspaces;
        let (_, filter) = filters().swap_remove(0);
        let read = page(&store, &workspace, &filter, PAGE).await?;
        report.figure(format!("units.beside.{workspaces}"), read.units);
        table.row([workspaces.to_string(), number(read.units), number(read.events)]);
    }
    report.say(format!("And by how many other workspaces there are, with {EVENTS_IN_EACH} events in each:"));
    report.say(table);

    let growth = growth(&report, &sizes);
    report.figure("growth", growth);
    report.say(format!(
        "The most that any of these grew from the first size to a later one: {growth:.3} times."
    ));
    tables.shutdown().await;
    Ok(report)
}

/// The largest ratio of a figure to the same figure at the first size.
fn growth(report: &Report, sizes: &[usize]) -> f64 {
    let mut most: f64 = 0.0;
    for (name, value) in &report.figures {
        let Some((what, size)) = name.rsplit_once('.') else { continue };
        let base = match what {
            "scale.units.beside" => format!("{what}.1"),
            _ if sizes.iter().any(|known| known.to_string() == size) => format!("{what}.{}", sizes[0]),
            _ => continue,
        };
        most = most.max(value / report.figures[&base]);
    }
    most
}
