//! Credentials: where they come from, how they are checked and kept.

use std::{
    io::{Read as _, Write as _},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    api::{Api, BEARER, JWT, SECRET},
    auditlog::Auditlog,
};

const CONFIG: &str = ".config/auditlog/config.json";

fn login(auditlog: &Auditlog, api: &Api, more: &[&str]) {
    let url = api.url();
    let arguments = [&["login", "--endpoint", &url, "--workspace=acme", "--token=-"], more].concat();
    let ended = auditlog.run_with_input(&arguments, &format!("{BEARER}\n"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!format!("{ended:?}").contains(SECRET), "{ended:?}");
}

#[test]
fn login_checks_and_keeps_what_later_commands_need() {
    let api = Api::start(3);
    let auditlog = Auditlog::new();
    let complaint = auditlog.fail(2, &["query"]);
    assert!(complaint.contains("auditlog login"), "{complaint}");
    login(&auditlog, &api, &[]);
    let config: Value = serde_json::from_str(&auditlog.read(CONFIG)).unwrap();
    let kept = json!({"endpoint": api.url(), "workspace": "acme", "bearer": BEARER});
    assert_eq!(config, json!({"profiles": {"default": kept}}));
    let paths: Vec<_> = api.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/api/health", "/api/acme/audit_logs"]);
    assert_eq!(auditlog.succeed(&["query"]).lines().count(), 4);
}

#[test]
#[cfg(unix)]
fn the_config_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let api = Api::start(3);
    let auditlog = Auditlog::new();
    login(&auditlog, &api, &[]);
    let path = auditlog.path(CONFIG);
    fn mode(path: &std::path::Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(auditlog.run(&["query"]).stderr.contains("others can read"));
}

#[test]
fn a_refused_token_is_not_stored() {
    let api = Api::start(3);
    let auditlog = Auditlog::new();
    let (url, wrong) = (api.url(), format!("alw_BBBBBBBBBBBB_{}", "x".repeat(49)));
    let complaint = auditlog.fail(1, &["login", "--endpoint", &url, "--workspace=acme", "--token", &wrong]);
    assert!(!complaint.contains(&wrong), "{complaint}");
    auditlog.fail(2, &["login", "--endpoint", &url, "--workspace=acme"]);
    assert!(!auditlog.exists(CONFIG));
}

#[test]
fn a_profile_is_another_set_of_credentials() {
    let (one, two) = (Api::start(1), Api::start(2));
    let auditlog = Auditlog::new();
    login(&auditlog, &one, &[]);
    login(&auditlog, &two, &["--profile=two"]);
    assert_eq!(auditlog.succeed(&["query", "-o", "ndjson"]).lines().count(), 1);
    assert_eq!(auditlog.succeed(&["query", "-o", "ndjson", "--profile=two"]).lines().count(), 2);
    let auditlog = auditlog.with("AUDITLOG_PROFILE", "three");
    assert!(auditlog.fail(2, &["query"]).contains("default, two"));
}

#[test]
fn a_new_jwt_leaves_the_token_as_it_is() {
    let api = Api::start(1);
    let auditlog = Auditlog::new();
    login(&auditlog, &api, &[]);
    let url = api.url();
    let arguments = ["login", "--endpoint", &url, "--workspace=acme", "--admin-jwt=-"];
    assert_eq!(auditlog.run_with_input(&arguments, JWT).code, Some(0));
    auditlog.succeed(&["query"]);
    auditlog.succeed(&["tokens", "list"]);
}

#[test]
fn flags_go_before_the_environment_and_that_before_the_profile() {
    let (api, other) = (Api::start(1), Api::start(1));
    let auditlog = Auditlog::new();
    login(&auditlog, &api, &[]);
    let (before, url) = (other.pages_asked().len(), other.url());
    let auditlog = auditlog
        .with("AUDITLOG_ENDPOINT", &url)
        .with("AUDITLOG_WORKSPACE", "globex")
        .with("AUDITLOG_TOKEN", BEARER);
    auditlog.succeed(&["query"]);
    auditlog.succeed(&["query", "--workspace=acme"]);
    auditlog.succeed(&["query", "--endpoint", &api.url()]);
    assert_eq!(paths(&other)[before..], ["/api/globex/audit_logs", "/api/acme/audit_logs"]);
    assert_eq!(paths(&api).last().map(String::as_str), Some("/api/globex/audit_logs"));
    // A profile that is named on the command line goes before the environment.
    auditlog.succeed(&["query", "--profile=default"]);
    assert_eq!(paths(&api).last().map(String::as_str), Some("/api/acme/audit_logs"));
}

fn paths(api: &Api) -> Vec<String> {
    api.pages_asked().into_iter().map(|asked| asked.path).collect()
}

#[test]
fn a_saved_token_is_sent_to_its_own_endpoint_alone() {
    let (api, other) = (Api::start(1), Api::start(1));
    let auditlog = Auditlog::new();
    login(&auditlog, &api, &[]);
    assert!(auditlog.fail(2, &["query", "--endpoint", &other.url()]).contains("another endpoint"));
    let elsewhere = auditlog.with("AUDITLOG_ENDPOINT", &other.url());
    assert!(elsewhere.fail(2, &["query"]).contains("another endpoint"));
    assert_eq!(other.asked().len(), 0);
}

#[test]
fn a_credentials_file_is_taken_as_the_local_system_writes_it() {
    let api = Api::start(1);
    let auditlog = Auditlog::new().with("AUDITLOG_WORKSPACE", "globex");
    let file = json!({"endpoint": api.url(), "workspace": "acme", "token": "AbC123AbC123", "secret": SECRET,
                      "bearer": BEARER, "admin_jwt": JWT, "dynamodb_endpoint": "http://127.0.0.1:1"});
    std::fs::write(auditlog.path("credentials.json"), file.to_string()).unwrap();
    auditlog.succeed(&["query", "--credentials=credentials.json"]);
    assert_eq!(api.pages_asked()[0].path, "/api/acme/audit_logs");
    auditlog.succeed(&["query", "--credentials=credentials.json", "--workspace=globex"]);
    assert_eq!(auditlog.run(&["login", "--credentials=credentials.json"]).code, Some(0));
    auditlog.succeed(&["tokens", "list"]);
}

#[test]
fn token_and_secret_are_as_good_as_the_whole() {
    let api = Api::start(1);
    let auditlog = Auditlog::for_api(&api).with("AUDITLOG_TOKEN", &format!("AbC123AbC123:{SECRET}"));
    auditlog.succeed(&["query"]);
    let auditlog = auditlog.with("AUDITLOG_TOKEN", "AbC123AbC123");
    assert!(auditlog.fail(2, &["query"]).contains("only the public part"));
}

/// `script` gives the command a terminal of its own; Ctrl-C is typed there while the token is asked for. The shell, which
/// gets the signal as well, goes on and shows how the terminal is set.
#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_at_a_prompt_leaves_the_terminal_with_its_echo() {
    let program = env!("CARGO_BIN_EXE_auditlog");
    let line = format!(
        "trap : INT; {program} login --endpoint=http://127.0.0.1:9 --workspace=acme; echo \"code=$?\"; stty -a | tr ';' '\\n'"
    );
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", "/usr/bin:/bin")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = Vec::new();
    let mut stdout = child.stdout.take().unwrap();
    let mut byte = [0];
    while !seen.ends_with(b"for none): ") {
        assert_eq!(stdout.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
    child.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    stdout.read_to_end(&mut seen).unwrap();
    child.wait().unwrap();
    let seen = String::from_utf8_lossy(&seen);
    assert!(seen.contains("code=130"), "{seen}");
    let words: Vec<_> = seen.split_whitespace().collect();
    assert!(words.contains(&"echo") && words.contains(&"icanon"), "{seen}");
}
