//! The Lambda behind all routes that read.

use lambda_http::{Error, run, service_fn};
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
    run(service_fn(|request| query::handle(&store, request))).await
}
