//! The host as one handle: the traits of `dbc-host`, and the folder that a container shares with
//! the agent behind one more trait, so that tests need no mounts.

pub mod fake;
mod inside;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use dbc_host::{Backend, Gpus, Network, Pool, WorkloadKey};
pub use inside::RunDirs;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
};

/// Everything of the host that a driver needs. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    /// Containers.
    pub backend: Arc<dyn Backend>,
    /// Root file systems.
    pub pool: Arc<dyn Pool>,
    /// Lease networks.
    pub network: Arc<dyn Network>,
    /// Cards.
    pub gpus: Arc<dyn Gpus>,
    /// Folders shared with containers.
    pub guest: Arc<dyn Guest>,
    /// Our PID 1 on the host.
    pub init: PathBuf,
    /// Where the shared folders are, one a workload.
    pub run_dir: PathBuf,
}

impl Host {
    /// The folder that a workload shares with the agent.
    pub fn run_dir(&self, key: WorkloadKey) -> PathBuf {
        self.run_dir.join(key.to_string())
    }
}

/// The way into a workload: the folder in which its init listens, and what init does for us.
#[async_trait]
pub trait Guest: Send + Sync {
    /// Makes the folder; to be called before every start.
    async fn prepare(&self, dir: &Path) -> io::Result<()>;

    /// Removes it; a no-op when it is gone.
    async fn remove(&self, dir: &Path) -> io::Result<()>;

    /// Connects to the init of the workload whose folder this is.
    async fn connect(&self, dir: &Path) -> io::Result<UnixStream>;

    /// Whether init answers.
    async fn ready(&self, dir: &Path) -> Result<(), GuestError>;

    /// Runs a health probe inside, as the workload's user; fine when it exits with 0.
    async fn probe(
        &self,
        dir: &Path,
        command: &[String],
        limit: Duration,
    ) -> Result<(), GuestError>;

    /// Connects to `127.0.0.1:port` inside.
    async fn tcp(&self, dir: &Path, port: u16) -> Result<Box<dyn Duplex>, GuestError>;
}

/// Bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Why something inside a workload cannot be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuestError {
    /// Init does not answer: the workload does not run, or has just been started.
    #[error("the workload's init does not answer")]
    Away(#[source] io::Error),
    /// Nothing listens on the port.
    #[error("nothing listens on port {0} of the workload")]
    PortClosed(u16),
    /// Init refused, or the probe failed.
    #[error("{0}")]
    Failed(String),
}
