//! The Lambda that delivers streams: behind the queue of hints, and on a schedule.

use deliver::Post;
use lambda_runtime::{Error, run, service_fn};
use shared::{
    aws::{
        config::{Config, Logs, Streaming},
        logs,
    },
    store::{Opening, Store},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::start(&Logs::from_env());
    let config = Config::from_env()?;
    let post = Post::over(Store::open(&config, Opening::Ledger).await, config, &Streaming::from_env());
    run(service_fn(|event| deliver::handle(&post, event))).await
}
