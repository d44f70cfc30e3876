//! The Lambda of the schedule that deletes expired events.

use lambda_runtime::{Error, run, service_fn};
use shared::{
    aws::{
        config::{Config, Logs},
        logs,
    },
    store::{Opening, Store},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::start(&Logs::from_env());
    let store = Store::open(&Config::from_env()?, Opening::Settings).await;
    run(service_fn(|event| expiry::handle(&store, event))).await
}
