//! What each of our daemons needs besides its job: configuration ([`config`]), logs ([`logs`]),
//! an orderly end ([`shutdown`]), counters for Prometheus ([`metrics`]). Kept here so that they are
//! the same everywhere; knows nothing of chain, machines or workloads.

#![deny(missing_docs)]

pub mod config;
pub mod logs;
pub mod metrics;
pub mod shutdown;

use std::error::Error;

/// An error and all its causes in one line, joined by `: `; what goes into the log field `error`.
///
/// Ends after 16 causes, so that an error that is its own cause cannot hang a daemon.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    for _ in 0..16 {
        let Some(error) = cause else { break };
        let next = error.to_string();
        // Wrappers marked `transparent` repeat their cause's words.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("failed to start container w-7")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_chain_names_every_cause_once() {
        let error = Outer(std::io::Error::other("no such image"));
        assert_eq!(error_chain(&error), "failed to start container w-7: no such image");
    }
}
