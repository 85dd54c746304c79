//! Does the steps of a plan, one at a time, dully. Each has two halves: [`Executor::announce`]
//! changes the record to what must be known if the agent dies in the middle, and is stored; then
//! [`Executor::perform`] acts on the host. Every act may be repeated. Decides nothing, except that
//! it asks once more before data is destroyed.

mod jobs;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use dbc_host::{
    BackendError,
    backend::{ContainerState, ObservedContainer},
};

pub use self::jobs::{Job, JobResult, Progress};
use crate::{
    chain::{ChainActions, ChainView},
    entitlement::Entitlement,
    error::StepError,
    host::Host,
    observe::{HostView, Memory, Witness, created, expected},
    plan::Step,
    record::{Made, StartId, WorkloadRecord},
    shape::Shape,
    store::Store,
};

/// Less free space than this share makes a pool full: a tenth of it is never let, and what is written into that last
/// part is nobody's quota.
const RESERVE_PERCENT: u64 = 1;

/// Bounds of what the executor does.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How long a workload may take to end when it is asked to.
    pub stop_time: Duration,
    /// Most bytes of an unpacked image.
    pub image_bytes_max: u64,
}

/// A place in the agent where it may die. Production passes; a test ends the agent at the n-th.
#[async_trait]
pub trait Checkpoint: Send + Sync {
    /// Called before and after everything that outlives the process.
    async fn pass(&self, place: &'static str);
}

/// Passes always.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCheckpoint;

#[async_trait]
impl Checkpoint for NoCheckpoint {
    async fn pass(&self, _place: &'static str) {}
}

/// Does steps. Cheap to clone.
#[derive(Clone)]
pub struct Executor {
    /// The machine.
    pub host: Host,
    /// Reads the chain.
    pub view: Arc<dyn ChainView>,
    /// Signs as operator.
    pub actions: Arc<dyn ChainActions>,
    /// The agent's memory.
    pub store: Store,
    /// Where tests end the agent.
    pub checkpoint: Arc<dyn Checkpoint>,
    /// Bounds.
    pub bounds: Bounds,
}

/// A workload as its driver holds it.
#[derive(Debug, Clone)]
pub struct Workload {
    /// What is stored.
    pub record: WorkloadRecord,
    /// What this run of the agent knows.
    pub memory: Memory,
    /// What the host showed last, with the effects of steps since.
    pub view: HostView,
    /// The spec fitted into the lease's share; `None` when the share is not known.
    pub shape: Option<Shape>,
    /// UUIDs of the cards that the lease has; `None` when they are not known.
    pub cards: Option<Vec<String>>,
    /// How often the engine's event stream has broken.
    pub engine: u64,
}

impl Workload {
    fn start_id(&self) -> Option<StartId> {
        self.view.container.as_ref().and_then(StartId::of)
    }
}

impl Executor {
    /// Stores the record.
    pub async fn save(&self, record: &WorkloadRecord) -> Result<(), StepError> {
        self.checkpoint.pass("before save").await;
        self.store.save_workload(record).await?;
        self.checkpoint.pass("after save").await;
        Ok(())
    }

    /// Changes the record to what must be stored before the step.
    pub fn announce(&self, step: Step, workload: &mut Workload) -> Result<(), StepError> {
        match step {
            Step::EnsureRoot if workload.record.root_image.is_none() => {
                let image = workload.record.current_image();
                workload.record.root_image = image.map(|image| image.id.clone());
            }
            Step::CreateContainer => {
                let (plan, shape) = self.plan_of(workload)?;
                let (basis, gpus) = (shape.basis.clone(), shape.gpus.clone());
                let made = Made { plan: plan.hash(), basis, gpus };
                workload.record.made = Some(made);
            }
            Step::Start => {
                let record = &mut workload.record;
                record.ever_started = true;
                record.healthy = None;
                record.stopped = None;
                record.done = None;
            }
            Step::Stop => workload.record.stopped = workload.start_id(),
            Step::RecordExit => workload.record.done = workload.start_id(),
            Step::ClearRestart => workload.record.restart = false,
            _ => {}
        }
        Ok(())
    }

