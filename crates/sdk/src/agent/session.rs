//! Sessions: a terminal or a command inside the workload, its input and output, its end, and how it is
//! found again when the connection breaks.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use dbc_agent_api::{ErrorCode, control::LogStream};
use futures::future::BoxFuture;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, client::Msg};
use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tracing::debug;

use super::ssh::{Ssh, broken, shell_words};
use crate::MarketError;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// Program and arguments; the login shell when empty.
    pub argv: Vec<String>,
    /// A terminal, or plain pipes when `None`.
    pub pty: Option<Pty>,
    /// Added to the environment.
    pub env: BTreeMap<String, String>,
    /// For how long a session whose connection broke is looked for again, e.g. while the agent
    /// restarts; zero never. The program runs on meanwhile, and no output is lost but what exceeds the
    /// machine's buffer.
    pub reattach: Duration,
}

impl Default for SessionOptions {
    /// A shell without a terminal that is looked for again for a minute.
    fn default() -> Self {
        Self {
            argv: Vec::new(),
            pty: None,
            env: BTreeMap::new(),
            reattach: Duration::from_secs(60),
        }
    }
}

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
    /// The code that a shell would show: the code itself, 128 + its number for a signal, 255 when
    /// unknown.
    pub fn shell_code(&self) -> u8 {
        match self {
            Self::Code(code) => u8::try_from(*code).unwrap_or(255),
            Self::Signal(name) => 128 + signal_number(name),
            Self::Unknown => 255,
        }
    }
}

fn signal_number(name: &str) -> u8 {
    match name {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "ILL" => 4,
        "ABRT" => 6,
        "FPE" => 8,
        "KILL" => 9,
        "USR1" => 10,
        "SEGV" => 11,
        "USR2" => 12,
        "PIPE" => 13,
        "ALRM" => 14,
        _ => 15,
    }
}

/// A running session. Dropping it closes it. To read and write at once, [`Session::split`] it.
pub struct Session {
    input: SessionInput,
    output: SessionOutput,
}

/// The input of a session.
pub struct SessionInput {
    links: watch::Receiver<Arc<Link>>,
    size: Arc<Mutex<Option<Pty>>>,
}

/// The output of a session. The session ends with it.
pub struct SessionOutput {
    channel: ChannelReadHalf,
    links: watch::Sender<Arc<Link>>,
    connect: Connect,
    name: String,
    size: Arc<Mutex<Option<Pty>>>,
    reattach: Duration,
    /// Bytes of output that came so far; where a new connection goes on.
    received: u64,
    exit: Option<ExitStatus>,
    ended: bool,
}

/// Makes a new connection to the same machine.
pub(super) type Connect =
    Box<dyn Fn() -> BoxFuture<'static, Result<Arc<Ssh>, MarketError>> + Send + Sync>;

/// The connection at hand.
struct Link {
    channel: ChannelWriteHalf<Msg>,
    ssh: Arc<Ssh>,
}

/// How the server knows sessions that may lose their connection.
mod env {
    pub(super) const NAME: &str = "DBC_SESSION";
    pub(super) const ATTACH: &str = "DBC_ATTACH";
    pub(super) const OFFSET: &str = "DBC_OFFSET";
}

/// Pause between two attempts to find a session again.
const PAUSE: Duration = Duration::from_millis(500);

impl Session {
    pub(super) async fn open(
        connect: Connect,
        options: &SessionOptions,
    ) -> Result<Self, MarketError> {
        let name = format!("{:032x}", rand::random::<u128>());
        let mut env = options.env.clone();
        if !options.reattach.is_zero() {
            env.insert(env::NAME.into(), name.clone());
        }
        let ssh = connect().await?;
        let (channel, link) = begin(ssh, &env, options.pty.as_ref(), &options.argv).await?;
        let (sender, links) = watch::channel(Arc::new(link));
        let size = Arc::new(Mutex::new(options.pty.clone()));
        let output = SessionOutput {
            channel,
            links: sender,
            connect,
            name,
            size: size.clone(),
            reattach: options.reattach,
            received: 0,
            exit: None,
            ended: false,
        };
        Ok(Self { input: SessionInput { links, size }, output })
    }

