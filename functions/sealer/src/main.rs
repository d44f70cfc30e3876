//! The Lambda behind the stream of the events table, and behind the schedules of the backlog and the search.

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
    let store = Store::open(&Config::from_env()?, Opening::Ledger).await;
    run(service_fn(|event| sealer::handle(&store, event))).await
}
