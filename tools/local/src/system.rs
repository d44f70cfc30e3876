//! A running system: its parts, started in order and stopped in the reverse order.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use archiver::{Archiver, Bucket, Pace};
use aws_lc_rs::rand;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use deliver::Post;
use ledger::Ledger;
use serde_json::Value;
use shared::{
    aws::{
        config::{ArchiveSettings, Config, InvalidConfig, Key, Seed, Signing, Streaming},
        secrets::Secrets,
    },
    store::Store,
    stream::Operator,
};
use streams::Streams;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::{
    Credentials, Error, TokenCredentials,
    bus::EventBus,
    data_directory::DataDirectory,
    demo::{self, Doors},
    engine::Engine,
    functions::{self, Functions, OnSchedule},
    gateway::Gateway,
    hints::HintQueue,
    jwt::IdentityProvider,
    private_file,
    queue::Queue,
    samples,
    secrets::SecretsManager,
    server::{self, Server},
    stream::Stream,
    template::{ACCOUNT, REGION, Scheduled, TEMPLATE, Template},
};

/// Time for running requests to finish, before the process ends without them.
const PATIENCE: Duration = Duration::from_secs(5);
/// Interval of scheduled functions here, whatever their schedules say, except for delivery.
const SCHEDULE_EVERY: Duration = Duration::from_secs(3600);
/// Interval of scheduled deliveries and archiving here, in addition to the deliveries that sealing triggers.
const DELIVER_EVERY: Duration = Duration::from_secs(2);
/// Interval of expiry here, so that a developer does not have to wait.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);

/// The options of a system. The default suits tests: in memory, on any free port, empty.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The port of the API and the bus; 0 is any free port.
    pub port: u16,
    /// The port of the tables; 0 is any free port.
    pub dynamodb_port: u16,
    /// The place of the data.
    pub storage: Storage,
    /// The URL of existing tables, which are used in place of `storage`.
    pub tables: Option<String>,
    /// True if the first start creates the demo's workspace, token and events.
    pub demo: bool,
    /// Time for which the token authorizer's answers are cached; `None` is the template's value.
    pub authorizer_ttl: Option<Duration>,
    /// Reads of a token in ten seconds; `None` is no limit.
    pub read_limit: Option<u32>,
    /// Changes by the admins of a workspace in ten seconds; `None` is no limit.
    pub change_limit: Option<u32>,
    /// True if events are sealed as they arrive. Otherwise they stay as they are written, for tests that look
    /// at that.
    pub seal: bool,
    /// True if streams may go to plain HTTP and to addresses that are not public, such as this machine.
    pub insecure_streams: bool,
    /// The archive of streams of the kind `s3`; `None` is no archive, and no such streams.
    pub archive: Option<Archive>,
    /// True if the functions run that a schedule or a hint of the ledger triggers: streams are delivered as
    /// their logs are sealed and every two seconds, events expire every minute, and the others run at the start
    /// and every hour.
    pub schedule: bool,
}

/// The archive of logs.
#[derive(Clone, Debug)]
pub struct Archive {
    /// The bucket.
    pub bucket: Bucket,
    /// The conditions for a run.
    pub pace: Pace,
}

/// The place of the data.
#[derive(Clone, Debug, Default)]
pub enum Storage {
    /// Memory: the data ends with the system.
    #[default]
    Memory,
    /// A directory that only one system at a time may use.
    Directory(PathBuf),
}

/// A running system. To end it cleanly, call [`System::shutdown`].
pub struct System {
    endpoint: String,
    bus_name: String,
    store: Store,
    config: Config,
    identity_provider: Arc<IdentityProvider>,
    credentials: Credentials,
    queue: Arc<Queue>,
    stream: Option<Stream>,
    hints: Option<HintQueue>,
    schedule: Option<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    /// Its own tables, unless it uses existing ones.
    tables: Option<Tables>,
}

/// The tables alone, running.
pub struct Tables {
    engine: Engine,
    /// Holds the lock until the engine has stopped.
    directory: Option<DataDirectory>,
}

impl System {
    /// Starts all parts. Returns when the system serves, and the demo, if requested, exists.
    ///
    /// # Errors
    /// The reason, and the next step.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let template = Template::parse(TEMPLATE)?;
        let listener = listen(options.port, "--port").await?;
        let endpoint = url(&listener)?;
        let (tables, dynamodb_endpoint) = match options.tables {
            Some(endpoint) => (None, endpoint),
            None => {
                let directory = options.storage.open()?;
                let tables = Tables::over(directory, &template, options.dynamodb_port).await?;
                let endpoint = tables.endpoint().to_owned();
                (Some(tables), endpoint)
            }
        };

