//! The agent's side of the protocol. A tenant who is root in his container can put a program of his
//! own behind the socket, so every answer is bounded in size and time and nothing of it is trusted
//! beyond its own session.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::AsyncWriteExt,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
    time::timeout,
};

use crate::{
    frame::{self, FrameError, FrameReader, Kind},
    protocol::{
        BadOpen, Check, DATA_BYTES_MAX, Exit, INPUT_WINDOW_BYTES, Open, Probed, Refusal, Reply,
        SessionInfo,
    },
};

/// How long init may take to answer a request.
const ANSWER_TIME: Duration = Duration::from_secs(15);
/// What a probe may take beyond its own time.
const PROBE_SLACK: Duration = Duration::from_secs(5);
/// More input than this is never on its way, whatever the other side grants.
const WINDOW_MAX: usize = 16 * INPUT_WINDOW_BYTES;
/// In place of a window: the connection has ended.
const ENDED: usize = usize::MAX;
const MESSAGE_CHARS_MAX: usize = 300;

/// Why there is no session, or no more of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nothing answers on the socket: the workload does not run.
    #[error("the workload's init cannot be reached")]
    Unreachable(#[source] io::Error),
    /// Init did not answer in time.
    #[error("the workload's init does not answer")]
    TimedOut,
    /// The request is out of bounds; it was not sent.
    #[error("the request is out of bounds")]
    BadRequest(#[source] BadOpen),
    /// Init said no.
    #[error("{message}")]
    Refused {
        /// Why, for programs.
        code: Refusal,
        /// Why, for people; control characters removed, at most 300 characters.
        message: String,
    },
    /// The answer makes no sense here.
    #[error("the workload's init gave an unexpected answer")]
    Unexpected,
    /// The connection broke off or carries garbage.
    #[error("the connection to the workload's init failed")]
    Frame(#[source] FrameError),
}

/// A connection to a workload's init on which nothing was asked yet.
#[derive(Debug)]
pub struct InitClient {
    stream: UnixStream,
}

impl InitClient {
    /// Over a connection that was made before, e.g. by the host crate, which follows no links.
    pub fn over(stream: UnixStream) -> Self {
        Self { stream }
    }

    /// Connects to the socket at `path`, which must not be the tenant's to choose.
    pub async fn connect(path: &Path) -> Result<Self, ClientError> {
        UnixStream::connect(path).await.map(Self::over).map_err(ClientError::Unreachable)
    }

    /// Starts a program or attaches to one ([`Open::Run`], [`Open::Attach`]).
    pub async fn open(mut self, open: &Open) -> Result<Session, ClientError> {
        match self.ask(open, ANSWER_TIME).await? {
            Reply::Opened { session, offset, window } if session != 0 => {
                Ok(Session::new(self.stream, session, offset, window))
            }
            other => Err(unexpected(other)),
        }
    }

    /// Opens a stream of raw bytes ([`Open::Sftp`], [`Open::Tcp`]).
    pub async fn raw(mut self, open: &Open) -> Result<UnixStream, ClientError> {
        match self.ask(open, ANSWER_TIME).await? {
            Reply::Opened { session: 0, .. } => Ok(self.stream),
            other => Err(unexpected(other)),
        }
    }

    /// Runs one check, for at most `timeout_s` seconds.
    pub async fn probe(mut self, check: Check, timeout_s: u32) -> Result<Probed, ClientError> {
        let time = Duration::from_secs(timeout_s.into()) + PROBE_SLACK;
        match self.ask(&Open::Probe { check, timeout_s }, time).await? {
            Reply::Probed(probed) => Ok(probed),
            other => Err(unexpected(other)),
        }
    }

    /// The sessions that can be attached to.
    pub async fn list(mut self) -> Result<Vec<SessionInfo>, ClientError> {
        match self.ask(&Open::List, ANSWER_TIME).await? {
            Reply::Sessions(sessions) => Ok(sessions),
            other => Err(unexpected(other)),
        }
    }

    async fn ask(&mut self, open: &Open, time: Duration) -> Result<Reply, ClientError> {
        open.check().map_err(ClientError::BadRequest)?;
        let exchange = async {
            frame::write_json(&mut self.stream, open).await?;
            frame::read_json(&mut self.stream).await
        };
        match timeout(time, exchange).await {
            Ok(answer) => answer.map_err(ClientError::Frame),
            Err(_) => Err(ClientError::TimedOut),
        }
    }
}

fn unexpected(reply: Reply) -> ClientError {
    match reply {
        Reply::Refused { code, message } => {
            let message = message.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX);
            ClientError::Refused { code, message: message.collect() }
        }
        _ => ClientError::Unexpected,
    }
}

/// What comes from a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Output, at most [`DATA_BYTES_MAX`] bytes.
    Stdout(Bytes),
    /// Error output, at most [`DATA_BYTES_MAX`] bytes.
    Stderr(Bytes),
    /// The program ended and all of its output was given; nothing follows.
    Exit(Exit),
}

/// An open session. Dropping it, or either half of it, leaves the program running for a while, to be
/// attached to again; [`SessionWriter::close`] ends it.
#[derive(Debug)]
pub struct Session {
    /// Its number, for [`Open::Attach`].
    pub id: u64,
    /// Count of output bytes before the first that is read.
    pub offset: u64,
    reader: SessionReader,
    writer: SessionWriter,
}

