//! Limits on the reads of a token.

use shared::{
    aws::config::Config,
    model::{error::Error, id::TokenId, rate::Rate, timestamp::Timestamp},
    store::Store,
};
use tests::{Answer, TestApp, sample::event};

fn header(answer: &Answer, name: &str) -> Option<String> {
    answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_token_over_its_read_limit_gets_429_with_retry_after() {
    let app = TestApp::start_limiting(3).await;
    let reader = app.holder_of_both("acme").await;
    let mut read = 0;
    // A window may end meanwhile; each one has three reads.
    let refused = loop {
        let answer = if read % 2 == 0 { reader.list("").await } else { reader.feed("").await };
        assert_eq!(header(&answer, "ratelimit-policy").as_deref(), Some("\"reads\";q=3;w=10"));
        assert_eq!(header(&answer, "x-ratelimit-limit").as_deref(), Some("3"));
        if answer.status == 429 {
            break answer;
        }
        answer.expect(200);
        read += 1;
        assert!(read < 100, "never refused");
    };
    assert!(read >= 3, "only {read}");
    let refused = refused.expect_problem(429, "too_many_reads");
    let wait = header(&refused, "retry-after").unwrap();
    assert!((1..=10).contains(&wait.parse::<i64>().unwrap()), "{wait}");
    assert_eq!(header(&refused, "ratelimit"), Some(format!("\"reads\";r=0;t={wait}")));
    // Nothing was read, and no read is recorded; a read of an empty feed leaves no record.
    let recorded = app.tables().events_of("acme", "audit_log_accessed").await.len();
    assert!(recorded <= read, "{recorded} records of {read} reads");
    // Each token is counted by itself, and recording is not counted.
    app.reader("acme").await.list("").await.expect(200);
    let recorded = reader.record(&event("e-1", 0)).await.expect(201);
    assert_eq!(header(&recorded, "ratelimit"), None);
}

#[tokio::test]
async fn instances_share_the_count_and_a_new_window_starts_at_zero() {
    let app = TestApp::start().await;
    let limited =
        |limit| Store::connect(&Config { read_limit: Some(limit), ..Config::local(app.dynamodb_endpoint()) });
    let (one, other) = (limited(3), limited(3));
    let token = TokenId::parse("abcdefABCDEF").unwrap();
    let now = time("2025-02-18T10:00:04Z");
    let left = async |store: &Store, now| match store.count_read(&token, now).await {
        Ok(rate) => rate.map(|rate| (rate.left, rate.resets_in_seconds)),
        Err(Error::TooManyReads(Rate { limit: 3, left: 0, resets_in_seconds })) => {
            Some((99, resets_in_seconds))
        }
        Err(error) => panic!("{error:?}"),
    };
    assert_eq!(left(&one, now).await, Some((2, 6)));
    assert_eq!(left(&other, now).await, Some((1, 6)));
    assert_eq!(left(&one, time("2025-02-18T10:00:09.999999Z")).await, Some((0, 1)));
    assert_eq!(left(&other, now).await, Some((99, 6)));
    assert_eq!(left(&one, time("2025-02-18T10:00:10Z")).await, Some((2, 10)));
    let without = Store::connect(&Config::local(app.dynamodb_endpoint()));
    assert_eq!(left(&without, now).await, None);
}

fn time(time: &str) -> Timestamp {
    Timestamp::parse(time).unwrap()
}

#[tokio::test]
async fn a_read_that_cannot_be_counted_is_refused() {
    let nowhere = Config { read_limit: Some(40), ..Config::local("http://127.0.0.1:1") };
    let token = TokenId::parse("abcdefABCDEF").unwrap();
    let counted = Store::connect(&nowhere).count_read(&token, shared::system::now()).await;
    assert!(matches!(counted, Err(Error::Unavailable(_))), "{counted:?}");
}
