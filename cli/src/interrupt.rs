//! Signals: a command that follows the log ends between two steps, and a prompt leaves the terminal as it was.

use std::{
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::error::Error;

/// Whether [`Steps`] decide what a signal does.
static STEPPED: AtomicBool = AtomicBool::new(false);

/// The steps of a command, which an interruption waits for.
pub(crate) struct Steps(Arc<Mutex<()>>);

impl Steps {
    /// From now on Ctrl-C, or SIGTERM, ends the process with success after the current step. A second one ends it at
    /// once.
    ///
    /// # Errors
    /// If the system does not deliver signals.
    pub(crate) fn begin() -> Result<Self, Error> {
        let held = Arc::new(Mutex::new(()));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
                Error::failure(
                    format!("Signals cannot be waited for: {error}."),
                    "Start it without --follow.",
                )
            })?;
        STEPPED.store(true, Ordering::SeqCst);
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

    /// Does work that must not be interrupted.
    pub(crate) fn step<T>(&self, work: impl FnOnce() -> T) -> T {
        let _held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work()
    }
}

/// Runs a prompt that hides the typed text. If a signal ends the process meanwhile, the terminal is first set back to
/// show it again.
pub(crate) fn with_hidden_input<T>(prompt: impl FnOnce() -> T) -> T {
    #[cfg(unix)]
    restore_terminal_at_end();
    prompt()
}

#[cfg(unix)]
fn restore_terminal_at_end() {
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
    let Ok(terminal) = std::fs::File::open("/dev/tty") else { return };
    let Ok(before) = tcgetattr(&terminal) else { return };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let (ready, is_ready) = std::sync::mpsc::channel();
    thread::spawn(move || {
        runtime.block_on(async {
            let signals = signals_that_end();
            let _ = ready.send(());
            signals.await;
        });
        let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
        if !STEPPED.load(Ordering::SeqCst) {
            process::exit(130);
        }
    });
    let _ = is_ready.recv();
}

/// Waits for the first signal that would end the process. The signals are caught from the call on.
#[cfg(unix)]
fn signals_that_end() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()];
    let mut signals: Vec<_> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    async move {
        std::future::poll_fn(|context| {
            if signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    }
}

/// Waits for Ctrl-C or SIGTERM. On a system that does not deliver them it never returns.
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
