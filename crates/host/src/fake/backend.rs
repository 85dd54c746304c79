//! Containers that exist in memory alone.

use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream, stream::BoxStream};
use sha2::{Digest as _, Sha256};
use tokio::sync::broadcast;

use super::{Faults, lock};
use crate::{
    backend::{
        Backend, BackendError, BackendEvent, BackendEventKind, ContainerPlan, ContainerState,
        EngineHealth, LogChunk, LogOptions, ObservedContainer, PullLimits, PullProgress,
        PullProgressFn,
    },
    ids::{ContainerId, WorkloadKey},
    image::{ImageConfig, ImageRef, PulledImage},
};

/// Overflow drops the oldest, as with a real engine whose events were missed.
const EVENTS_MAX: usize = 256;

type Hook = Arc<dyn Fn(&ContainerPlan) + Send + Sync>;

/// A [`Backend`] in memory. Clones share their state.
#[derive(Clone)]
pub struct FakeBackend {
    faults: Faults<BackendError>,
    state: Arc<Mutex<State>>,
    events: broadcast::Sender<Option<BackendEvent>>,
}

#[derive(Default)]
struct State {
    registry: BTreeMap<ImageRef, PulledImage>,
    containers: BTreeMap<ContainerId, Container>,
    made: u64,
    down: bool,
    pull_time: Duration,
    on_start: Option<Hook>,
    on_stop: Option<Hook>,
}

struct Container {
    plan: ContainerPlan,
    state: ContainerState,
    started_at: Option<i64>,
    output: Vec<LogChunk>,
}

impl FakeBackend {
    /// What fails next, and what was called. Names of operations are those of the trait's methods.
    pub fn faults(&self) -> &Faults<BackendError> {
        &self.faults
    }

    /// Puts an image into the made-up registry.
    pub fn add_image(&self, reference: &str, config: ImageConfig) -> PulledImage {
        let reference = ImageRef::parse(reference).expect("a test's image reference is fine");
        let hex = hex::encode(Sha256::digest(reference.to_string()));
        let digest: crate::Digest = format!("sha256:{hex}").parse().expect("64 hex digits");
        let image = PulledImage {
            id: digest.clone(),
            manifest: Some(digest),
            config,
            size_bytes: 4 << 20,
            platform: "linux/amd64".into(),
            fetched: true,
        };
        lock(&self.state).registry.insert(reference, image.clone());
        image
    }

    /// How long each pull takes from now on.
    pub fn set_pull_time(&self, time: Duration) {
        lock(&self.state).pull_time = time;
    }

    /// Called after each start, e.g. to serve the workload's `init.sock`.
    pub fn on_start(&self, hook: impl Fn(&ContainerPlan) + Send + Sync + 'static) {
        lock(&self.state).on_start = Some(Arc::new(hook));
    }

    /// Called after each stop or exit of a running container.
    pub fn on_stop(&self, hook: impl Fn(&ContainerPlan) + Send + Sync + 'static) {
        lock(&self.state).on_stop = Some(Arc::new(hook));
    }

    /// Lets the workload's container end by itself. Whether one ran.
    pub fn exit(&self, key: WorkloadKey, code: i64) -> bool {
        let id = lock(&self.state)
            .containers
            .iter()
            .find(|(_, c)| c.plan.key == key && c.state == ContainerState::Running)
            .map(|(id, _)| id.clone());
        id.is_some_and(|id| self.end(&id, code))
    }

    /// Adds output to the workload's container.
    pub fn print(&self, key: WorkloadKey, stderr: bool, text: &str) {
        let mut state = lock(&self.state);
        for container in state.containers.values_mut().filter(|c| c.plan.key == key) {
            container.output.push(LogChunk { stderr, bytes: Bytes::from(text.to_owned()) });
        }
    }

    /// Makes the engine unreachable, or reachable again. Going down ends the event streams.
    pub fn set_down(&self, down: bool) {
        lock(&self.state).down = down;
        if down {
            let _ = self.events.send(None);
        }
    }

