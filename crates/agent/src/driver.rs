//! One task a workload: takes wishes from one bounded queue, watches lease, machine and engine, and
//! brings the workload to where the planner says, one step at a time. The only writer of the
//! workload's record. Holds no policy: what to do is [`crate::plan`]'s, how is [`crate::execute`]'s.

mod pause;
mod tell;
mod wish;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use dbc_agent_api::{
    ApiError, ErrorCode,
    control::{Phase, WorkloadStatus},
};
use dbc_host::WorkloadKey;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::sleep_until,
};
use tracing::{debug, info, warn};

use self::pause::Pause;
pub use self::wish::{Command, Wish, admit, cards_of};
use crate::{
    cards::{self, Lost, LostCard},
    chain::{MachineRecord, Slot},
    entitlement::{Entitlement, LeaseView, entitlement},
    error::StepError,
    execute::{Executor, Job, Progress, Workload, runs},
    ledger::Ledger,
    metrics::Metrics,
    observe::{HostView, Memory, Moment, expected, look, observe},
    plan::{Desired, Observed, Plan, Step, Want, plan},
    record::{StartId, WorkloadRecord},
};

/// Wishes that may wait; whoever comes then is told that the workload is busy.
pub const QUEUE_MAX: usize = 16;
/// Time alone ends leases and pauses, so the planner is asked with each block, and this often while
/// there is none.
const TICK: Duration = Duration::from_secs(5);
/// The host is looked at this often though it told of nothing.
const LOOK: Duration = Duration::from_secs(30);

/// What all drivers share.
#[derive(Clone)]
pub struct Context {
    /// Does steps.
    pub executor: Executor,
    /// Leases and time.
    pub ledger: Arc<Ledger>,
    /// How often the engine's event stream has broken.
    pub engine: watch::Receiver<u64>,
    /// Which cards are lost.
    pub cards: watch::Receiver<Lost>,
    /// Counters.
    pub metrics: Metrics,
    /// How long an open lease still runs after its end.
    pub grace: Slot,
}

/// The way to a driver.
#[derive(Debug, Clone)]
pub struct Handle {
    /// Wishes.
    pub queue: mpsc::Sender<Command>,
    /// The state.
    pub status: watch::Receiver<WorkloadStatus>,
    /// Something happened to the workload's container.
    pub nudge: Arc<Notify>,
}

/// The task of one workload.
pub struct Driver {
    context: Context,
    workload: Workload,
    /// The record as stored.
    stored: Option<WorkloadRecord>,
    queue: mpsc::Receiver<Command>,
    status: watch::Sender<WorkloadStatus>,
    nudge: Arc<Notify>,
    lease: watch::Receiver<LeaseView>,
    machine: watch::Receiver<Option<MachineRecord>>,
    engine: watch::Receiver<u64>,
    cards: watch::Receiver<Lost>,
    heads: watch::Receiver<Slot>,
    /// When the host was last looked at; `None` when that is out of date.
    looked: Option<Instant>,
    /// What the chain entitled to when it was last asked.
    entitled: Option<Entitlement>,
    pause: Pause,
    crash: Pause,
    crashed: Option<StartId>,
    /// Nobody can reach the driver any more.
    gone: bool,
    /// Answered when the workload has stopped.
    stopping: Vec<oneshot::Sender<Result<(), ApiError>>>,
}

/// Something that a driver waits for.
enum Event {
    /// A wish.
    Command(Command),
    /// The chain or the cards told something, or time has passed.
    Time,
    /// The engine's event stream broke.
    Engine,
    /// Something happened to the container.
    Host,
    /// Nobody can reach the driver any more.
    Gone,
}

/// What comes after a turn.
enum Turn {
    /// The next, at once.
    Again,
    /// Wait until then, or until something happens.
    Wait(Option<Instant>),
    /// The workload is forgotten.
    Over,
}

impl Driver {
    /// A driver for a workload whose record is stored as given, and the way to it.
    pub fn new(context: Context, mut record: WorkloadRecord) -> (Self, Handle) {
        let stored = Some(record.clone());
        if record.phase == Phase::Running {
            // As far as anybody knows who has not looked yet.
            record.phase = Phase::Probing;
            record.detail = "the agent was started anew and looks".into();
        }
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let (status, status_receiver) = watch::channel(record.status());
        let nudge = Arc::new(Notify::new());
        let handle = Handle { queue: sender, status: status_receiver, nudge: nudge.clone() };
        context.metrics.phase(None, Some(record.phase));
        let driver = Self {
            lease: context.ledger.lease(record.key.lease),
            machine: context.ledger.machine(),
            engine: context.engine.clone(),
            cards: context.cards.clone(),
            heads: context.ledger.heads(),
            context,
            stored,
            workload: Workload {
                record,
                memory: Memory::default(),
                view: HostView::default(),
                shape: None,
                cards: None,
                engine: 0,
            },
            queue,
            status,
            nudge,
            looked: None,
            entitled: None,
            pause: Pause::NONE,
            crash: Pause::NONE,
            crashed: None,
            gone: false,
            stopping: Vec::new(),
        };
        (driver, handle)
    }

