//! The Lambda behind `/api/{workspace}/streams`.

use std::sync::Arc;

use lambda_http::{Error, run, service_fn};
use shared::{
    aws::{
        config::{Config, Logs, Streaming, admin_claims},
        logs,
        secrets::Secrets,
    },
    store::{Opening, Store},
};
use streams::Streams;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::start(&Logs::from_env());
    let (config, streaming) = (Config::from_env()?, Streaming::from_env());
    let streams = Streams {
        secrets: Secrets::connect(&config, &streaming),
        store: Store::open(&config, Opening::Settings).await,
        operator: streaming.operator,
        claims: Arc::new(admin_claims()),
    };
    run(service_fn(|request| streams::handle(&streams, request))).await
}
