//! What the chain entitles a lease to at one moment. Pure: records and a time in, a verdict out.
//! The only place where the agent reads the states and ends of a lease.

use crate::chain::{ChainNow, CloseReason, LeaseRecord, Slot};

/// A lease in the two states that the agent knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeaseView {
    /// As of the best block.
    pub best: Option<LeaseRecord>,
    /// As of the finalized block; survives restarts and the chain's absence.
    pub finalized: Option<LeaseRecord>,
}

impl LeaseView {
    /// The newest record; what grants are checked against, since it names the newest access key.
    pub fn newest(&self) -> Option<&LeaseRecord> {
        self.best.as_ref().or(self.finalized.as_ref())
    }
}

/// What may be done for a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entitlement {
    /// Neither state has it: nothing is begun and nothing is ended.
    Unknown,
    /// In the best block alone: prepare, do not start.
    Prospective,
    /// Final and open: run.
    Active {
        /// Whether the chain knows that it started.
        reported: bool,
    },
    /// Its time is over by more than the grace and no close is known: pause, keep everything.
    Overdue,
    /// Finally another machine's: stop, keep the data.
    Moved,
    /// Finally closed: stop, keep the data.
    Closed {
        /// Why.
        reason: CloseReason,
        /// Whether its data may be destroyed now.
        expendable: bool,
    },
}

/// Judges a lease. `grace` is how long after its end an open lease still runs (rule 30: ten minutes).
pub fn entitlement(view: &LeaseView, now: ChainNow, grace: Slot) -> Entitlement {
    let Some(lease) = &view.finalized else {
        return match &view.best {
            Some(lease) if lease.closed.is_none() => Entitlement::Prospective,
            _ => Entitlement::Unknown,
        };
    };
    if let Some(closed) = lease.closed {
        // By the finalized head alone: an estimate must never cost anybody his data.
        let expendable = closed.retain_until.is_some_and(|slot| now.finalized > slot);
        return Entitlement::Closed { reason: closed.reason, expendable };
    }
    if lease.moved {
        return Entitlement::Moved;
    }
    if now.estimated > lease.ends_at.saturating_add(grace) {
        return Entitlement::Overdue;
    }
    let started = |lease: &LeaseRecord| lease.started_at.is_some();
    Entitlement::Active { reported: started(lease) || view.best.as_ref().is_some_and(started) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Closed;

    fn lease() -> LeaseRecord {
        LeaseRecord {
            id: 1,
            machine: [1; 32],
            cpu_shares: 1,
            gpus: Vec::new(),
            started_at: None,
            ends_at: 1000,
            access_key: [2; 32],
            grant_epoch: 0,
            spec_hash: None,
            down: false,
            closed: None,
            moved: false,
        }
    }

    fn at(slot: Slot) -> ChainNow {
        ChainNow { finalized: slot, estimated: slot, unix_s: 0 }
    }

    fn both(lease: LeaseRecord) -> LeaseView {
        LeaseView { best: Some(lease.clone()), finalized: Some(lease) }
    }

    #[test]
    fn only_a_final_lease_runs() {
        let view = LeaseView { best: Some(lease()), finalized: None };
        assert_eq!(entitlement(&view, at(5), 200), Entitlement::Prospective);
        let reported = false;
        assert_eq!(entitlement(&both(lease()), at(5), 200), Entitlement::Active { reported });
        assert_eq!(entitlement(&LeaseView::default(), at(5), 200), Entitlement::Unknown);
    }

    #[test]
    fn rule_30_pauses_ten_minutes_after_the_end() {
        let view = both(lease());
        assert!(matches!(entitlement(&view, at(1200), 200), Entitlement::Active { .. }));
        assert_eq!(entitlement(&view, at(1201), 200), Entitlement::Overdue);
        // Also when only the monotonic clock got there.
        let away = ChainNow { finalized: 900, estimated: 1201, unix_s: 0 };
        assert_eq!(entitlement(&view, away, 200), Entitlement::Overdue);
    }

    #[test]
    fn rule_25_data_goes_by_the_finalized_head_alone() {
        let reason = CloseReason::EndedByRenter;
        let closed = |retain_until| {
            both(LeaseRecord { closed: Some(Closed { at: 500, reason, retain_until }), ..lease() })
        };
        let keep = Entitlement::Closed { reason, expendable: false };
        let away = ChainNow { finalized: 600, estimated: 100_000, unix_s: 0 };
        assert_eq!(entitlement(&closed(Some(600)), away, 200), keep);
        assert_eq!(entitlement(&closed(None), at(u64::MAX), 200), keep);
        let gone = Entitlement::Closed { reason, expendable: true };
        assert_eq!(entitlement(&closed(Some(600)), at(601), 200), gone);
    }

    #[test]
    fn rule_15_what_moved_is_kept_until_the_lease_is_closed_elsewhere() {
        let moved = LeaseRecord { moved: true, ..lease() };
        // Also past its end there, and while the best block tells of an older state.
        let mut view = both(moved.clone());
        assert_eq!(entitlement(&view, at(5_000), 200), Entitlement::Moved);
        view.best = Some(lease());
        assert_eq!(entitlement(&view, at(5), 200), Entitlement::Moved);
        let reason = CloseReason::Expired;
        let closed = Some(Closed { at: 1000, reason, retain_until: Some(2000) });
        let view = both(LeaseRecord { closed, ..moved });
        let closed = |expendable| Entitlement::Closed { reason, expendable };
        assert_eq!(entitlement(&view, at(2000), 200), closed(false));
        assert_eq!(entitlement(&view, at(2001), 200), closed(true));
    }

    #[test]
    fn a_close_that_is_not_final_changes_nothing() {
        let mut view = both(lease());
        let closed = Closed { at: 5, reason: CloseReason::EndedByRenter, retain_until: Some(6) };
        view.best = Some(LeaseRecord { closed: Some(closed), ..lease() });
        assert!(matches!(entitlement(&view, at(700), 200), Entitlement::Active { .. }));
    }
}