    fn key(&self) -> WorkloadKey {
        self.workload.record.key
    }

    /// Runs until the workload is forgotten or nobody can reach the driver any more.
    #[tracing::instrument(name = "workload", skip_all, fields(lease_id = self.key().lease,
        workload_id = self.key().workload))]
    pub async fn run(mut self) {
        while !self.gone {
            match self.turn().await {
                Turn::Again => {}
                Turn::Wait(until) => {
                    let event = self.next(until).await;
                    self.take(event).await;
                }
                Turn::Over => break,
            }
        }
        self.context.metrics.phase(Some(self.workload.record.phase), None);
    }

    /// Looks, plans, and does at most one step.
    async fn turn(&mut self) -> Turn {
        let now = Instant::now();
        let (entitlement, unfit) = self.inputs();
        if self.cards.borrow().is_none() && !self.workload.record.cards().is_empty() {
            // Told within moments of the agent's start: until then nobody knows whether it may be called well.
            return Turn::Wait(None);
        }
        if self.looked.is_none_or(|at| now.saturating_duration_since(at) >= LOOK) {
            if let Some(until) = self.pause.until(now) {
                return Turn::Wait(Some(until));
            }
            if let Err(error) = self.look().await {
                return self.fail("observe", error).await;
            }
        }
        let (plan, observed) = self.plan(entitlement, unfit.is_some());
        let Some(step) = plan.steps.first().copied() else {
            return self.settle(&plan, unfit).await;
        };
        if let Some(until) = self.hold_back(&plan, &observed).await {
            return Turn::Wait(Some(until));
        }
        self.publish(plan.phase, plan.detail);
        debug!(step = step.as_str(), steps = plan.steps.len(), "next step");
        match self.execute(step, entitlement).await {
            Ok(Some(step)) => {
                self.context.metrics.step(step.as_str(), "ok");
                self.pause.clear();
                if step == Step::Forget { Turn::Over } else { Turn::Again }
            }
            Ok(None) => {
                self.context.metrics.step(step.as_str(), "dropped");
                Turn::Again
            }
            Err(error) => {
                self.context.metrics.step(step.as_str(), "failed");
                self.fail(step.as_str(), error).await
            }
        }
    }

    /// What is entitled to now, and why the spec does not fit the lease's share, if it does not.
    fn inputs(&mut self) -> (Entitlement, Option<ApiError>) {
        let now = self.context.ledger.clock().now();
        let lease = self.lease.borrow_and_update().clone();
        let machine = self.machine.borrow_and_update().clone();
        self.workload.engine = *self.engine.borrow_and_update();
        let entitlement = entitlement(&lease, now, self.context.grace);
        if self.entitled != Some(entitlement) {
            info!(?entitlement, "entitlement");
            self.entitled = Some(entitlement);
            self.pause.clear();
        }
        self.workload.cards = wish::cards_of(&lease, machine.as_ref());
        let lost = cards::first(&self.cards.borrow_and_update(), self.workload.record.cards());
        if self.workload.memory.lost != lost {
            self.workload.memory.lost = lost;
            self.pause.clear();
        }
        match wish::fit(&self.workload.record.spec, &lease, machine.as_ref()) {
            Ok(shape) => {
                self.workload.shape = Some(shape);
                (entitlement, None)
            }
            Err(error) => {
                self.workload.shape = None;
                (entitlement, Some(error))
            }
        }
    }

    async fn look(&mut self) -> Result<(), StepError> {
        let workload = &mut self.workload;
        let host = &self.context.executor.host;
        let view = look(host, &workload.record).await?;
        if view.root {
            if let Ok(usage) = host.pool.usage(workload.record.key).await {
                workload.record.usage = usage;
            }
        }
        if !view.network {
            workload.memory.network_settled = false;
        }
        if !view.root {
            workload.memory.root_settled = None;
        }
        workload.memory.note(&view, workload.engine, Instant::now());
        workload.view = view;
        self.looked = Some(Instant::now());
        Ok(())
    }

    fn plan(&self, entitlement: Entitlement, unfit: bool) -> (Plan, Observed) {
        let workload = &self.workload;
        let entitlement = match entitlement {
            Entitlement::Active { reported } => {
                Entitlement::Active { reported: reported || workload.memory.reported }
            }
            other => other,
        };
        // Without a share nothing can be made, and what runs is left as it is, on cards of its lease.
        let active = matches!(entitlement, Entitlement::Active { .. } | Entitlement::Prospective);
        let blocked = unfit && active && workload.record.want == Want::Run;
        let desired = Desired {
            entitlement: if blocked { Entitlement::Unknown } else { entitlement },
            want: workload.record.want,
            restart: workload.record.restart,
        };
        let shape = workload.shape.as_ref();
        let host = &self.context.executor.host;
        let expected =
            shape.and_then(|shape| expected(host, &workload.record, shape).ok().flatten());
        let moment = Moment { now: Instant::now(), engine: workload.engine };
        let observed = observe(
            &workload.record,
            &workload.view,
            &workload.memory,
            shape,
            expected.as_ref(),
            workload.cards.as_deref(),
            &moment,
        );
        (plan(&desired, &observed), observed)
    }

    /// Does one step. `None` when it was dropped because the wish for it is gone.
    async fn execute(
        &mut self,
        step: Step,
        entitlement: Entitlement,
    ) -> Result<Option<Step>, StepError> {
        self.context.executor.announce(step, &mut self.workload)?;
        self.save().await?;
        let status = self.status.clone();
        let progress: Progress = Arc::new(move |detail: String| {
            status.send_modify(|status| status.detail = detail);
        });
        let executor = self.context.executor.clone();
        match executor.job(step, &self.workload, progress) {
            Some(job) => Ok(self.attend(step, job).await?.then_some(step)),
            None => {
                executor.perform(step, &mut self.workload, entitlement).await?;
                Ok(Some(step))
            }
        }
    }

    /// Waits for a job while listening: whether it ended, or was dropped for want of a reason.
    async fn attend(&mut self, step: Step, mut job: Job) -> Result<bool, StepError> {
        let about = self.subject();
        loop {
            let event = tokio::select! {
                result = &mut job => {
                    self.context.executor.apply(result?, &mut self.workload);
                    return Ok(true);
                }
                event = self.next(None) => event,
            };
            // Outside of the race: a wish half taken would be a wish lost.
            self.take(event).await;
            if self.gone {
                return Ok(false);
            }
            let (entitlement, unfit) = self.inputs();
            if self.looked.is_none() && self.look().await.is_err() {
                // The job will meet the same fault, or not need what is away.
                continue;
            }
            let (plan, _) = self.plan(entitlement, unfit.is_some());
            if plan.steps.first() != Some(&step) || self.subject() != about {
                debug!(step = step.as_str(), "dropped");
                return Ok(false);
            }
        }
    }

    /// What a job is about; another subject makes it another job.
    fn subject(&self) -> (String, Option<StartId>, Option<LostCard>) {
        let start = self.workload.view.container.as_ref().and_then(StartId::of);
        (self.workload.record.reference().to_owned(), start, self.workload.memory.lost.clone())
    }

    /// Waits until something happens, at most until the next tick. Cancel-safe: what came is either
    /// given or still there.
    async fn next(&mut self, until: Option<Instant>) -> Event {
        let now = Instant::now();
        let tick = until.unwrap_or(now + TICK).min(now + TICK);
        tokio::select! {
            command = self.queue.recv() => command.map_or(Event::Gone, Event::Command),
            // The ledger forgets a lease only after its workloads.
            changed = self.lease.changed() => changed.map_or(Event::Gone, |()| Event::Time),
            Ok(()) = self.machine.changed() => Event::Time,
            Ok(()) = self.heads.changed() => Event::Time,
            Ok(()) = self.engine.changed() => Event::Engine,
            Ok(()) = self.cards.changed() => Event::Time,
            () = self.nudge.notified() => Event::Host,
            () = sleep_until(tick.into()) => Event::Time,
        }
    }

    async fn take(&mut self, event: Event) {
        match event {
            Event::Command(command) => self.command(command).await,
            Event::Engine => {
                self.looked = None;
                self.pause.clear();
            }
            Event::Host => self.looked = None,
            Event::Time => {}
            Event::Gone => self.gone = true,
        }
    }

    async fn command(&mut self, Command { wish, reply }: Command) {
        let lease = self.lease.borrow().clone();
        let machine = self.machine.borrow().clone();
        let running = runs(&self.workload.view);
        let waits = matches!(wish, Wish::Stop);
        let before = self.workload.clone();
        let applied = wish::apply(wish, &mut self.workload, running, &lease, machine.as_ref());
        let stored = match applied {
            Ok(true) => self.save().await.map_err(|error| {
                warn!(error = dbc_service::error_chain(&error), "wish not stored");
                error.api()
            }),
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        if stored.is_err() {
            self.workload = before;
        } else {
            self.pause.clear();
            self.crash.clear();
            let (phase, detail) = (self.workload.record.phase, self.workload.record.detail.clone());
            self.publish(phase, &detail);
        }
        if stored.is_ok() && !waits {
            // Whoever waits for it to stop waits in vain now.
            for stop in self.stopping.drain(..) {
                let message = "it was started again meanwhile";
                let _ = stop.send(Err(ApiError::new(ErrorCode::WrongState, message)));
            }
        }
        if stored.is_ok() && waits {
            self.stopping.push(reply);
        } else {
            let _ = reply.send(stored);
        }
    }
}
