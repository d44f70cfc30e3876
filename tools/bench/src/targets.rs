//! The limits of each measure.

use std::collections::BTreeMap;

use crate::report::{Table, number};

/// The good side of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    AtMost,
    AtLeast,
}
use Side::{AtLeast, AtMost};

struct Target {
    what: &'static str,
    figure: &'static str,
    side: Side,
    limit: f64,
}

const fn target(what: &'static str, figure: &'static str, side: Side, limit: f64) -> Target {
    Target { what, figure, side, limit }
}

const TARGETS: &[Target] = &[
    target(
        "init instructions / bare hello, the worst function",
        "instructions.init_over_hello.most",
        AtMost,
        2.6,
    ),
    target(
        "init and first put over TLS, instructions / raw floor",
        "instructions.both_over_floor.ingest-api",
        AtMost,
        1.5,
    ),
    target(
        "init and first answer, times as fast as the SDK's defaults",
        "cold.times_faster_than.sdk_defaults",
        AtLeast,
        9.0,
    ),
    target("… as Python 3.11 with boto3", "cold.times_faster_than.python", AtLeast, 50.0),
    target("… as Node 20 with the SDK v3", "cold.times_faster_than.node", AtLeast, 30.0),
    target("first event at a 128 MB share of a CPU, ms", "cold.first_at_128mb_ms", AtMost, 2.0),
    target("… with the connection left to it, ms", "cold.first_at_128mb_connecting_later_ms", AtMost, 35.0),
    target("warm instructions, one event over HTTP", "instructions.warm.http.1", AtMost, 800_000.0),
    target(
        "warm instructions for each event, batches of 25 and more",
        "instructions.warm.most_in_batches_of_25_and_more",
        AtMost,
        150_000.0,
    ),
    target("warm p50 / the engine's own p50", "warm.over_engine.ingest_api", AtMost, 2.3),
    target(
        "events/s of CPU in batches of 25 and more, the least",
        "throughput.events_per_cpu_second.least_in_batches",
        AtLeast,
        30_000.0,
    ),
    target("zip of the largest function, bytes", "size.zip.most", AtMost, 2_500_000.0),
    target("max RSS of a put, MB", "throughput.max_rss_mb.put", AtMost, 10.0),
    target("max RSS of a page of 1,000, MB", "throughput.max_rss_mb.page_of_1000", AtMost, 16.0),
    target("write units on the table, Mode's example", "cost.write_units.table", AtMost, 1.0),
    target("write units with the three indexes", "cost.write_units.recorded", AtMost, 4.0),
    target("write units all in, sealed at 50 in a pass", "cost.write_units.all_in", AtMost, 5.3),
    target("read units of an unfiltered page of 100", "reads.units.none.100", AtMost, 15.0),
    target(
        "read units of a single-filter page of 100, the most",
        "reads.units.single_filter.100",
        AtMost,
        60.0,
    ),
    target("read units of the authorizer", "calls.read_units.authorizer", AtMost, 0.5),
    target("items read for each returned, single filter", "reads.items_per_item.single_filter", AtMost, 1.05),
    target(
        "items read for each returned, first page with 4 shards",
        "reads.items_per_item.sharded",
        AtMost,
        1.2,
    ),
    target("round trips for each recorded event", "calls.round_trips.ingest-api", AtMost, 1.0),
    target("growth of a page from 10^3 events to the most", "scale.growth", AtMost, 1.05),
    target("sealing, events/s of one workspace", "throughput.sealing.events_per_second", AtLeast, 2_000.0),
    target(
        "dollars for a million events, all in, bus in batches",
        "cost.dollars_per_million.bus_all_in",
        AtMost,
        3.5,
    ),
];

/// Each target with the measured value, and whether it is met.
pub(crate) fn table(figures: &BTreeMap<String, f64>) -> Table {
    let mut table = Table::new(["target", "limit", "measured", ""]);
    for Target { what, figure, side, limit } in TARGETS {
        let measured = figures.get(*figure).copied();
        let met = measured.map(|measured| match side {
            AtMost => measured <= *limit,
            AtLeast => measured >= *limit,
        });
        let sign = if *side == AtMost { "≤" } else { "≥" };
        table.row([
            (*what).to_owned(),
            format!("{sign} {}", number(*limit)),
            measured.map_or_else(|| "not measured".to_owned(), number),
            match met {
                Some(true) => "ok".to_owned(),
                Some(false) => "**missed**".to_owned(),
                None => String::new(),
            },
        ]);
    }
    table
}
