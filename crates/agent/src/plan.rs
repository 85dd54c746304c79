//! What must be done so that a workload is as desired. Pure: no clock, no I/O, no chain; what it
//! may know is in its two arguments. Everything hard about an agent is decided here, so that it is
//! tested by itself; doing it is [`crate::execute`]'s.
//!
//! ```text
//!                 Put                 image, network, root        container made
//!   (absent) ──► accepted ──► pulling ──► preparing ──┐
//!                    ▲                                │ lease final
//!                    │ lease only in the best block   ▼
//!                    └──────────────────────────── starting ──► probing ──► running
//!                                                     ▲           │           │
//!                              Start, Restart, back-off│           └──► stopped ◄┘  Stop, own exit,
//!                                                     └───────────────────┘      pause past the end
//!   any ──► failed: the last step failed; the same plan is tried again after a pause
//!   any ──► closed: lease finally closed or another machine's; root destroyed when `expendable`, then
//!           forgotten
//! ```
//!
//! What never happens, and is property-tested: a root that ever ran is destroyed while its lease is
//! not finally closed and past `retain_until`; a container that runs as its spec says is stopped
//! without a request, a pause, a close or a fail-over; anything starts before its lease is final.

use dbc_agent_api::control::Phase;
use serde::{Deserialize, Serialize};

use crate::entitlement::Entitlement;

/// What is wanted of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Desired {
    /// What the chain entitles it to.
    pub entitlement: Entitlement,
    /// What the renter wants.
    pub want: Want,
    /// A restart was asked for and not done yet.
    pub restart: bool,
}

/// Run or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Want {
    /// Run.
    Run,
    /// Be stopped.
    Stop,
}

/// What is, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// Whether the image that the spec names is in the pool, or not needed because the root is there.
    pub image: bool,
    /// The root file system.
    pub root: Root,
    /// Whether the container was ever started; from then on the root holds a renter's work.
    pub ever_started: bool,
    /// The lease's network.
    pub network: Part,
    /// The container.
    pub container: Container,
}

/// A part that is made by an idempotent `ensure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Not there.
    Absent,
    /// There, but not yet looked after by this run of the agent, or with other settings.
    Unsettled,
    /// As it should be.
    Ready,
}

/// The root file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// Not made yet.
    Absent,
    /// There; see [`Part`].
    Unsettled,
    /// There with the right quota.
    Ready,
    /// Made from another image than the spec names now.
    OtherImage,
    /// It was there, ran, and is gone: a person must look, an empty one must not take its place.
    Lost,
}

/// The container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// None.
    Absent,
    /// One is there.
    There {
        /// Whether it is as the spec says.
        fit: Fit,
        /// What it does.
        state: RunState,
    },
}

/// How a container compares to what would be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// The same.
    Same,
    /// What the renter asked for, made in another way (an older agent, another path): good enough
    /// while it runs.
    Stale,
    /// Made for another spec or another share of the machine, or did not start.
    Outdated,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Made, never started.
    Created,
    /// Runs.
    Running {
        /// Whether its probe passed since this start.
        healthy: bool,
    },
    /// Ended.
    Exited(Exit),
    /// The engine lost it.
    Dead,
}

/// Why a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Not known yet: the engine may be going down.
    Undecided,
    /// By itself, successfully: it is done.
    Done {
        /// Whether that is stored.
        recorded: bool,
        /// Whether it had been healthy, so that it counts as started.
        healthy: bool,
    },
    /// By itself, with an error: to be started again after a pause.
    Crashed,
    /// Stopped by us, or with the engine or the host: to be started again if wanted.
    Stopped,
}

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Fetch the image and put its tree into the pool.
    FetchImage,
    /// Remove a root that never ran, because it was made from an image no longer asked for.
    DiscardRoot,
    /// Make the lease's network and its rules.
    EnsureNetwork,
    /// Make the root and set its quota.
    EnsureRoot,
    /// Remove the container; the root stays.
    RemoveContainer,
    /// Make the container.
    CreateContainer,
    /// Forget that a restart was asked for.
    ClearRestart,
    /// Start the container.
    Start,
    /// Wait until the workload is healthy.
    Probe,
    /// Tell the chain that the meter may run.
    ReportStarted,
    /// Stop the container.
    Stop,
    /// Store that the workload is done.
    RecordExit,
    /// Remove the lease's network.
    RemoveNetwork,
    /// Destroy the root for good.
    DestroyRoot,
    /// Forget the workload.
    Forget,
}

