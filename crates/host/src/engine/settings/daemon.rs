//! The process of the running engine: which it is, which settings file it reads, and telling it to
//! read that again. Reads `/proc`; sends one signal.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::Instant;

use super::{Runtime, SettingsError};
use crate::engine::{Engine, SOCKETS};

/// How long Docker may take to take a change up.
pub(super) const TAKEN_UP_MAX: Duration = Duration::from_secs(15);

/// How long a daemon that was stopped may still be there beside the next.
const ALONE_MAX: Duration = Duration::from_secs(20);

/// The process of the engine.
pub(super) struct Daemon {
    pub(super) pid: Pid,
    pub(super) words: Vec<String>,
}

impl Daemon {
    /// The one process that serves the engine. Waits for a second one to go: a daemon that was just
    /// stopped is there for a while, and one that runs a program looks like two until that begins.
    pub(super) async fn find(engine: &Engine) -> Result<Self, SettingsError> {
        let until = Instant::now() + ALONE_MAX;
        loop {
            let found: Vec<Self> =
                processes().filter(|daemon| daemon.serves(engine.socket())).collect();
            match <[Self; 1]>::try_from(found) {
                Ok([daemon]) => return Ok(daemon),
                Err(_) if Instant::now() > until => return Err(SettingsError::NoProcess),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// Whether it listens at this socket, by its command line.
    pub(super) fn serves(&self, socket: &Path) -> bool {
        let hosts: Vec<String> =
            ["-H", "--host"].iter().flat_map(|name| self.values(name)).collect();
        let usual = || SOCKETS.iter().any(|usual| Path::new(usual) == socket);
        hosts.is_empty() && usual()
            || hosts.iter().any(|host| match host.strip_prefix("unix://") {
                Some(path) => Path::new(path) == socket || path.is_empty() && usual(),
                None => host.starts_with("fd:") && usual(),
            })
    }

    pub(super) fn settings_file(&self) -> PathBuf {
        let named = self.values("--config-file").into_iter().next();
        let file = PathBuf::from(named.unwrap_or_else(|| "/etc/docker/daemon.json".to_owned()));
        fs::canonicalize(&file).unwrap_or(file)
    }

    pub(super) fn flag(&self, name: &str) -> Option<String> {
        self.words.iter().find(|word| word.split('=').next() == Some(name)).cloned()
    }

    /// Values of `--name value` and `--name=value`.
    fn values(&self, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (at, word) in self.words.iter().enumerate() {
            match word.strip_prefix(name) {
                Some("") => found.extend(self.words.get(at + 1).cloned()),
                Some(rest) => found.extend(rest.strip_prefix('=').map(str::to_owned)),
                None => {}
            }
        }
        found
    }

    pub(super) fn tell(&self) {
        if let Err(error) = kill(self.pid, Signal::SIGHUP) {
            tracing::warn!(error = %error, "cannot signal dockerd");
        }
    }

    /// Tells Docker to read its settings again and waits until it knows the runtime, or no more.
    pub(super) async fn take_up(
        &self,
        engine: &Engine,
        runtime: &Runtime,
        wanted: bool,
        file: &Path,
    ) -> Result<(), SettingsError> {
        let until = Instant::now() + TAKEN_UP_MAX;
        let mut told = false;
        loop {
            let known = knows(engine, runtime).await;
            match known {
                Ok(known) if known == wanted => return Ok(()),
                _ if !told => {
                    self.tell();
                    told = true;
                }
                _ => {}
            }
            if Instant::now() > until {
                return Err(SettingsError::NotTakenUp {
                    file: file.to_owned(),
                    source: known.err().map(Into::into),
                });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Whether Docker knows the runtime as it shall be (when it is asked for), or at all.
async fn knows(engine: &Engine, runtime: &Runtime) -> Result<bool, bollard::errors::Error> {
    let info = engine.docker().info().await?;
    let runtimes = info.runtimes.unwrap_or_default();
    let wanted = runtime.roots_dir.to_string_lossy();
    Ok(runtimes.get(&runtime.name).is_some_and(|found| {
        // Docker shows the path and, apart from it, the arguments.
        let args = found.runtime_args.as_deref().unwrap_or_default();
        args.last().is_some_and(|dir| *dir == wanted)
            && found.path.as_deref().is_some_and(|path| Path::new(path) == runtime.binary)
    }))
}

fn processes() -> impl Iterator<Item = Daemon> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        if name.trim() != "dockerd" {
            return None;
        }
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let words = line.split(|b| *b == 0).filter(|word| !word.is_empty());
        let words = words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        Some(Daemon { pid: Pid::from_raw(pid), words })
    })
}
