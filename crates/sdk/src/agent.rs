//! [`Agent`]: what a client may do with the workload of a lease, over the tunnel, under a grant.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use dbc_agent_api::{
    WorkloadSpec,
    control::{LogStream, WorkloadStatus},
};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{MarketError, id::MachineId};

/// A workload of a lease. Cheap to clone; connects at the first call and again after a break.
#[derive(Clone)]
pub struct Agent {
    lease: u64,
    machine: MachineId,
}

impl Agent {
    /// The lease.
    pub fn lease(&self) -> u64 {
        self.lease
    }

    /// The machine.
    pub fn machine(&self) -> MachineId {
        self.machine
    }

    /// Sends the spec; the agent stores it and makes the workload match. Idempotent.
    pub async fn put(&self, _spec: &WorkloadSpec) -> Result<(), MarketError> {
        Err(self.pending())
    }

    /// The present state.
    pub async fn status(&self) -> Result<WorkloadStatus, MarketError> {
        Err(self.pending())
    }

    /// The state at each change, until it is settled.
    pub async fn watch(&self) -> Result<StatusWatch, MarketError> {
        Err(self.pending())
    }

    /// The output: the last `tail` lines (at most 10,000) and, with `follow`, what comes.
    pub async fn logs(&self, _tail: u32, _follow: bool) -> Result<LogFollow, MarketError> {
        Err(self.pending())
    }

    /// Starts a stopped workload.
    pub async fn start(&self) -> Result<(), MarketError> {
        Err(self.pending())
    }

    /// Stops it; its root file system stays.
    pub async fn stop(&self) -> Result<(), MarketError> {
        Err(self.pending())
    }

    /// Stop, then start.
    pub async fn restart(&self) -> Result<(), MarketError> {
        Err(self.pending())
    }

    /// The raw SSH protocol stream, for use as an OpenSSH proxy command, with the host key line that
    /// the machine vouches for.
    pub async fn ssh_stream(&self) -> Result<(ByteStream, String), MarketError> {
        Err(self.pending())
    }

    /// A connection to `127.0.0.1:port` inside the workload.
    ///
    /// Errors: `port_closed` when nothing listens there.
    pub async fn tcp_stream(&self, _port: u16) -> Result<ByteStream, MarketError> {
        Err(self.pending())
    }

    /// Opens a terminal or runs a command, as [`SessionOptions`] say.
    pub async fn session(&self, _options: SessionOptions) -> Result<Session, MarketError> {
        Err(self.pending())
    }

    /// Runs a command without input and hands its output to `output` as it comes.
    pub async fn exec(
        &self,
        _argv: &[String],
        _output: impl FnMut(LogStream, &[u8]) + Send,
    ) -> Result<ExitStatus, MarketError> {
        Err(self.pending())
    }

    /// Copies a local file or folder to `remote` inside the workload; into it, if it is a folder there.
    pub async fn upload(
        &self,
        _local: &Path,
        _remote: &str,
        _progress: impl FnMut(&CopyProgress) + Send,
    ) -> Result<CopyProgress, MarketError> {
        Err(self.pending())
    }

    /// Copies a file or folder of the workload to `local`; into it, if it is a folder. Nothing is
    /// written outside of `local`, whatever names the workload sends.
    pub async fn download(
        &self,
        _remote: &str,
        _local: &Path,
        _progress: impl FnMut(&CopyProgress) + Send,
    ) -> Result<CopyProgress, MarketError> {
        Err(self.pending())
    }

    fn pending(&self) -> MarketError {
        MarketError::Internal("not connected".into())
    }
}

/// A pseudo-terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pty {
    /// Value of `TERM`.
    pub term: String,
    /// Width in characters.
    pub cols: u16,
    /// Height in lines.
    pub rows: u16,
}

/// What a session runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionOptions {
    /// Program and arguments; the login shell when empty.
    pub argv: Vec<String>,
    /// A terminal, or plain pipes when `None`.
    pub pty: Option<Pty>,
    /// Added to the environment.
    pub env: BTreeMap<String, String>,
}

/// A running session. Dropping it closes it.
pub struct Session {}

/// What comes out of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// Output; standard error is only told apart without a terminal.
    Output(LogStream, Bytes),
    /// It ended; nothing follows.
    Exit(ExitStatus),
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// With this code.
    Code(u32),
    /// By this signal, named without `SIG`.
    Signal(String),
    /// The connection ended before the command did; whether it goes on is not known.
    Unknown,
}

impl ExitStatus {
    /// The code that a shell would show: the code itself, 128 + 15 for a signal, 255 when unknown.
    pub fn shell_code(&self) -> u8 {
        match self {
            Self::Code(code) => u8::try_from(*code).unwrap_or(255),
            Self::Signal(_) => 143,
            Self::Unknown => 255,
        }
    }
}

impl Session {
    /// What comes next; `None` after the exit.
    pub async fn next(&mut self) -> Result<Option<SessionEvent>, MarketError> {
        Ok(None)
    }

    /// Sends input. Waits when the other side does not read.
    pub async fn write(&mut self, _input: &[u8]) -> Result<(), MarketError> {
        Ok(())
    }

    /// Ends the input.
    pub async fn eof(&mut self) -> Result<(), MarketError> {
        Ok(())
    }

    /// Tells the terminal's new size.
    pub async fn resize(&mut self, _cols: u16, _rows: u16) -> Result<(), MarketError> {
        Ok(())
    }
}

/// States of a workload as they come.
pub struct StatusWatch {}

impl StatusWatch {
    /// The next state; `None` after the settled one.
    pub async fn next(&mut self) -> Result<Option<WorkloadStatus>, MarketError> {
        Ok(None)
    }
}

/// Output of a workload as it comes.
pub struct LogFollow {}

impl LogFollow {
    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<(LogStream, String)>, MarketError> {
        Ok(None)
    }
}

/// How far a copy is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CopyProgress {
    /// Path of the present file, as the source names it.
    pub file: String,
    /// Files finished.
    pub files: u64,
    /// Bytes moved, all files together.
    pub bytes: u64,
    /// Bytes that there are to move, as far as is known.
    pub bytes_total: u64,
}

/// A byte stream in both directions.
pub struct ByteStream {
    inner: Pin<Box<dyn Duplex>>,
}

trait Duplex: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

impl ByteStream {
    pub(crate) fn new(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        Self { inner: Box::pin(stream) }
    }
}

impl AsyncRead for ByteStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.inner.as_mut().poll_read(cx, buffer)
    }
}

impl AsyncWrite for ByteStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.inner.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().poll_shutdown(cx)
    }
}
