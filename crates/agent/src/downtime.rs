//! A lease whose workload does not run by the machine's own fault is not paid for: the agent tells the chain, and
//! tells it again when the workload is back (mechanisms rule 35). What the renter asked for and cannot be done is his.
//! What it has told stands in the chain's record of the lease, so nothing is stored here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use dbc_agent_api::{
    ErrorCode,
    control::{Phase, WorkloadStatus},
};
use dbc_host::WorkloadKey;
use futures::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    chain::{ChainActions, ChainError},
    entitlement::{Entitlement, entitlement},
    fleet::Fleet,
    ledger::Ledger,
};

/// Pause between two looks.
const LOOK: Duration = Duration::from_secs(10);
/// Calls under way at once, one a lease; the others come with the next look.
const CALLS_MAX: usize = 4;
/// First and longest pause after the chain refused a call, which costs a fee: what is not settled is so within two
/// minutes, a dispute lasts for days.
const REFUSED: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(900));

/// What the chain is told of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tell {
    Down,
    Up,
}

/// On whose account a workload is as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// It runs, or does not by its renter's doing.
    Paid,
    /// It does not run by this machine's fault.
    Ours,
    /// On its way, or nobody can say.
    Open,
}

/// A call that ended.
struct Told {
    lease: u64,
    what: Tell,
    why: String,
    sent: Result<(), ChainError>,
}

struct Downtime {
    ledger: Arc<Ledger>,
    fleet: Arc<Fleet>,
    actions: Arc<dyn ChainActions>,
    grace: u64,
    patience: Duration,
    /// Since when a lease's workload does not run by our fault, without a break.
    faulty: BTreeMap<u64, Instant>,
    /// How often in a row the chain refused what it was told of a lease, and when it is told again.
    refused: BTreeMap<u64, (u32, Instant)>,
    /// Leases of the calls under way.
    telling: BTreeSet<u64>,
    calls: FuturesUnordered<BoxFuture<'static, Told>>,
}

/// Follows the leases until `shutdown`. A fault that is over within `patience` is not worth a word: an engine or a host
/// that starts anew takes less.
pub async fn run(
    ledger: Arc<Ledger>,
    fleet: Arc<Fleet>,
    actions: Arc<dyn ChainActions>,
    grace: u64,
    patience: Duration,
    shutdown: CancellationToken,
) {
    let mut ticks = interval(LOOK.min(patience.max(Duration::from_millis(100))));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut downtime = Downtime {
        ledger,
        fleet,
        actions,
        grace,
        patience,
        faulty: BTreeMap::new(),
        refused: BTreeMap::new(),
        telling: BTreeSet::new(),
        calls: FuturesUnordered::new(),
    };
    let work = async {
        loop {
            tokio::select! {
                _ = ticks.tick() => downtime.look().await,
                Some(told) = downtime.calls.next() => downtime.heard(told),
            }
        }
    };
    shutdown.run_until_cancelled(work).await;
}

impl Downtime {
    async fn look(&mut self) {
        let now = Instant::now();
        let seen = self.seen();
        // Read only when it matters.
        let faults = seen.iter().any(|(_, _, status)| stands(status, true) == Stands::Ours);
        let wanted = match faults {
            false => BTreeSet::new(),
            true => match self.fleet.wanted().await {
                Ok(wanted) => wanted,
                Err(error) => {
                    warn!(error = dbc_service::error_chain(&error), "workloads not read");
                    return;
                }
            },
        };
        let mut faulty = BTreeMap::new();
        let mut refused = BTreeMap::new();
        for (lease, down, status) in seen {
            let stands = stands(&status, wanted.contains(&workload(lease)));
            let since = self.faulty.get(&lease).copied().unwrap_or(now);
            if stands == Stands::Ours {
                faulty.insert(lease, since);
            }
            let lasted = now.saturating_duration_since(since) >= self.patience;
            let Some(what) = tell(stands, lasted, down) else { continue };
            let held = self.refused.get(&lease).copied();
            refused.extend(held.map(|held| (lease, held)));
            if held.is_none_or(|(_, until)| until <= now) && self.calls.len() < CALLS_MAX {
                self.tell(lease, what, &status);
            }
        }
        (self.faulty, self.refused) = (faulty, refused);
    }

    /// The leases whose meter runs, whether the chain knows them to be down, and their workloads.
    fn seen(&self) -> Vec<(u64, bool, WorkloadStatus)> {
        let now = self.ledger.clock().now();
        let mut seen = Vec::new();
        for id in self.ledger.ids() {
            let view = self.ledger.now(id);
            let metered = Entitlement::Active { reported: true };
            let Some(lease) = view.newest().filter(|lease| now.estimated < lease.ends_at) else {
                continue;
            };
            if entitlement(&view, now, self.grace) != metered {
                continue;
            }
            if let Some(status) = self.fleet.status(workload(id)) {
                seen.push((id, lease.down, status.borrow().clone()));
            }
        }
        seen
    }

    fn tell(&mut self, lease: u64, what: Tell, status: &WorkloadStatus) {
        if !self.telling.insert(lease) {
            return;
        }
        let error = status.last_error.as_ref().map(|error| &error.message);
        let why = error.unwrap_or(&status.detail).clone();
        let actions = self.actions.clone();
        let call = async move {
            let sent = match what {
                Tell::Down => actions.report_down(lease).await,
                Tell::Up => actions.report_up(lease).await,
            };
            Told { lease, what, why, sent }
        };
        self.calls.push(Box::pin(call));
    }

