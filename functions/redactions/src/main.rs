//! The Lambda behind `/api/{workspace}/redactions`.

use lambda_runtime::{Error, run, service_fn, tracing};
use shared::{config::Config, store::Store};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let store = Store::connect(&Config::from_env()?);
    run(service_fn(|event| redactions::handle(&store, event))).await
}
