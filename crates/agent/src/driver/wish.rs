//! What clients may wish of a workload, and how a wish changes its record. No host and no chain
//! here: the driver makes it true afterwards.

use dbc_agent_api::{ApiError, ErrorCode, WorkloadSpec, control::Phase};
use tokio::sync::oneshot;

use crate::{
    chain::{LeaseRecord, MachineRecord},
    entitlement::LeaseView,
    execute::Workload,
    plan::Want,
    record::StartId,
    shape::{self, Shape},
};

/// A wish with the place for its answer.
#[derive(Debug)]
pub struct Command {
    /// What is wished.
    pub wish: Wish,
    /// Told when it is stored; for [`Wish::Stop`], when it has stopped.
    pub reply: oneshot::Sender<Result<(), ApiError>>,
}

/// What a client may wish.
#[derive(Debug, Clone)]
pub enum Wish {
    /// Make the workload match this spec.
    Put(Box<WorkloadSpec>),
    /// Run.
    Start,
    /// Stop.
    Stop,
    /// Stop, then run.
    Restart,
}

/// Checks that a lease may have this spec, and fits it into its share.
///
/// # Errors
/// The field that is wrong, or the state of the lease.
pub fn admit(
    spec: &WorkloadSpec,
    lease: &LeaseView,
    machine: Option<&MachineRecord>,
) -> Result<Shape, ApiError> {
    spec.validate().map_err(|error| ApiError::new(ErrorCode::InvalidSpec, error.to_string()))?;
    let lease = open_lease(lease)?;
    if lease.spec_hash.is_some_and(|hash| hash != spec.hash()) {
        return Err(ApiError::new(
            ErrorCode::InvalidSpec,
            "the lease was made for another spec: its hash differs",
        ));
    }
    let machine = machine.ok_or_else(unregistered)?;
    shape::fit(spec, &shape::share(machine, lease)?)
}

/// Cuts the spec of a known workload to its lease's share.
pub(super) fn fit(
    spec: &WorkloadSpec,
    lease: &LeaseView,
    machine: Option<&MachineRecord>,
) -> Result<Shape, ApiError> {
    let lease = paid(lease);
    let lease = lease.ok_or_else(|| ApiError::new(ErrorCode::LeaseNotFound, "no such lease"))?;
    shape::cut(spec, &shape::share(machine.ok_or_else(unregistered)?, lease)?)
}

/// UUIDs of the cards that a lease has, as far as the machine's record names them; `None` when nothing is
/// known of them.
pub fn cards_of(lease: &LeaseView, machine: Option<&MachineRecord>) -> Option<Vec<String>> {
    let lease = paid(lease)?;
    if lease.gpus.is_empty() {
        return Some(Vec::new());
    }
    let machine = machine?;
    let uuid = |position: &u8| machine.gpus.get(usize::from(*position)).cloned();
    Some(lease.gpus.iter().filter_map(uuid).collect())
}

/// The finalized record where there is one: its GPUs are those that are paid for.
fn paid(lease: &LeaseView) -> Option<&LeaseRecord> {
    lease.finalized.as_ref().or(lease.best.as_ref())
}

fn open_lease(lease: &LeaseView) -> Result<&LeaseRecord, ApiError> {
    let newest = lease
        .newest()
        .ok_or_else(|| ApiError::new(ErrorCode::LeaseNotFound, "there is no such lease here"))?;
    let finally_closed = lease.finalized.as_ref().is_some_and(|lease| lease.closed.is_some());
    if newest.closed.is_some() || finally_closed {
        return Err(ApiError::new(ErrorCode::LeaseClosed, "the lease is closed"));
    }
    if lease.finalized.as_ref().is_some_and(|lease| lease.moved) {
        let message = "another machine has taken the lease over";
        return Err(ApiError::new(ErrorCode::LeaseClosed, message));
    }
    Ok(newest)
}

fn unregistered() -> ApiError {
    ApiError::new(
        ErrorCode::HostUnavailable,
        "this machine's record on the chain is not known to its agent yet",
    )
}

/// Changes the record as wished. Whether anything changed.
pub(super) fn apply(
    wish: Wish,
    workload: &mut Workload,
    running: bool,
    lease: &LeaseView,
    machine: Option<&MachineRecord>,
) -> Result<bool, ApiError> {
    match wish {
        Wish::Put(spec) => put(*spec, workload, running, lease, machine),
        Wish::Start => {
            open_lease(lease)?;
            let record = &mut workload.record;
            record.want = Want::Run;
            // An end of its own was the last word until now.
            record.done = None;
            record.stopped =
                workload.view.container.as_ref().filter(|_| !running).and_then(StartId::of);
            if !running {
                begin(workload);
            }
            Ok(true)
        }
        Wish::Stop => {
            let record = &mut workload.record;
            record.want = Want::Stop;
            record.restart = false;
            Ok(true)
        }
        Wish::Restart => {
            open_lease(lease)?;
            workload.record.want = Want::Run;
            workload.record.restart = true;
            begin(workload);
            Ok(true)
        }
    }
}

fn put(
    spec: WorkloadSpec,
    workload: &mut Workload,
    running: bool,
    lease: &LeaseView,
    machine: Option<&MachineRecord>,
) -> Result<bool, ApiError> {
    let shape = admit(&spec, lease, machine)?;
    let record = &mut workload.record;
    if record.spec == spec {
        return Ok(false);
    }
    let before = record.reference().to_owned();
    let spec_before = std::mem::replace(&mut record.spec, spec);
    if record.ever_started && record.reference() != before {
        record.spec = spec_before;
        return Err(ApiError::new(
            ErrorCode::WrongState,
            format!(
                "the root file system was made from {before} and holds your work; \
                 another image needs another lease"
            ),
        ));
    }
    record.want = Want::Run;
    workload.shape = Some(shape);
    begin(workload);
    if !running {
        workload.record.phase = Phase::Accepted;
        workload.record.detail = "spec stored".into();
    }
    Ok(true)
}

/// Clients that watch from now on wait for what comes, not for what was.
fn begin(workload: &mut Workload) {
    workload.record.phase = Phase::Starting;
    workload.record.detail = "about to start".into();
    workload.record.last_error = None;
}
