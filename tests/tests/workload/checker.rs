//! Judges the promises only by the answers that clients got and the final content of the tables.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::model::keys::READ_ID;

use crate::history::{History, Tables, Told};

/// The result for one promise.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) promise: &'static str,
    pub(crate) text: &'static str,
    /// The number of chances to break it.
    pub(crate) trials: usize,
    pub(crate) violations: Vec<String>,
}

/// The rows of the table, by workspace and key.
type Rows<'a> = BTreeMap<&'a str, BTreeMap<(String, String), (Told, &'a Value)>>;

/// Judges all promises.
pub(crate) fn judge(history: &History, tables: &Tables) -> Vec<Verdict> {
    let rows: Rows<'_> = tables
        .events
        .iter()
        .map(|(workspace, events)| {
            let row = |row| {
                let told = Told::of_row(row);
                ((told.timestamp.clone(), told.id.clone()), (told, row))
            };
            (workspace.as_str(), events.iter().map(row).collect())
        })
        .collect();
    vec![
        verdict("P1", "acknowledged means stored", acknowledged_is_stored(history, tables, &rows)),
        verdict("P2", "one record per key, the first stands", one_record(history, tables, &rows)),
        verdict("P3", "nothing on the bus vanishes", nothing_vanishes(history, tables, &rows)),
        verdict("P4", "the feed is dense, complete, final", feed_is_dense(history, tables)),
        verdict("P5", "readable once acknowledged", readable_at_once(history)),
        verdict("P8", "workspaces are apart", workspaces_are_apart(history, tables)),
        verdict("P10", "no unrecorded read", reads_are_recorded(history, tables)),
        verdict("P11", "tokens and their records agree", tokens_agree(history, tables)),
        verdict("P13", "overload is 429 or 503, and says when", overload_is_told(history)),
    ]
}

type Judged = (usize, Vec<String>);

fn verdict(promise: &'static str, text: &'static str, (trials, violations): Judged) -> Verdict {
    Verdict { promise, text, trials, violations }
}

fn acknowledged_is_stored(history: &History, tables: &Tables, rows: &Rows<'_>) -> Judged {
    let mut violations = Vec::new();
    let mut trials = 0;
    let told = history.acknowledged.iter().map(|told| (told.workspace.as_str(), &told.event));
    let done = history.messages.iter().filter(|message| tables.removed.contains(&message.number));
    let done = done.filter_map(|message| Some((message.workspace.as_str(), message.event.as_ref()?)));
    for (workspace, event) in told.chain(done) {
        trials += 1;
        if row(rows, workspace, event).is_none() {
            violations.push(format!("{workspace}: {} is acknowledged and not there", event.id));
        }
    }
    (trials, violations)
}

fn one_record(history: &History, tables: &Tables, rows: &Rows<'_>) -> Judged {
    let mut violations = Vec::new();
    let mut trials = 0;
    for (workspace, events) in &tables.events {
        let mut ids = BTreeSet::new();
        for event in events.iter().map(Told::of_row) {
            trials += 1;
            if !ids.insert(event.id.clone()) {
                violations.push(format!("{workspace}: {} is there twice", event.id));
            }
        }
    }
    let mut new = BTreeSet::new();
    for told in &history.acknowledged {
        trials += 1;
        let key = (&told.workspace, told.event.key());
        if told.as_new && !new.insert(key) {
            violations.push(format!("{}: {} is told recorded twice", told.workspace, told.event.id));
        }
        if row(rows, &told.workspace, &told.event).is_some_and(|(there, _)| *there != told.event) {
            violations.push(format!("{}: {} is not as it was acknowledged", told.workspace, told.event.id));
        }
    }
    for (workspace, event) in &history.conflicts {
        trials += 1;
        if row(rows, workspace, event).is_none_or(|(there, _)| there == event) {
            violations.push(format!("{workspace}: {} is refused without a conflicting event", event.id));
        }
    }
    (trials, violations)
}

fn nothing_vanishes(history: &History, tables: &Tables, rows: &Rows<'_>) -> Judged {
    let quarantined: BTreeSet<_> = tables
        .quarantine
        .iter()
        .filter_map(|item| Some(quarantined_at(item).split('#').nth(1)?.to_owned()))
        .collect();
    let vanished = |message: &&crate::history::Message| {
        let stored = message.event.as_ref().is_some_and(|event| {
            row(rows, &message.workspace, event).is_some_and(|(there, _)| there == event)
        });
        !stored && !quarantined.contains(&message.envelope)
    };
    let vanished = history.messages.iter().filter(vanished);
    let violations = vanished.map(|message| format!("the message {} vanished", message.envelope)).collect();
    (history.messages.len(), violations)
}

fn quarantined_at(item: &Value) -> String {
    item["quarantined_at"].as_str().unwrap().to_owned()
}

fn feed_is_dense(history: &History, tables: &Tables) -> Judged {
    let mut violations = Vec::new();
    let mut trials = 0;
    let mut places: BTreeMap<(&str, i64), Told> = BTreeMap::new();
    for (workspace, events) in &tables.events {
        let mut sequences: Vec<_> = events.iter().map(|row| row["sequence"].as_i64()).collect();
        sequences.sort_unstable();
        trials += sequences.len();
        let dense = (0..).map(Some).take(sequences.len());
        if let Some((is, wanted)) = sequences.iter().zip(dense).find(|(is, wanted)| *is != wanted) {
            violations.push(format!("{workspace}: the sequence {is:?} stands where {wanted:?} belongs"));
        }
        for row in events {
            if let Some(sequence) = row["sequence"].as_i64() {
                places.insert((workspace, sequence), Told::of_row(row));
            }
        }
    }
    for page in &history.feeds {
        trials += page.events.len();
        let sequences = page.events.iter().map(|(sequence, _)| *sequence);
        if !sequences.eq(page.after + 1..=page.next_after) {
            violations
                .push(format!("{}: a gap between {} and {}", page.workspace, page.after, page.next_after));
        }
        for (sequence, event) in &page.events {
            if places.get(&(page.workspace.as_str(), *sequence)) != Some(event) {
                violations.push(format!("{}: {sequence} is another event than was fed", page.workspace));
            }
        }
    }
    (trials, violations)
}

fn readable_at_once(history: &History) -> Judged {
    let mut violations = Vec::new();
    let mut trials = 0;
    for walk in &history.walks {
        let before = history
            .acknowledged
            .iter()
            .filter(|told| told.workspace == walk.workspace && told.at < walk.began_at);
        for told in before {
            trials += 1;
            if !walk.events.contains(&told.event) {
                violations
                    .push(format!("{}: {} was acknowledged, and not shown", walk.workspace, told.event.id));
            }
        }
    }
    (trials, violations)
}

fn workspaces_are_apart(history: &History, tables: &Tables) -> Judged {
    let mut violations = Vec::new();
    let rows = tables
        .events
        .iter()
        .map(|(workspace, events)| (workspace, events.iter().map(Told::of_row).collect::<Vec<_>>()));
    let pages = history.pages.iter().map(|page| (&page.workspace, page.events.clone()));
    let feeds = history
        .feeds
        .iter()
        .map(|page| (&page.workspace, page.events.iter().map(|(_, event)| event.clone()).collect()));
    let mut trials = history.trespasses.len();
    for (workspace, events) in rows.chain(pages).chain(feeds) {
        for event in events {
            trials += 1;
            // Senders put the workspace into the id of an event; the service's own events have no workspace
            // there.
            let sent_to = event.id.split_once('.').map(|(sent_to, _)| sent_to);
            let foreign =
                sent_to.is_some_and(|sent_to| sent_to != workspace && !event.id.starts_with(READ_ID));
            if foreign {
                violations.push(format!("{workspace}: {} is of another workspace", event.id));
            }
        }
    }
    let let_in = history.trespasses.iter().filter(|status| **status < 300);
    violations.extend(let_in.map(|status| format!("another workspace was shown: {status}")));
    (trials, violations)
}

fn reads_are_recorded(history: &History, tables: &Tables) -> Judged {
    let mut records: BTreeMap<String, usize> = BTreeMap::new();
    for (workspace, events) in &tables.events {
        for row in events.iter().filter(|row| row["action"] == "audit_log_accessed") {
            let context: Value = serde_json::from_str(row["context"].as_str().unwrap()).unwrap();
            let token = Told::of_row(row).actor;
            let (first, last) = match &context["first_sequence"] {
                Value::Null => (context["first"]["id"].clone(), context["last"]["id"].clone()),
                first => (first.clone(), context["last_sequence"].clone()),
            };
            *records
                .entry(json!([workspace, token, context["count"], first, last]).to_string())
                .or_default() += 1;
        }
    }
    let feeds = history.feeds.iter().filter(|page| page.leaves_record).map(feed_read);
    let reads: Vec<_> =
        history.pages.iter().map(page_read).chain(feeds).map(|read| read.to_string()).collect();
    let mut violations = Vec::new();
    for read in &reads {
        match records.get_mut(read) {
            Some(left) if *left > 0 => *left -= 1,
            _ => violations.push(format!("a read left no record: {read}")),
        }
    }
    (reads.len(), violations)
}

fn feed_read(page: &crate::history::FeedPage) -> Value {
    let (first, last) = (sequence(page.events.first()), sequence(page.events.last()));
    json!([page.workspace, page.token, page.events.len(), first, last])
}

fn page_read(page: &crate::history::Page) -> Value {
    json!([page.workspace, page.token, page.events.len(), id(page.events.first()), id(page.events.last())])
}

fn sequence(event: Option<&(i64, Told)>) -> Value {
    json!(event.map(|(sequence, _)| sequence))
}

fn id(event: Option<&Told>) -> Value {
    json!(event.map(|event| &event.id))
}

fn tokens_agree(history: &History, tables: &Tables) -> Judged {
    let mut violations = Vec::new();
    let mut trials = 0;
    for (workspace, events) in &tables.events {
        let told = |action: &str| -> Vec<String> {
            let events = events.iter().filter(|event| event["action"] == action);
            let mut told: Vec<_> =
                events.map(|event| event["entity_id"].as_str().unwrap().to_owned()).collect();
            told.sort();
            told
        };
        let live = [
            ("created", told("api_token_workspace_created"), tokens_that(tables, workspace, |_| true)),
            (
                "revoked",
                told("api_token_workspace_revoked"),
                tokens_that(tables, workspace, |token| token["revoked_at"].is_string()),
            ),
        ];
        for (what, told, are) in live {
            trials += are.len();
            if told != are {
                violations.push(format!(
                    "{workspace}: {} tokens are {what}, {} say so",
                    are.len(),
                    told.len()
                ));
            }
        }
    }
    let seen = [
        (&history.created, (|_| true) as fn(&Value) -> bool),
        (&history.revoked, |token| token["revoked_at"].is_string()),
    ];
    for (seen, is) in seen {
        for (workspace, token) in seen {
            trials += 1;
            if !tokens_that(tables, workspace, is).contains(token) {
                violations.push(format!("{workspace}: {token} is not as its admin was told"));
            }
        }
    }
    (trials, violations)
}

fn tokens_that(tables: &Tables, workspace: &str, is: fn(&Value) -> bool) -> Vec<String> {
    let all = tables.tokens.get(workspace).into_iter().flatten().filter(|token| is(token));
    let mut tokens: Vec<_> = all.map(|token| token["token"].as_str().unwrap().to_owned()).collect();
    tokens.sort();
    tokens
}

fn overload_is_told(history: &History) -> Judged {
    let violations = history.answers.iter().filter_map(|reply| match reply.status {
        429 | 503 => (!reply.says_when_to_retry).then(|| format!("no Retry-After: {}", reply.text)),
        500.. => Some(format!("{}: {}", reply.status, reply.text)),
        _ => None,
    });
    (history.answers.len(), violations.collect())
}

fn row<'a>(rows: &'a Rows<'_>, workspace: &str, event: &Told) -> Option<&'a (Told, &'a Value)> {
    rows.get(workspace)?.get(&(event.timestamp.clone(), event.id.clone()))
}
