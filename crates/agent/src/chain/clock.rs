//! Chain time, also while the chain is away: the last finalized head plus what a monotonic clock
//! says has passed since. The host's calendar clock is used once, after a restart, and only as a
//! difference to what it showed when the head was stored, so a host whose clock is wrong still
//! counts right.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use super::{Head, Slot};

/// A head with what the host's clock showed when it came; survives a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHead {
    /// The head.
    pub head: Head,
    /// Host clock then, milliseconds since 1970.
    pub host_ms: u64,
}

/// Chain time at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChainNow {
    /// Slot of the newest finalized head; what is destroyed is judged by this alone.
    pub finalized: Slot,
    /// That, carried on by the monotonic clock.
    pub estimated: Slot,
    /// The same in seconds since 1970; 0 when no head was ever seen.
    pub unix_s: u64,
}

/// Counts chain time. All methods take `&self`.
#[derive(Debug)]
pub struct ChainClock {
    slot_ms: u64,
    anchor: Mutex<Anchor>,
}

#[derive(Debug, Clone, Copy)]
struct Anchor {
    head: Head,
    seen: Instant,
    /// What had passed already when `seen` was taken; only after a restart.
    before: Duration,
}

impl ChainClock {
    /// A clock that starts from what was stored, if anything was. `slot_ms` of 0 counts as 1.
    pub fn new(slot_ms: u64, stored: Option<StoredHead>) -> Self {
        let head = stored.map(|stored| stored.head).unwrap_or_default();
        let before = stored.map_or(0, |stored| host_ms().saturating_sub(stored.host_ms));
        let anchor = Anchor { head, seen: Instant::now(), before: Duration::from_millis(before) };
        Self { slot_ms: slot_ms.max(1), anchor: Mutex::new(anchor) }
    }

    /// Takes a new finalized head; an older one is ignored. Gives what is to be stored.
    pub fn observe(&self, head: Head) -> StoredHead {
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        if head.slot > anchor.head.slot {
            *anchor = Anchor { head, seen: Instant::now(), before: Duration::ZERO };
        }
        StoredHead { head: anchor.head, host_ms: host_ms() }
    }

    /// Chain time now.
    pub fn now(&self) -> ChainNow {
        self.at(Instant::now())
    }

    fn at(&self, moment: Instant) -> ChainNow {
        let anchor = *self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        if anchor.head.slot == 0 {
            return ChainNow::default();
        }
        let passed = moment.saturating_duration_since(anchor.seen).saturating_add(anchor.before);
        let passed_ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        ChainNow {
            finalized: anchor.head.slot,
            estimated: anchor.head.slot.saturating_add(passed_ms / self.slot_ms),
            unix_s: anchor.head.unix_s.saturating_add(passed_ms / 1000),
        }
    }

    /// Time since a finalized head came; grows while the chain is away.
    pub fn silence(&self) -> Duration {
        let anchor = *self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        anchor.seen.elapsed().saturating_add(anchor.before)
    }

    /// Slots in a stretch of time, rounded up.
    pub fn slots(&self, time: Duration) -> Slot {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        ms.div_ceil(self.slot_ms)
    }

    /// By how many seconds the host's clock is ahead of the chain's; negative when behind, 0 when
    /// no head is known.
    pub fn host_ahead_s(&self) -> i64 {
        let now = self.now();
        if now.unix_s == 0 {
            return 0;
        }
        let host = i64::try_from(host_ms() / 1000).unwrap_or(i64::MAX);
        host.saturating_sub(i64::try_from(now.unix_s).unwrap_or(i64::MAX))
    }
}

fn host_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head = Head { number: 7, slot: 100, unix_s: 300 };

    #[test]
    fn time_goes_on_while_the_chain_is_away() {
        let clock = ChainClock::new(3000, None);
        assert_eq!(clock.now(), ChainNow::default());
        clock.observe(HEAD);
        let later = Instant::now() + Duration::from_secs(31);
        assert_eq!(clock.at(later), ChainNow { finalized: 100, estimated: 110, unix_s: 331 });
        clock.observe(Head { slot: 90, ..HEAD });
        assert_eq!(clock.now().finalized, 100, "an older head changes nothing");
        clock.observe(Head { slot: 111, unix_s: 333, ..HEAD });
        assert_eq!(clock.now(), ChainNow { finalized: 111, estimated: 111, unix_s: 333 });
    }

    #[test]
    fn a_restart_counts_what_passed_meanwhile_even_on_a_wrong_clock() {
        // The host's clock may show anything: only the difference counts.
        let stored = StoredHead { head: HEAD, host_ms: host_ms() - 60_000 };
        let now = ChainClock::new(3000, Some(stored)).now();
        assert_eq!((now.finalized, now.estimated), (100, 120));
        let future = StoredHead { head: HEAD, host_ms: host_ms() + 60_000 };
        assert_eq!(ChainClock::new(3000, Some(future)).now().estimated, 100, "never backwards");
    }
}
