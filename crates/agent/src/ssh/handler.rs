//! What a client asks of the connection: checks it against bounds and verbs, and starts a task for
//! each channel. Never waits for a workload: all channels share the library's one loop.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use dbc_agent_api::{Verb, Verbs};
use dbc_init::protocol::{Program, Pty, check_name};
use russh::{
    Channel, ChannelId, ChannelOpenFailure, Pty as PtyMode, Sig,
    server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session},
};
use tokio_util::sync::CancellationToken;

use super::{
    SessionTarget, SshError,
    flow::{self, Events, Intake},
    program::{self, Outlet, Wish, signal_name},
    raw,
    transport::Ending,
};

/// Channels of one connection at once.
const CHANNELS_MAX: usize = 16;
/// Channels that we may close before the client does, over a connection's life: the library keeps a
/// little of each.
const CLOSED_BY_US_MAX: u32 = 4096;
const ENV_MAX: usize = 32;
const ENV_BYTES_MAX: usize = 256;
const LINE_BYTES_MAX: usize = 128 * 1024;
const CELLS_MAX: u32 = 1000;
/// The client's name for the session it starts.
const ENV_SESSION: &str = "DBC_SESSION";
/// The name of the session it wants to go on with.
const ENV_ATTACH: &str = "DBC_ATTACH";
/// Output bytes of that session that it already has.
const ENV_OFFSET: &str = "DBC_OFFSET";

/// One client's connection.
pub struct Connection {
    target: Arc<dyn SessionTarget>,
    allowed: Verbs,
    ending: Ending,
    logged_in: CancellationToken,
    channels: HashMap<ChannelId, Open>,
    closed_by_us: Arc<AtomicU32>,
}

/// A channel.
struct Open {
    intake: Intake,
    /// What is kept until the client says what to run; `None` once it has.
    waiting: Option<Waiting>,
}

struct Waiting {
    events: Events,
    outlet: Outlet,
    pty: Option<Pty>,
    env: BTreeMap<String, String>,
}

impl Connection {
    /// A connection that may do what `allowed` says, in the workload behind `target`.
    pub fn new(
        target: Arc<dyn SessionTarget>,
        allowed: Verbs,
        ending: Ending,
        logged_in: CancellationToken,
    ) -> Self {
        let (channels, closed_by_us) = (HashMap::new(), Arc::default());
        Self { target, allowed, ending, logged_in, channels, closed_by_us }
    }

    fn has_room(&mut self) -> bool {
        self.channels.retain(|_, open| open.waiting.is_some() || !open.intake.is_over());
        self.channels.len() < CHANNELS_MAX
            && self.closed_by_us.load(Ordering::Relaxed) < CLOSED_BY_US_MAX
    }

    fn intake(&self, channel: ChannelId) -> Option<&Intake> {
        self.channels.get(&channel).map(|open| &open.intake)
    }

    fn outlet(&self, channel: Channel<Msg>, session: &Session) -> Outlet {
        Outlet::new(channel, session.handle(), self.closed_by_us.clone())
    }

    /// Takes what a channel waits with, if `verb` allows what the client asks for; else answers no.
    fn begin(
        &mut self,
        channel: ChannelId,
        verb: Verb,
        session: &mut Session,
    ) -> Result<Option<Waiting>, SshError> {
        let Some(open) = self.channels.get_mut(&channel) else { return Ok(None) };
        let Some(waiting) = open.waiting.take() else {
            session.channel_failure(channel)?;
            return Ok(None);
        };
        // Yes in any case: on a no, clients do not show why. If there is nothing to be had, here or
        // later in the workload, the channel says so and closes.
        session.channel_success(channel)?;
        if self.allowed.allow(verb) {
            return Ok(Some(waiting));
        }
        let Waiting { mut events, outlet, .. } = waiting;
        tokio::spawn(async move {
            let message = format!("the grant does not allow `{verb}`");
            program::refuse(program::FAILED, &message, &mut events, &outlet).await;
        });
        Ok(None)
    }

    fn run(
        &mut self,
        channel: ChannelId,
        program: Program,
        session: &mut Session,
    ) -> Result<(), SshError> {
        let Some(waiting) = self.begin(channel, Verb::Shell, session)? else { return Ok(()) };
        let Waiting { events, outlet, pty, mut env } = waiting;
        let name = env.remove(ENV_SESSION);
        let attach = env.remove(ENV_ATTACH);
        let offset = env.remove(ENV_OFFSET).and_then(|offset| offset.parse().ok());
        let wish = match attach {
            Some(name) => Wish::Attach { name, offset, pty },
            None => Wish::Run { program, pty, env, name },
        };
        let (target, ending) = (self.target.clone(), self.ending.clone());
        tokio::spawn(program::serve(target, wish, events, outlet, ending));
        Ok(())
    }

    /// Ends the channels for which all others have waited too long.
    fn end_stuck(&mut self, session: &mut Session) -> Result<(), SshError> {
        let stuck =
            self.channels.iter().find(|(_, open)| open.intake.is_stuck()).map(|(id, _)| *id);
        let Some(channel) = stuck else { return Ok(()) };
        let message = "dbc: ended: the program does not read its input, and the other channels of \
                       this connection wait for it; give it a connection of its own\r\n";
        session.extended_data(channel, program::STDERR, message)?;
        session.close(channel)?;
        self.closed_by_us.fetch_add(1, Ordering::Relaxed);
        if let Some(open) = self.channels.remove(&channel) {
            open.intake.close();
        }
        Ok(())
    }

