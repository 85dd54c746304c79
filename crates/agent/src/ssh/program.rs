//! A channel that runs a program: moves input, output, sizes and signals between the client and the
//! workload's init, and tells how the program ended after the last byte of its output.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::{Buf, Bytes};
use dbc_init::{
    ClientError, Event as Output, Exit, Open, Refusal, Run, SessionReader, SessionWriter,
    protocol::{Program, Pty, SessionRef},
};
use russh::{
    Channel, ChannelId, ChannelWriteHalf, Sig,
    server::{Handle, Msg},
};
use tracing::debug;

use super::{
    SessionTarget,
    flow::{Event, Events},
    transport::Ending,
};

/// SSH's number of error output.
pub const STDERR: u32 = 1;
/// Exit status of what could not be run at all, as OpenSSH's own client has it.
pub const FAILED: u32 = 255;

/// What the client wants to run.
#[derive(Debug)]
pub enum Wish {
    /// A program.
    Run {
        /// Which.
        program: Program,
        /// Its terminal.
        pty: Option<Pty>,
        /// Its environment.
        env: BTreeMap<String, String>,
        /// A name to come back by.
        name: Option<String>,
    },
    /// One that runs already.
    Attach {
        /// Its name.
        name: String,
        /// Output that the client has.
        offset: Option<u64>,
        /// The client's terminal.
        pty: Option<Pty>,
    },
}

/// The way back to the client. Every wait on it ends with the connection only by being dropped.
pub struct Outlet {
    id: ChannelId,
    write: ChannelWriteHalf<Msg>,
    handle: Handle,
    closed_by_us: Arc<AtomicU32>,
}

/// The client takes no more.
#[derive(Debug)]
pub struct Gone;

impl Outlet {
    /// For a channel, whose own queue of what comes in is given up.
    /// Counts in `closed_by_us` if it closes the channel.
    pub fn new(channel: Channel<Msg>, handle: Handle, closed_by_us: Arc<AtomicU32>) -> Self {
        let (_read, write) = channel.split();
        Self { id: write.id(), write, handle, closed_by_us }
    }

    /// Sends output; waits while the client does not take it.
    pub async fn stdout(&self, data: Bytes) -> Result<(), Gone> {
        self.write.data_bytes(data).await.map_err(|_| Gone)
    }

    /// Sends error output; waits while the client does not take it.
    pub async fn stderr(&self, data: Bytes) -> Result<(), Gone> {
        self.write.extended_data_bytes(STDERR, data).await.map_err(|_| Gone)
    }

    /// Tells the user why nothing runs, and ends the channel.
    pub async fn fail(&self, status: u32, message: &str) -> Result<(), Gone> {
        self.stderr(format!("dbc: {message}\r\n").into()).await?;
        self.write.exit_status(status).await.map_err(|_| Gone)?;
        self.end().await
    }

    /// Tells how the program ended, and ends the channel.
    pub async fn exit(&self, exit: Exit) -> Result<(), Gone> {
        match exit {
            Exit::Code(code) => {
                let status = u32::try_from(code & 0xff).unwrap_or(FAILED);
                self.write.exit_status(status).await.map_err(|_| Gone)?;
            }
            Exit::Signal { name, core } => {
                let (signal, none) = (signal(name), String::new());
                let told =
                    self.handle.exit_signal_request(self.id, signal, core, none.clone(), none);
                told.await.map_err(|()| Gone)?;
            }
        }
        self.end().await
    }

    /// There is no more output.
    pub async fn eof(&self) -> Result<(), Gone> {
        self.write.eof().await.map_err(|_| Gone)
    }

    /// Ends the channel.
    pub async fn end(&self) -> Result<(), Gone> {
        self.eof().await?;
        self.close().await
    }

    /// Closes the channel without an end of output.
    pub async fn close(&self) -> Result<(), Gone> {
        self.closed_by_us.fetch_add(1, Ordering::Relaxed);
        self.write.close().await.map_err(|_| Gone)
    }
}

/// Why input ended.
enum Input {
    /// The client closed the channel.
    Closed,
    /// The connection is gone.
    Gone,
    /// The workload takes no more, which output will explain.
    Broken,
}

/// Serves a channel from request to end.
pub async fn serve(
    target: Arc<dyn SessionTarget>,
    wish: Wish,
    mut events: Events,
    outlet: Outlet,
    ending: Ending,
) {
    let named = matches!(&wish, Wish::Run { name: Some(_), .. } | Wish::Attach { .. });
    let opened = match target.connect().await {
        Ok(init) => init.open(&open(wish)).await,
        Err(error) => Err(error),
    };
    let session = match opened {
        Ok(session) => session,
        Err(error) => {
            debug!(%error, "no session");
            let (status, message) = explain(&error);
            return refuse(status, &message, &mut events, &outlet).await;
        }
    };
    let (mut reader, mut writer) = session.split();
    let input = tokio::select! {
        () = output(&mut reader, &outlet) => Input::Closed,
        input = feed(&mut events, &mut writer) => input,
    };
    let keep = match input {
        Input::Closed => false,
        Input::Gone => named && !ending.was_goodbye(),
        Input::Broken => {
            tokio::select! {
                () = output(&mut reader, &outlet) => {}
                () = events.until_gone() => {}
            }
            false
        }
    };
    if !keep {
        let _ = writer.close().await; // init may be gone
    }
}