    /// The engine restarts: all containers end, event streams end.
    pub fn restart_engine(&self) {
        let ids: Vec<_> = lock(&self.state).containers.keys().cloned().collect();
        for id in ids {
            self.end(&id, 137);
        }
        let _ = self.events.send(None);
    }

    /// Somebody removes everything behind our back.
    pub fn wipe(&self) {
        lock(&self.state).containers.clear();
    }

    /// Plan of the workload's container, if there is one.
    pub fn plan_of(&self, key: WorkloadKey) -> Option<ContainerPlan> {
        lock(&self.state).containers.values().find(|c| c.plan.key == key).map(|c| c.plan.clone())
    }

    fn enter(&self, op: &'static str, subject: impl fmt::Display) -> Result<(), BackendError> {
        self.faults.enter(op, subject)?;
        if lock(&self.state).down {
            return Err(BackendError::Unreachable { source: "the fake engine is down".into() });
        }
        Ok(())
    }

    fn key_of(&self, id: &ContainerId) -> String {
        let state = lock(&self.state);
        state.containers.get(id).map_or_else(|| id.to_string(), |c| c.plan.key.to_string())
    }

    fn end(&self, id: &ContainerId, code: i64) -> bool {
        let (plan, hook) = {
            let mut state = lock(&self.state);
            let hook = state.on_stop.clone();
            let Some(container) = state.containers.get_mut(id) else { return false };
            if container.state != ContainerState::Running {
                return false;
            }
            container.state = ContainerState::Exited { code, oom: false };
            (container.plan.clone(), hook)
        };
        if let Some(hook) = hook {
            hook(&plan);
        }
        self.tell(id, plan.key, BackendEventKind::Exited { code });
        true
    }

    fn tell(&self, id: &ContainerId, key: WorkloadKey, kind: BackendEventKind) {
        let _ = self.events.send(Some(BackendEvent { id: id.clone(), key, kind }));
    }
}

impl Default for FakeBackend {
    fn default() -> Self {
        let (events, _) = broadcast::channel(EVENTS_MAX);
        Self { faults: Faults::default(), state: Arc::default(), events }
    }
}

impl fmt::Debug for FakeBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeBackend").field("faults", &self.faults).finish_non_exhaustive()
    }
}

#[async_trait]
impl Backend for FakeBackend {
    async fn health(&self) -> Result<EngineHealth, BackendError> {
        self.enter("health", "")?;
        Ok(EngineHealth {
            version: "0.0.0-fake".into(),
            api_version: "1.41".into(),
            cgroup: 2,
            runtime_ready: true,
        })
    }

    async fn pull(
        &self,
        image: &ImageRef,
        limits: PullLimits,
        progress: &PullProgressFn<'_>,
    ) -> Result<PulledImage, BackendError> {
        self.enter("pull", image)?;
        let (found, time) = {
            let state = lock(&self.state);
            (state.registry.get(image).cloned(), state.pull_time)
        };
        let found = found.ok_or_else(|| BackendError::ImageNotFound {
            image: image.clone(),
            source: "not in the fake registry".into(),
        })?;
        if found.size_bytes > limits.size_bytes_max {
            return Err(BackendError::ImageTooLarge {
                image: image.to_string(),
                limit_bytes: limits.size_bytes_max,
            });
        }
        let total_bytes = found.size_bytes;
        progress(PullProgress { done_bytes: total_bytes / 2, total_bytes, extracting: false });
        tokio::time::sleep(time).await;
        progress(PullProgress { done_bytes: total_bytes, total_bytes, extracting: true });
        Ok(found)
    }

    async fn unpack(
        &self,
        image: &PulledImage,
        _into: &Path,
        bytes_max: u64,
    ) -> Result<(), BackendError> {
        self.enter("unpack", &image.id)?;
        if image.size_bytes > bytes_max {
            return Err(BackendError::ImageTooLarge {
                image: image.id.to_string(),
                limit_bytes: bytes_max,
            });
        }
        Ok(())
    }

    async fn forget_image(&self, image: &PulledImage) -> Result<(), BackendError> {
        self.enter("forget_image", &image.id)
    }

