//! The real way into a workload: its run folder, opened without following links, and the protocol
//! of `dbc-init` behind it. Nothing that comes from there is believed beyond its own bounds.

use std::{io, path::Path, time::Duration};

use async_trait::async_trait;
use dbc_host::rundir;
use dbc_init::{
    ClientError, InitClient,
    protocol::{Check, Open, Refusal},
};
use tokio::net::UnixStream;

use super::{Duplex, Guest, GuestError};

/// Folders that are small file systems in memory; needs the right to mount.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunDirs;

impl RunDirs {
    async fn init(&self, dir: &Path) -> Result<InitClient, GuestError> {
        rundir::connect(dir).await.map(InitClient::over).map_err(GuestError::Away)
    }
}

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

    async fn ready(&self, dir: &Path) -> Result<(), GuestError> {
        let listed = self.init(dir).await?.list().await;
        listed.map(drop).map_err(|error| failed(error, None))
    }

    async fn probe(
        &self,
        dir: &Path,
        command: &[String],
        limit: Duration,
    ) -> Result<(), GuestError> {
        let check = Check::Exec { argv: command.to_vec() };
        let seconds = u32::try_from(limit.as_secs()).unwrap_or(u32::MAX).max(1);
        let probed = self.init(dir).await?.probe(check, seconds).await;
        let probed = probed.map_err(|error| failed(error, None))?;
        if probed.healthy { Ok(()) } else { Err(GuestError::Failed(probed.detail)) }
    }

    async fn tcp(&self, dir: &Path, port: u16) -> Result<Box<dyn Duplex>, GuestError> {
        let stream = self.init(dir).await?.raw(&Open::Tcp { port }).await;
        Ok(Box::new(stream.map_err(|error| failed(error, Some(port)))?))
    }
}

fn failed(error: ClientError, port: Option<u16>) -> GuestError {
    match (error, port) {
        (ClientError::Unreachable(source), _) => GuestError::Away(source),
        (ClientError::Refused { code: Refusal::PortClosed, .. }, Some(port)) => {
            GuestError::PortClosed(port)
        }
        (error, _) => GuestError::Failed(dbc_service::error_chain(&error)),
    }
}

async fn blocking(dir: &Path, work: fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let dir = dir.to_owned();
    tokio::task::spawn_blocking(move || work(&dir)).await.map_err(io::Error::other)?
}
