//! The Lambda behind everything that is read.

use lambda_runtime::{Error, run, service_fn, tracing};
use shared::{config::Config, store::Store};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let store = Store::connect(&Config::from_env()?);
    run(service_fn(|event| query::handle(&store, event))).await
}
