//! What is: asks the host, and turns its answers and the record into what the planner sees. Asking
//! is [`look`]; everything else is pure. Changes nothing.

use std::time::{Duration, Instant};

use dbc_host::{
    WorkloadKey,
    backend::{ContainerPlan, ContainerState, ObservedContainer},
};

use crate::{
    cards::LostCard,
    error::StepError,
    host::Host,
    plan::{Container, Exit, Fit, Observed, Part, Root, RunState},
    record::{StartId, WorkloadRecord},
    shape::{self, Places, Shape},
};

/// How long an engine that goes down may take from the first container it ends until it hangs up
/// (Docker's own limit is 15 s). An end before that is not yet known to be the workload's own.
pub const EXIT_SETTLE: Duration = Duration::from_secs(20);

/// What the host shows of one workload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostView {
    /// Its container.
    pub container: Option<ObservedContainer>,
    /// Whether its root is in the pool.
    pub root: bool,
    /// Whether its image's tree is in the pool.
    pub image: bool,
    /// Whether its lease's network is there.
    pub network: bool,
}

/// Asks the host.
///
/// # Errors
/// When engine or pool do not answer; nothing is known then, and nothing must be concluded.
pub async fn look(host: &Host, record: &WorkloadRecord) -> Result<HostView, StepError> {
    let (containers, pool, networks) =
        tokio::join!(host.backend.list(), host.pool.list(), host.network.list());
    let (containers, pool, networks) = (containers?, pool?, networks?);
    let image = record.current_image().is_some_and(|image| pool.images.contains(&image.id));
    Ok(HostView {
        container: containers.into_iter().find(|container| container.key == record.key),
        root: pool.roots.contains(&record.key),
        image,
        network: networks.iter().any(|network| network.lease == record.key.lease),
    })
}

/// What one run of the agent knows and the next finds out anew.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// Whether the network was ensured.
    pub network_settled: bool,
    /// The quota with which the root was ensured.
    pub root_settled: Option<u64>,
    /// Whether the container was ensured, with the engine's knowledge of its root.
    pub container_settled: bool,
    /// The last start failed; the container is made anew.
    pub start_failed: bool,
    /// The chain took our `started`, though its record may not show it yet.
    pub reported: bool,
    /// The start that we saw, or made.
    pub witness: Option<Witness>,
    /// A card of its container that is lost.
    pub lost: Option<LostCard>,
}

/// A start that this run of the agent knows from its own eyes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Which.
    pub start: StartId,
    /// How often the engine's event stream had broken when it was last seen running.
    pub engine: u64,
    /// When it was seen to have ended.
    pub ended: Option<Instant>,
}

impl Memory {
    /// Notes what is seen: a running container is witnessed, the end of a witnessed one is timed.
    pub fn note(&mut self, view: &HostView, engine: u64, now: Instant) {
        let Some(container) = &view.container else { return };
        let Some(start) = StartId::of(container) else { return };
        match container.state {
            ContainerState::Running => {
                self.witness = Some(Witness { start, engine, ended: None });
            }
            ContainerState::Exited { .. } => {
                if let Some(witness) = self.witness.as_mut().filter(|w| w.start == start) {
                    witness.ended.get_or_insert(now);
                }
            }
            ContainerState::Created | ContainerState::Dead => {}
        }
    }
}

/// The container that would be made now; `None` before network, root and image are known.
pub fn expected(
    host: &Host,
    record: &WorkloadRecord,
    shape: &Shape,
) -> Result<Option<ContainerPlan>, StepError> {
    let (Some(root), Some(network), Some(image)) =
        (&record.root_path, &record.network, record.current_image())
    else {
        return Ok(None);
    };
    let places = Places {
        root: root.clone(),
        network: network.clone(),
        init: host.init.clone(),
        run_dir: host.run_dir(record.key),
    };
    let plan = shape::container_plan(record.key, &record.spec, shape, &image.config, &places)?;
    Ok(Some(plan))
}

