//! `auditlog-operator token create`, and the profiles of the AWS CLI, against the tables of a system.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

use std::{fs, process::Command};

use tests::TestApp;

const OPERATOR: &str = env!("CARGO_BIN_EXE_auditlog-operator");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_without_a_jwt_is_created_recorded_and_valid() {
    let app = TestApp::start().await;
    let output = Command::new(OPERATOR)
        .args(["token", "create", "acme", "--name", "first", "--by", "Ada"])
        .args(["--scopes", "audit_log:read,audit_log:write"])
        .env_clear()
        .env("DYNAMODB_ENDPOINT", app.dynamodb_endpoint())
        .output()
        .unwrap();
    let (bearer, message) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{message}");
    assert!(message.contains("may audit_log:read audit_log:write") && !message.contains(bearer.trim()));

    let page = app.client("acme").with_bearer(bearer.trim()).list("reads=exclude").await.expect(200).body;
    let [record] = page["audit_logs"].as_array().unwrap().as_slice() else { panic!("{page}") };
    assert_eq!(record["action"], "api_token_workspace_created");
    assert_eq!(record["actor"]["user_id"], "auditlog-operator");
    assert_eq!(record["actor"]["username"], "Ada");
    assert_eq!(record["entity"]["entity_name"], "first");
}

#[test]
fn a_profile_gives_the_region_and_the_credentials() {
    let home = tempfile::tempdir().unwrap();
    let files = home.path().join(".aws");
    fs::create_dir(&files).unwrap();
    fs::write(
        files.join("config"),
        "[profile ops]\nregion = eu-central-1\n[profile homeless]\noutput = json\n[profile sso]\nregion = eu-west-1\n\
         sso_session = s\nsso_account_id = 1\nsso_role_name = r\n[sso-session s]\nsso_region = eu-west-1\n\
         sso_start_url = https://example.awsapps.com/start\n",
    )
    .unwrap();
    fs::write(files.join("credentials"), "[ops]\naws_access_key_id = A\naws_secret_access_key = B\n")
        .unwrap();
    let error = |arguments: &[&str]| {
        let mut command = Command::new(OPERATOR);
        command.args(["shards", "acme"]).args(arguments).env_clear().env("HOME", home.path());
        let output = command.env("AWS_EC2_METADATA_DISABLED", "true").output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, message) = error(&["--profile", "homeless"]);
    assert_eq!(code, 2, "{message}");
    assert!(
        message.contains("no region is set; name one by --region, AWS_REGION, or the profile"),
        "{message}"
    );
    // The session of a profile with SSO is looked up, and its absence is named.
    let (code, message) = error(&["--profile", "sso"]);
    assert_eq!(code, 1, "{message}");
    assert!(message.to_lowercase().contains("sso"), "{message}");
}
