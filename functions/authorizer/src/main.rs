//! The Lambda behind the token authorizer of the API.

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
    let store = Store::open(&Config::from_env()?, Opening::Tokens).await;
    run(service_fn(|event| authorizer::handle(&store, event))).await
}
