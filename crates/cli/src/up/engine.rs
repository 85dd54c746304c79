//! The container engine: a running Docker is used as it is; an installed one without systemd is
//! started and is ours to stop. The one change to it is a named runtime, undone by purge.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use dbc_host::engine::{
    Engine, EngineError,
    settings::{Runtime, register},
};

use super::{Component, process::Process, state::Network};
use crate::print::{Step, note};

/// Name of the component.
pub const NAME: &str = "engine";
/// How long a daemon may take to come up.
const START_MAX: Duration = Duration::from_secs(60);
/// How long a daemon that was told to stop may still be there: Docker allows its containers 15 s.
const LEAVE_MAX: Duration = Duration::from_secs(45);
/// Where Docker says which process it is; it refuses to start beside a living one.
const PID_FILE: &str = "/var/run/docker.pid";

/// The container engine.
pub struct EngineComponent;

/// Our runtime, as the engine shall know it.
pub fn runtime(network: &Network) -> Runtime {
    Runtime {
        name: network.runtime.clone(),
        binary: static_program(network, "dbc-runc"),
        roots_dir: network.dir.join("agent/roots.d"),
    }
}

/// A static program: they are built for an explicit target, beside the others or in its folder.
pub fn static_program(network: &Network, name: &str) -> PathBuf {
    let profile = network.bin_dir.file_name().unwrap_or_default();
    let target = network
        .bin_dir
        .parent()
        .map(|target| target.join("x86_64-unknown-linux-gnu").join(profile).join(name));
    target.filter(|path| path.is_file()).unwrap_or_else(|| network.program(name))
}

#[async_trait]
impl Component for EngineComponent {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn ensure(&self, network: &mut Network, step: &mut Step) -> Result<String> {
        let engine = match Engine::find().await {
            Ok(engine) => engine,
            Err(EngineError::NotRunning { .. }) => {
                step.say("starting dockerd");
                std::fs::create_dir_all(network.dir.join("logs"))?;
                let engine = start(network).await?;
                network.engine_is_ours = true;
                network.save()?;
                engine
            }
            Err(error) => return Err(error.into()),
        };
        let runtime = runtime(network);
        anyhow::ensure!(runtime.binary.is_file(), "{} is not built", runtime.binary.display());
        std::fs::create_dir_all(&runtime.roots_dir)?;
        let outcome = register(&engine, &runtime).await?;
        if outcome.changed {
            note(&format!(
                "    {} names the runtime `{}` now; `dbc down --purge` takes it out again",
                outcome.file.display(),
                runtime.name
            ));
        }
        Ok(format!("Docker {}", engine.version()))
    }

    async fn health(&self, _: &Network) -> Result<String> {
        Ok(format!("Docker {}", Engine::find().await?.version()))
    }

    async fn stop(&self, network: &Network) -> Result<()> {
        if network.engine_is_ours {
            Process::named(&network.dir, NAME).stop()?;
        }
        Ok(())
    }
}

/// Whether a daemon that answers no more is still there.
fn leaving() -> bool {
    let pid = std::fs::read_to_string(PID_FILE).unwrap_or_default();
    let Ok(pid) = pid.trim().parse::<u32>() else { return false };
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "dockerd")
}

/// Starts the daemon as a process of ours, known by its file like the others, once an older one
/// that was told to stop is gone.
async fn start(network: &Network) -> Result<Engine> {
    let program = ["/usr/sbin/dockerd", "/usr/bin/dockerd", "/usr/local/bin/dockerd"];
    let program = program.iter().map(PathBuf::from).find(|path| path.is_file());
    let program = program.context("dockerd is not installed (apt-get install docker.io)")?;
    let until = Instant::now() + LEAVE_MAX;
    while leaving() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(200)).await;
        if let Ok(engine) = Engine::find().await {
            return Ok(engine);
        }
    }
    let process = Process::named(&network.dir, NAME);
    process.ensure(&program, &[])?;
    super::until_well(&process, START_MAX, || async { Engine::find().await.is_ok() }).await?;
    Ok(Engine::find().await?)
}
