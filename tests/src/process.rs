//! Functions as processes of their own, and faults that befall a process.

use std::{env, path::Path, time::Duration};

use crate::runtime_api::{Failed, Instance, Signal, program};

/// A fault of a function's process. `docs/faults.md` has a row for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProcessFault {
    /// The process is killed when a chosen call has reached the store, which does not execute it.
    Killed,
    /// The process is killed when the store has executed a chosen call.
    KilledAfter,
    /// The function runs out of time during a chosen call, and its environment is ended.
    OutOfTime,
    /// The process is frozen during a chosen call, and thawed when all of its connections are dead.
    Frozen,
}

/// Longer than any answered call takes, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Starts a function in a process of its own, with the tables at this endpoint.
///
/// `PROGRAMS` names a folder with the shipped programs, such as `target/release`; without it, the program
/// `function` of the tests runs the shipped handler.
pub async fn start(function: &str, name: &str, dynamodb: &str) -> Instance {
    let command = match env::var("PROGRAMS") {
        Ok(folder) => program(&Path::new(&folder).join(name), dynamodb),
        Err(_) => {
            let mut command = program(Path::new(function), dynamodb);
            command.arg(name);
            command
        }
    };
    Instance::start(name, command, PATIENCE).await.unwrap()
}

/// Invokes the function with this payload. Returns its answer as JSON.
///
/// # Errors
/// If the function fails, ends, or runs out of time.
pub async fn invoke(
    instance: &Instance,
    payload: &serde_json::Value,
    timeout: Duration,
) -> Result<serde_json::Value, Failed> {
    let answer = instance.invoke(payload.to_string(), timeout).await?;
    Ok(serde_json::from_slice(&answer.payload).unwrap())
}

/// Stops the process, and continues it after `meanwhile`.
pub async fn freeze(instance: &Instance, meanwhile: impl Future<Output = ()>) {
    instance.signal(Signal::Stop).await.unwrap();
    meanwhile.await;
    instance.signal(Signal::Continue).await.unwrap();
}