        let directory = tables.as_ref().and_then(|tables| tables.directory.as_ref());
        let local = Config::local(&dynamodb_endpoint);
        let config = Config {
            read_limit: options.read_limit,
            change_limit: options.change_limit,
            // A system that keeps nothing has the key of `Config::local`.
            service_key: match directory.map(DataDirectory::service_key) {
                Some(file) => Some(key(Some(&file))?),
                None => local.service_key.clone(),
            },
            ..local
        };
        let streaming = streaming(
            &endpoint,
            &template,
            Operator {
                archive: options.archive.is_some(),
                insecure: options.insecure_streams,
                ..Operator::default()
            },
        );
        let unheard = Store::connect(&config);
        // Its function uses the store that is made from it.
        let post = Arc::new(OnceLock::<Arc<Post>>::new());
        let (hints, unheard) = if options.schedule {
            let (post, name) = (post.clone(), template.hints.function.clone());
            let (queue, hints) = HintQueue::start(template.hints.concurrency, move |event| {
                functions::hinted(post.get().cloned(), name.clone(), event)
            });
            (Some(queue), unheard.with_head_hints(hints))
        } else {
            (None, unheard)
        };
        let (stream, store) = match options.seal {
            false => (None, unheard),
            true => {
                let (sealing, name) = (unheard.clone(), template.sealer.clone());
                let (stream, store) = Stream::start(unheard, move |batch| {
                    functions::seal(sealing.clone(), name.clone(), batch)
                });
                (Some(stream), store)
            }
        };
        let signing = Signing {
            origin: ORIGIN.to_owned(),
            key: key(directory.map(DataDirectory::ledger_key).as_deref())?,
        };
        let ledger = Arc::new(Ledger::new(store.clone(), &signing, &config));
        ledger::vouch(&ledger).await.map_err(|error| Error::ServiceKey(error.to_string()))?;
        let secrets = Arc::new(SecretsManager::open(directory.map(DataDirectory::secrets))?);
        let streams = Streams {
            store: store.clone(),
            secrets: Secrets::connect(&config, &streaming),
            operator: streaming.operator.clone(),
            claims: Arc::default(),
        };
        let functions = Functions::of(&template, store.clone(), ledger, streams)?;
        let post =
            post.get_or_init(|| Arc::new(Post::over(store.clone(), config.clone(), &streaming))).clone();
        let archiver = options
            .archive
            .map(|Archive { bucket, pace }| Arc::new(Archiver { store: store.clone(), bucket, pace }));
        let on = OnSchedule { post, archiver };
        let schedule = options.schedule.then(|| tokio::spawn(run(on, template.scheduled)));
        let jwt_key = directory.map(|directory| DataDirectory::jwt_key(directory.path()));
        let identity_provider = Arc::new(IdentityProvider::open(jwt_key.as_deref(), &template.api.jwt)?);
        let ttl = options.authorizer_ttl.unwrap_or(Duration::from_secs(template.api.token.ttl_seconds));
        let gateway = Gateway::new(&template.api, ttl, functions.clone(), identity_provider.clone())?;
        let dead_letters = directory.map(DataDirectory::dead_letters);
        let (name, settings) = (template.bus.function.clone(), template.bus.queue.clone());
        let queue = Arc::new(Queue::start(settings, dead_letters.as_deref(), move |event| {
            functions.clone().batch(name.clone(), event)
        })?);
        let bus = EventBus::new(&template.bus, queue.clone())?;