    fn answer(yes: bool, channel: ChannelId, session: &mut Session) -> Result<(), SshError> {
        if yes {
            session.channel_success(channel)?;
        } else {
            session.channel_failure(channel)?;
        }
        Ok(())
    }
}

impl Handler for Connection {
    type Error = SshError;

    async fn auth_none(&mut self, _user: &str) -> Result<Auth, SshError> {
        Ok(Auth::Accept)
    }

    async fn auth_publickey_offered(
        &mut self,
        _user: &str,
        _offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, SshError> {
        Ok(Auth::reject())
    }

    async fn auth_succeeded(&mut self, _session: &mut Session) -> Result<(), SshError> {
        self.logged_in.cancel();
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), SshError> {
        if !self.has_room() {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let id = channel.id();
        let (intake, events) = flow::queue();
        let outlet = self.outlet(channel, session);
        let waiting = Waiting { events, outlet, pty: None, env: BTreeMap::new() };
        self.channels.insert(id, Open { intake, waiting: Some(waiting) });
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _from_host: &str,
        _from_port: u32,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), SshError> {
        // Only what listens inside: this is no way into the provider's network.
        let inside = ["127.0.0.1", "localhost", "::1"].contains(&host);
        let port = u16::try_from(port).ok().filter(|port| *port != 0 && inside);
        let (Some(port), true) = (port, self.allowed.allow(Verb::Forward)) else {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        };
        if !self.has_room() {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let (intake, events) = flow::queue();
        self.channels.insert(channel.id(), Open { intake, waiting: None });
        let outlet = self.outlet(channel, session);
        tokio::spawn(raw::forward(self.target.clone(), port, reply, events, outlet));
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        cols: u32,
        rows: u32,
        _pixel_width: u32,
        _pixel_height: u32,
        _modes: &[(PtyMode, u32)],
        session: &mut Session,
    ) -> Result<(), SshError> {
        let waiting = self.channels.get_mut(&channel).and_then(|open| open.waiting.as_mut());
        let fine = term.len() <= 64
            && term.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b));
        let (cols, rows) = cells(cols, rows);
        let yes = match waiting {
            Some(waiting) if fine => {
                let term = if term.is_empty() { "dumb" } else { term };
                waiting.pty = Some(Pty { term: term.into(), cols, rows });
                true
            }
            _ => false,
        };
        Self::answer(yes, channel, session)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), SshError> {
        let waiting = self.channels.get_mut(&channel).and_then(|open| open.waiting.as_mut());
        let yes = match waiting {
            Some(waiting) if waiting.env.len() < ENV_MAX && may_set(name, value) => {
                waiting.env.insert(name.into(), value.into());
                true
            }
            _ => false,
        };
        Self::answer(yes, channel, session)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), SshError> {
        self.run(channel, Program::Shell, session)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), SshError> {
        match std::str::from_utf8(line) {
            Ok(line) if line.len() <= LINE_BYTES_MAX && !line.contains('\0') => {
                self.run(channel, Program::Line(line.into()), session)
            }
            _ => Self::answer(false, channel, session),
        }
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), SshError> {
        if name != "sftp" {
            return Self::answer(false, channel, session);
        }
        if let Some(waiting) = self.begin(channel, Verb::Copy, session)? {
            tokio::spawn(raw::sftp(self.target.clone(), waiting.events, waiting.outlet));
        }
        Ok(())
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _single: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        session: &mut Session,
    ) -> Result<(), SshError> {
        Self::answer(false, channel, session)
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), SshError> {
        let Some(intake) = self.intake(channel) else { return Ok(()) };
        intake.data(data)?;
        if data.len() <= flow::TRICKLE_BYTES as usize && intake.is_slow() {
            tokio::time::sleep(flow::TRICKLE_PAUSE).await;
        }
        self.end_stuck(session)
    }

    fn adjust_window(&mut self, channel: ChannelId, _current: u32) -> u32 {
        flow::next_window(self.intake(channel), self.channels.values().map(|open| &open.intake))
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        cols: u32,
        rows: u32,
        _pixel_width: u32,
        _pixel_height: u32,
        session: &mut Session,
    ) -> Result<(), SshError> {
        let (cols, rows) = cells(cols, rows);
        if let Some(intake) = self.intake(channel) {
            intake.resize(cols, rows);
        }
        Self::answer(true, channel, session)
    }

    async fn signal(
        &mut self,
        channel: ChannelId,
        signal: Sig,
        _session: &mut Session,
    ) -> Result<(), SshError> {
        if let Some(intake) = self.intake(channel) {
            intake.signal(signal_name(&signal).to_owned());
        }
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), SshError> {
        if let Some(intake) = self.intake(channel) {
            intake.eof();
        }
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), SshError> {
        if let Some(open) = self.channels.remove(&channel) {
            open.intake.close();
        }
        Ok(())
    }
}

fn cells(cols: u32, rows: u32) -> (u16, u16) {
    let cell = |cells: u32| u16::try_from(cells.min(CELLS_MAX)).unwrap_or(0);
    (cell(cols), cell(rows))
}

/// Language and our own names; anything else could change what a program does for a user that the
/// client is not.
fn may_set(name: &str, value: &str) -> bool {
    let language = name == "LANG"
        || name == "TERM"
        || name == "COLORTERM"
        || name
            .strip_prefix("LC_")
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
    let ours = match name {
        ENV_SESSION | ENV_ATTACH => check_name(value).is_ok(),
        ENV_OFFSET => value.parse::<u64>().is_ok(),
        _ => false,
    };
    let plain = value.len() <= ENV_BYTES_MAX && !value.chars().any(char::is_control);
    plain && (language || ours)
}