    async fn create(&self, plan: &ContainerPlan) -> Result<ContainerId, BackendError> {
        self.enter("create", plan.key)?;
        let mut state = lock(&self.state);
        if let Some((id, container)) = state.containers.iter().find(|(_, c)| c.plan.key == plan.key)
        {
            if container.plan == *plan {
                return Ok(id.clone());
            }
            return Err(BackendError::Conflict { key: plan.key, id: id.clone() });
        }
        state.made += 1;
        let id = ContainerId(format!("{:064x}", state.made));
        let container = Container {
            plan: plan.clone(),
            state: ContainerState::Created,
            started_at: None,
            output: Vec::new(),
        };
        state.containers.insert(id.clone(), container);
        Ok(id)
    }

    async fn start(&self, id: &ContainerId) -> Result<(), BackendError> {
        self.enter("start", self.key_of(id))?;
        let (plan, hook) = {
            let mut state = lock(&self.state);
            let hook = state.on_start.clone();
            let container = state
                .containers
                .get_mut(id)
                .ok_or_else(|| BackendError::NoContainer { id: id.clone() })?;
            if container.state == ContainerState::Running {
                return Ok(());
            }
            container.state = ContainerState::Running;
            container.started_at = Some(unix_now());
            (container.plan.clone(), hook)
        };
        if let Some(hook) = hook {
            hook(&plan);
        }
        self.tell(id, plan.key, BackendEventKind::Started);
        Ok(())
    }

    async fn stop(&self, id: &ContainerId, _timeout: Duration) -> Result<(), BackendError> {
        self.enter("stop", self.key_of(id))?;
        if !lock(&self.state).containers.contains_key(id) {
            return Err(BackendError::NoContainer { id: id.clone() });
        }
        self.end(id, 143);
        Ok(())
    }

    async fn remove(&self, id: &ContainerId) -> Result<(), BackendError> {
        self.enter("remove", self.key_of(id))?;
        self.end(id, 137);
        let removed = lock(&self.state).containers.remove(id);
        if let Some(container) = removed {
            self.tell(id, container.plan.key, BackendEventKind::Removed);
        }
        Ok(())
    }

    async fn list(&self) -> Result<Vec<ObservedContainer>, BackendError> {
        self.enter("list", "")?;
        let state = lock(&self.state);
        let observe = |(id, c): (&ContainerId, &Container)| ObservedContainer {
            id: id.clone(),
            key: c.plan.key,
            state: c.state,
            started_at: c.started_at,
            plan: c.plan.hash(),
        };
        Ok(state.containers.iter().map(observe).collect())
    }

    fn events(&self) -> BoxStream<'static, Result<BackendEvent, BackendError>> {
        if let Err(error) = self.enter("events", "") {
            return stream::once(async { Err(error) }).boxed();
        }
        let receiver = self.events.subscribe();
        stream::unfold(Some(receiver), |receiver| async {
            let mut receiver = receiver?;
            loop {
                match receiver.recv().await {
                    Ok(Some(event)) => return Some((Ok(event), Some(receiver))),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Ok(None) | Err(broadcast::error::RecvError::Closed) => {
                        let source = "the fake engine went away".into();
                        return Some((Err(BackendError::Unreachable { source }), None));
                    }
                }
            }
        })
        .boxed()
    }

    fn logs(
        &self,
        id: &ContainerId,
        options: LogOptions,
    ) -> BoxStream<'static, Result<LogChunk, BackendError>> {
        let found = self.enter("logs", self.key_of(id)).and_then(|()| {
            let state = lock(&self.state);
            let found = state.containers.get(id).map(|c| c.output.clone());
            found.ok_or_else(|| BackendError::NoContainer { id: id.clone() })
        });
        match found {
            Err(error) => stream::once(async { Err(error) }).boxed(),
            Ok(output) => {
                let skip = output.len().saturating_sub(options.tail as usize);
                let now = stream::iter(output.into_iter().skip(skip).map(Ok));
                if options.follow { now.chain(stream::pending()).boxed() } else { now.boxed() }
            }
        }
    }
}

fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
