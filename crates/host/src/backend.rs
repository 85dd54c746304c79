//! What runs workloads. The trait, its data and its errors; [`DockerBackend`] is the real one, the fake is
//! [`crate::fake::FakeBackend`]. Every method is idempotent: called again after a crash it ends in
//! the same state. An instance belongs to one network and never sees or touches anything else.

mod docker;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

pub use docker::{DockerBackend, DockerConfig};
pub(crate) use docker::{empty_image, is_status, of_network, status_message};

use crate::{
    Cause,
    ids::{ContainerId, WorkloadKey},
    image::{ImageRef, PulledImage},
};

/// Runs workloads as containers.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Whether the engine answers and is set up to start our workloads.
    async fn health(&self) -> Result<EngineHealth, BackendError>;

    /// Fetches an image for linux/amd64 within `limits`; a no-op when the engine has what the
    /// registry names. `progress` is called often and must not block. Dropping the future ends it.
    async fn pull(
        &self,
        image: &ImageRef,
        limits: PullLimits,
        progress: &PullProgressFn<'_>,
    ) -> Result<PulledImage, BackendError>;

    /// Writes the image's tree into the empty directory `into`, at most `bytes_max` bytes. No file
    /// outside of `into` can be reached, whatever the image holds.
    async fn unpack(
        &self,
        image: &PulledImage,
        into: &Path,
        bytes_max: u64,
    ) -> Result<(), BackendError>;

    /// Drops the engine's own copy of an image that a pull of ours brought; the pool's copy is what
    /// runs. A no-op when it is gone, was there before, or is in use by others.
    async fn forget_image(&self, image: &PulledImage) -> Result<(), BackendError>;

    /// Makes the container, stopped. The same plan again gives the same container; another plan for
    /// the same workload is a [`BackendError::Conflict`]: remove the old one first.
    async fn create(&self, plan: &ContainerPlan) -> Result<ContainerId, BackendError>;

    /// Starts it; a no-op when it runs. [`BackendError::Gpus`] when it is the machine that lacks its GPUs. After a
    /// [`BackendError::Start`] that comes back, remove the container and create it anew: it remembers a network that
    /// may have been replaced since.
    async fn start(&self, id: &ContainerId) -> Result<(), BackendError>;

    /// Asks it to end, and ends it after `timeout`; a no-op when it does not run.
    async fn stop(&self, id: &ContainerId, timeout: Duration) -> Result<(), BackendError>;

    /// Removes it, running or not; its root stays in the pool. A no-op when it is gone.
    async fn remove(&self, id: &ContainerId) -> Result<(), BackendError>;

    /// All containers of this network.
    async fn list(&self) -> Result<Vec<ObservedContainer>, BackendError>;

    /// What happens to containers of this network from now on. The stream ends with an error when
    /// the engine goes away; events in between are lost, so list again after subscribing.
    fn events(&self) -> BoxStream<'static, Result<BackendEvent, BackendError>>;

    /// Output of a container, oldest first.
    fn logs(
        &self,
        id: &ContainerId,
        options: LogOptions,
    ) -> BoxStream<'static, Result<LogChunk, BackendError>>;
}

/// Called with the state of a pull.
pub type PullProgressFn<'a> = dyn Fn(PullProgress) + Send + Sync + 'a;

/// How far a pull has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PullProgress {
    /// Compressed bytes that arrived.
    pub done_bytes: u64,
    /// Compressed bytes of the layers known so far; grows.
    pub total_bytes: u64,
    /// Whether all has arrived and the engine is unpacking.
    pub extracting: bool,
}

/// Bounds of a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PullLimits {
    /// Most bytes, unpacked.
    pub size_bytes_max: u64,
    /// Longest silence of the registry.
    pub idle_max: Duration,
    /// Longest pull.
    pub time_max: Duration,
}

impl Default for PullLimits {
    /// 64 GiB, 2 minutes of silence, 6 hours.
    fn default() -> Self {
        Self {
            size_bytes_max: 64 << 30,
            idle_max: Duration::from_secs(120),
            time_max: Duration::from_secs(6 * 3600),
        }
    }
}

/// A container to be. Hashed as a whole: any change makes another container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerPlan {
    /// Which workload.
    pub key: WorkloadKey,
    /// Root file system, made by [`crate::Pool::ensure_root`].
    pub root: PathBuf,
    /// Docker name of the lease's network, from [`crate::Network::ensure`].
    pub network: String,
    /// Host name inside; letters, digits and `-`, at most 63.
    pub hostname: String,
    /// Program and arguments, complete (image defaults already applied). May be empty with `init`.
    pub command: Vec<String>,
    /// `NAME=value` entries, complete.
    pub env: Vec<String>,
    /// `user[:group]`. Used without `init` alone; with it PID 1 is root and init changes user.
    pub user: Option<String>,
    /// Working directory. Used without `init` alone; with it PID 1 starts in `/`.
    pub workdir: Option<String>,
    /// Limits.
    pub limits: Limits,
    /// Our PID 1; `None` runs the command as PID 1.
    pub init: Option<InitMount>,
    /// UUIDs of the GPUs it gets.
    pub gpus: Vec<String>,
    /// Signal that asks it to end; `None` means SIGTERM.
    pub stop_signal: Option<String>,
}