        let (stop, stopped) = watch::channel(false);
        let server = Arc::new(Server { gateway, bus, queue: queue.clone(), secrets });
        let server = tokio::spawn(server::serve(server, listener, stopped));
        let now = jiff::Timestamp::now();
        let credentials = Credentials {
            endpoint: endpoint.clone(),
            dynamodb_endpoint,
            workspace: demo::WORKSPACE.to_owned(),
            token: TokenCredentials::default(),
            admin_jwt: identity_provider.issue(demo::WORKSPACE, "admin", now),
            member_jwt: identity_provider.issue(demo::WORKSPACE, "member", now),
        };
        let bus_name = template.bus.name;
        let mut system = Self {
            endpoint,
            bus_name,
            store,
            config,
            identity_provider,
            credentials,
            queue,
            stream,
            hints,
            schedule,
            stop,
            server,
            tables,
        };
        system.prepare_token(options.demo, now).await?;
        Ok(system)
    }

    /// The URL of the API (its paths begin with `/api`) and of the event bus.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The URL of the tables.
    pub fn dynamodb_endpoint(&self) -> &str {
        &self.credentials.dynamodb_endpoint
    }

    /// The name of the event bus.
    pub fn bus_name(&self) -> &str {
        &self.bus_name
    }

    /// The tables, as the functions see them.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The tables, as an instance of a function sees them that has read nothing yet.
    pub fn fresh_store(&self) -> Store {
        Store::connect(&self.config)
    }

    /// The credentials for calls to the system.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// A JWT of an admin of `workspace`.
    pub fn admin_jwt(&self, workspace: &str) -> String {
        self.identity_provider.issue(workspace, "admin", jiff::Timestamp::now())
    }

    /// A JWT of a user of `workspace` who is no admin.
    pub fn member_jwt(&self, workspace: &str) -> String {
        self.identity_provider.issue(workspace, "member", jiff::Timestamp::now())
    }

    /// A JWT with exactly these claims.
    pub fn jwt_with(&self, claims: &Value) -> String {
        self.identity_provider.sign(claims)
    }

    /// Waits until the function behind the bus has handled everything that was put on it.
    pub async fn bus_settled(&self) {
        self.queue.settled().await;
    }

    /// Waits until everything written so far is sealed; returns at once if the system does not seal.
    pub async fn sealed(&self) {
        if let Some(stream) = &self.stream {
            stream.settled().await;
        }
    }

    /// The number of bus events that became dead letters.
    pub fn dead_letters(&self) -> usize {
        self.queue.status().dead_letters
    }

    /// Lets running requests finish, delivers the messages in the queue, and closes the tables.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(PATIENCE, self.server).await.is_err() {
            tracing::warn!("a request did not end; it is cut off");
        }
        self.queue.drain().await;
        if let Some(schedule) = self.schedule {
            schedule.abort();
        }
        if let Some(hints) = self.hints {
            hints.stop();
        }
        if let Some(stream) = self.stream {
            stream.drain().await;
        }
        if let Some(tables) = self.tables {
            tables.shutdown().await;
        }
    }

    /// Reads the workspace token of an earlier start, or creates one if the demo is requested.
    async fn prepare_token(&mut self, demo: bool, now: jiff::Timestamp) -> Result<(), Error> {
        let directory = self.tables.as_ref().and_then(|tables| tables.directory.as_ref());
        let file = directory.map(DataDirectory::credentials);
        let earlier = file.as_deref().map(Credentials::read).transpose()?.flatten();
        let earlier = earlier.map(|credentials| credentials.token).unwrap_or_default();
        self.credentials.token = earlier.clone();
        if demo {
            let admin_jwt = &self.credentials.admin_jwt;
            let doors = Doors { endpoint: &self.endpoint, bus_name: &self.bus_name, admin_jwt };
            let live = match &earlier.token {
                Some(token) => doors.is_live(token, now).await?,
                None => false,
            };
            if !live {
                self.credentials.token = doors.create_token().await?;
            }
            if let (None, Some(bearer)) = (&earlier.token, &self.credentials.token.bearer) {
                doors.tell(bearer, now).await?;
                self.queue.settled().await;
            }
        }
        // If we crash before this, the next start creates another token and sends the events again.
        file.map_or(Ok(()), |file| self.credentials.write(&file))
    }
}

impl Tables {
    /// Starts the engine alone on a port (0 is any free port), with the template's tables.
    ///
    /// # Errors
    /// The reason, and the next step.
    pub async fn start(port: u16, storage: Storage) -> Result<Self, Error> {
        let template = Template::parse(TEMPLATE)?;
        let directory = storage.open()?;
        let listener = listen(port, "--port").await?;
        Self::serve(directory, &template, listener).await
    }

    /// The URL of the tables.
    pub fn endpoint(&self) -> &str {
        self.engine.endpoint()
    }

    /// Stores the samples that the files in `events/` rely on.
    ///
    /// # Errors
    /// If the tables refuse them.
    pub async fn store_samples(&self) -> Result<(), Error> {
        samples::store(&Store::connect(&Config::local(self.endpoint()))).await
    }

