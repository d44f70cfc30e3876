//! Checkpoints, tiles, entries and proofs, each checked against the others.

use serde_json::{Value, json};
use shared::ledger::{
    checkpoint::Checkpoint,
    hash::Hash,
    note::Vkey,
    proof::{verify_consistency, verify_inclusion},
    tlog_proof::TlogProof,
    tree::Frontier,
};
use tests::{Answer, Client, TestApp, sample::event};

struct Log {
    key: Vkey,
    client: Client,
}

impl Log {
    async fn of(client: &Client) -> Self {
        let key = client.ledger("key").await.expect(200).text;
        Self { key: Vkey::parse(key.trim_end()).unwrap(), client: client.clone() }
    }

    async fn checkpoint(&self) -> Checkpoint {
        let answer = self.client.ledger("checkpoint").await.expect(200);
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
        Checkpoint::open(&answer.text, &self.key).unwrap()
    }

    async fn proof(&self, query: &str) -> Answer {
        self.client.ledger(&format!("proof/{query}")).await
    }
}

fn hash(value: &Value) -> Hash {
    Hash::parse(value.as_str().unwrap()).unwrap()
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}

async fn record(client: &Client, count: i64, name: &str) {
    let events: Vec<_> = (0..count).map(|number| event(&format!("{name}-{number}"), number)).collect();
    client.record(&json!({ "events": events })).await.expect(201);
}

#[tokio::test]
async fn an_empty_log_has_a_signed_checkpoint() {
    let app = TestApp::start().await;
    let log = Log::of(&app.reader("acme").await).await;
    let checkpoint = log.checkpoint().await;
    assert_eq!((checkpoint.size(), checkpoint.root()), (0, Hash::of_empty_tree()));
    assert_eq!(checkpoint.origin(), "audit-logs.local/acme");
    log.client.ledger("entries/0").await.expect_problem(404, "not_found");
    log.client.ledger("tile/0/000").await.expect_problem(404, "not_found");
    log.client.ledger("tile/0/000.p/1").await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn entries_tiles_and_proofs_agree_with_what_is_signed() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    record(&client, 300, "a").await;
    app.sealed().await;
    let log = Log::of(&client).await;
    let first = log.checkpoint().await;
    assert_eq!(first.size(), 301);

    for sequence in [0, 1, 255, 256, 300] {
        let entry = client.ledger(&format!("entries/{sequence}")).await.expect(200).body;
        assert_eq!(entry["event"]["sequence"], sequence);
        let leaf = Hash::of_leaf(entry["leaf"].as_str().unwrap().as_bytes());
        let proof = TlogProof::parse(entry["proof"].as_str().unwrap()).unwrap();
        assert_eq!(proof.sequence, sequence);
        let checkpoint = proof.verify(leaf, &log.key).unwrap();
        let alone = log.proof(&format!("inclusion?sequence={sequence}&size=301")).await.expect(200).body;
        assert_eq!(hash(&alone["root"]), first.root());
        verify_inclusion(leaf, sequence, 301, &hashes(&alone["hashes"]), first.root()).unwrap();
        app.sealed().await;
        let now = log.checkpoint().await;
        let (from, to) = (checkpoint.size(), now.size());
        let grown = log.proof(&format!("consistency?from={from}&to={to}")).await.expect(200).body;
        verify_consistency(from, checkpoint.root(), to, now.root(), &hashes(&grown["hashes"])).unwrap();
        assert_eq!((hash(&grown["root_from"]), hash(&grown["root_to"])), (checkpoint.root(), now.root()));
    }

    let mut tree = Frontier::default();
    for path in ["0/000", "0/001.p/45"] {
        let tile = client.ledger_bytes(&format!("tile/{path}")).await;
        Hash::from_concatenated(&tile).unwrap().into_iter().for_each(|leaf| drop(tree.push(leaf)));
    }
    assert_eq!((tree.size(), tree.root()), (first.size(), first.root()));
    let mut left = Frontier::default();
    for leaf in shared::ledger::entries::leaves(&client.ledger_bytes("tile/entries/000").await).unwrap() {
        left.push(Hash::of_leaf(leaf));
    }
    assert_eq!(client.ledger_bytes("tile/1/000.p/1").await, left.root().as_bytes());
}

#[tokio::test]
async fn only_tiles_of_the_signed_log_are_served() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    record(&client, 5, "a").await;
    app.sealed().await;
    client.ledger("checkpoint").await.expect(200);
    for path in
        ["0/000", "0/000.p/7", "1/000", "1/000.p/1", "0/001.p/1", "0/000.p/0", "0/000.p/06", "x", "0/../0"]
    {
        client.ledger(&format!("tile/{path}")).await.expect_problem(404, "not_found");
    }
    client.ledger("tile/0/000.p/3").await.expect(200);
    client.ledger("tile/0/000.p/6").await.expect(200);
    for path in ["entries/6", "entries/x", "entries/-1", "entries/00"] {
        client.ledger(path).await.expect_problem(404, "not_found");
    }
    for (path, problem) in [
        ("checkpoint?size=1", "size unknown_parameter"),
        ("proof/inclusion", "sequence required"),
        ("proof/inclusion?sequence=x", "sequence out_of_range"),
        ("proof/inclusion?sequence=6", "sequence out_of_range"),
        ("proof/inclusion?sequence=0&size=99", "size out_of_range"),
        ("proof/consistency?from=2&to=1", "to out_of_range"),
        ("proof/consistency", "from required"),
    ] {
        let refused = client.ledger(path).await.expect_problem(400, "invalid_query");
        assert_eq!(refused.problems(), [problem], "{path}");
    }
}

#[tokio::test]
async fn reads_of_entries_are_recorded_and_reads_of_hashes_are_not() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    record(&client, 5, "a").await;
    app.sealed().await;
    for path in
        ["checkpoint", "key", "tile/0/000.p/6", "proof/inclusion?sequence=1", "proof/consistency?from=1"]
    {
        client.ledger(path).await.expect(200);
    }
    assert_eq!(reads(&app, &client).await, 0);
    client.ledger("entries/3").await.expect(200);
    assert_eq!(reads(&app, &client).await, 1);
    client.ledger("tile/entries/000.p/6").await.expect(200);
    assert_eq!(reads(&app, &client).await, 2);
}

async fn reads(app: &TestApp, client: &Client) -> usize {
    app.sealed().await;
    client.feed("after=5").await.expect(200).body["audit_logs"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_ledger_of_another_workspace_is_not_found() {
    let app = TestApp::start().await;
    let stranger = app.reader("globex").await.asking_for("acme");
    for path in [
        "checkpoint",
        "key",
        "tile/0/000",
        "entries/0",
        "proof/inclusion?sequence=0",
        "proof/consistency?from=0",
    ] {
        stranger.ledger(path).await.expect_problem(404, "not_found");
    }
    stranger.feed("").await.expect_problem(404, "not_found");
    app.writer("acme").await.ledger("checkpoint").await.expect_problem(403, "forbidden");
}