    /// The two directions, to be used from two tasks. The session ends when the output is dropped.
    pub fn split(self) -> (SessionInput, SessionOutput) {
        (self.input, self.output)
    }

    /// What comes next; `None` after the exit. Cancel-safe.
    pub async fn next(&mut self) -> Result<Option<SessionEvent>, MarketError> {
        self.output.next().await
    }

    /// Sends input. Waits when the other side does not read.
    pub async fn write(&mut self, input: &[u8]) -> Result<(), MarketError> {
        self.input.write(input).await
    }

    /// Ends the input.
    pub async fn eof(&mut self) -> Result<(), MarketError> {
        self.input.eof().await
    }

    /// Tells the terminal's new size.
    pub async fn resize(&mut self, cols: u16, rows: u16) -> Result<(), MarketError> {
        self.input.resize(cols, rows).await
    }
}

impl SessionInput {
    /// Sends input. Waits when the other side does not read, or is looked for again; not cancel-safe.
    pub async fn write(&mut self, input: &[u8]) -> Result<(), MarketError> {
        let input = Bytes::copy_from_slice(input);
        loop {
            let link = self.links.borrow_and_update().clone();
            tokio::select! {
                sent = link.channel.data_bytes(input.clone()) => match sent {
                    Ok(()) => return Ok(()),
                    // A new connection may come.
                    Err(error) if self.links.changed().await.is_err() => {
                        return Err(broken(link.ssh.machine(), &error));
                    }
                    Err(_) => {}
                },
                changed = self.links.changed() => {
                    if changed.is_err() {
                        let why = "the session is over".into();
                        return Err(MarketError::Broken { machine: link.ssh.machine(), why });
                    }
                }
            }
        }
    }

    /// Ends the input.
    pub async fn eof(&mut self) -> Result<(), MarketError> {
        let link = self.links.borrow().clone();
        link.channel.eof().await.map_err(|error| broken(link.ssh.machine(), &error))
    }

    /// Tells the terminal's new size.
    pub async fn resize(&mut self, cols: u16, rows: u16) -> Result<(), MarketError> {
        if let Some(pty) = &mut *self.size.lock().unwrap_or_else(PoisonError::into_inner) {
            (pty.cols, pty.rows) = (cols, rows);
        }
        let link = self.links.borrow().clone();
        let told = link.channel.window_change(u32::from(cols), u32::from(rows), 0, 0).await;
        told.map_err(|error| broken(link.ssh.machine(), &error))
    }
}

impl SessionOutput {
    /// What comes next; `None` after the exit. Cancel-safe. When the connection broke, this looks for
    /// the session again, as long as [`SessionOptions::reattach`] says.
    ///
    /// Errors: when the session cannot be found again because access ended meanwhile.
    pub async fn next(&mut self) -> Result<Option<SessionEvent>, MarketError> {
        while !self.ended {
            match self.channel.wait().await {
                Some(ChannelMsg::Data { data }) => {
                    return Ok(Some(self.received(LogStream::Stdout, data)));
                }
                Some(ChannelMsg::ExtendedData { data, .. }) => {
                    return Ok(Some(self.received(LogStream::Stderr, data)));
                }
                Some(ChannelMsg::ExitStatus { exit_status }) => {
                    self.exit = Some(ExitStatus::Code(exit_status));
                }
                Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                    self.exit = Some(ExitStatus::Signal(format!("{signal_name:?}")));
                }
                Some(ChannelMsg::Close) => return Ok(Some(self.end())),
                None if self.exit.is_none() && !self.reattach.is_zero() => {
                    if !self.find_again().await? {
                        return Ok(Some(self.end()));
                    }
                }
                None => return Ok(Some(self.end())),
                Some(_) => {}
            }
        }
        Ok(None)
    }

    fn received(&mut self, stream: LogStream, data: Bytes) -> SessionEvent {
        self.received += data.len() as u64;
        SessionEvent::Output(stream, data)
    }

    fn end(&mut self) -> SessionEvent {
        self.ended = true;
        SessionEvent::Exit(self.exit.take().unwrap_or(ExitStatus::Unknown))
    }

    /// Attaches to the session over a new connection; `false` when the machine did not answer in time.
    async fn find_again(&mut self) -> Result<bool, MarketError> {
        let deadline = Instant::now() + self.reattach;
        debug!(session = self.name, "connection broke, looking for the session again");
        let env = BTreeMap::from([
            (env::ATTACH.to_owned(), self.name.clone()),
            (env::OFFSET.to_owned(), self.received.to_string()),
        ]);
        loop {
            let pty = self.size.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let found = match (self.connect)().await {
                Ok(ssh) => begin(ssh, &env, pty.as_ref(), &[]).await,
                Err(error) => Err(error),
            };
            match found {
                Ok((channel, link)) => {
                    self.channel = channel;
                    self.links.send_replace(Arc::new(link));
                    return Ok(true);
                }
                Err(error) if !is_passing(&error) => return Err(error),
                Err(error) => debug!(%error, "not there yet"),
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            sleep(PAUSE).await;
        }
    }
}

