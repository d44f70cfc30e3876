//! The API answers `inconsistent_log` where the stored log contradicts itself.

use tests::{
    sample::event,
    tamper::{
        Drill, Prepared,
        raw::{bytes, number},
    },
};

#[tokio::test]
async fn a_log_with_a_missing_part_is_answered_with_inconsistent_log() {
    let log = Prepared::with(200).await;
    for drill in [Drill::Truncated, Drill::InsertedEntry] {
        let copy = log.copy().await;
        let first = copy.tamper(drill, &log).await;
        let reader = copy.app.client("acme").with_bearer(&log.bearer);
        let tile = format!("tile/0/000.p/{}", log.size);
        reader.ledger(&tile).await.expect_problem(500, "inconsistent_log");
        reader.feed(&format!("after={first}")).await.expect_problem(500, "inconsistent_log");
    }
    let copy = log.copy().await;
    let reader = copy.app.client("acme").with_bearer(&log.bearer);
    let raw = copy.raw();
    raw.put_part("head".to_owned(), [("size", number(7)), ("frontier", bytes(vec![7]))]).await;
    reader.ledger("checkpoint").await.expect_problem(500, "inconsistent_log");
}

#[tokio::test]
async fn a_log_with_a_changed_tile_root_is_not_signed_when_it_grows() {
    let log = Prepared::with(600).await;
    let copy = log.copy().await;
    let client = copy.app.client("acme").with_bearer(&log.bearer);
    copy.tamper(Drill::ChangedTileRoot, &log).await;
    assert_eq!(client.ledger("checkpoint").await.expect(200).text, log.checkpoints[1]);
    client.record(&event("one-more", 0)).await.expect(201);
    copy.raw().seal().await;
    client.ledger("checkpoint").await.expect_problem(500, "inconsistent_log");
}
