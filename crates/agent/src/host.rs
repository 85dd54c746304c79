//! The host as one handle: the traits of `dbc-host`, and the folder that a container shares with
//! the agent behind one more trait, so that tests need no mounts.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use dbc_host::{Backend, Network, Pool, WorkloadKey, rundir};
use tokio::net::UnixStream;

/// Everything of the host that a driver needs. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    /// Containers.
    pub backend: Arc<dyn Backend>,
    /// Root file systems.
    pub pool: Arc<dyn Pool>,
    /// Lease networks.
    pub network: Arc<dyn Network>,
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

/// The way into a workload: the folder in which its init listens.
#[async_trait]
pub trait Guest: Send + Sync {
    /// Makes the folder; to be called before every start.
    async fn prepare(&self, dir: &Path) -> io::Result<()>;

    /// Removes it; a no-op when it is gone.
    async fn remove(&self, dir: &Path) -> io::Result<()>;

    /// Connects to the init of the workload whose folder this is.
    async fn connect(&self, dir: &Path) -> io::Result<UnixStream>;
}

/// The real one: a small file system in memory for each workload, opened without following links.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunDirs;

#[async_trait]
impl Guest for RunDirs {
    async fn prepare(&self, dir: &Path) -> io::Result<()> {
        blocking(dir, rundir::ensure).await
    }

    async fn remove(&self, dir: &Path) -> io::Result<()> {
        blocking(dir, rundir::remove).await
    }

    async fn connect(&self, dir: &Path) -> io::Result<UnixStream> {
        rundir::connect(dir).await
    }
}

/// Plain folders, for tests and for machines without the right to mount.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainDirs;

#[async_trait]
impl Guest for PlainDirs {
    async fn prepare(&self, dir: &Path) -> io::Result<()> {
        tokio::fs::create_dir_all(dir).await
    }

    async fn remove(&self, dir: &Path) -> io::Result<()> {
        match tokio::fs::remove_dir_all(dir).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    async fn connect(&self, dir: &Path) -> io::Result<UnixStream> {
        UnixStream::connect(dir.join(rundir::SOCKET_NAME)).await
    }
}

async fn blocking(dir: &Path, work: fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let dir = dir.to_owned();
    tokio::task::spawn_blocking(move || work(&dir)).await.map_err(io::Error::other)?
}
