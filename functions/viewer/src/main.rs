//! The Lambda behind `/`.

use lambda_http::{Error, run, service_fn};
use shared::aws::{config::Logs, logs};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::start(&Logs::from_env());
    run(service_fn(viewer::handle)).await
}
