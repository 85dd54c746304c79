//! The steps that may take long: fetching an image, waiting for health, telling the chain. Each
//! works on copies and gives a result, so that a driver can drop it when the wish for it is gone
//! and apply the result when it is not.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use dbc_agent_api::workload::Probe;
use dbc_host::{
    Backend, Cause, ImageRef,
    backend::{ContainerState, PullLimits, PullProgress},
    image::PulledImage,
    pool::FillTree,
};
use futures::future::BoxFuture;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Executor, Workload};
use crate::{
    chain::At,
    error::StepError,
    host::GuestError,
    plan::Step,
    record::{StartId, StoredImage},
    shape,
};

/// How long init may take to answer after a start, without a probe in the spec.
const INIT_TIME: Duration = Duration::from_secs(30);
/// First pause between two tries of a probe; grows to `PROBE_PAUSE_MAX`.
const PROBE_PAUSE: Duration = Duration::from_millis(20);
const PROBE_PAUSE_MAX: Duration = Duration::from_secs(1);
/// Longest single run of a probe's command.
const PROBE_RUN_MAX: Duration = Duration::from_secs(30);

/// Told how far a job has come, in words for a person.
pub type Progress = Arc<dyn Fn(String) + Send + Sync>;

/// A step under way.
pub type Job = BoxFuture<'static, Result<JobResult, StepError>>;

/// What a job brought.
#[derive(Debug, Clone)]
pub enum JobResult {
    /// The image is in the pool.
    Image(Box<StoredImage>),
    /// This start is healthy.
    Healthy(StartId),
    /// The chain knows.
    Reported,
}

impl Executor {
    /// The step as a job; `None` when it is a short one.
    pub fn job(&self, step: Step, workload: &Workload, progress: Progress) -> Option<Job> {
        let executor = self.clone();
        match step {
            Step::FetchImage => {
                let reference = workload.record.reference().to_owned();
                Some(Box::pin(executor.fetch(reference, progress)))
            }
            Step::Probe => {
                let probe = shape::container(&workload.record.spec).map(|c| c.probe.clone());
                let dir = self.host.run_dir(workload.record.key);
                let start = workload.start_id();
                let lost = workload.memory.lost.clone();
                Some(Box::pin(async move {
                    lost.map_or(Ok(()), |card| Err(StepError::CardLost(card)))?;
                    let start = start.ok_or(StepError::Guard("nothing was started"))?;
                    executor.probe(&dir, probe?, &start).await?;
                    Ok(JobResult::Healthy(start))
                }))
            }
            Step::ReportStarted => Some(Box::pin(executor.report(workload.record.key.lease))),
            _ => None,
        }
    }

    /// Takes over what a job brought.
    pub fn apply(&self, result: JobResult, workload: &mut Workload) {
        match result {
            JobResult::Image(image) => {
                workload.record.image = Some(*image);
                workload.view.image = true;
            }
            JobResult::Healthy(start) => workload.record.healthy = Some(start),
            JobResult::Reported => workload.memory.reported = true,
        }
    }

    async fn fetch(self, reference: String, progress: Progress) -> Result<JobResult, StepError> {
        self.checkpoint.pass("fetch_image").await;
        let image = ImageRef::parse(&reference).map_err(|error| {
            let code = dbc_agent_api::ErrorCode::InvalidSpec;
            dbc_agent_api::ApiError::new(code, format!("kind.container.image: {error}"))
        })?;
        let limits =
            PullLimits { size_bytes_max: self.bounds.image_bytes_max, ..PullLimits::default() };
        let told = progress.clone();
        let tell = move |at: PullProgress| told(words(at));
        let pulled = self.host.backend.pull(&image, limits, &tell).await?;
        self.checkpoint.pass("pulled").await;
        progress("unpacking the image".into());
        let fill = Unpack {
            backend: self.host.backend.clone(),
            image: pulled.clone(),
            bytes_max: self.bounds.image_bytes_max,
        };
        self.host.pool.ensure_image(&pulled.id, &fill).await?;
        self.checkpoint.pass("fetch_image").await;
        Ok(JobResult::Image(Box::new(StoredImage { reference, pulled })))
    }

