//! The container engine of this machine: finding a running Docker, starting one where none runs, and
//! naming our runtime in its settings ([`settings`]). A Docker that is there is used as it is: never
//! replaced, upgraded, restarted or stopped by us.

pub mod publish;
pub mod settings;

use std::{
    env, fs, io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::{process::Command, time::Instant};

use crate::{Cause, execute::SYSTEM_PATH};

const SOCKETS: [&str; 2] = ["/var/run/docker.sock", "/run/docker.sock"];
/// Starting a container on a busy machine takes tens of seconds; an answer after this is none.
const CALL_TIME_MAX_S: u64 = 180;
const FIND_TIME_MAX: Duration = Duration::from_secs(10);

/// A running Docker.
#[derive(Debug, Clone)]
pub struct Engine {
    docker: Docker,
    socket: PathBuf,
    version: String,
    api_version: String,
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No Docker answers.
    #[error("no Docker answers at {}", sockets.iter().map(|s| s.display().to_string()).collect::<Vec<_>>().join(", "))]
    NotRunning {
        /// Where it was looked for.
        sockets: Vec<PathBuf>,
    },
    /// Something else answers.
    #[error("what answers at {socket} is no Docker that can be used: {why}")]
    NotDocker {
        /// Where.
        socket: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Docker is not installed.
    #[error("dockerd is not installed")]
    NotInstalled,
    /// It was started and did not come up.
    #[error("dockerd did not come up within {} s; see {log}", waited.as_secs())]
    NotUp {
        /// Its output.
        log: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
    /// It could not be started.
    #[error("cannot start dockerd")]
    Start {
        /// Cause.
        #[source]
        source: Cause,
    },
}

impl Engine {
    /// The Docker that runs: at `DOCKER_HOST` when that names a local socket, else where
    /// distributions put it.
    pub async fn find() -> Result<Self, EngineError> {
        let named = env::var("DOCKER_HOST").ok();
        let named = named.as_deref().and_then(|host| host.strip_prefix("unix://"));
        let sockets: Vec<PathBuf> = match named {
            Some(socket) => vec![socket.into()],
            None => SOCKETS.map(PathBuf::from).into(),
        };
        for socket in &sockets {
            match Self::at(socket).await {
                Err(EngineError::NotRunning { .. }) => {}
                found => return found,
            }
        }
        Err(EngineError::NotRunning { sockets })
    }

    /// The Docker that listens at this socket.
    pub async fn at(socket: &Path) -> Result<Self, EngineError> {
        let not_running = || EngineError::NotRunning { sockets: vec![socket.to_owned()] };
        let not_docker = |why: String| EngineError::NotDocker { socket: socket.to_owned(), why };
        let path = socket.to_str().ok_or_else(|| not_docker("its path is not UTF-8".into()))?;
        let docker = Docker::connect_with_unix(path, CALL_TIME_MAX_S, API_DEFAULT_VERSION)
            .map_err(|_| not_running())?;
        let ask = async { docker.negotiate_version().await };
        let docker = tokio::time::timeout(FIND_TIME_MAX, ask)
            .await
            .map_err(|_| not_running())?
            .map_err(|_| not_running())?;
        let version = docker.version().await.map_err(|error| not_docker(error.to_string()))?;
        let components = version.components.unwrap_or_default();
        if !components.iter().any(|component| component.name == "Engine") {
            return Err(not_docker("it does not call itself a Docker Engine".into()));
        }
        let api_version = docker.client_version().to_string();
        Ok(Self {
            docker,
            socket: socket.to_owned(),
            version: version.version.unwrap_or_default(),
            api_version,
        })
    }

    /// Starts `dockerd` as a process of its own, for machines without systemd, and waits until it
    /// answers. It outlives us. `log` gets its output. Call it when [`Self::find`] found none.
    pub async fn start(log: &Path, wait: Duration) -> Result<Self, EngineError> {
        let start = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => EngineError::NotInstalled,
            _ => EngineError::Start { source: source.into() },
        };
        let output = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(log)
            .map_err(|source| EngineError::Start { source: source.into() })?;
        let errors =
            output.try_clone().map_err(|source| EngineError::Start { source: source.into() })?;
        let mut child = Command::new("dockerd")
            .env("PATH", SYSTEM_PATH)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0) // a Ctrl-C for us is none for it
            .spawn()
            .map_err(start)?;
        let until = Instant::now() + wait;
        while Instant::now() < until {
            if let Ok(engine) = Self::find().await {
                return Ok(engine);
            }
            if let Ok(Some(status)) = child.try_wait() {
                let why = format!("it ended at once with {status}; see {}", log.display());
                return Err(EngineError::Start { source: why.into() });
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(EngineError::NotUp { log: log.to_owned(), waited: wait })
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Version of its API that is spoken.
    pub fn api_version(&self) -> &str {
        &self.api_version
    }

    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }
}
