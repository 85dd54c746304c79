//! Samples and their quantiles, printed alike by every benchmark. Machines are noisy: nothing here
//! judges a number, and no test depends on one.

#![deny(missing_docs)]

use std::{fmt, time::Duration};

use anyhow::{Result, ensure};

/// Measurements of one thing.
#[derive(Debug, Clone, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds a duration, in seconds.
    pub fn time(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64());
    }

    /// Adds a number in whatever unit the benchmark prints.
    pub fn value(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The value below which the share `q` (0 to 1) of the samples lies, by nearest rank; 0 of none.
    pub fn quantile(&self, q: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let rank = (q * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p95) = (self.median(), self.quantile(0.95));
        write!(f, "p50 {p50:.3}, p95 {p95:.3} ({} samples)", self.len())
    }
}

/// The only optional argument of a benchmark: how often it measures. `cargo bench` adds `--bench`.
///
/// # Errors
/// An argument that is no number, or fewer than the ten samples that a median needs.
pub fn rounds(default: usize) -> Result<usize> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let Some(text) = arguments.next() else { return Ok(default) };
    let rounds = text.parse()?;
    ensure!(rounds >= 10, "at least 10 rounds are needed, {rounds} were asked for");
    Ok(rounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let mut samples = Samples::default();
        assert!(samples.is_empty() && samples.median() == 0.0);
        for value in [5.0, 1.0, 4.0, 2.0, 3.0] {
            samples.value(value);
        }
        assert_eq!(
            (samples.median(), samples.quantile(0.95), samples.quantile(0.2)),
            (3.0, 5.0, 1.0)
        );
        assert_eq!(samples.len(), 5);
    }
}
