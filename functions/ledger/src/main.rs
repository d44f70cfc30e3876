//! The Lambda behind `/api/{workspace}/ledger`.

use lambda_runtime::{Error, run, service_fn, tracing};
use ledger::{Ledger, Signer};
use shared::{
    config::{Config, Signing},
    store::Store,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let ledger =
        Ledger { signer: Signer::of(&Signing::from_env()?, &config)?, store: Store::connect(&config) };
    run(service_fn(|event| ledger::handle(&ledger, event))).await
}
