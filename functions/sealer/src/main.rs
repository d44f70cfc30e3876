//! The Lambda behind the stream of the events' table, and behind the schedule of the reconcile.

use lambda_runtime::{Error, run, service_fn, tracing};
use shared::{config::Config, store::Store};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let store = Store::connect(&Config::from_env()?);
    run(service_fn(|event| sealer::handle(&store, event))).await
}
