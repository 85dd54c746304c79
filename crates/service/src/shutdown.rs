//! Turns SIGINT and SIGTERM into one [`CancellationToken`] that every task of a daemon watches.

use tokio::signal::unix::{SignalKind, signal};
pub use tokio_util::sync::CancellationToken;

/// Exit status after a second signal, when the orderly end takes too long for the person waiting.
const EXIT_IMPATIENT: i32 = 130;

/// A token that is cancelled by the first SIGINT or SIGTERM. A second signal ends the process at
/// once; daemons keep their state such that this loses nothing.
///
/// # Errors
/// When the handlers cannot be installed. Must be called inside a Tokio runtime.
pub fn token() -> std::io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        for attempt in 0.. {
            let name = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
            };
            if attempt > 0 {
                tracing::warn!(signal = name, "second signal, ending at once");
                std::process::exit(EXIT_IMPATIENT);
            }
            tracing::info!(signal = name, "shutting down");
            cancelled.cancel();
        }
    });
    Ok(token)
}
