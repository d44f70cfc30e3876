//! Queries, cursors, formats, and paths of the ledger.

use super::{Door, Input};

pub(super) fn inputs() -> Vec<Input> {
    let long = format!("cursor={}", "A".repeat(8_000));
    let rows = [(Door::List, LIST), (Door::Feed, FEED), (Door::Ledger, LEDGER), (Door::Accept, ACCEPT)];
    let rows =
        rows.into_iter().flat_map(|(door, rows)| rows.iter().map(move |(sent, told)| (door, *sent, *told)));
    let rows = rows.map(|(door, sent, told)| Input::new(door, sent, told));
    rows.chain([Input::new(Door::List, long, "400 invalid_cursor")]).collect()
}

const LIST: &[(&str, &str)] = &[
    ("limit=0", "400 invalid_query limit out_of_range"),
    ("limit=1001", "400 invalid_query limit out_of_range"),
    ("limit=1e2", "400 invalid_query limit out_of_range"),
    ("limit=%D9%A3", "400 invalid_query limit out_of_range"),
    ("limit=1&limit=1", "400 invalid_query limit repeated"),
    ("Limit=1", "400 invalid_query Limit unknown_parameter"),
    ("=1", "400 invalid_query  unknown_parameter"),
    ("order=newest", "400 invalid_query order unknown_value"),
    ("order=ASC", "400 invalid_query order unknown_value"),
    ("action=", "400 invalid_query action unknown_action"),
    ("action=group_created,", "400 invalid_query action unknown_action"),
    ("action=%20", "400 invalid_query action unknown_action"),
    ("action=%00", "400 invalid_query action unknown_action"),
    ("actions=group_created", "400 invalid_query actions unknown_parameter"),
    ("workspace=globex", "400 invalid_query workspace unknown_parameter"),
    ("start_timestamp=yesterday", "400 invalid_query start_timestamp invalid_timestamp"),
    ("start_timestamp=2025-02-18", "400 invalid_query start_timestamp invalid_timestamp"),
    ("start_timestamp=2025-02-18T10:00:00+01:00", "400 invalid_query start_timestamp invalid_timestamp"),
    ("start_timestamp=", "400 invalid_query start_timestamp invalid_timestamp"),
    ("end_timestamp=2025-02-30T10:00:00Z", "400 invalid_query end_timestamp invalid_timestamp"),
    (
        "start_timestamp=2025-02-18T10:00:01Z&end_timestamp=2025-02-18T10:00:00Z",
        "400 invalid_query end_timestamp out_of_range",
    ),
    (
        "limit=0&order=x&colour=red",
        "400 invalid_query colour unknown_parameter, order unknown_value, limit out_of_range",
    ),
    ("%FF=%FE", "400 invalid_query \u{fffd} unknown_parameter"),
    ("limit=%", "400 invalid_query limit out_of_range"),
    ("cursor=", "400 invalid_cursor"),
    ("cursor=AQ", "400 invalid_cursor"),
    ("cursor=%2F%2F%2F", "400 invalid_cursor"),
    ("cursor=a&cursor=a", "400 invalid_query cursor repeated"),
    ("cursor={foreign cursor}", "400 invalid_cursor"),
    ("cursor={cursor}&action=group_created", "400 invalid_cursor"),
    ("cursor={cursor}&order=asc", "400 invalid_cursor"),
    ("cursor={cursor}A", "400 invalid_cursor"),
    ("cursor=A{cursor}", "400 invalid_cursor"),
    ("cursor={cursor}%00", "400 invalid_cursor"),
    ("cursor={cursor},{cursor}", "400 invalid_cursor"),
    ("category=nothing", "400 invalid_query category unknown_category"),
    ("category=user_groups,", "400 invalid_query category unknown_category"),
    ("outcome=maybe", "400 invalid_query outcome unknown_value"),
    ("outcome=", "400 invalid_query outcome unknown_value"),
    ("actor=a&actor=b", "400 invalid_query actor repeated"),
    ("entity_type=report&entity_type=report", "400 invalid_query entity_type repeated"),
    ("limit=-1", "400 invalid_query limit out_of_range"),
    ("limit=99999999999999999999", "400 invalid_query limit out_of_range"),
    ("limit=10%20", "400 invalid_query limit out_of_range"),
    ("limit=", "400 invalid_query limit out_of_range"),
    ("format=xml", "400 invalid_query format unknown_value"),
    ("format=CSV", "400 invalid_query format unknown_value"),
    ("format=json,csv", "400 invalid_query format unknown_value"),
    ("format=csv&format=json", "400 invalid_query format repeated"),
    ("start_timestamp=2025-02-18T10:00:00Z%00", "400 invalid_query start_timestamp invalid_timestamp"),
    ("start_timestamp=+002025-02-18T10:00:00Z", "400 invalid_query start_timestamp invalid_timestamp"),
    ("end_timestamp=2025-02-18T24:00:00Z", "400 invalid_query end_timestamp invalid_timestamp"),
    (
        "end_timestamp=2025-02-18T10:00:00Z&end_timestamp=2025-02-18T10:00:00Z",
        "400 invalid_query end_timestamp repeated",
    ),
    ("after=0", "400 invalid_query after unknown_parameter"),
    ("wait=1", "400 invalid_query wait unknown_parameter"),
    ("page=2", "400 invalid_query page unknown_parameter"),
    ("audit_logs[]=1", "400 invalid_query audit_logs[] unknown_parameter"),
];