    async fn probe(
        &self,
        dir: &Path,
        probe: Option<Probe>,
        start: &StartId,
    ) -> Result<(), StepError> {
        self.checkpoint.pass("probe").await;
        let limit = match &probe {
            None => INIT_TIME,
            Some(Probe::Exec { timeout_s, .. } | Probe::Tcp { timeout_s, .. }) => {
                Duration::from_secs(u64::from(*timeout_s))
            }
        };
        let end = Instant::now() + limit;
        let mut pause = PROBE_PAUSE;
        loop {
            let last = match timeout_at(end, self.probe_once(dir, probe.as_ref())).await {
                Ok(Ok(())) => {
                    self.checkpoint.pass("probe").await;
                    return Ok(());
                }
                Ok(Err(error)) => dbc_service::error_chain(&error),
                Err(_) => "no answer".to_owned(),
            };
            if let Some(how) = self.ended(start, probe.is_none()).await? {
                return how.map_err(StepError::Unhealthy);
            }
            if Instant::now() + pause >= end {
                let limit = limit.as_secs();
                return Err(StepError::Unhealthy(format!("not within {limit} s: {last}")));
            }
            sleep(pause).await;
            pause = (pause * 2).min(PROBE_PAUSE_MAX);
        }
    }

    /// How this start ended, if it did: a workload without a probe may end well at once.
    async fn ended(
        &self,
        start: &StartId,
        may_end: bool,
    ) -> Result<Option<Result<(), String>>, StepError> {
        let seen = self.host.backend.list().await?;
        let Some(container) = seen.iter().find(|c| StartId::of(c).as_ref() == Some(start)) else {
            return Ok(Some(Err("its container is gone".into())));
        };
        Ok(match container.state {
            ContainerState::Exited { code: 0, .. } if may_end => Some(Ok(())),
            ContainerState::Exited { oom: true, .. } => Some(Err("out of memory".into())),
            ContainerState::Exited { code, .. } => Some(Err(format!("it ended with code {code}"))),
            ContainerState::Dead => Some(Err("the engine lost it".into())),
            ContainerState::Created | ContainerState::Running => None,
        })
    }

    async fn probe_once(&self, dir: &Path, probe: Option<&Probe>) -> Result<(), GuestError> {
        let guest = &self.host.guest;
        match probe {
            None => guest.ready(dir).await,
            Some(Probe::Exec { command, .. }) => guest.probe(dir, command, PROBE_RUN_MAX).await,
            Some(Probe::Tcp { port, .. }) => guest.tcp(dir, *port).await.map(drop),
        }
    }

    /// Tells the chain that the lease's workload is healthy, unless it knows: a call that we sent
    /// before we died may stand in a block.
    async fn report(self, lease: u64) -> Result<JobResult, StepError> {
        self.checkpoint.pass("report_started").await;
        let known = self.view.lease(lease, At::Best).await?;
        if known.is_some_and(|lease| lease.started_at.is_some()) {
            return Ok(JobResult::Reported);
        }
        self.actions.started(lease).await?;
        self.checkpoint.pass("report_started").await;
        Ok(JobResult::Reported)
    }
}

fn words(at: PullProgress) -> String {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    if at.extracting {
        return "extracting the image".into();
    }
    format!("pulling {} of {} MiB", mib(at.done_bytes), mib(at.total_bytes))
}

/// Fills a tree of the pool from the engine's copy.
struct Unpack {
    backend: Arc<dyn Backend>,
    image: PulledImage,
    bytes_max: u64,
}

#[async_trait]
impl FillTree for Unpack {
    async fn fill(&self, dir: &Path) -> Result<(), Cause> {
        let into: PathBuf = dir.to_owned();
        self.backend.unpack(&self.image, &into, self.bytes_max).await.map_err(Into::into)
    }
}
