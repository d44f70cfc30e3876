//! The feed: sealed events in the order of their sequence, complete and final.
//!
//! A reader that stores one number never misses an event. It may wait for the next one.

use std::time::{Duration, Instant};

use serde::Serialize;
use shared::{
    http::{self, Request, Response, WrongPart},
    intake::parameters::Sent,
    ledger::hash::Hash,
    model::{error::Error, event::Event, principal::TokenHolder, rate::LongRead, scope::Scope},
    query::page::{DEFAULT_LIMIT, Filter},
    store::{Feed, Room, Store},
    system,
    text::problem::FieldError,
};

use crate::{
    MAX_PAGE_BYTES, access,
    format::Format,
    parameters::{FILTERS, LISTS, parse_format, parse_limit, read_filter},
    search, warnings,
};

/// The longest wait of a reader, in seconds: API Gateway's own timeout is 30.
pub const MAX_WAIT_SECONDS: u64 = 20;
/// The parameters of the feed other than the filters.
pub const FEED_NAMES: [&str; 4] = ["after", "limit", "wait", "format"];
/// The Retry-After for a reader that found no slot to wait in.
const RETRY_AFTER_SECONDS: i64 = 10;
/// Interval at which a waiting reader looks for new events.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A page of the feed, in JSON.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = AuditLogFeed))]
pub struct FeedPage<'a> {
    /// The events, in the order of their sequence. A page may be short, or even empty, and yet have a next one.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<shared::model::event::ReadEvent>))]
    audit_logs: &'a [Event],
    /// True if more events follow at once.
    has_more: bool,
    /// The value of the parameter `after` for the next page; -1 while the log is empty.
    next_after: i64,
    /// The number of sequences that were skipped because their events have expired.
    expired: u64,
    /// The size and root of the log.
    checkpoint: LogHead,
    /// Names in the query that no event has. Left out where there are none.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    warnings: &'a [WrongPart],
}

/// The size and root of a log, as a signed checkpoint of this size would have them.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogHead {
    /// The number of events.
    size: u64,
    /// The root of their tree (RFC 6962), in base64.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    root: Hash,
}

/// A parsed request for the feed.
struct Asked {
    filter: Filter,
    /// The first sequence that the reader has not seen.
    next: u64,
    limit: usize,
    wait: Duration,
    format: Option<Format>,
}

/// `GET /api/{workspace}/audit_logs/feed`.
pub(crate) async fn feed(store: &Store, request: &Request) -> Result<Response, Error> {
    let holder = request.token_holder(Scope::Read)?;
    let Asked { filter, next, limit, wait, format } = Asked::parse(request.query())?;
    let format = Format::choose(format, request.header("accept"))?;
    // A waiting reader counts as one read.
    let rate = store.count_read(&holder.token, system::now()).await?;
    let room = Room { events: limit, bytes: MAX_PAGE_BYTES, measure: format.measure() };
    let (feed, has_waited) = read(store, &holder, &filter, next, room, wait).await?;
    let Feed { events, expired, gone: _, next, head } = feed;
    let warnings = warnings::of(store, &holder.workspace, &filter, &events).await?;

    // A question with filters is recorded whatever it finds: that there is no such event is an answer too.
    // Leaving out records of reads shows the same events as no filter at all, so an empty page reveals nothing more.
    let asked = Filter { exclude_reads: false, ..filter.clone() };
    if asked != Filter::default() || !events.iter().all(|event| is_own_access(event, &holder)) {
        let origin = request.origin(system::now(), system::read_id(), system::salt());
        store.append(&access::record_feed(&holder, origin, request, &filter, &events)).await?;
        // If we crash here, the record stays of a read whose data the reader did not get.
    }

    let next_after = i64::try_from(next).unwrap_or(i64::MAX) - 1;
    let has_more = next < head.size();
    let response = format.lines(&events, store.product()).unwrap_or_else(|| {
        let checkpoint = LogHead { size: head.size(), root: head.root() };
        let warnings = &warnings;
        http::ok(&FeedPage { audit_logs: &events, has_more, next_after, expired, checkpoint, warnings })
    });
    let response = http::with_warnings(response, &warnings);
    let response = http::with_expired(http::with_rate(response, rate), expired);
    let response = http::with_next_after(response, next_after, has_more);
    Ok(if has_waited { response } else { http::with_retry_after(response, RETRY_AFTER_SECONDS) })
}

/// Reads a page. If requested, and if the token has a free slot, waits for a page with events.
async fn read(
    store: &Store,
    holder: &TokenHolder,
    filter: &Filter,
    next: u64,
    room: Room,
    wait: Duration,
) -> Result<(Feed, bool), Error> {
    let mut feed = look(store, holder, filter, next, room).await?;
    if next > feed.head.size() {
        return Err(beyond_the_end(feed.head.size()));
    }
    if wait.is_zero() || is_an_answer(&feed) {
        return Ok((feed, true));
    }
    // Without a slot the answer is sent at once, also if the store cannot say whether there is one.
    let Ok(Some(slots)) = store.take_slots(holder, LongRead::Wait, wait, system::now()).await else {
        return Ok((feed, false));
    };
    let waited = wait_for_more(store, holder, filter, room, wait, &mut feed).await;
    store.free_slots(slots).await;
    waited.map(|()| (feed, true))
}

