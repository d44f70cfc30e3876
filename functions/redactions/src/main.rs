//! The Lambda behind `/api/{workspace}/redactions`.

use std::sync::Arc;

use lambda_http::{Error, run, service_fn};
use shared::{
    aws::{
        config::{Config, Logs, admin_claims},
        logs,
    },
    store::{Opening, Store},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::start(&Logs::from_env());
    let store = Store::open(&Config::from_env()?, Opening::Settings).await;
    let claims = Arc::new(admin_claims());
    run(service_fn(|request| redactions::handle(&store, &claims, request))).await
}
