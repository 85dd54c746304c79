//! A lease whose workload does not run by the machine's own fault is not paid for: the agent tells the chain, and
//! tells it again when the workload is back (mechanisms rule 35). What the renter asked for and cannot be done is his.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use dbc_agent_api::{
    ErrorCode,
    control::{Phase, WorkloadStatus},
};
use dbc_host::WorkloadKey;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    chain::{ChainActions, ChainError, LeaseRecord},
    entitlement::{Entitlement, entitlement},
    fleet::Fleet,
    ledger::Ledger,
};

/// Pause between two looks.
const LOOK: Duration = Duration::from_secs(10);

/// What the chain is told of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tell {
    Down,
    Up,
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
    let mut faulty: BTreeMap<u64, Instant> = BTreeMap::new();
    let work = async {
        loop {
            ticks.tick().await;
            let ids = ledger.ids();
            faulty.retain(|id, _| ids.contains(id));
            for id in ids {
                let view = ledger.now(id);
                let entitled = entitlement(&view, ledger.clock().now(), grace);
                if entitled != (Entitlement::Active { reported: true }) {
                    faulty.remove(&id);
                    continue;
                }
                // The workload that its meter is for.
                let key = WorkloadKey { lease: id, workload: 0 };
                let Some(status) = fleet.status(key).map(|status| status.borrow().clone()) else {
                    continue;
                };
                let since = match is_down(&status) {
                    true => Some(*faulty.entry(id).or_insert_with(Instant::now)),
                    false => {
                        faulty.remove(&id);
                        None
                    }
                };
                let lasted = since.map(|since| since.elapsed() >= patience);
                let known = view.newest().is_some_and(|lease: &LeaseRecord| lease.down);
                if let Some(what) = tell(&status, lasted, known) {
                    say(actions.as_ref(), id, what, &status).await;
                }
            }
        }
    };
    shutdown.run_until_cancelled(work).await;
}

/// Whether a workload does not run although its renter wants it to, by a fault of this machine.
fn is_down(status: &WorkloadStatus) -> bool {
    // A disk that is full may be the renter's own part of it; an image or a program that fails is his.
    let ours = |code| code == ErrorCode::HostUnavailable;
    let at_rest = matches!(status.phase, Phase::Running | Phase::Stopped | Phase::Closed);
    !at_rest && status.last_error.as_ref().is_some_and(|error| ours(error.code))
}

/// What the chain has to hear: `lasted` says of a fault whether it goes on for long enough.
fn tell(status: &WorkloadStatus, lasted: Option<bool>, known: bool) -> Option<Tell> {
    match (lasted, known) {
        (Some(true), false) => Some(Tell::Down),
        // Also when its renter stopped it: from here on it is he who does not want it.
        (None, true) if matches!(status.phase, Phase::Running | Phase::Stopped) => Some(Tell::Up),
        _ => None,
    }
}

async fn say(actions: &dyn ChainActions, lease: u64, what: Tell, status: &WorkloadStatus) {
    let sent = match what {
        Tell::Down => actions.report_down(lease).await,
        Tell::Up => actions.report_up(lease).await,
    };
    let why = status.last_error.as_ref().map_or("", |error| error.message.as_str());
    match (sent, what) {
        (Ok(()), Tell::Down) => info!(lease_id = lease, why, "not running by our fault: not paid"),
        (Ok(()), Tell::Up) => info!(lease_id = lease, "runs again: paid from here on"),
        // The horizon has not come to where it went down; told again at the next look.
        (Err(ChainError::Refused(error)), _) if error.contains("Unsettled") => {}
        (Err(error), _) => {
            warn!(
                lease_id = lease,
                error = dbc_service::error_chain(&error),
                "the chain is not told"
            );
        }
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
        for (phase, code, down) in [
            (Phase::Failed, host, true),
            (Phase::Starting, host, true),
            (Phase::Running, host, false),
            (Phase::Stopped, host, false),
            (Phase::Closed, host, false),
            (Phase::Failed, Some(ErrorCode::WorkloadFailed), false),
            (Phase::Failed, Some(ErrorCode::DiskFull), false),
            (Phase::Failed, Some(ErrorCode::ImageNotFound), false),
            (Phase::Starting, None, false),
        ] {
            assert_eq!(is_down(&status(phase, code)), down, "{phase:?} {code:?}");
        }
    }

    #[test]
    fn rule_35_a_fault_is_told_when_it_lasts_and_once_and_its_end_too() {
        let failed = status(Phase::Failed, Some(ErrorCode::HostUnavailable));
        let starting = status(Phase::Starting, None);
        let running = status(Phase::Running, None);
        let stopped = status(Phase::Stopped, None);
        for (status, lasted, known, told) in [
            (&failed, Some(false), false, None),
            (&failed, Some(true), false, Some(Tell::Down)),
            (&failed, Some(true), true, None),
            (&starting, None, true, None),
            (&running, None, true, Some(Tell::Up)),
            (&stopped, None, true, Some(Tell::Up)),
            (&running, None, false, None),
        ] {
            assert_eq!(tell(status, lasted, known), told, "{status:?} {lasted:?} {known}");
        }
    }
}
