//! Runs one of the shipped handlers, chosen by name, under its Lambda runtime, in a program that `cargo test`
//! builds. The process drills kill, stop and continue it.

use lambda_runtime::{Error, run, service_fn};
use shared::{
    aws::{
        config::{Config, Logs},
        logs,
    },
    store::Store,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::start(&Logs::from_env());
    let store = Store::connect(&Config::from_env()?);
    match std::env::args().nth(1).as_deref() {
        Some("ingest-api") => {
            lambda_http::run(service_fn(|request| ingest_api::handle(&store, request))).await
        }
        Some("ingest-bus") => run(service_fn(|event| ingest_bus::handle(&store, event))).await,
        Some("query") => lambda_http::run(service_fn(|request| query::handle(&store, request))).await,
        Some("sealer") => run(service_fn(|event| sealer::handle(&store, event))).await,
        other => Err(format!("there is no function {other:?} here").into()),
    }
}
