//! Waiting for a condition with a limit, in one way for all tests.

use std::{future::Future, time::Duration};

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

/// Calls `probe` four times a second until it gives a value, at most for `limit`.
///
/// # Errors
/// After `limit`, with `what` and the last error of the probe.
pub async fn wait_for<T, F, Fut>(what: &str, limit: Duration, mut probe: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Option<T>>>,
{
    let end = Instant::now() + limit;
    loop {
        let last = match probe().await {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => String::from("not yet"),
            Err(error) => format!("{error:#}"),
        };
        if Instant::now() >= end {
            bail!("waited {limit:?} for {what}: {last}");
        }
        sleep(Duration::from_millis(250)).await;
    }
}