/// Tells the user why there is nothing, unless he is gone before he takes it.
pub async fn refuse(status: u32, message: &str, events: &mut Events, outlet: &Outlet) {
    tokio::select! {
        _ = outlet.fail(status, message) => {}
        () = events.until_gone() => {}
    }
}

fn open(wish: Wish) -> Open {
    match wish {
        Wish::Run { program, pty, env, name } => {
            Open::Run(Box::new(Run { tty: pty, env, name, ..Run::new(program) }))
        }
        Wish::Attach { name, offset, pty } => {
            Open::Attach { session: SessionRef::Name(name), offset, tty: pty }
        }
    }
}

/// Moves output until the program has ended and the client was told, or the client takes no more.
async fn output(reader: &mut SessionReader, outlet: &Outlet) {
    loop {
        let sent = match reader.next().await {
            Ok(Some(Output::Stdout(data))) => outlet.stdout(data).await,
            Ok(Some(Output::Stderr(data))) => outlet.stderr(data).await,
            Ok(Some(Output::Exit(exit))) => {
                let _ = outlet.exit(exit).await;
                return;
            }
            Ok(None) => {
                let message =
                    "the session ended: the workload stopped, or another client took over";
                let _ = outlet.fail(FAILED, message).await;
                return;
            }
            Err(error) => {
                debug!(%error, "session broke off");
                let _ = outlet.fail(FAILED, "the workload stopped").await;
                return;
            }
        };
        if sent.is_err() {
            return std::future::pending().await; // the other direction says how the client went
        }
    }
}

/// Moves input. Sizes and signals overtake input that the program does not read.
async fn feed(events: &mut Events, writer: &mut SessionWriter) -> Input {
    let mut piece = Bytes::new();
    loop {
        let sent = tokio::select! {
            event = events.next_urgent(piece.is_empty()) => match event {
                Event::Data(data) => {
                    piece = data;
                    Ok(())
                }
                Event::Eof => writer.eof().await,
                Event::Resize(cols, rows) => writer.resize(cols, rows).await,
                Event::Signal(signal) => writer.signal(&signal).await,
                Event::Close => return Input::Closed,
                Event::Gone => return Input::Gone,
            },
            () = writer.ready(), if !piece.is_empty() => {
                writer.stdin_some(&piece).await.map(|count| piece.advance(count))
            }
        };
        if sent.is_err() {
            return Input::Broken;
        }
    }
}

/// Exit status and text for a user who gets no session.
pub fn explain(error: &ClientError) -> (u32, String) {
    let status = match error {
        ClientError::Refused { code: Refusal::NotFound, .. } => 127,
        ClientError::Refused { code: Refusal::NotPermitted, .. } => 126,
        _ => FAILED,
    };
    let message = match error {
        ClientError::Unreachable(_) => "the workload does not run; see `dbc lease show`".into(),
        ClientError::BadRequest(source) => format!("the request is out of bounds: {source}"),
        other => other.to_string(),
    };
    (status, message)
}

/// Signal names that SSH has a word for; others go by their own, as RFC 4254 lets them.
fn signal(name: String) -> Sig {
    match name.as_str() {
        "ABRT" => Sig::ABRT,
        "ALRM" => Sig::ALRM,
        "FPE" => Sig::FPE,
        "HUP" => Sig::HUP,
        "ILL" => Sig::ILL,
        "INT" => Sig::INT,
        "KILL" => Sig::KILL,
        "PIPE" => Sig::PIPE,
        "QUIT" => Sig::QUIT,
        "SEGV" => Sig::SEGV,
        "TERM" => Sig::TERM,
        "USR1" => Sig::USR1,
        _ => Sig::Custom(format!("{name}@dbc")),
    }
}

/// Name of a signal, at most 16 bytes.
pub fn signal_name(signal: &Sig) -> &str {
    match signal {
        Sig::ABRT => "ABRT",
        Sig::ALRM => "ALRM",
        Sig::FPE => "FPE",
        Sig::HUP => "HUP",
        Sig::ILL => "ILL",
        Sig::INT => "INT",
        Sig::KILL => "KILL",
        Sig::PIPE => "PIPE",
        Sig::QUIT => "QUIT",
        Sig::SEGV => "SEGV",
        Sig::TERM => "TERM",
        Sig::USR1 => "USR1",
        // Init knows the rest by name, and what it does not know does nothing.
        Sig::Custom(name) => name.get(..name.len().min(16)).unwrap_or(""),
    }
}