    /// Lets running requests finish, and closes the tables.
    pub async fn shutdown(self) {
        let Self { engine, directory } = self;
        if tokio::time::timeout(PATIENCE, engine.shutdown()).await.is_err() {
            tracing::warn!("a request to the tables did not end; it is cut off");
        }
        drop(directory);
    }

    async fn over(directory: Option<DataDirectory>, template: &Template, port: u16) -> Result<Self, Error> {
        let listener = listen(port, "--dynamodb-port").await?;
        Self::serve(directory, template, listener).await
    }

    async fn serve(
        directory: Option<DataDirectory>,
        template: &Template,
        listener: TcpListener,
    ) -> Result<Self, Error> {
        let file = directory.as_ref().map(DataDirectory::database);
        let engine = Engine::start(listener, file.as_deref(), &template.tables).await?;
        Ok(Self { engine, directory })
    }
}

impl Archive {
    /// The bucket and the keys in the environment.
    ///
    /// # Errors
    /// If the environment names none.
    pub fn from_env() -> Result<Self, InvalidConfig> {
        let settings = ArchiveSettings::from_env()?;
        let bucket = Bucket::of(&settings, &Config::from_env()?);
        Ok(Self { bucket, pace: Pace::every(settings.every_seconds) })
    }
}

impl Storage {
    fn open(&self) -> Result<Option<DataDirectory>, Error> {
        match self {
            Self::Memory => Ok(None),
            Self::Directory(path) => DataDirectory::open(path).map(Some),
        }
    }
}

/// The origin of all local logs.
const ORIGIN: &str = "audit-logs.local";

/// The key in `file`, which is created on the first start; without a file, a key that ends with the process.
fn key(file: Option<&Path>) -> Result<Key, Error> {
    let Some(file) = file else { return Ok(Key::Seed(Seed::new(new_seed()?))) };
    if let Some(content) = DataDirectory::read(file)? {
        let seed = STANDARD.decode(content.trim_ascii()).ok().and_then(|seed| seed.try_into().ok());
        return Ok(Key::Seed(Seed::new(seed.ok_or_else(|| {
            Error::file(file, "is not the base64 of 32 bytes. Delete it, and a new key is made.")
        })?)));
    }
    let seed = new_seed()?;
    private_file::write(file, STANDARD.encode(seed).as_bytes())?;
    Ok(Key::Seed(Seed::new(seed)))
}

fn new_seed() -> Result<[u8; 32], Error> {
    let mut seed = [0; 32];
    rand::fill(&mut seed).map_err(|_| Error::Key("the system gives no random numbers".to_owned()))?;
    Ok(seed)
}

/// The dependencies of streams here: the emulated Secrets Manager on our own port, and our own bus.
fn streaming(endpoint: &str, template: &Template, allowed: Operator) -> Streaming {
    let bus = format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{}", template.bus.name);
    Streaming {
        secrets_prefix: "local".to_owned(),
        secrets_endpoint: Some(endpoint.to_owned()),
        events_endpoint: Some(endpoint.to_owned()),
        operator: Operator { event_buses: vec![bus], ..allowed },
    }
}

/// Runs each scheduled function in a loop of its own.
async fn run(on: OnSchedule, scheduled: Vec<Scheduled>) {
    let mut running = JoinSet::new();
    for scheduled in scheduled {
        let every = match scheduled.function.as_str() {
            "archiver" | "deliver" => DELIVER_EVERY,
            "expiry" => EXPIRE_EVERY,
            _ => SCHEDULE_EVERY,
        };
        let on = on.clone();
        running.spawn(async move {
            let mut interval = tokio::time::interval(every);
            loop {
                interval.tick().await;
                functions::scheduled(on.clone(), &scheduled).await;
            }
        });
    }
    // The loop ends with the task that waits here.
    while running.join_next().await.is_some() {}
}

/// Opens a port on the loopback interface only.
async fn listen(port: u16, flag: &'static str) -> Result<TcpListener, Error> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Error::PortInUse(port, flag),
        _ => Error::Port(port, error, flag),
    })
}

fn url(listener: &TcpListener) -> Result<String, Error> {
    let address = listener.local_addr().map_err(|error| Error::Engine(error.to_string()))?;
    Ok(format!("http://{address}"))
}

#[cfg(test)]
mod tests;
