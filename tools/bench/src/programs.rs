//! The measured programs: the shipped functions, the lower limits, and the alternatives that others choose.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tests::runtime_api;

use crate::{Result, stub::Endpoint};

/// The functions, by their crates.
pub(crate) const FUNCTIONS: [&str; 14] = [
    "authorizer",
    "ingest-api",
    "ingest-bus",
    "query",
    "tokens",
    "ledger",
    "redactions",
    "settings",
    "expiry",
    "sealer",
    "viewer",
    "streams",
    "deliver",
    "archiver",
];

/// Where all programs are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    directory: PathBuf,
    work: PathBuf,
}

/// A program and its command.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    path: PathBuf,
    arguments: Vec<OsString>,
    /// The variable with the certificates that it trusts.
    trust: &'static str,
    /// True if our function opens its connection before it asks for work.
    opens_at_init: bool,
}

impl Programs {
    /// The programs in a directory; without one, of this checkout, built with the shipped profile.
    pub(crate) fn find(directory: Option<PathBuf>) -> Result<Self> {
        let work = target().join("bench");
        fs::create_dir_all(&work)?;
        let directory = match directory {
            Some(directory) => directory,
            None => {
                eprintln!("building the functions as they are shipped (minutes, the first time) …");
                cargo(&["build", "--release"])?;
                cargo(&["build", "--release", "--package", "limits"])?;
                target().join("release")
            }
        };
        for name in FUNCTIONS.into_iter().chain(["hello", "floor"]) {
            let path = directory.join(name);
            if !path.is_file() {
                return Err(format!(
                    "{} is not there: build it with `cargo build --release` and `cargo build --release -p limits`, \
                     or leave out --programs",
                    path.display()
                )
                .into());
            }
        }
        let directory = directory.canonicalize()?;
        // The one function that signs uses this key for the sealed logs.
        fs::write(work.join("ledger.key"), "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n")?;
        // The one that the samples' statement names.
        fs::write(work.join("service.key"), "bGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGw=\n")?;
        Ok(Self { directory, work })
    }

    /// The folder of the bench's own files.
    pub(crate) fn work(&self) -> &Path {
        &self.work
    }

    /// A function, or a lower limit, by the name of its program.
    pub(crate) fn ours(&self, name: &'static str) -> Program {
        Program::new(name, self.directory.join(name), Vec::new(), "AWS_CA_BUNDLE")
    }

    pub(crate) fn functions(&self) -> impl Iterator<Item = Program> + '_ {
        FUNCTIONS.into_iter().map(|name| self.ours(name))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The obvious alternative, installed at the first use.
    pub(crate) fn peers(&self) -> Result<[Program; 3]> {
        Ok([self.sdk_defaults()?, self.python()?, self.node()?])
    }

    /// The SDK for Rust with its defaults.
    fn sdk_defaults(&self) -> Result<Program> {
        let target = self.work.join("sdk-defaults");
        let manifest = peers().join("sdk-defaults/Cargo.toml");
        eprintln!("building the peer with the SDK's defaults …");
        let mut build = Command::new(env!("CARGO"));
        // An option of the bench, not the SDK's default.
        build.env("AWS_LC_SYS_NO_JITTER_ENTROPY", "0");
        build.args(["build", "--quiet", "--locked", "--release", "--manifest-path"]).arg(manifest);
        run(build.arg("--target-dir").arg(&target))?;
        let path = target.join("release/sdk-defaults");
        Ok(Program::new("sdk-defaults", path, Vec::new(), "SSL_CERT_FILE"))
    }

    /// Python and boto3 under AWS's runtime client.
    fn python(&self) -> Result<Program> {
        let environment = self.work.join("python");
        let python = environment.join("bin/python");
        if !environment.join("installed").is_file() {
            eprintln!("installing the peer in Python …");
            run(Command::new("python3.11").args(["-m", "venv"]).arg(&environment))?;
            let mut pip = Command::new(&python);
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
            run(pip.arg(peers().join("python/requirements.txt")))?;
            fs::copy(peers().join("python/handler.py"), environment.join("handler.py"))?;
            // Compiled before the first start, as in Lambda's images.
            run(Command::new(&python).args(["-m", "compileall", "-q"]).arg(&environment))?;
            fs::write(environment.join("installed"), "")?;
        }
        fs::copy(peers().join("python/handler.py"), environment.join("handler.py"))?;
        let arguments = ["-m", "awslambdaric", "handler.handle"].map(OsString::from).to_vec();
        Ok(Program::new("python-boto3", python, arguments, "AWS_CA_BUNDLE"))
    }

