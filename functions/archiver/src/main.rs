//! The Lambda of the schedule that archives logs.

use archiver::{Archiver, Bucket, Pace};
use lambda_runtime::{Error, run, service_fn};
use shared::{
    aws::{
        config::{ArchiveSettings, Config, Logs},
        logs,
    },
    store::{Opening, Store},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::start(&Logs::from_env());
    let (config, settings) = (Config::from_env()?, ArchiveSettings::from_env()?);
    let archiver = Archiver {
        store: Store::open(&config, Opening::Ledger).await,
        bucket: Bucket::of(&settings, &config),
        pace: Pace::every(settings.every_seconds),
    };
    run(service_fn(|event| archiver::handle(&archiver, event))).await
}
