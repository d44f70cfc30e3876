//! Tests of the runtime API under which programs run.

#![expect(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tests::runtime_api::{Failed, Instance, NotStarted, Signal, program};

/// Longer than any step takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_function_gets_its_payload_and_answers() {
    let echo = echo().await;
    for said in [json!({"a": 1}), json!({"b": "x".repeat(5_000_000)})] {
        let answer = echo.invoke(said.to_string(), PATIENCE).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(answer["said"], said);
        assert_eq!(answer["arn"], "arn:aws:lambda:us-east-1:000000000000:function:echo");
        assert!(answer["deadline_ms"].as_i64().unwrap() > jiff::Timestamp::now().as_millisecond());
    }
    echo.idle().await.unwrap();
    assert!(echo.init() > Duration::ZERO);
    assert!(echo.max_rss_bytes().unwrap() > 5_000_000);
    assert!(echo.cpu_time().unwrap() > Duration::ZERO);
}

#[tokio::test]
async fn invocations_run_one_after_the_other() {
    let echo = echo().await;
    let answers = futures::future::join_all((0..20).map(|number| {
        let echo = &echo;
        async move { echo.invoke(number.to_string(), PATIENCE).await.unwrap() }
    }));
    for (number, answer) in answers.await.iter().enumerate() {
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(answer["said"], number);
    }
}

#[tokio::test]
async fn a_failure_is_reported_and_the_instance_continues() {
    let echo = echo().await;
    for told in ["fail", "panic"] {
        let Err(Failed::Reported(report)) = echo.invoke(json!({"do": told}).to_string(), PATIENCE).await
        else {
            panic!("{told}: there is no report");
        };
        let report: Value = serde_json::from_str(&report).unwrap();
        assert!(report["errorMessage"].as_str().unwrap().contains("as the test wants"), "{report}");
    }
    echo.invoke("1", PATIENCE).await.unwrap();
}

#[tokio::test]
async fn an_instance_that_ends_or_is_late_has_no_answer() {
    let echo = echo().await;
    assert_eq!(echo.invoke(r#"{"do":"exit"}"#, PATIENCE).await.unwrap_err(), Failed::Exited);
    assert_eq!(echo.ended().await.code(), Some(3));
    assert_eq!(echo.invoke("1", PATIENCE).await.unwrap_err(), Failed::Exited);

    let echo = self::echo().await;
    echo.signal(Signal::Terminate).await.unwrap();
    assert!(!echo.ended().await.success());
    assert_eq!(echo.idle().await, Err(Failed::Exited));

    let echo = self::echo().await;
    let late = echo.invoke(r#"{"do":"hang"}"#, Duration::from_millis(1)).await;
    assert_eq!(late.unwrap_err(), Failed::TimedOut);
    assert!(!echo.kill().await.unwrap().success());
    assert_eq!(echo.invoke("1", PATIENCE).await.unwrap_err(), Failed::Exited);
}

#[tokio::test]
async fn a_stopped_instance_continues_where_it_was() {
    let echo = echo().await;
    echo.signal(Signal::Stop).await.unwrap();
    let answer = echo.invoke("1", PATIENCE);
    tokio::pin!(answer);
    // It gets the work and does not answer, for any length of time.
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut answer).await.is_err());
    echo.signal(Signal::Continue).await.unwrap();
    answer.await.unwrap();
}

#[tokio::test]
async fn a_program_that_does_not_start_is_reported() {
    assert!(matches!(start_error("/nowhere/program", &[]).await, Some(NotStarted::NotRun(_))));
    assert_eq!(start_error("false", &[]).await, Some(NotStarted::Exited));
    let mut silent = Command::new("cat");
    silent.arg("/dev/zero").stdout(Stdio::null());
    let silent = Instance::start("none", silent, Duration::from_millis(50)).await;
    assert_eq!(silent.err(), Some(NotStarted::TimedOut));
}

async fn start_error(program: &str, arguments: &[&str]) -> Option<NotStarted> {
    let mut command = Command::new(program);
    command.args(arguments);
    Instance::start("none", command, PATIENCE).await.err()
}

async fn echo() -> Instance {
    let echo = program(Path::new(env!("CARGO_BIN_EXE_echo")), "http://127.0.0.1:1");
    Instance::start("echo", echo, PATIENCE).await.unwrap()
}
