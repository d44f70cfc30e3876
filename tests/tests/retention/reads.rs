//! From the time of a change on, no read returns an expired event, and none is recorded again.

use serde_json::json;
use shared::ledger::{
    hash::Hash,
    proof::{verify_consistency, verify_inclusion},
    tlog_proof::TlogProof,
};
use tests::{
    entry,
    sample::{at, event},
};

use crate::aged::{Aged, NEW, OLD, days, hash, hashes};

/// Queries of the time view that find old events: by the table, and by each index.
const QUERIES: [&str; 6] = [
    "",
    "order=asc",
    "actor=u1",
    "action=group_created&order=asc",
    "category=user_groups&actor=u1",
    "start_timestamp=2025-01-01T00:00:00Z&end_timestamp=2025-12-31T00:00:00Z",
];

fn old(events: &[serde_json::Value]) -> usize {
    events.iter().filter(|event| event["id"].as_str().unwrap().starts_with("old-")).count()
}

#[tokio::test]
async fn expired_events_disappear_from_every_read_at_once() {
    let aged = Aged::start().await;
    for query in QUERIES {
        assert_eq!(old(&aged.client.read(&format!("limit=1000&{query}")).await), OLD, "{query}");
    }
    let mut cursors = Vec::new();
    for order in ["asc", "desc"] {
        let page = aged.client.list(&old_query(order)).await.expect(200).body;
        cursors.push((order, page["next_cursor"].as_str().unwrap().to_owned()));
    }
    aged.client.ledger("entries/7").await.expect(200);
    aged.client.ledger_bytes("tile/entries/000").await;

    let aged = aged.under(&days(30)).await;
    let client = &aged.client;
    for query in QUERIES {
        let found = client.read(&format!("limit=1000&{query}")).await;
        assert_eq!(old(&found), 0, "{query}");
        assert_eq!(found.is_empty(), query.starts_with("start_timestamp"), "{query}");
    }
    for format in ["ndjson", "csv", "ocsf"] {
        for path in ["audit_logs?limit=1000&", "audit_logs/feed?limit=1000&"] {
            let answer = client.get(&format!("/api/acme/{path}format={format}")).await.expect(200);
            // Records of reads name the first and the last returned event.
            assert!(!answer.text.contains("old-123"), "{path}{format}");
            assert!(answer.text.contains("group_created") || format == "ocsf", "{path}{format}");
        }
    }
    // An earlier cursor leads on to the events that are left.
    for (order, cursor_before) in cursors {
        let page = client.list(&format!("{}&cursor={cursor_before}", old_query(order))).await.expect(200);
        assert_eq!((old(page.events()), page.events().is_empty()), (0, false), "{order}");
    }

    let feed = client.feed("limit=1000").await.expect(200);
    assert_eq!(old(feed.events()), 0);
    let size = feed.body["checkpoint"]["size"].as_u64().unwrap();
    assert_eq!(feed.body["expired"], OLD);
    assert_eq!(feed.headers["x-expired"], OLD.to_string());
    // The count is still complete: the returned events and the expired ones are all events of the log.
    assert_eq!(feed.events().len() + OLD, usize::try_from(size).unwrap());
    assert_eq!(feed.body["next_after"], size - 1);

    client.ledger("entries/7").await.expect_problem(410, "expired");
    client.ledger("tile/entries/000").await.expect_problem(410, "expired");
    client.ledger(&format!("entries/{}", size - 1)).await.expect(200);
    let admin = aged.app.admin("acme");
    admin.redact(&json!({"sequences": [7]})).await.expect_problem(410, "expired");
    admin.redact(&json!({"actor": "u1"})).await.expect(200);
    let stored = aged.app.tables().events_of("acme", "group_created").await;
    let whole = stored.iter().filter(|event| event.get("redacted").is_none());
    assert_eq!((stored.len(), whole.count()), (OLD + NEW, OLD), "what has expired is as it was");
}

fn old_query(order: &str) -> String {
    format!("limit=3&actor=u1&order={order}")
}

#[tokio::test]
async fn proofs_from_before_and_after_hold() {
    let aged = Aged::start().await;
    let first = aged.checkpoint().await;
    let before = aged.client.ledger("entries/7").await.expect(200).body;
    let leaf = Hash::of_leaf(before["leaf"].as_str().unwrap().as_bytes());
    let tile = aged.client.ledger_bytes("tile/0/000").await;

    let aged = aged.under(&days(30)).await;
    let (key, client) = (aged.key().await, &aged.client);
    TlogProof::parse(before["proof"].as_str().unwrap()).unwrap().verify(leaf, &key).unwrap();
    let second = aged.checkpoint().await;
    assert!(second.size() > first.size());
    let proof = client.ledger("proof/inclusion?sequence=7").await.expect(200).body;
    let size = proof["size"].as_u64().unwrap();
    verify_inclusion(leaf, 7, size, &hashes(&proof["hashes"]), hash(&proof["root"])).unwrap();
    let proof = client.ledger(&format!("proof/consistency?from={}", first.size())).await.expect(200).body;
    let (from, to) = (first.size(), proof["to"].as_u64().unwrap());
    let root = hash(&proof["root_to"]);
    verify_consistency(from, first.root(), to, root, &hashes(&proof["hashes"])).unwrap();
    assert_eq!(client.ledger_bytes("tile/0/000").await, tile);
}

#[tokio::test]
async fn an_expired_event_is_never_recorded_again() {
    let aged = Aged::start().await.under(&days(30)).await;
    let client = &aged.client;
    let refused = client.record(&event("old-7", 7)).await.expect_problem(422, "invalid_event");
    assert_eq!(refused.problems(), ["/timestamp expired_timestamp"]);
    let fresh = json!({"action": "group_created", "actor": {"user_id": "u1"}});
    let answer = client.record(&json!({"events": [event("old-8", 8), fresh, event("another", 9)]})).await;
    let statuses: Vec<_> = answer.expect(207).body["results"].as_array().unwrap().clone();
    let statuses: Vec<_> = statuses.iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["invalid", "recorded", "invalid"]);

    let mut detail = event("from-the-bus", 7);
    detail["workspace_username"] = json!("acme");
    aged.app.bus().put(&[entry("product", &detail)]).await;
    aged.app.settled().await;
    let quarantined = aged.app.tables().quarantined("product").await;
    assert_eq!(quarantined.len(), 1);
    assert!(quarantined[0]["problems"].as_str().unwrap().contains("expired_timestamp"), "{quarantined:?}");
    let stored = aged.app.tables().events("acme").await;
    let of_then = stored.iter().filter(|event| event["timestamp"].as_str().unwrap() < at(86_400).as_str());
    assert_eq!(of_then.count(), OLD);
}
