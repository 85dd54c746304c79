//! [`Agent`]: what a client may do with the workload of a lease, over the tunnel, under a grant.

mod access;
mod control;
mod copy;
mod session;
mod sftp;
mod ssh;
mod stream;
#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use dbc_agent_api::{
    ALPN_CONTROL, ALPN_SSH, ALPN_TCP, Verb, WorkloadId, WorkloadSpec,
    control::{LogStream, Request, WorkloadStatus},
    hello::Hello,
};
use dbc_tunnel::{Opened, Target};

pub(crate) use access::{Access, grant_error};
pub use control::{LogFollow, StatusWatch};
pub use copy::CopyProgress;
pub use session::{
    ExitStatus, Pty, Session, SessionEvent, SessionInput, SessionOptions, SessionOutput,
};
pub use stream::ByteStream;

use crate::{
    Market, MarketError, convert,
    id::{Genesis, MachineId},
};
use sftp::Sftp;
use ssh::Ssh;

/// The first workload of a lease.
const WORKLOAD: WorkloadId = 0;

/// A workload of a lease. Cheap to clone; connects at the first call and again after a break.
#[derive(Clone)]
pub struct Agent {
    inner: Arc<Inner>,
}

struct Inner {
    market: Market,
    genesis: Genesis,
    machine: MachineId,
    lease: u64,
    target: Target,
    access: Access,
}

impl Agent {
    pub(crate) fn new(
        market: Market,
        genesis: Genesis,
        machine: MachineId,
        lease: u64,
        target: Target,
        access: Access,
    ) -> Self {
        Self { inner: Arc::new(Inner { market, genesis, machine, lease, target, access }) }
    }

    /// The lease.
    pub fn lease(&self) -> u64 {
        self.inner.lease
    }

    /// The machine.
    pub fn machine(&self) -> MachineId {
        self.inner.machine
    }

    /// Sends the spec; the agent stores it and makes the workload match. Idempotent. The lease's own device keeps
    /// it for the machine that may take over.
    pub async fn put(&self, spec: &WorkloadSpec) -> Result<(), MarketError> {
        spec.validate().map_err(MarketError::Spec)?;
        control::done(self, &Request::Put(Box::new(spec.clone()))).await?;
        let (home, genesis) = (self.inner.market.home(), &self.inner.genesis);
        match home.lease_key(genesis, self.lease())? {
            Some(_) => home.put_spec(genesis, self.lease(), spec),
            None => Ok(()),
        }
    }

    /// The present state.
    pub async fn status(&self) -> Result<WorkloadStatus, MarketError> {
        control::status(self).await
    }

    /// The state at each change, until it is settled.
    pub async fn watch(&self) -> Result<StatusWatch, MarketError> {
        control::open(self, &Request::Watch).await.map(StatusWatch::new)
    }

    /// The output: the last `tail` lines (at most 10,000) and, with `follow`, what comes.
    pub async fn logs(&self, tail: u32, follow: bool) -> Result<LogFollow, MarketError> {
        control::open(self, &Request::Logs { follow, tail }).await.map(LogFollow::new)
    }

    /// Starts a stopped workload.
    pub async fn start(&self) -> Result<(), MarketError> {
        control::done(self, &Request::Start).await
    }

    /// Stops it; its root file system stays.
    pub async fn stop(&self) -> Result<(), MarketError> {
        control::done(self, &Request::Stop).await
    }

    /// Stop, then start.
    pub async fn restart(&self) -> Result<(), MarketError> {
        control::done(self, &Request::Restart).await
    }

    /// Makes the agent refuse these grants and all made from them.
    pub(crate) async fn revoke(&self, ids: Vec<String>) -> Result<(), MarketError> {
        control::done(self, &Request::Revoke { ids }).await
    }

    /// The raw SSH protocol stream, for use as an OpenSSH proxy command, with the host key line that
    /// the machine vouches for.
    pub async fn ssh_stream(&self) -> Result<(ByteStream, String), MarketError> {
        let (stream, key) = self.ssh_parts(Verb::Shell).await?;
        let line = key.to_openssh().map_err(|error| MarketError::Internal(error.to_string()))?;
        Ok((stream, line))
    }

    /// A connection to `127.0.0.1:port` inside the workload.
    ///
    /// Errors: `port_closed` when nothing listens there.
    pub async fn tcp_stream(&self, port: u16) -> Result<ByteStream, MarketError> {
        let opened = self.stream(ALPN_TCP, Some(port), Verb::Forward).await?;
        Ok(ByteStream::new(opened.stream))
    }

    /// Opens a terminal or runs a command, as [`SessionOptions`] say. The command's words arrive as they
    /// are given: they are quoted for the workload's shell.
    pub async fn session(&self, options: SessionOptions) -> Result<Session, MarketError> {
        let agent = self.clone();
        let connect: session::Connect = Box::new(move || {
            let agent = agent.clone();
            Box::pin(async move { agent.ssh(Verb::Shell).await })
        });
        Session::open(connect, &options).await
    }