/// Reads a page as it is now.
async fn look(
    store: &Store,
    holder: &TokenHolder,
    filter: &Filter,
    next: u64,
    room: Room,
) -> Result<Feed, Error> {
    let workspace = &holder.workspace;
    let mut feed =
        store.feed_within(workspace, filter, next, room, search::WITHOUT_SLOT, system::now()).await?;
    if feed.next >= feed.head.size() {
        return Ok(feed);
    }
    let Some(left) = search::left(room, &feed.events) else { return Ok(feed) };
    let Some(slots) = search::slots(store, holder).await else { return Ok(feed) };
    let more = store.feed(workspace, filter, feed.next, left, system::now()).await;
    store.free_slots(slots).await;
    let Feed { events, expired, gone, next, head } = more?;
    feed.events.extend(events);
    Ok(Feed { events: feed.events, expired: feed.expired + expired, gone: feed.gone + gone, next, head })
}

/// Looks again and again, until there are new events or the time is over.
async fn wait_for_more(
    store: &Store,
    holder: &TokenHolder,
    filter: &Filter,
    room: Room,
    wait: Duration,
    feed: &mut Feed,
) -> Result<(), Error> {
    let end = Instant::now() + wait;
    while Instant::now() < end && !is_an_answer(feed) && feed.events.len() < room.events {
        tokio::time::sleep(LOOK_EVERY).await;
        let left = Room { events: room.events - feed.events.len(), ..room };
        let more = look(store, holder, filter, feed.next, left).await?;
        feed.events.extend(more.events);
        feed.expired += more.expired;
        (feed.next, feed.head) = (more.next, more.head);
    }
    Ok(())
}

/// True if a page ends a wait. A page with only records of reads does not: otherwise two readers of the feed
/// would wake each other again and again with their records.
fn is_an_answer(feed: &Feed) -> bool {
    feed.next < feed.head.size() || !feed.events.iter().all(is_access)
}

/// True if an event records a read of the log.
fn is_access(event: &Event) -> bool {
    event.action.name() == "audit_log_accessed"
}

/// True if an event records a read by this token. A page without filters that has only such events leaves no
/// record, so that a reader who reads the feed to its end comes to an empty page.
fn is_own_access(event: &Event, holder: &TokenHolder) -> bool {
    let actor = event.actor.as_ref().map(|actor| actor.user_id.as_str());
    is_access(event) && actor == Some(holder.token.as_str())
}

/// The reader has seen more than the log has: the log was restored, or it is another one.
fn beyond_the_end(size: u64) -> Error {
    let last = i64::try_from(size).unwrap_or(i64::MAX) - 1;
    let detail = format!(
        "is beyond the end of the log, which has {size} events; its last sequence is {last}. If you have seen more, \
         the log was restored from an older copy: keep what you have, and ask the operator of the service"
    );
    Error::InvalidQuery(vec![FieldError::new("after", "out_of_range", detail)])
}

impl Asked {
    fn parse(pairs: Vec<(String, String)>) -> Result<Self, Error> {
        let names: Vec<_> = FILTERS.into_iter().chain(FEED_NAMES).collect();
        let mut sent = Sent::gather(pairs, &names, &LISTS);
        let filter = read_filter(&mut sent);
        let next = sent.parsed("after", "out_of_range", parse_after).unwrap_or_default();
        let limit = sent.parsed("limit", "out_of_range", parse_limit).unwrap_or(DEFAULT_LIMIT);
        let wait = sent.parsed("wait", "out_of_range", parse_wait).unwrap_or_default();
        let format = sent.parsed("format", "unknown_value", parse_format);
        sent.finish(Self { filter, next, limit, wait: Duration::from_secs(wait), format })
    }
}

/// The sequence after the last one seen. There is none beyond the range in which JSON numbers are exact.
fn parse_after(text: &str) -> Result<u64, String> {
    let after = text.parse::<i64>().ok().filter(|after| (-1..1 << 53).contains(after));
    after
        .and_then(|after| u64::try_from(after + 1).ok())
        .ok_or_else(|| "must be the last sequence you have seen, or -1 for none".to_owned())
}

fn parse_wait(text: &str) -> Result<u64, String> {
    let wait = text.parse().ok().filter(|wait| *wait <= MAX_WAIT_SECONDS);
    wait.ok_or_else(|| format!("must be whole seconds from 0 to {MAX_WAIT_SECONDS}"))
}