/// Our PID 1 inside a container: `/.dbc/init <args…> -- <command…>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitMount {
    /// The static binary on the host; mounted read-only at `/.dbc/init`.
    pub binary: PathBuf,
    /// Directory on the host, made by [`crate::Backend`]'s caller with `rundir::ensure`; mounted at
    /// `/.dbc/run`. Holds `init.sock`.
    pub run_dir: PathBuf,
    /// Arguments before `--`.
    pub args: Vec<String>,
}

/// Limits of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Thousandths of a core.
    pub cpu_millis: u32,
    /// Memory in bytes; swap is not given on top.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub pids: u32,
}

/// The engine as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineHealth {
    /// Version of the engine.
    pub version: String,
    /// Version of its API that we speak.
    pub api_version: String,
    /// Control group version, 1 or 2.
    pub cgroup: u8,
    /// Whether our runtime is registered; without it no container of ours starts.
    pub runtime_ready: bool,
}

/// State of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerState {
    /// Made, never started.
    Created,
    /// Running (or paused by the operator).
    Running,
    /// Ended, with the exit code.
    Exited {
        /// Exit code; 128 + signal when a signal ended it.
        code: i64,
        /// Whether the kernel ended it for want of memory.
        oom: bool,
    },
    /// Being removed, or the engine lost it.
    Dead,
}

/// A container of ours as the engine sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedContainer {
    /// Engine's id.
    pub id: ContainerId,
    /// Which workload, from its labels.
    pub key: WorkloadKey,
    /// State.
    pub state: ContainerState,
    /// Unix seconds of the last start; `None` when never started.
    pub started_at: Option<i64>,
    /// [`ContainerPlan::hash`] of the plan it was made from.
    pub plan: String,
}

/// Something happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendEvent {
    /// The container.
    pub id: ContainerId,
    /// Which workload.
    pub key: WorkloadKey,
    /// What.
    pub kind: BackendEventKind,
}

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendEventKind {
    /// It runs.
    Started,
    /// It ended.
    Exited {
        /// Exit code.
        code: i64,
    },
    /// The kernel ended a process in it for want of memory.
    OutOfMemory,
    /// It is gone.
    Removed,
}

/// Which output is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// Last lines to begin with.
    pub tail: u32,
    /// Go on with what comes.
    pub follow: bool,
}

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// Standard error instead of standard output.
    pub stderr: bool,
    /// Bytes as they came.
    pub bytes: Bytes,
}

/// Why the engine did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// No answer from the engine.
    #[error("the container engine cannot be reached")]
    Unreachable {
        /// Cause.
        #[source]
        source: Cause,
    },
    /// Engine is there but our runtime is not registered with it.
    #[error("the container engine does not know the runtime {runtime:?}")]
    NoRuntime {
        /// Name of the runtime.
        runtime: String,
    },
    /// The registry has no such name or tag, or hides it.
    #[error("no image {image} in its registry")]
    ImageNotFound {
        /// The reference.
        image: ImageRef,
        /// Cause.
        #[source]
        source: Cause,
    },
    /// The registry did not answer, broke off or fell silent.
    #[error("the registry of image {image} cannot be reached or broke off")]
    RegistryUnreachable {
        /// The reference.
        image: ImageRef,
        /// Cause.
        #[source]
        source: Cause,
    },
    /// The image is for another platform.
    #[error("image {image} is for {found}, not for linux/amd64")]
    ImagePlatform {
        /// The reference.
        image: ImageRef,
        /// What it is for.
        found: String,
    },
    /// The image is larger than allowed.
    #[error("image {image} is larger than {limit_bytes} bytes")]
    ImageTooLarge {
        /// The reference or id.
        image: String,
        /// The bound.
        limit_bytes: u64,
    },
    /// The image's tree cannot be written.
    #[error("cannot unpack image {image}")]
    Unpack {
        /// Id of the image.
        image: String,
        /// Cause.
        #[source]
        source: Cause,
    },
    /// A plan names something that is not allowed.
    #[error("container plan refused: {why}")]
    BadPlan {
        /// Field and reason.
        why: String,
    },
    /// A container of the same workload with another plan is there.
    #[error("container {id} of workload {key} has another plan")]
    Conflict {
        /// The workload.
        key: WorkloadKey,
        /// The container in the way.
        id: ContainerId,
    },
    /// No such container.
    #[error("no container {id}")]
    NoContainer {
        /// The id.
        id: ContainerId,
    },
    /// The container did not start, e.g. its program does not exist.
    #[error("container {id} did not start")]
    Start {
        /// The id.
        id: ContainerId,
        /// Cause.
        #[source]
        source: Cause,
    },
    /// The machine cannot give the container its GPUs.
    #[error("container {id} did not get its GPUs")]
    Gpus {
        /// The id.
        id: ContainerId,
        /// Cause.
        #[source]
        source: Cause,
    },
    /// The engine refused for another reason.
    #[error("the container engine failed to {action}")]
    Engine {
        /// What was asked.
        action: &'static str,
        /// Cause.
        #[source]
        source: Cause,
    },
}

impl BackendError {
    /// Whether the same call may succeed later with nothing changed by us.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::NoRuntime { .. }
                | Self::RegistryUnreachable { .. }
                | Self::Gpus { .. }
                | Self::Engine { .. }
        )
    }
}

impl ContainerPlan {
    /// Hex SHA-256 over the whole plan.
    pub fn hash(&self) -> String {
        use sha2::{Digest, Sha256};
        let json = serde_json::to_vec(self).expect("strings, numbers and paths of ours encode");
        hex::encode(Sha256::digest(json))
    }
}
