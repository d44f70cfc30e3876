//! The Lambda behind `POST /api/{workspace}/audit_logs`.

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
    run(service_fn(|request| ingest_api::handle(&store, request))).await
}
