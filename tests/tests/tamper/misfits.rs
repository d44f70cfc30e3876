//! Every other mismatch that fsck can report, each caused by the smallest change.

use std::cell::Cell;

use indicatif::ProgressBar;
use operator::fsck::{Finding, Kept};
use serde_json::json;
use shared::{
    ledger::{Delta, note::Vkey},
    model::keys::ledger,
    system,
};
use tests::{
    TestApp,
    sample::event,
    tamper::{
        Copy, Prepared,
        raw::{Raw, bytes, number, text},
    },
};

use crate::{acme, check, with_all_that_was_kept};

/// A small log of several deltas.
async fn small() -> Prepared {
    Prepared::with(200).await
}

/// The first mismatch after a change, as `kind first-last`; empty if there is none.
async fn found(log: &Prepared, kept: &Kept, change: impl AsyncFnOnce(&Raw<'_>)) -> String {
    let copy = log.copy().await;
    change(&copy.raw()).await;
    told(&copy, kept).await
}

async fn told(copy: &Copy, kept: &Kept) -> String {
    let report = check(copy, kept).await;
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(json["sound"], report.is_sound());
    assert_eq!(json["first"].is_null(), report.is_sound());
    let first = report.findings.first();
    first.map_or_else(String::new, |Finding { kind, sequence, last_sequence, .. }| {
        format!("{kind:?} {sequence}-{last_sequence}")
    })
}

/// The last but one delta.
fn middle(deltas: &[Delta]) -> &Delta {
    &deltas[deltas.len() - 2]
}

#[tokio::test]
async fn deltas_must_follow_each_other_and_be_readable() {
    let log = small().await;
    let copy = log.copy().await;
    let deltas = copy.raw().deltas().await;
    let (middle, last) = (middle(&deltas), deltas.last().unwrap());
    let none = Kept::default();
    let gap = found(&log, &none, async |raw| raw.delete_part(&ledger::delta(middle.first)).await).await;
    assert_eq!(gap, format!("DeltaMissing {0}-{0}", middle.first));
    let part = ledger::delta(middle.first);
    let junk = found(&log, &none, async |raw| raw.put_part(part, [("entries", bytes(vec![1]))]).await).await;
    assert_eq!(junk, format!("DeltaUnreadable {0}-{0}", middle.first));
    let stray = found(&log, &none, async |raw| {
        raw.put_part("delta#7".to_owned(), [("entries", bytes(last.to_bytes()))]).await;
    })
    .await;
    assert_eq!(stray, format!("DeltaUnreadable {0}-{0}", log.size));
    let repeated = found(&log, &none, async |raw| {
        let mut delta = middle.clone();
        delta.entries[5] = delta.entries[3].clone();
        raw.put_delta(&delta).await;
    })
    .await;
    assert_eq!(repeated, format!("EventOtherSequence {0}-{0}", middle.first + 5));
}

#[tokio::test]
async fn the_head_and_the_signed_checkpoint_must_match_the_tree() {
    let log = small().await;
    let none = Kept::default();
    let (all_of_head, all_of_signed) =
        (format!("Head 0-{}", log.size - 1), format!("Signed 0-{}", log.size - 1));
    let gone = found(&log, &none, async |raw| raw.delete_part(ledger::HEAD).await).await;
    assert_eq!(gone, "Head 0-0");
    let junk = found(&log, &none, async |raw| {
        let head = [("size", number(log.size)), ("frontier", bytes(vec![7; 3]))];
        raw.put_part(ledger::HEAD.to_owned(), head).await;
    })
    .await;
    assert_eq!(junk, all_of_head);
    // 201 is 128 + 64 + 8 + 1: the second of its perfect subtrees has another root.
    assert_eq!(log.size, 201);
    let other = found(&log, &none, async |raw| {
        let mut frontier = raw.app().store().head(&acme()).await.unwrap().to_bytes();
        frontier[32] ^= 1;
        raw.put_part(ledger::HEAD.to_owned(), [("size", number(log.size)), ("frontier", bytes(frontier))])
            .await;
    })
    .await;
    assert_eq!(other, "Head 128-191");
    let beyond = found(&log, &none, async |raw| {
        let mut head = raw.app().store().head(&acme()).await.unwrap();
        head.push(shared::ledger::hash::Hash::of_leaf(b"more"));
        raw.put_head(&head).await;
    })
    .await;
    assert_eq!(beyond, format!("DeltaMissing {0}-{0}", log.size));

    let note = log.checkpoints[1].clone();
    let root = found(&log, &none, async |raw| {
        raw.put_signed([("size", number(log.size)), ("root", bytes(vec![7; 32])), ("note", text(note))])
            .await;
    })
    .await;
    assert_eq!(root, all_of_signed);
    let junk = found(&log, &none, async |raw| {
        raw.put_signed([("size", number(1))]).await;
    })
    .await;
    assert_eq!(junk, all_of_signed);
    let unsigned = found(&log, &none, async |raw| raw.delete_signed().await).await;
    assert_eq!(unsigned, "", "it is signed again on the next request for it");
    let mut point = [0x66; 32];
    point[0] = 0x58;
    let other_key = Vkey::new("audit-logs.local/acme", point).unwrap();
    let kept = Kept { key: Some(other_key), ..Kept::default() };
    assert_eq!(found(&log, &kept, async |_| {}).await, all_of_signed);
    assert_eq!(found(&log, &with_all_that_was_kept(&log), async |_| {}).await, "");
}

#[tokio::test]
async fn every_event_must_have_its_sequence_and_be_in_the_partition_that_queries_read() {
    let log = small().await;
    let none = Kept::default();
    let unstamped = found(&log, &none, async |raw| {
        let mut item = raw.event(17).await;
        item.remove("sequence");
        raw.put_event(item).await;
    })
    .await;
    assert_eq!(unstamped, "EventUnstamped 17-17");
    let junk = found(&log, &none, async |raw| {
        let mut item = raw.event(17).await;
        item.insert("context".to_owned(), text("no JSON"));
        raw.put_event(item).await;
    })
    .await;
    assert_eq!(junk, "EventUnreadable 17-17");
    let added = found(&log, &none, async |raw| {
        let mut item = raw.event(17).await;
        item.insert("note".to_owned(), number(1));
        raw.put_event(item).await;
    })
    .await;
    assert_eq!(added, "EventAttributes 17-17");
    let marked = found(&log, &none, async |raw| {
        let mut item = raw.event(17).await;
        item.insert("expires_at".to_owned(), number(1));
        raw.put_event(item).await;
    })
    .await;
    assert_eq!(marked, "EventMarked 17-17");
    let beyond = found(&log, &none, async |raw| {
        let mut item = raw.event(17).await;
        item.insert("workspace".to_owned(), text("acme#15"));
        item.insert("sequence".to_owned(), number(log.size + 3));
        raw.put_event(item).await;
    })
    .await;
    assert_eq!(beyond, format!("SequenceForged {0}-{0}", log.size + 3));
    let elsewhere = found(&log, &none, async |raw| {
        let shards = r#"[{"count":2,"from":"2025-01-01T00:00:00.000000Z"}]"#;
        raw.put_setting("shards", text(shards)).await;
    })
    .await;
    assert_eq!(elsewhere, "EventMisplaced 0-0");
}

#[tokio::test]
async fn fsck_reports_unsealed_events_separately() {
    let log = small().await;
    let copy = log.copy().await;
    let raw = copy.raw();
    // A sealer that was stopped right after it had decided.
    let mut old = raw.event(17).await;
    old.remove("sequence");
    old.insert("timestamp".to_owned(), text("2025-02-18T10:00:00.000000Z#old"));
    old.insert(
        "received_at".to_owned(),
        aws_sdk_dynamodb::types::AttributeValue::N("1739872801000000".to_owned()),
    );
    raw.put_event(old.clone()).await;
    let report = check(&copy, &Kept::default()).await;
    assert!(report.is_sound(), "{report}");
    let overdue = "not sealed 10 minutes after it was received: 1 event, the oldest received at 2025-02-18T10:00:01.000000Z";
    assert_eq!(report.warnings, [overdue]);
    let store = copy.app.store();
    let place = store.find_unsealed(None).await.unwrap().unsealed.remove(0).1;
    let head = store.head(&acme()).await.unwrap();
    let (deltas, _) = sealer::propose(&store, &acme(), &head, std::slice::from_ref(&place)).await.unwrap();
    store.write_delta(&acme(), &deltas[0], None).await.unwrap();
    let report = check(&copy, &Kept::default()).await;
    assert!(report.is_sound(), "{report}");
    assert!(report.notes[0].starts_with("a delta at the head is decided and not finished"), "{report}");
    // The next pass of the sealer finishes it.
    sealer::seal(&store, &acme(), &[], system::now()).await.unwrap();
    let report = check(&copy, &Kept::default()).await;
    assert!(report.is_sound() && report.warnings.is_empty(), "{report}");
    assert_eq!((report.size, report.head), (log.size + 1, Some(log.size + 1)));

    old.insert("timestamp".to_owned(), text("2025-02-18T10:00:00.000000Z#junk"));
    old.insert("context".to_owned(), text("no JSON"));
    raw.put_event(old).await;
    let place = store.find_unsealed(None).await.unwrap().unsealed.remove(0).1;
    sealer::seal(&store, &acme(), &[place], system::now()).await.unwrap();
    let report = check(&copy, &Kept::default()).await;
    assert!(report.is_sound(), "{report}");
    assert_eq!(report.warnings[1], "set aside, since it cannot be sealed as it is: 1 event");
}

#[tokio::test]
async fn a_head_that_was_set_back_is_mended_by_the_next_sealer() {
    let log = small().await;
    let copy = log.copy().await;
    let raw = copy.raw();
    let mut head = shared::ledger::tree::Frontier::default();
    for (_, entry) in raw.deltas().await[..2].iter().flat_map(Delta::sequenced) {
        head.push(entry.leaf);
    }
    raw.put_head(&head).await;
    assert_eq!(told(&copy, &Kept::default()).await, format!("Head {0}-{0}", head.size()));
    // By then the turn of the sealer that wrote the deltas is over.
    let later = system::now().plus_seconds(shared::ledger::turn::Turn::SECONDS + 1);
    sealer::seal(&copy.app.store(), &acme(), &[], later).await.unwrap();
    assert_eq!(told(&copy, &Kept::default()).await, "");
}

#[tokio::test]
async fn every_log_is_listed_and_a_missing_log_is_reported_as_unchecked() {
    let log = small().await;
    let copy = log.copy().await;
    let logs = copy.app.store().logs().await.unwrap();
    assert_eq!(logs.into_iter().collect::<Vec<_>>(), [acme()]);
    let (store, unknown) = (copy.app.store(), shared::model::id::WorkspaceId::parse("unknown").unwrap());
    let bar = ProgressBar::hidden();
    let report =
        operator::fsck::check(&store, &unknown, &Kept::default(), system::now(), &bar).await.unwrap();
    assert!(!report.is_sound() && !report.is_refuted());
    let unchecked = report.unchecked.as_deref().unwrap_or_default();
    assert!(unchecked.starts_with("there is nothing of this workspace"), "{report}");
}

#[tokio::test]
async fn a_log_in_use_is_sound_at_every_moment() {
    let app = TestApp::start_sealing().await;
    let writer = app.writer("acme").await;
    let done = Cell::new(false);
    let write = async {
        for batch in 0..12 {
            let events: Vec<_> =
                (0..40).map(|number| event(&format!("e-{batch}-{number}"), number)).collect();
            writer.record(&json!({ "events": events })).await.expect(201);
        }
        app.sealed().await;
        done.set(true);
    };
    let watch = async {
        let (store, kept, bar) = (app.store(), Kept::default(), ProgressBar::hidden());
        let mut sizes = Vec::new();
        while !done.get() {
            let report = operator::fsck::check(&store, &acme(), &kept, system::now(), &bar).await.unwrap();
            assert!(report.is_sound(), "{report}");
            sizes.push(report.size);
        }
        assert!(sizes.is_sorted(), "{sizes:?}");
    };
    tokio::join!(write, watch);
}
