//! Ctrl-C for a command that has no end of its own: it ends well, but never in the midst of a step.

use std::{
    process,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use crate::error::Error;

/// The steps of a command, which an interruption waits for.
pub(crate) struct Steps(Arc<Mutex<()>>);

impl Steps {
    /// From now on Ctrl-C, or SIGTERM, ends the process with success after the step at hand. A second
    /// one ends it at once.
    ///
    /// # Errors
    /// If the system does not tell of signals.
    pub(crate) fn begin() -> Result<Self, Error> {
        let wrong = |error| {
            Error::failure(format!("Signals cannot be waited for: {error}."), "Start it without --follow.")
        };
        let held = Arc::new(Mutex::new(()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(wrong)?;
        let step = Arc::clone(&held);
        thread::spawn(move || {
            runtime.block_on(asked_to_end());
            thread::spawn(move || {
                let _after = step.lock().unwrap_or_else(PoisonError::into_inner);
                process::exit(0);
            });
            runtime.block_on(asked_to_end());
            process::exit(130);
        });
        Ok(Self(held))
    }

    /// Does what must not be interrupted.
    pub(crate) fn step<T>(&self, work: impl FnOnce() -> T) -> T {
        let _held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work()
    }
}

/// Waits until somebody asks the process to end. Where that cannot be known, it waits for ever.
async fn asked_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
