//! The Lambda behind `/api/{workspace}/ledger`.

use lambda_http::{Error, run, service_fn};
use ledger::Ledger;
use shared::{
    aws::{
        config::{Config, Logs, Signing},
        logs,
    },
    store::{Opening, Store},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::start(&Logs::from_env());
    let config = Config::from_env()?;
    let signing = Signing::from_env()?;
    let ledger = Ledger::new(Store::open(&config, Opening::Ledger).await, &signing, &config);
    run(service_fn(|request| ledger::handle(&ledger, request))).await
}