impl Session {
    fn new(stream: UnixStream, id: u64, offset: u64, window: u32) -> Self {
        let (read, write) = stream.into_split();
        let left = AtomicUsize::new((window as usize).min(WINDOW_MAX));
        let window = Arc::new(Window { left, grown: Notify::new() });
        Self {
            id,
            offset,
            reader: SessionReader { frames: FrameReader::new(read), window: window.clone() },
            writer: SessionWriter { stream: write, window, buffer: BytesMut::new() },
        }
    }

    /// The two directions, to be used by two tasks.
    pub fn split(self) -> (SessionReader, SessionWriter) {
        (self.reader, self.writer)
    }
}

#[derive(Debug)]
struct Window {
    left: AtomicUsize,
    grown: Notify,
}

/// Output of a session.
#[derive(Debug)]
pub struct SessionReader {
    frames: FrameReader<OwnedReadHalf>,
    window: Arc<Window>,
}

impl SessionReader {
    /// The next piece; `None` when the connection ended without an exit: init is gone, or another
    /// client took the session over. May be dropped and called again. Whoever does not call it holds
    /// the program back, and the writer's window with it.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            let frame = self.frames.next().await;
            if !matches!(frame, Ok(Some(_))) {
                // A writer that waits for its window would wait for ever; now it meets the error.
                self.window.left.store(ENDED, Ordering::Release);
                self.window.grown.notify_one();
            }
            let Some((kind, payload)) = frame.map_err(ClientError::Frame)? else { return Ok(None) };
            match kind {
                Kind::Stdout => return Ok(Some(Event::Stdout(payload))),
                Kind::Stderr => return Ok(Some(Event::Stderr(payload))),
                Kind::Exit => {
                    let exit = serde_json::from_slice(&payload);
                    return exit
                        .map(|exit| Some(Event::Exit(exit)))
                        .map_err(|_| ClientError::Frame(FrameError::Malformed));
                }
                Kind::Window => {
                    let grant: [u8; 4] = payload[..]
                        .try_into()
                        .map_err(|_| ClientError::Frame(FrameError::Malformed))?;
                    self.window.grow(u32::from_be_bytes(grant) as usize);
                }
                Kind::Stdin | Kind::StdinEof | Kind::Resize | Kind::Signal | Kind::Close => {
                    return Err(ClientError::Unexpected);
                }
            }
        }
    }
}

impl Window {
    fn grow(&self, bytes: usize) {
        let grown =
            |left: usize| (left != ENDED).then(|| left.saturating_add(bytes).min(WINDOW_MAX));
        let _ = self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, grown);
        self.grown.notify_one();
    }

    /// Takes up to `wanted` bytes of what is left; perhaps none.
    fn take(&self, wanted: usize) -> usize {
        let left = self.left.load(Ordering::Acquire);
        let taken = left.min(wanted);
        if left != ENDED {
            // Only the one writer takes, so what was seen is still there.
            self.left.fetch_sub(taken, Ordering::AcqRel);
        }
        taken
    }
}

/// Input of a session. An error means that the connection is gone; the reader says why.
#[derive(Debug)]
pub struct SessionWriter {
    stream: OwnedWriteHalf,
    window: Arc<Window>,
    buffer: BytesMut,
}

impl SessionWriter {
    /// Waits until at least one byte of input may be sent. May be dropped and called again.
    pub async fn ready(&self) {
        while self.window.left.load(Ordering::Acquire) == 0 {
            self.window.grown.notified().await;
        }
    }

    /// Sends as much of `data` as may be sent now and says how much that was, perhaps nothing.
    pub async fn stdin_some(&mut self, data: &[u8]) -> Result<usize, ClientError> {
        let cut = self.window.take(data.len().min(DATA_BYTES_MAX));
        if cut > 0 {
            self.send(Kind::Stdin, &data[..cut]).await?;
        }
        Ok(cut)
    }

    /// Sends all of `data`; waits while the program does not read.
    pub async fn stdin(&mut self, mut data: &[u8]) -> Result<(), ClientError> {
        while !data.is_empty() {
            self.ready().await;
            let cut = self.stdin_some(data).await?;
            data = &data[cut..];
        }
        Ok(())
    }

    /// There is no more input.
    pub async fn eof(&mut self) -> Result<(), ClientError> {
        self.send(Kind::StdinEof, &[]).await
    }

    /// The terminal has another size now.
    pub async fn resize(&mut self, cols: u16, rows: u16) -> Result<(), ClientError> {
        let ([a, b], [c, d]) = (cols.to_be_bytes(), rows.to_be_bytes());
        self.send(Kind::Resize, &[a, b, c, d]).await
    }

    /// Sends a signal to the program's process group, by its name without `SIG`.
    pub async fn signal(&mut self, name: &str) -> Result<(), ClientError> {
        self.send(Kind::Signal, name.as_bytes()).await
    }

    /// The session is no longer needed: what still runs is hung up, what is kept of it is dropped.
    pub async fn close(mut self) -> Result<(), ClientError> {
        self.send(Kind::Close, &[]).await?;
        self.stream.shutdown().await.map_err(|error| ClientError::Frame(FrameError::Io(error)))
    }

    async fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), ClientError> {
        self.buffer.clear();
        frame::put(&mut self.buffer, kind, payload);
        let sent = self.stream.write_all(&self.buffer).await;
        sent.map_err(|error| ClientError::Frame(FrameError::Io(error)))
    }
}