    /// Runs a command without input and hands its output to `output` as it comes.
    pub async fn exec(
        &self,
        argv: &[String],
        mut output: impl FnMut(LogStream, &[u8]) + Send,
    ) -> Result<ExitStatus, MarketError> {
        if argv.is_empty() {
            let why = "must name a program".into();
            return Err(MarketError::Input { field: "command", why });
        }
        let options = SessionOptions { argv: argv.to_vec(), ..SessionOptions::default() };
        let mut session = self.session(options).await?;
        session.eof().await?;
        while let Some(event) = session.next().await? {
            match event {
                SessionEvent::Output(stream, bytes) => output(stream, &bytes),
                SessionEvent::Exit(status) => return Ok(status),
            }
        }
        Ok(ExitStatus::Unknown)
    }

    /// Copies a local file or folder to `remote` inside the workload; into it, if it is a folder there
    /// or ends in `/`. Links are left out and counted.
    pub async fn upload(
        &self,
        local: &Path,
        remote: &str,
        mut progress: impl FnMut(&CopyProgress) + Send,
    ) -> Result<CopyProgress, MarketError> {
        let ssh = self.ssh(Verb::Copy).await?;
        let done =
            copy::upload(&Sftp::open(ssh.clone()).await?, local, remote, &mut progress).await;
        ssh.close().await;
        done
    }

    /// Copies a file or folder of the workload to `local`; into it, if it is a folder. Nothing is
    /// written outside of `local`, whatever names the workload sends; links are left out and counted.
    pub async fn download(
        &self,
        remote: &str,
        local: &Path,
        mut progress: impl FnMut(&CopyProgress) + Send,
    ) -> Result<CopyProgress, MarketError> {
        let ssh = self.ssh(Verb::Copy).await?;
        let done =
            copy::download(&Sftp::open(ssh.clone()).await?, remote, local, &mut progress).await;
        ssh.close().await;
        done
    }

    async fn ssh(&self, verb: Verb) -> Result<Arc<Ssh>, MarketError> {
        let (stream, key) = self.ssh_parts(verb).await?;
        Ssh::connect(stream, key, self.machine()).await.map(Arc::new)
    }

    async fn ssh_parts(
        &self,
        verb: Verb,
    ) -> Result<(ByteStream, russh::keys::PublicKey), MarketError> {
        let opened = self.stream(ALPN_SSH, None, verb).await?;
        let machine = self.machine();
        let vouched = opened.host_key.ok_or(MarketError::HostKey { machine })?;
        let key = ssh::vouched(&vouched, &self.inner.genesis, machine, self.lease())?;
        Ok((ByteStream::new(opened.stream), key))
    }

    /// Opens a stream on which the agent agreed. A grant that died by a new epoch is made anew once.
    async fn stream(
        &self,
        alpn: &[u8],
        port: Option<u16>,
        verb: Verb,
    ) -> Result<Opened, MarketError> {
        let dialer = self.inner.market.dialer().await?;
        let mut renewed = false;
        loop {
            let grant = self.inner.access.token(&self.inner.market, verb)?;
            let hello = Hello { lease: self.lease(), workload: WORKLOAD, grant, port };
            match Box::pin(dialer.open(&self.inner.target, alpn, &hello)).await {
                Ok(opened) => return Ok(opened),
                Err(error) if !renewed && access::is_stale(&error) => {
                    renewed = true;
                    if !self.inner.access.renew(&self.inner.market, self.lease()).await? {
                        return Err(self.unreached(error));
                    }
                }
                Err(error) => return Err(self.unreached(error)),
            }
        }
    }

    async fn control_stream(&self, verb: Verb) -> Result<dbc_tunnel::Stream, MarketError> {
        Ok(self.stream(ALPN_CONTROL, None, verb).await?.stream)
    }

    fn unreached(&self, error: dbc_tunnel::ConnectError) -> MarketError {
        use dbc_tunnel::ConnectError;
        let machine = self.machine();
        match error {
            ConnectError::Refused(error) => MarketError::Agent(control::plain(error)),
            ConnectError::RelayAway { relays } => MarketError::RelayUnreachable { machine, relays },
            ConnectError::RelayRefused { relay, reason } => {
                let reason = convert::line(&reason);
                let relays = format!("{relay} refuses this device: {reason}");
                MarketError::RelayUnreachable { machine, relays }
            }
            error @ (ConnectError::MachineAway { .. }
            | ConnectError::NoAddress
            | ConnectError::Protocol) => {
                MarketError::MachineUnreachable { machine, why: error.to_string() }
            }
            error => MarketError::Broken { machine, why: error.to_string() },
        }
    }
}
