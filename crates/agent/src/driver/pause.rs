//! How long to wait after a failure. Pure arithmetic on moments that are handed in.

use std::time::{Duration, Instant};

/// A pause that doubles with each failure in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    failures: u32,
    until: Option<Instant>,
}

/// First and longest pause after what heals by itself: an engine, a registry, a chain that is away.
const SOON: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// After what needs somebody to change something, e.g. push the missing image.
const LATE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(600));
/// After a workload that ended with an error.
const CRASH: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

impl Pause {
    pub(super) const NONE: Self = Self { failures: 0, until: None };

    /// A step failed.
    pub(super) fn failed(&mut self, now: Instant, retryable: bool) {
        self.lengthen(now, if retryable { SOON } else { LATE });
    }

    /// A workload crashed.
    pub(super) fn crashed(&mut self, now: Instant) {
        self.lengthen(now, CRASH);
    }

    fn lengthen(&mut self, now: Instant, (first, longest): (Duration, Duration)) {
        let factor = 2u32.saturating_pow(self.failures.min(16));
        self.until = Some(now + first.saturating_mul(factor).min(longest));
        self.failures = self.failures.saturating_add(1);
    }

    /// All went well, or somebody changed something.
    pub(super) fn clear(&mut self) {
        *self = Self::NONE;
    }

    /// Until when to wait, if still.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_start_over() {
        let now = Instant::now();
        let mut pause = Pause::NONE;
        assert_eq!(pause.until(now), None);
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            pause.failed(now, true);
            assert_eq!(pause.until(now), Some(now + Duration::from_secs(seconds)));
        }
        pause.clear();
        pause.failed(now, false);
        assert_eq!(pause.until(now), Some(now + Duration::from_secs(10)));
        assert_eq!(pause.until(now + Duration::from_secs(10)), None);
    }
}