    /// Does a step. Not for those that [`Job`] does.
    pub async fn perform(
        &self,
        step: Step,
        workload: &mut Workload,
        entitlement: Entitlement,
    ) -> Result<(), StepError> {
        self.checkpoint.pass(step.as_str()).await;
        if let Err(error) = self.act(step, workload, entitlement).await {
            return Err(self.whose(error).await);
        }
        self.checkpoint.pass(step.as_str()).await;
        Ok(())
    }

    async fn act(
        &self,
        step: Step,
        workload: &mut Workload,
        entitlement: Entitlement,
    ) -> Result<(), StepError> {
        match step {
            // Done by being stored.
            Step::RecordExit | Step::ClearRestart => Ok(()),
            Step::DiscardRoot => self.discard_root(workload).await,
            Step::EnsureNetwork => self.ensure_network(workload).await,
            Step::EnsureRoot => self.ensure_root(workload).await,
            Step::RemoveContainer => self.remove_container(workload).await,
            Step::CreateContainer => self.create_container(workload).await,
            Step::Start => self.start(workload).await,
            Step::Stop => self.stop(workload).await,
            Step::RemoveNetwork => self.remove_network(workload).await,
            Step::DestroyRoot => self.destroy_root(workload, entitlement).await,
            Step::Forget => Ok(self.store.delete_workload(workload.record.key).await?),
            Step::FetchImage | Step::Probe | Step::ReportStarted => {
                Err(StepError::Guard("it is a job"))
            }
        }
    }

    /// Whose disk is full, when one is. What these steps write is in no quota but at a start, which makes files in the
    /// workload's root and fails in words that may be the renter's: there the pool is asked.
    async fn whose(&self, error: StepError) -> StepError {
        let start = matches!(error, StepError::Backend(BackendError::Start { .. }));
        match error.is_for_want_of_room() && (!start || self.pool_full().await) {
            true => StepError::HostFull(Box::new(error)),
            false => error,
        }
    }

    async fn pool_full(&self) -> bool {
        let health = self.host.pool.health().await;
        health.is_ok_and(|health| health.free_bytes < health.total_bytes / 100 * RESERVE_PERCENT)
    }

    async fn discard_root(&self, workload: &mut Workload) -> Result<(), StepError> {
        if workload.record.ever_started {
            return Err(StepError::Guard("a root that ran is not discarded"));
        }
        self.host.pool.destroy_root(workload.record.key).await?;
        workload.view.root = false;
        workload.memory.root_settled = None;
        workload.record.root_image = None;
        workload.record.root_path = None;
        Ok(())
    }

    async fn ensure_network(&self, workload: &mut Workload) -> Result<(), StepError> {
        let network = self.host.network.ensure(workload.record.key.lease).await?;
        workload.record.network = Some(network.name);
        workload.memory.network_settled = true;
        workload.view.network = true;
        Ok(())
    }

    async fn ensure_root(&self, workload: &mut Workload) -> Result<(), StepError> {
        let record = &mut workload.record;
        let shape = workload.shape.as_ref().ok_or(StepError::Guard("no share"))?;
        let image = record.root_image.clone().ok_or(StepError::Guard("no image for the root"))?;
        let root = self.host.pool.ensure_root(record.key, &image, shape.quota_bytes).await?;
        record.root_path = Some(root.path);
        record.usage.limit_bytes = shape.quota_bytes;
        workload.memory.root_settled = Some(shape.quota_bytes);
        workload.view.root = true;
        Ok(())
    }

    async fn remove_container(&self, workload: &mut Workload) -> Result<(), StepError> {
        if let Some(container) = &workload.view.container {
            self.host.backend.remove(&container.id).await?;
        }
        workload.view.container = None;
        workload.record.made = None;
        workload.memory.start_failed = false;
        workload.memory.container_settled = false;
        Ok(())
    }

    async fn create_container(&self, workload: &mut Workload) -> Result<(), StepError> {
        let key = workload.record.key;
        let (plan, _) = self.plan_of(workload)?;
        self.prepare_run_dir(workload).await?;
        let id = self.host.backend.create(&plan).await?;
        workload.view.container = Some(created(key, id, plan.hash()));
        workload.memory.container_settled = true;
        Ok(())
    }

