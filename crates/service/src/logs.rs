//! Sets up logs on standard error: text for a person at a terminal, JSON lines for everything else.
//! What is logged, and with which fields, is up to each crate.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, filter::ParseError};

/// Why logs cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// `RUST_LOG` is no filter.
    #[error("the environment variable RUST_LOG is wrong")]
    Filter(#[source] ParseError),
    /// Logs were set up before.
    #[error("logs are already set up")]
    Twice,
}

/// Sets up logs for this process. `RUST_LOG` wins over `default_filter`, e.g. `info,iroh=warn`.
pub fn init(default_filter: &str) -> Result<(), LogError> {
    let wanted = std::env::var("RUST_LOG").ok().filter(|text| !text.trim().is_empty());
    let filter = EnvFilter::try_new(wanted.as_deref().unwrap_or(default_filter))
        .map_err(LogError::Filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.try_init().map_err(|_| LogError::Twice)
    } else {
        builder.json().flatten_event(true).try_init().map_err(|_| LogError::Twice)
    }
}