    fn heard(&mut self, Told { lease, what, why, sent }: Told) {
        self.telling.remove(&lease);
        let Err(error) = sent else {
            self.refused.remove(&lease);
            match what {
                Tell::Down => info!(lease_id = lease, why, "down by our fault: not paid"),
                Tell::Up => info!(lease_id = lease, why, "up again: paid from here on"),
            }
            return;
        };
        let told = dbc_service::error_chain(&error);
        if error.is_away() {
            debug!(lease_id = lease, ?what, error = told, "the chain is away; told again");
            return;
        }
        let times = self.refused.get(&lease).map_or(0, |(times, _)| *times);
        self.refused.insert(lease, (times.saturating_add(1), Instant::now() + pause(times)));
        warn!(lease_id = lease, ?what, why, error = told, "not told; tried again later");
    }
}

/// The workload that a lease's meter is for.
fn workload(lease: u64) -> WorkloadKey {
    WorkloadKey { lease, workload: 0 }
}

/// How long to wait after the chain refused so many times before.
fn pause(times: u32) -> Duration {
    REFUSED.0.saturating_mul(2u32.saturating_pow(times)).min(REFUSED.1)
}

/// `wanted`: whether it is to run, as its renter said last, and has not ended by itself.
fn stands(status: &WorkloadStatus, wanted: bool) -> Stands {
    if matches!(status.phase, Phase::Running | Phase::Stopped | Phase::Closed) {
        return Stands::Paid;
    }
    match status.last_error.as_ref().map(|error| error.code) {
        Some(ErrorCode::HostUnavailable) if wanted => Stands::Ours,
        // A disk of which nobody knows whose part is full may be the renter's. He must not keep cards for nothing by
        // what fails for his own reasons after the machine has healed.
        Some(
            ErrorCode::WorkloadFailed
            | ErrorCode::DiskFull
            | ErrorCode::InvalidSpec
            | ErrorCode::ImageNotFound
            | ErrorCode::ImagePlatform
            | ErrorCode::ImageTooLarge
            | ErrorCode::RegistryUnreachable,
        ) => Stands::Paid,
        _ => Stands::Open,
    }
}

/// What the chain has to hear. `lasted`: whether a fault goes on for long enough. `down`: what the chain knows.
fn tell(stands: Stands, lasted: bool, down: bool) -> Option<Tell> {
    match (stands, down) {
        (Stands::Ours, false) if lasted => Some(Tell::Down),
        // Also when its renter stopped it, or it is he who keeps it from running now.
        (Stands::Paid, true) => Some(Tell::Up),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use dbc_agent_api::ApiError;

    use super::*;

    fn status(phase: Phase, code: Option<ErrorCode>) -> WorkloadStatus {
        let last_error = code.map(|code| ApiError::new(code, "why"));
        WorkloadStatus { phase, last_error, ..crate::record::absent_status() }
    }

    #[test]
    fn rule_35_only_the_machines_own_faults_are_told() {
        let host = Some(ErrorCode::HostUnavailable);
        for (phase, code, wanted, whose) in [
            (Phase::Failed, host, true, Stands::Ours),
            (Phase::Starting, host, true, Stands::Ours),
            (Phase::Probing, host, true, Stands::Ours),
            // Nobody misses what its renter stopped.
            (Phase::Failed, host, false, Stands::Open),
            (Phase::Running, host, true, Stands::Paid),
            (Phase::Stopped, host, true, Stands::Paid),
            (Phase::Closed, host, true, Stands::Paid),
            (Phase::Failed, Some(ErrorCode::WorkloadFailed), true, Stands::Paid),
            (Phase::Probing, Some(ErrorCode::WorkloadFailed), true, Stands::Paid),
            (Phase::Failed, Some(ErrorCode::DiskFull), true, Stands::Paid),
            (Phase::Failed, Some(ErrorCode::InvalidSpec), true, Stands::Paid),
            (Phase::Failed, Some(ErrorCode::ImageNotFound), true, Stands::Paid),
            (Phase::Failed, Some(ErrorCode::ImagePlatform), true, Stands::Paid),
            (Phase::Failed, Some(ErrorCode::ChainUnreachable), true, Stands::Open),
            (Phase::Failed, Some(ErrorCode::Internal), true, Stands::Open),
            (Phase::Starting, None, true, Stands::Open),
        ] {
            assert_eq!(stands(&status(phase, code), wanted), whose, "{phase:?} {code:?} {wanted}");
        }
    }

    #[test]
    fn rule_35_a_fault_is_told_when_it_lasts_and_once_and_its_end_too() {
        for (stands, lasted, down, told) in [
            (Stands::Ours, false, false, None),
            (Stands::Ours, true, false, Some(Tell::Down)),
            (Stands::Ours, true, true, None),
            (Stands::Open, false, false, None),
            (Stands::Open, true, true, None),
            (Stands::Paid, false, true, Some(Tell::Up)),
            (Stands::Paid, false, false, None),
        ] {
            assert_eq!(tell(stands, lasted, down), told, "{stands:?} {lasted} {down}");
        }
    }

    #[test]
    fn rule_35_a_chain_that_refuses_is_asked_less_and_less() {
        let minutes = |times| pause(times).as_secs() / 60;
        assert_eq!([0, 1, 2, 3, 4, 40].map(minutes), [1, 2, 4, 8, 15, 15]);
    }
}
