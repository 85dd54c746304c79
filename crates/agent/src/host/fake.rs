//! A way into workloads that exist in memory alone, and a whole host of fakes. Keeps the contract:
//! what does not run does not answer. For tests of the agent.

use std::{
    collections::BTreeSet,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use dbc_host::{backend::ContainerPlan, fake::FakeHost};
use tokio::net::UnixStream;

use super::{Duplex, Guest, GuestError, Host};

/// A [`Guest`] in memory. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct FakeGuest {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Names of folders whose container runs.
    up: BTreeSet<String>,
    ports: BTreeSet<u16>,
    sick: bool,
}

impl FakeGuest {
    /// Follows a fake back end: what it starts answers, what it stops does not.
    pub fn follow(&self, host: &FakeHost) {
        let guest = self.clone();
        host.backend.on_start(move |plan| guest.came_up(plan));
        let guest = self.clone();
        host.backend.on_stop(move |plan| {
            guest.lock().up.remove(&name_of(plan));
        });
    }

    /// A container started; for a test that hooks into starts itself.
    pub fn came_up(&self, plan: &ContainerPlan) {
        self.lock().up.insert(name_of(plan));
    }

    /// Lets an echo service listen on a port of every workload.
    pub fn listen(&self, port: u16) {
        self.lock().ports.insert(port);
    }

    /// Makes every probe fail, or pass again.
    pub fn set_sick(&self, sick: bool) {
        self.lock().sick = sick;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reach(&self, dir: &Path) -> Result<MutexGuard<'_, State>, GuestError> {
        let state = self.lock();
        if state.up.contains(&folder(dir)) {
            return Ok(state);
        }
        Err(GuestError::Away(io::ErrorKind::ConnectionRefused.into()))
    }
}

fn name_of(plan: &ContainerPlan) -> String {
    plan.key.to_string()
}

fn folder(dir: &Path) -> String {
    dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A stream that gives back what it is given.
fn echo() -> io::Result<UnixStream> {
    let (here, there) = UnixStream::pair()?;
    tokio::spawn(async move {
        let (mut read, mut write) = there.into_split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    });
    Ok(here)
}

#[async_trait]
impl Guest for FakeGuest {
    async fn prepare(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    async fn remove(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    async fn connect(&self, dir: &Path) -> io::Result<UnixStream> {
        drop(self.reach(dir).map_err(io::Error::other)?);
        echo()
    }

    async fn ready(&self, dir: &Path) -> Result<(), GuestError> {
        match self.reach(dir)?.sick {
            true => Err(GuestError::Failed("sick".into())),
            false => Ok(()),
        }
    }

    async fn probe(
        &self,
        dir: &Path,
        _command: &[String],
        _limit: Duration,
    ) -> Result<(), GuestError> {
        self.ready(dir).await
    }

    async fn tcp(&self, dir: &Path, port: u16) -> Result<Box<dyn Duplex>, GuestError> {
        if !self.reach(dir)?.ports.contains(&port) {
            return Err(GuestError::PortClosed(port));
        }
        Ok(Box::new(echo().map_err(GuestError::Away)?))
    }
}

/// The agent's view of a fake host, with folders that nothing is written to.
pub fn host(fake: &FakeHost, guest: &FakeGuest) -> Host {
    guest.follow(fake);
    Host {
        backend: Arc::new(fake.backend.clone()),
        pool: Arc::new(fake.pool.clone()),
        network: Arc::new(fake.network.clone()),
        gpus: Arc::new(fake.gpus.clone()),
        guest: Arc::new(guest.clone()),
        init: "/fake/dbc-init".into(),
        run_dir: "/fake/run".into(),
    }
}