impl Step {
    /// A word for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FetchImage => "fetch_image",
            Self::DiscardRoot => "discard_root",
            Self::EnsureNetwork => "ensure_network",
            Self::EnsureRoot => "ensure_root",
            Self::RemoveContainer => "remove_container",
            Self::CreateContainer => "create_container",
            Self::ClearRestart => "clear_restart",
            Self::Start => "start",
            Self::Probe => "probe",
            Self::ReportStarted => "report_started",
            Self::Stop => "stop",
            Self::RecordExit => "record_exit",
            Self::RemoveNetwork => "remove_network",
            Self::DestroyRoot => "destroy_root",
            Self::Forget => "forget",
        }
    }
}

/// The way to what is desired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What to do, in order; empty when all is well or nothing can be done.
    pub steps: Vec<Step>,
    /// Where the workload stands before the first step.
    pub phase: Phase,
    /// One line for a person.
    pub detail: &'static str,
}

impl Plan {
    fn new(steps: Vec<Step>, phase: Phase, detail: &'static str) -> Self {
        Self { steps, phase, detail }
    }
}

/// What must change so that `observed` matches `desired`.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan {
    match desired.entitlement {
        Entitlement::Closed { expendable, .. } => {
            close(observed, expendable, "the lease is closed")
        }
        Entitlement::Moved => close(observed, false, "another machine has taken the lease over"),
        Entitlement::Overdue => halt(observed, "paused: the lease's time is over"),
        _ if desired.want == Want::Stop => halt(observed, "stopped by request"),
        Entitlement::Unknown => leave(observed),
        Entitlement::Prospective => prepare(observed),
        Entitlement::Active { reported } => run(desired.restart, reported, observed),
    }
}

/// The lease is finally over here.
fn close(observed: &Observed, expendable: bool, why: &'static str) -> Plan {
    let mut steps = stop_if_running(observed);
    if observed.container != Container::Absent {
        steps.push(Step::RemoveContainer);
    }
    if observed.network != Part::Absent {
        steps.push(Step::RemoveNetwork);
    }
    if expendable {
        if !matches!(observed.root, Root::Absent | Root::Lost) {
            steps.push(Step::DestroyRoot);
        }
        steps.push(Step::Forget);
    }
    Plan::new(steps, Phase::Closed, why)
}

/// It must not run, and everything is kept.
fn halt(observed: &Observed, why: &'static str) -> Plan {
    Plan::new(stop_if_running(observed), Phase::Stopped, why)
}

/// The chain knows nothing of the lease, or nothing can be made for it: what runs goes on, what does not is
/// not begun. Only what has cards that are no longer its lease's is stopped.
fn leave(observed: &Observed) -> Plan {
    if let Container::There { fit: Fit::Outdated, state: RunState::Running { .. } } =
        observed.container
    {
        let why = "stopping: its cards are no longer the lease's";
        return Plan::new(vec![Step::Stop], Phase::Accepted, why);
    }
    match running(observed) {
        Some(true) => Plan::new(Vec::new(), Phase::Running, "healthy"),
        Some(false) => Plan::new(Vec::new(), Phase::Probing, "started, not yet healthy"),
        None => Plan::new(Vec::new(), Phase::Accepted, "waits for the lease to be on the chain"),
    }
}

/// Everything up to the container, but no start: the lease is not final.
fn prepare(observed: &Observed) -> Plan {
    if let Some(healthy) = running(observed) {
        // The lease was final before and a node now tells of an older state: leave it alone.
        let phase = if healthy { Phase::Running } else { Phase::Probing };
        return Plan::new(Vec::new(), phase, "running");
    }
    match build(observed, false) {
        Err(lost) => lost,
        Ok(steps) => {
            let (phase, detail) = phase_of(&steps)
                .unwrap_or((Phase::Accepted, "prepared; waits for the lease to be final"));
            Plan::new(steps, phase, detail)
        }
    }
}