    /// Node and the SDK for JavaScript.
    fn node(&self) -> Result<Program> {
        let directory = self.work.join("node");
        fs::create_dir_all(&directory)?;
        for file in ["package.json", "handler.mjs", "runtime.mjs"] {
            fs::copy(peers().join("node").join(file), directory.join(file))?;
        }
        if !directory.join("installed").is_file() {
            eprintln!("installing the peer in JavaScript …");
            let mut npm = Command::new("npm");
            npm.current_dir(&directory).args(["install", "--silent", "--no-audit", "--no-fund"]);
            run(&mut npm)?;
            fs::write(directory.join("installed"), "")?;
        }
        let arguments = vec![directory.join("runtime.mjs").into()];
        Ok(Program::new("node-sdk", on_path("node")?, arguments, "NODE_EXTRA_CA_CERTS"))
    }
}

impl Program {
    fn new(name: &'static str, path: PathBuf, arguments: Vec<OsString>, trust: &'static str) -> Self {
        Self { name, path, arguments, trust, opens_at_init: true }
    }

    /// The same, with the connection left to the first request.
    pub(crate) fn connecting_later(&self) -> Self {
        Self { opens_at_init: false, ..self.clone() }
    }

    /// The command by which Lambda runs it.
    pub(crate) fn command(&self, dynamodb: &Endpoint, work: &Path) -> Result<Command> {
        self.given(runtime_api::program(&self.path, &dynamodb.url), dynamodb, work)
    }

    /// The same, with every instruction counted into this file. About fifty times slower.
    pub(crate) fn counted(&self, dynamodb: &Endpoint, work: &Path, counts: &Path) -> Result<Command> {
        let mut command = runtime_api::program(&on_path("valgrind")?, &dynamodb.url);
        command.args(["--quiet", "--tool=callgrind"]);
        let mut out = OsString::from("--callgrind-out-file=");
        out.push(counts);
        command.arg(out).arg(&self.path);
        self.given(command, dynamodb, work)
    }

    fn given(&self, mut command: Command, dynamodb: &Endpoint, work: &Path) -> Result<Command> {
        command.args(&self.arguments).current_dir(self.arguments_directory());
        command
            .env("LEDGER_KEY_FILE", work.join("ledger.key"))
            .env("SERVICE_KEY_FILE", work.join("service.key"));
        command.env("ARCHIVE_BUCKET", "audit-archive");
        if !self.opens_at_init {
            command.env("OPEN_AT_INIT", "0");
        }
        if let Some(bundle) = &dynamodb.bundle {
            let mut bundle = bundle.clone();
            if self.trust == "SSL_CERT_FILE" {
                // It replaces the machine's own roots, which this program would read at each start.
                let all = work.join("machine-and-authority.pem");
                let machine = fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
                fs::write(&all, [machine, fs::read(&bundle)?].concat())?;
                bundle = all;
            }
            command.env(self.trust, bundle);
        }
        Ok(command)
    }

    /// Python looks for the handler in its working directory.
    fn arguments_directory(&self) -> &Path {
        let bin = self.path.parent().filter(|parent| parent.ends_with("python/bin"));
        bin.and_then(Path::parent).unwrap_or(Path::new("/"))
    }
}

/// The program of this name that a shell would start.
pub(crate) fn on_path(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|directory| directory.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| format!("{name} is not installed").into())
}

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new(env!("CARGO"));
    // The variables that cargo sets for the bench's own crate would cause others to be rebuilt: ring's build
    // script reads them.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_")) {
        if name != "CARGO_TARGET_DIR" && name != "CARGO_HOME" {
            command.env_remove(name);
        }
    }
    run(command.current_dir(root()).args(arguments))
}

fn run(command: &mut Command) -> Result<()> {
    let what = format!("{command:?}");
    let status = command.stdin(Stdio::null()).status().map_err(|error| format!("{what}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{what}: {status}").into()) }
}
