//! The stage of a measurement: the engine with the samples, and the stub that has learned from it.

use std::time::Duration;

use local::{Storage, Tables};
use serde_json::Value;
use tests::runtime_api::{Answer, Instance};

use crate::{
    Result, payloads,
    payloads::{Door, Payloads},
    programs::{Program, Programs},
    stub::{Endpoint, Stub},
};

/// Longer than any step takes, even fifty times slower.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct Stage {
    pub(crate) programs: Programs,
    pub(crate) stub: Stub,
    pub(crate) engine: Endpoint,
    tables: Tables,
}

impl Stage {
    /// Every function has done its sample through the stub, so the stub can work without the engine.
    pub(crate) async fn set(programs: Programs) -> Result<Self> {
        let stage = Self::unlearned(programs).await?;
        let sealer = stage.programs.ours("sealer");
        let sealing = stage.start(&sealer, &stage.engine).await?;
        invoke(&sealing, &payloads::file("sealer-stream")?).await?;
        for function in stage.programs.functions() {
            let instance = stage.start(&function, &stage.stub.http).await?;
            for _ in 0..2 {
                invoke(&instance, &payloads::sample(function.name)?).await?;
            }
        }
        let mut payloads = Payloads::new()?;
        for door in Door::BOTH {
            let instance = stage.start(&stage.programs.ours(door.function()), &stage.stub.http).await?;
            // A batch is written in requests of 25 events: measured batches consist of such requests and these
            // remainders.
            for batch in [1, 2, 10, 25] {
                invoke(&instance, &payloads.of(door, batch)).await?;
            }
        }
        stage.stub.stop_learning();
        Ok(stage)
    }

    /// The stub has not learned anything yet, and passes every call on.
    pub(crate) async fn unlearned(programs: Programs) -> Result<Self> {
        let tables = Tables::start(0, Storage::Memory).await?;
        tables.store_samples().await?;
        let stub = Stub::before(tables.endpoint(), programs.work()).await?;
        let engine = Endpoint { url: tables.endpoint().to_owned(), bundle: None };
        Ok(Self { programs, stub, engine, tables })
    }

    pub(crate) async fn start(&self, program: &Program, dynamodb: &Endpoint) -> Result<Instance> {
        let command = program.command(dynamodb, self.programs.work())?;
        let started = Instance::start(program.name, command, PATIENCE).await;
        started.map_err(|failed| format!("{} did not start: {failed:?}", program.name).into())
    }

    pub(crate) async fn strike(self) {
        self.tables.shutdown().await;
    }
}

/// Invokes an instance. An answer that reports a failure is an error, so that no fast failure counts as fast.
pub(crate) async fn invoke(instance: &Instance, payload: &str) -> Result<Answer> {
    let answer = instance.invoke(payload.to_owned(), PATIENCE).await;
    let answer = answer.map_err(|failed| format!("an invocation failed: {failed:?}"))?;
    let said: Value = serde_json::from_slice(&answer.payload)?;
    let status = said["statusCode"].as_u64();
    let refused = status.is_some_and(|status| status >= 300 || status == 207)
        || said["isAuthorized"] == false
        || said["batchItemFailures"].as_array().is_some_and(|failures| !failures.is_empty());
    if refused {
        let said: String = said.to_string().chars().take(600).collect();
        return Err(format!("an invocation was answered: {said}").into());
    }
    Ok(answer)
}