    async fn start(&self, workload: &mut Workload) -> Result<(), StepError> {
        let Some(container) = workload.view.container.clone() else {
            return Err(StepError::Guard("no container to start"));
        };
        if let Some(card) = &workload.memory.lost {
            return Err(card.clone().into());
        }
        self.cards_free(&workload.record).await?;
        self.prepare_run_dir(workload).await?;
        if !workload.memory.container_settled {
            // Tells the engine's runtime again where the root is: that may be gone with a reboot, or
            // we died before it was said.
            if let Ok((plan, _)) = self.plan_of(workload) {
                if plan.hash() == container.plan {
                    self.host.backend.create(&plan).await?;
                }
            }
            workload.memory.container_settled = true;
        }
        if let Err(error) = self.host.backend.start(&container.id).await {
            workload.memory.start_failed = true;
            return Err(error.into());
        }
        self.checkpoint.pass("started").await;
        workload.record.starts = workload.record.starts.saturating_add(1);
        self.refresh(workload, &container).await?;
        if let Some(start) = workload.start_id() {
            let engine = workload.engine;
            workload.memory.witness = Some(Witness { start, engine, ended: None });
        }
        Ok(())
    }

    /// Waits, by failing, for whoever had the lease's cards before: its stop may take a while.
    async fn cards_free(&self, record: &WorkloadRecord) -> Result<(), StepError> {
        if record.cards().is_empty() {
            return Ok(());
        }
        let seen = self.host.backend.list().await?;
        let runs = |key| seen.iter().any(|c| c.key == key && c.state == ContainerState::Running);
        let shares = |other: &WorkloadRecord| {
            other.key != record.key && other.cards().iter().any(|c| record.cards().contains(c))
        };
        let others = self.store.workloads().await?;
        if others.iter().any(|other| shares(other) && runs(other.key)) {
            return Err(StepError::CardsTaken);
        }
        Ok(())
    }

    async fn stop(&self, workload: &mut Workload) -> Result<(), StepError> {
        let Some(container) = workload.view.container.clone() else { return Ok(()) };
        match self.host.backend.stop(&container.id, self.bounds.stop_time).await {
            Err(BackendError::NoContainer { .. }) => workload.view.container = None,
            other => {
                other?;
                self.refresh(workload, &container).await?;
            }
        }
        Ok(())
    }

    async fn remove_network(&self, workload: &mut Workload) -> Result<(), StepError> {
        let key = workload.record.key;
        // The folder first: it is the network that tells, after a crash, that this is not done.
        let removed = self.host.guest.remove(&self.host.run_dir(key)).await;
        removed.map_err(|source| StepError::RunDir { action: "remove", source })?;
        self.checkpoint.pass("run folder removed").await;
        self.host.network.remove(key.lease).await?;
        workload.view.network = false;
        workload.memory.network_settled = false;
        Ok(())
    }

    async fn destroy_root(
        &self,
        workload: &mut Workload,
        entitlement: Entitlement,
    ) -> Result<(), StepError> {
        let Entitlement::Closed { expendable: true, .. } = entitlement else {
            return Err(StepError::Guard("the root may not be destroyed yet"));
        };
        self.host.pool.destroy_root(workload.record.key).await?;
        workload.view.root = false;
        workload.memory.root_settled = None;
        workload.record.root_path = None;
        Ok(())
    }

    async fn prepare_run_dir(&self, workload: &Workload) -> Result<(), StepError> {
        let dir = self.host.run_dir(workload.record.key);
        let prepared = self.host.guest.prepare(&dir).await;
        prepared.map_err(|source| StepError::RunDir { action: "prepare", source })
    }

    /// Looks at one container again after it was started or stopped.
    async fn refresh(
        &self,
        workload: &mut Workload,
        container: &ObservedContainer,
    ) -> Result<(), StepError> {
        let seen = self.host.backend.list().await?;
        workload.view.container = seen.into_iter().find(|seen| seen.id == container.id);
        Ok(())
    }

    fn plan_of<'a>(
        &self,
        workload: &'a Workload,
    ) -> Result<(dbc_host::backend::ContainerPlan, &'a Shape), StepError> {
        let shape = workload.shape.as_ref().ok_or(StepError::Guard("no share"))?;
        let plan = expected(&self.host, &workload.record, shape)?;
        Ok((plan.ok_or(StepError::Guard("no root, network or image yet"))?, shape))
    }
}

/// Whether the container of a workload runs.
pub fn runs(view: &HostView) -> bool {
    view.container.as_ref().is_some_and(|seen| seen.state == ContainerState::Running)
}