const FEED: &[(&str, &str)] = &[
    ("after=-2", "400 invalid_query after out_of_range"),
    ("after=", "400 invalid_query after out_of_range"),
    ("after=1.5", "400 invalid_query after out_of_range"),
    ("after=9007199254740992", "400 invalid_query after out_of_range"),
    ("after=latest", "400 invalid_query after out_of_range"),
    ("after=1&after=1", "400 invalid_query after repeated"),
    ("wait=21", "400 invalid_query wait out_of_range"),
    ("wait=-1", "400 invalid_query wait out_of_range"),
    ("wait=0.5", "400 invalid_query wait out_of_range"),
    ("limit=1001", "400 invalid_query limit out_of_range"),
    ("order=desc", "400 invalid_query order unknown_parameter"),
    ("cursor={cursor}", "400 invalid_query cursor unknown_parameter"),
    ("format=parquet", "400 invalid_query format unknown_value"),
    ("action=%C2%85", "400 invalid_query action unknown_action"),
];

const LEDGER: &[(&str, &str)] = &[
    ("checkpoint?size=1", "400 invalid_query size unknown_parameter"),
    ("key?v=1", "400 invalid_query v unknown_parameter"),
    ("entries/-1", "404 not_found"),
    ("entries/00", "404 not_found"),
    ("entries/1e3", "404 not_found"),
    ("entries/18446744073709551616", "404 not_found"),
    ("entries/0", "404 not_found"),
    ("entries/0?proof=no", "400 invalid_query proof unknown_parameter"),
    ("tile/0/000", "404 not_found"),
    ("tile/9/000", "404 not_found"),
    ("tile/0/1", "404 not_found"),
    ("tile/entries/x000/000.p/0", "404 not_found"),
    ("tile/0/000.p/256", "404 not_found"),
    ("tile/..%2Fkey", "404 not_found"),
    ("tile/0/000?x=1", "400 invalid_query x unknown_parameter"),
    ("proof/inclusion", "400 invalid_query sequence required"),
    ("proof/inclusion?sequence=x", "400 invalid_query sequence out_of_range"),
    ("proof/inclusion?sequence=0&size=9007199254740992", "400 invalid_query size out_of_range"),
    ("proof/inclusion?sequence=0&size=1", "400 invalid_query size out_of_range"),
    ("proof/inclusion?sequence=0&sequence=1", "400 invalid_query sequence repeated"),
    ("proof/consistency", "400 invalid_query from required"),
    ("proof/consistency?from=2&to=1", "400 invalid_query to out_of_range"),
    ("proof/consistency?from=-1", "400 invalid_query from out_of_range"),
    ("proof/consistency?from=5", "400 invalid_query from out_of_range"),
];

const ACCEPT: &[(&str, &str)] = &[
    ("text/html", "406 not_acceptable"),
    ("application/xml, text/html;q=0.9", "406 not_acceptable"),
    ("application/json;q=0", "406 not_acceptable"),
    (";;;", "406 not_acceptable"),
    ("text", "406 not_acceptable"),
];