/// Whether an agent that restarts may answer so.
fn is_passing(error: &MarketError) -> bool {
    error.is_retryable()
        || matches!(error.code(), ErrorCode::HostUnavailable | ErrorCode::ChainUnreachable)
}

/// Opens a channel and starts what was asked for on it.
async fn begin(
    ssh: Arc<Ssh>,
    env: &BTreeMap<String, String>,
    pty: Option<&Pty>,
    argv: &[String],
) -> Result<(ChannelReadHalf, Link), MarketError> {
    let machine = ssh.machine();
    let failed = |error: russh::Error| broken(machine, &error);
    let (mut output, input) = ssh.channel().await?.split();
    for (name, value) in env {
        input.set_env(false, name.as_str(), value.as_str()).await.map_err(failed)?;
    }
    if let Some(pty) = pty {
        let (cols, rows) = (u32::from(pty.cols), u32::from(pty.rows));
        input.request_pty(true, &pty.term, cols, rows, 0, 0, &[]).await.map_err(failed)?;
        confirmed(&mut output, &ssh, "a terminal").await?;
    }
    if argv.is_empty() {
        input.request_shell(true).await.map_err(failed)?;
        confirmed(&mut output, &ssh, "a shell").await?;
    } else {
        input.exec(true, shell_words(argv)).await.map_err(failed)?;
        confirmed(&mut output, &ssh, "the command").await?;
    }
    Ok((output, Link { channel: input, ssh }))
}

/// Waits for the answer to a request; a refusal comes with the server's words.
async fn confirmed(output: &mut ChannelReadHalf, ssh: &Ssh, what: &str) -> Result<(), MarketError> {
    const WORDS_BYTES_MAX: usize = 500;
    let mut words = Vec::new();
    let why = loop {
        match output.wait().await {
            Some(ChannelMsg::Success) => return Ok(()),
            Some(ChannelMsg::ExtendedData { data, .. }) if words.len() < WORDS_BYTES_MAX => {
                words.extend_from_slice(&data);
            }
            Some(ChannelMsg::Failure) if words.is_empty() => break format!("it refused {what}"),
            Some(ChannelMsg::Failure) => {
                break String::from_utf8_lossy(&words).trim().to_owned();
            }
            Some(ChannelMsg::Close) | None => {
                break format!("the connection ended before {what} began");
            }
            Some(_) => {}
        }
    };
    Err(MarketError::Broken { machine: ssh.machine(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shells_code_of_an_end_is_the_usual_one() {
        assert_eq!(ExitStatus::Code(0).shell_code(), 0);
        assert_eq!(ExitStatus::Code(300).shell_code(), 255);
        assert_eq!(ExitStatus::Signal("KILL".into()).shell_code(), 137);
        assert_eq!(ExitStatus::Unknown.shell_code(), 255);
    }
}
