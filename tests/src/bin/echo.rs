//! A function that returns its payload, for the tests of the runtime API.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    match event.payload["do"].as_str() {
        Some("fail") => Err("as the test wants".into()),
        Some("panic") => panic!("as the test wants"),
        Some("exit") => std::process::exit(3),
        Some("hang") => std::future::pending().await,
        _ => Ok(json!({
            "said": event.payload,
            "id": event.context.request_id,
            "arn": event.context.invoked_function_arn,
            "deadline_ms": event.context.deadline,
        })),
    }
}
