//! Runs the command, in a home of its own and without the environment of the test.

use std::{
    ffi::OsStr,
    io::Write as _,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::api::{Api, BEARER, JWT, SECRET};

/// The command in a home of its own.
pub(crate) struct Auditlog {
    home: TempDir,
    environment: Vec<(String, String)>,
}

/// The result of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Auditlog {
    /// The command without a login.
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// The command where the environment has all credentials for an API.
    pub(crate) fn for_api(api: &Api) -> Self {
        Self::new()
            .with("AUDITLOG_ENDPOINT", &api.url())
            .with("AUDITLOG_WORKSPACE", "acme")
            .with("AUDITLOG_TOKEN", BEARER)
            .with("AUDITLOG_ADMIN_JWT", JWT)
    }

    /// The same with one more variable of the environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A path in its home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub(crate) fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auditlog"));
        command.args(arguments).env_clear().env("HOME", self.home.path()).current_dir(self.home.path());
        command.envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end. It shows no secret.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let ended = Ended::from(self.command(arguments).output().unwrap());
        for secret in [SECRET, JWT] {
            assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "{ended:?}");
        }
        ended
    }

    /// Runs it with something on standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap().into()
    }

    /// Runs it, which succeeds without a word of complaint, and gives what it wrote.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?}: {ended:?}");
        ended.stdout
    }

    /// Runs it, which ends with the code, and gives what it complained of.
    pub(crate) fn fail(&self, code: i32, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains("error: "), "{ended:?}");
        ended.stderr
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// Waits until something holds; it always does, but it takes a moment.
pub(crate) fn eventually(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "it never holds");
        std::thread::sleep(Duration::from_millis(5));
    }
}
