//! AWS's prices, and the cost of a million events.

/// The source and the date of the prices.
pub(crate) const SOURCE: &str = "AWS's list prices on demand in us-east-1 as of November 2026, without free tiers and \
                                 discounts; entered by hand, so look them up before you rely on them";

/// Dollars for a million of each, unless stated otherwise.
pub(crate) struct Prices {
    pub(crate) write_unit: f64,
    pub(crate) read_unit: f64,
    /// A custom event that is put on a bus, of up to 64 KB.
    event: f64,
    /// A request to a standard queue.
    queue_request: f64,
    lambda_request: f64,
    /// A gigabyte-second of an arm64 function; dollars for one.
    lambda_gb_second: f64,
    /// A request to an HTTP API, of up to 512 KB.
    api_request: f64,
    /// A gigabyte kept in a table for a month; dollars for one.
    table_gb_month: f64,
}

pub(crate) const US_EAST_1: Prices = Prices {
    write_unit: 0.625,
    read_unit: 0.125,
    event: 1.00,
    queue_request: 0.40,
    lambda_request: 0.20,
    lambda_gb_second: 0.000_013_333_4,
    api_request: 1.00,
    table_gb_month: 0.25,
};

/// The bytes of an event in a table and its three indexes, estimated from the example's item.
const STORED_BYTES: f64 = 1_300.0;

/// The dollars to keep a million events for a month.
pub(crate) const A_MONTH: f64 = STORED_BYTES * 1e6 / 1e9 * US_EAST_1.table_gb_month;

/// One line of the bill for a million events.
pub(crate) struct Line {
    pub(crate) what: &'static str,
    pub(crate) dollars: f64,
    /// True if it pays for the delivery of the events, which is the same for every way to store them.
    pub(crate) delivery: bool,
}

/// The consumption of an event.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) write_units: f64,
    pub(crate) cpu_ms: f64,
    pub(crate) memory_mb: f64,
}

/// The bill for a million events from the bus in batches of this size.
pub(crate) fn bus(taken: Taken, batch: f64) -> Vec<Line> {
    lines(US_EAST_1.event, US_EAST_1.queue_request * (1.0 + 2.0 / batch), 0.0, taken, batch)
}

/// The bill for a million events over the API in batches of this size.
pub(crate) fn http(taken: Taken, batch: f64) -> Vec<Line> {
    lines(0.0, 0.0, US_EAST_1.api_request / batch, taken, batch)
}

fn lines(bus: f64, queue: f64, api: f64, taken: Taken, batch: f64) -> Vec<Line> {
    let Taken { write_units, cpu_ms, memory_mb } = taken;
    // With less memory than buys a whole CPU, a function takes longer than its CPU time.
    let seconds = cpu_ms / 1e3 * (1769.0 / memory_mb).max(1.0);
    vec![
        line("DynamoDB, write units", write_units * US_EAST_1.write_unit),
        line("Lambda, requests", US_EAST_1.lambda_request / batch),
        line("Lambda, time", seconds * memory_mb / 1024.0 * US_EAST_1.lambda_gb_second * 1e6),
        delivery("EventBridge, one put each", bus),
        delivery("SQS, one message each", queue),
        delivery("API Gateway", api),
    ]
}

fn delivery(what: &'static str, dollars: f64) -> Line {
    Line { what, dollars, delivery: true }
}

fn line(what: &'static str, dollars: f64) -> Line {
    Line { what, dollars, delivery: false }
}