/// The lease is final and the renter wants it to run.
fn run(restart: bool, reported: bool, observed: &Observed) -> Plan {
    if let Container::There { state: RunState::Exited(exit), fit } = observed.container {
        // A new spec is a wish to start again; so is a restart.
        if !restart && fit != Fit::Outdated {
            match exit {
                Exit::Undecided => {
                    return Plan::new(Vec::new(), Phase::Stopped, "ended; looking why");
                }
                Exit::Done { recorded, healthy } => {
                    let record = (!recorded).then_some(Step::RecordExit);
                    let report = (healthy && !reported).then_some(Step::ReportStarted);
                    let steps = record.into_iter().chain(report).collect();
                    return Plan::new(steps, Phase::Stopped, "ended by itself");
                }
                Exit::Crashed | Exit::Stopped => {}
            }
        }
    }
    let healthy = running(observed);
    let mut steps = match build(observed, restart) {
        Err(lost) => return lost,
        Ok(steps) => steps,
    };
    // What `build` stopped or made new must be started.
    let fresh = healthy.is_none() || steps.contains(&Step::Stop);
    if restart {
        steps.push(Step::ClearRestart);
    }
    if fresh {
        steps.push(Step::Start);
    }
    if fresh || healthy == Some(false) {
        steps.push(Step::Probe);
    }
    if !reported {
        steps.push(Step::ReportStarted);
    }
    let (phase, detail) = match (fresh, healthy) {
        (false, Some(true)) => (Phase::Running, "healthy"),
        (false, Some(false)) => (Phase::Probing, "started, not yet healthy"),
        _ => phase_of(&steps).unwrap_or((Phase::Starting, "starting")),
    };
    Plan::new(steps, phase, detail)
}

/// The steps to a stopped or rightly running container on its root; `Err` when the root is lost.
fn build(observed: &Observed, restart: bool) -> Result<Vec<Step>, Plan> {
    let mut steps = Vec::new();
    let mut container = observed.container;
    if observed.root == Root::Lost {
        return Err(Plan::new(steps, Phase::Failed, "the root file system is gone"));
    }
    let unfit = match container {
        Container::Absent => false,
        Container::There { state: RunState::Running { .. }, fit } => {
            let unfit = fit == Fit::Outdated;
            if unfit || restart {
                steps.push(Step::Stop);
            }
            unfit
        }
        Container::There { state: RunState::Dead, .. } => true,
        Container::There { fit, .. } => fit != Fit::Same,
    };
    let discard = observed.root == Root::OtherImage && !observed.ever_started;
    if container != Container::Absent && (unfit || discard) {
        steps.push(Step::RemoveContainer);
        container = Container::Absent;
    }
    if discard {
        steps.push(Step::DiscardRoot);
    }
    if !observed.image && (discard || observed.root == Root::Absent) {
        steps.push(Step::FetchImage);
    }
    if observed.network != Part::Ready {
        steps.push(Step::EnsureNetwork);
    }
    if observed.root != Root::Ready {
        steps.push(Step::EnsureRoot);
    }
    if container == Container::Absent {
        steps.push(Step::CreateContainer);
    }
    Ok(steps)
}

fn stop_if_running(observed: &Observed) -> Vec<Step> {
    if running(observed).is_some() { vec![Step::Stop] } else { Vec::new() }
}

/// Whether the container runs, and if so whether it is healthy.
fn running(observed: &Observed) -> Option<bool> {
    match observed.container {
        Container::There { state: RunState::Running { healthy }, .. } => Some(healthy),
        _ => None,
    }
}

/// What the first step means to a person.
fn phase_of(steps: &[Step]) -> Option<(Phase, &'static str)> {
    let first = steps.first()?;
    Some(match first {
        Step::FetchImage => (Phase::Pulling, "fetching the image"),
        Step::Start | Step::ClearRestart => (Phase::Starting, "starting"),
        Step::Probe => (Phase::Probing, "started, not yet healthy"),
        Step::Stop => (Phase::Starting, "stopping, to start anew"),
        _ => (Phase::Preparing, "preparing network and root file system"),
    })
}

#[cfg(test)]
mod tests;
