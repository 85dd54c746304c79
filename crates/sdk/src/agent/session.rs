//! Sessions: a terminal or a command inside the workload, its input and output, its end.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use dbc_agent_api::control::LogStream;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, client::Msg};
use serde::Serialize;

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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionOptions {
    /// Program and arguments; the login shell when empty.
    pub argv: Vec<String>,
    /// A terminal, or plain pipes when `None`.
    pub pty: Option<Pty>,
    /// Added to the environment.
    pub env: BTreeMap<String, String>,
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
    /// What goes in.
    pub input: SessionInput,
    /// What comes out.
    pub output: SessionOutput,
}

/// The input of a session.
pub struct SessionInput {
    channel: ChannelWriteHalf<Msg>,
    ssh: Arc<Ssh>,
}

/// The output of a session.
pub struct SessionOutput {
    channel: ChannelReadHalf,
    exit: Option<ExitStatus>,
    ended: bool,
    // The connection lives as long as somebody reads.
    ssh: Arc<Ssh>,
}

impl Session {
    pub(super) async fn open(ssh: Arc<Ssh>, options: &SessionOptions) -> Result<Self, MarketError> {
        let machine = ssh.machine();
        let failed = |error: russh::Error| broken(machine, &error);
        let (channel, input) = ssh.channel().await?.split();
        for (name, value) in &options.env {
            input.set_env(false, name.as_str(), value.as_str()).await.map_err(failed)?;
        }
        let mut output = SessionOutput { channel, exit: None, ended: false, ssh: ssh.clone() };
        if let Some(pty) = &options.pty {
            let (cols, rows) = (u32::from(pty.cols), u32::from(pty.rows));
            input.request_pty(true, &pty.term, cols, rows, 0, 0, &[]).await.map_err(failed)?;
            output.confirmed("a terminal").await?;
        }
        if options.argv.is_empty() {
            input.request_shell(true).await.map_err(failed)?;
            output.confirmed("a shell").await?;
        } else {
            input.exec(true, shell_words(&options.argv)).await.map_err(failed)?;
            output.confirmed("the command").await?;
        }
        Ok(Self { input: SessionInput { channel: input, ssh }, output })
    }

    /// The two directions, to be used from two tasks. The session closes when the output is dropped.
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
    /// Sends input. Waits when the other side does not read; not cancel-safe.
    pub async fn write(&mut self, input: &[u8]) -> Result<(), MarketError> {
        let sent = self.channel.data_bytes(Bytes::copy_from_slice(input)).await;
        sent.map_err(|error| broken(self.ssh.machine(), &error))
    }

    /// Ends the input.
    pub async fn eof(&mut self) -> Result<(), MarketError> {
        self.channel.eof().await.map_err(|error| broken(self.ssh.machine(), &error))
    }

    /// Tells the terminal's new size.
    pub async fn resize(&mut self, cols: u16, rows: u16) -> Result<(), MarketError> {
        let told = self.channel.window_change(u32::from(cols), u32::from(rows), 0, 0).await;
        told.map_err(|error| broken(self.ssh.machine(), &error))
    }
}

impl SessionOutput {
    /// What comes next; `None` after the exit. Cancel-safe.
    pub async fn next(&mut self) -> Result<Option<SessionEvent>, MarketError> {
        while !self.ended {
            match self.channel.wait().await {
                Some(ChannelMsg::Data { data }) => {
                    return Ok(Some(SessionEvent::Output(LogStream::Stdout, data)));
                }
                Some(ChannelMsg::ExtendedData { data, .. }) => {
                    return Ok(Some(SessionEvent::Output(LogStream::Stderr, data)));
                }
                Some(ChannelMsg::ExitStatus { exit_status }) => {
                    self.exit = Some(ExitStatus::Code(exit_status));
                }
                Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                    let name = format!("{signal_name:?}");
                    self.exit = Some(ExitStatus::Signal(name));
                }
                Some(ChannelMsg::Close) | None => {
                    self.ended = true;
                    let exit = self.exit.take().unwrap_or(ExitStatus::Unknown);
                    return Ok(Some(SessionEvent::Exit(exit)));
                }
                Some(_) => {}
            }
        }
        Ok(None)
    }

    async fn confirmed(&mut self, what: &str) -> Result<(), MarketError> {
        let why = match self.next_reply().await {
            Some(true) => return Ok(()),
            Some(false) => format!("it refused {what}"),
            None => format!("the connection ended before {what} began"),
        };
        Err(MarketError::Broken { machine: self.ssh.machine(), why })
    }

    async fn next_reply(&mut self) -> Option<bool> {
        loop {
            match self.channel.wait().await? {
                ChannelMsg::Success => return Some(true),
                ChannelMsg::Failure => return Some(false),
                ChannelMsg::Close => return None,
                _ => {}
            }
        }
    }
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
