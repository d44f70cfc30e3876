//! Functions as processes of their own, and what may happen to those.

use std::{env, path::Path, time::Duration};

use crate::runtime_api::{Failed, Instance, Signal, program};

/// What may happen to a function's process. `docs/faults.md` has a row for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProcessFault {
    /// It is killed when a chosen call has come to the store, which does not do it.
    Killed,
    /// It is killed when the store has done a chosen call.
    KilledAfter,
    /// It runs out of time during a chosen call, and its environment is ended.
    OutOfTime,
    /// It is frozen during a chosen call, and thawed when all of its connections are dead.
    Frozen,
}

/// Longer than a call takes that is answered, on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A function in a process of its own, over the tables at this endpoint.
///
/// `PROGRAMS` names a folder with the shipped programs, such as `target/release`; without it `function`, a program of
/// the tests, runs the shipped handler.
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

/// The answer of a function that is given this, as JSON.
///
/// # Errors
/// If it fails, ends, or runs out of time.
pub async fn invoke(
    instance: &Instance,
    payload: &serde_json::Value,
    timeout: Duration,
) -> Result<serde_json::Value, Failed> {
    let answer = instance.invoke(payload.to_string(), timeout).await?;
    Ok(serde_json::from_slice(&answer.payload).unwrap())
}

/// Stops the process and lets it go on after `meanwhile`.
pub async fn freeze(instance: &Instance, meanwhile: impl Future<Output = ()>) {
    instance.signal(Signal::Stop).await.unwrap();
    meanwhile.await;
    instance.signal(Signal::Continue).await.unwrap();
}