/// What the planner sees. `shape` is `None` when the share of the machine is not known: then a container
/// counts as outdated only when it has others than the lease's `cards`.
pub fn observe(
    record: &WorkloadRecord,
    view: &HostView,
    memory: &Memory,
    shape: Option<&Shape>,
    expected: Option<&ContainerPlan>,
    cards: Option<&[String]>,
    moment: &Moment,
) -> Observed {
    Observed {
        image: view.image,
        root: root(record, view, memory, shape),
        ever_started: record.ever_started,
        network: match (view.network, memory.network_settled) {
            (false, _) => Part::Absent,
            (true, false) => Part::Unsettled,
            (true, true) => Part::Ready,
        },
        container: match &view.container {
            None => Container::Absent,
            Some(container) => Container::There {
                fit: fit(record, container, memory, shape, expected, cards),
                state: state(record, container, memory, moment),
            },
        },
    }
}

/// When the planner is asked.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Monotonic time.
    pub now: Instant,
    /// How often the engine's event stream has broken.
    pub engine: u64,
}

fn root(record: &WorkloadRecord, view: &HostView, memory: &Memory, shape: Option<&Shape>) -> Root {
    if !view.root {
        return if record.ever_started { Root::Lost } else { Root::Absent };
    }
    // The planner may discard a root of another image, so that word needs proof on both sides.
    if !record.ever_started {
        if let Some(made_from) = &record.root_image {
            match record.current_image() {
                Some(image) if image.id == *made_from => {}
                _ => return Root::OtherImage,
            }
        }
    }
    match (memory.root_settled, shape) {
        (Some(quota), Some(shape)) if quota == shape.quota_bytes => Root::Ready,
        (Some(_), None) => Root::Ready,
        _ => Root::Unsettled,
    }
}

fn fit(
    record: &WorkloadRecord,
    container: &ObservedContainer,
    memory: &Memory,
    shape: Option<&Shape>,
    expected: Option<&ContainerPlan>,
    cards: Option<&[String]>,
) -> Fit {
    if memory.start_failed && container.state != ContainerState::Running {
        return Fit::Outdated;
    }
    if expected.is_some_and(|plan| plan.hash() == container.plan) {
        return Fit::Same;
    }
    let Some(shape) = shape else {
        let foreign = |cards: &[String]| record.cards().iter().any(|card| !cards.contains(card));
        return if cards.is_some_and(foreign) { Fit::Outdated } else { Fit::Stale };
    };
    match &record.made {
        Some(made) if made.plan == container.plan && made.basis == shape.basis => Fit::Stale,
        _ => Fit::Outdated,
    }
}

fn state(
    record: &WorkloadRecord,
    container: &ObservedContainer,
    memory: &Memory,
    moment: &Moment,
) -> RunState {
    let start = StartId::of(container);
    match container.state {
        ContainerState::Created => RunState::Created,
        ContainerState::Dead => RunState::Dead,
        ContainerState::Running => {
            let healthy = start.is_some() && record.healthy == start && memory.lost.is_none();
            RunState::Running { healthy }
        }
        ContainerState::Exited { code, .. } => match start {
            None => RunState::Created,
            Some(start) => RunState::Exited(exit(record, &start, code, memory, moment)),
        },
    }
}

/// Why a container ended. Ends that nobody saw, and ends around a break of the engine, count as the
/// host's doing: a service comes back after a reboot, at the price that a job which ended in that
/// very moment may run twice.
fn exit(
    record: &WorkloadRecord,
    start: &StartId,
    code: i64,
    memory: &Memory,
    moment: &Moment,
) -> Exit {
    let healthy = record.healthy.as_ref() == Some(start) || no_probe(record);
    if record.done.as_ref() == Some(start) {
        return Exit::Done { recorded: true, healthy };
    }
    let witness = memory.witness.as_ref().filter(|witness| witness.start == *start);
    let Some(witness) = witness.filter(|_| record.stopped.as_ref() != Some(start)) else {
        return Exit::Stopped;
    };
    if witness.engine != moment.engine {
        return Exit::Stopped;
    }
    if code != 0 {
        return Exit::Crashed;
    }
    let settled = |ended| moment.now.saturating_duration_since(ended) >= EXIT_SETTLE;
    if witness.ended.is_some_and(settled) {
        Exit::Done { recorded: false, healthy }
    } else {
        Exit::Undecided
    }
}

fn no_probe(record: &WorkloadRecord) -> bool {
    shape::container(&record.spec).is_ok_and(|container| container.probe.is_none())
}

/// A container that was just made, as [`look`] would show it.
pub fn created(key: WorkloadKey, id: dbc_host::ContainerId, plan: String) -> ObservedContainer {
    ObservedContainer { id, key, state: ContainerState::Created, started_at: None, plan }
}

#[cfg(test)]
mod tests;
