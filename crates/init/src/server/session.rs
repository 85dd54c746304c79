//! A running program and its output. Lives apart from any connection, so that it outlasts one: three
//! tasks move bytes between the program and bounded queues, a client takes part by
//! [`super::attach`].

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    ffi::OsString,
    io,
    os::fd::OwnedFd,
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use tokio::{
    sync::{Notify, oneshot},
    task::AbortHandle,
    time::sleep,
};

use super::{
    fd::{self, EOT, Fd},
    process::{Start, StartError, Workload, home_of, thrice},
    reaper::{Reaper, signal_number},
    ring::{PUSH_MAX, Ring, Stream},
};
use crate::protocol::{Exit, INPUT_WINDOW_BYTES, Pty, Run, SessionInfo};

/// How long a terminal may stay silent after its program ended before it counts as done: somebody
/// may hold it open for ever.
const TERMINAL_LINGER: Duration = Duration::from_secs(2);

/// A program with its queues.
#[derive(Debug)]
pub struct Session {
    /// Its number; never 0, never used twice.
    pub id: u64,
    /// The client's name for it.
    pub name: Option<String>,
    program: String,
    started: Instant,
    leader: i32,
    /// A second descriptor of the terminal, to set its size.
    terminal: Option<OwnedFd>,
    /// Queues and flags; never borrowed over an `await`.
    pub state: RefCell<State>,
    /// Told when there is something to send: output, an end, a window.
    pub news: Notify,
    /// Told when output was sent, so that there may be room for more.
    pub room: Notify,
    fresh_input: Notify,
    tasks: RefCell<Vec<AbortHandle>>,
}

/// What changes in a session.
#[derive(Debug)]
pub struct State {
    /// Output.
    pub ring: Ring,
    /// Position of the next output byte to send.
    pub cursor: u64,
    /// Number of the attachment that the session is with.
    pub attached: Option<u64>,
    /// Since when nobody is attached.
    pub detached_at: Instant,
    outputs_open: u8,
    exit: Option<Exit>,
    input: VecDeque<u8>,
    input_eof: bool,
    /// The program takes no more input.
    input_dead: bool,
    /// Input bytes that the client was granted and has not sent.
    granted: usize,
}

impl State {
    /// How the program ended, once all of its output is in the ring.
    pub fn finished(&self) -> Option<&Exit> {
        self.exit.as_ref().filter(|_| self.outputs_open == 0)
    }

    /// How many more bytes of input the client may now send; counts them as granted.
    pub fn grant(&mut self) -> Option<u32> {
        let free = INPUT_WINDOW_BYTES.saturating_sub(self.input.len() + self.granted);
        if free == 0 || (free < INPUT_WINDOW_BYTES / 4 && self.granted > 0) {
            return None;
        }
        self.granted += free;
        u32::try_from(free).ok()
    }

    /// A new client was granted nothing yet.
    pub fn forget_grants(&mut self) {
        self.granted = 0;
    }
}

impl Session {
    /// Starts the program. To be called inside a `LocalSet`.
    pub fn start(
        id: u64,
        run: &Run,
        workload: &Workload,
        reaper: &Reaper,
    ) -> Result<Rc<Self>, SessionError> {
        let account = workload.account();
        let (file, words) = workload.words(&account, &run.program);
        let (pipes, stdio) = Pipes::open(run.tty.as_ref(), workload).map_err(SessionError::Io)?;
        let mut env: Vec<(OsString, OsString)> =
            run.env.iter().map(|(name, value)| (name.into(), value.into())).collect();
        if let Some(tty) = &run.tty {
            env.push(("TERM".into(), (&tty.term).into()));
        }
        let home = home_of(&account);
        let folders = match &run.cwd {
            Some(cwd) => vec![Path::new(cwd)],
            None => vec![home.as_path(), Path::new("/")],
        };
        let program = words.first().map(|word| word.to_string_lossy().into_owned());
        let start = Start { file, words, env, folders, stdio, terminal: run.tty.is_some() };
        let leader = workload.start(&account, start).map_err(SessionError::Start)?;
        let exit = reaper.watch(leader);
        let session = Rc::new(Self {
            id,
            name: run.name.clone(),
            program: program.unwrap_or_default(),
            started: Instant::now(),
            leader,
            terminal: pipes.terminal,
            state: RefCell::new(State {
                ring: Ring::default(),
                cursor: 0,
                attached: None,
                detached_at: Instant::now(),
                outputs_open: 0,
                exit: None,
                input: VecDeque::new(),
                input_eof: false,
                input_dead: false,
                granted: 0,
            }),
            news: Notify::new(),
            room: Notify::new(),
            fresh_input: Notify::new(),
            tasks: RefCell::new(Vec::new()),
        });
        session.spawn(session.clone().feed(pipes.input));
        for (stream, output) in pipes.outputs {
            session.state.borrow_mut().outputs_open += 1;
            session.spawn(session.clone().drain(stream, output));
        }
        session.spawn(session.clone().await_exit(exit));
        Ok(session)
    }

    /// For [`crate::protocol::Reply::Sessions`].
    pub fn info(&self) -> SessionInfo {
        let state = self.state.borrow();
        SessionInfo {
            session: self.id,
            name: self.name.clone(),
            program: self.program.chars().take(64).collect(),
            tty: self.terminal.is_some(),
            attached: state.attached.is_some(),
            age_s: self.started.elapsed().as_secs(),
            exit: state.exit.clone(),
        }
    }

    /// Takes input from the client. False if the client sent more than it was granted.
    pub fn input(&self, data: &[u8]) -> bool {
        let mut state = self.state.borrow_mut();
        if data.len() > state.granted {
            return false;
        }
        state.granted -= data.len();
        if state.input_dead || state.input_eof {
            self.news.notify_one(); // what is thrown away is granted again
        } else {
            state.input.extend(data);
            self.fresh_input.notify_one();
        }
        true
    }

    /// The client has no more input.
    pub fn input_eof(&self) {
        self.state.borrow_mut().input_eof = true;
        self.fresh_input.notify_one();
    }

    /// Sets the size of the terminal; `redraw` tells the programs even if it is the same.
    pub fn resize(&self, cols: u16, rows: u16, redraw: bool) {
        let Some(terminal) = &self.terminal else { return };
        let _ = fd::resize(terminal, cols, rows); // fails once the terminal is gone
        if redraw && let Some(group) = fd::foreground(terminal) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGWINCH);
        }
    }

    /// Sends a signal to what runs in the foreground. Unknown names do nothing.
    pub fn signal(&self, name: &str) {
        let Some(number) = signal_number(name) else { return };
        let foreground = self.terminal.as_ref().and_then(fd::foreground);
        // The leader's number stays taken while it is not reaped; reaping and this are one thread.
        let leader = self.state.borrow().exit.is_none().then_some(self.leader);
        if let (Some(group), Ok(signal)) = (foreground.or(leader), Signal::try_from(number)) {
            let _ = killpg(Pid::from_raw(group), signal);
        }
    }

    /// Ends the session: its program is hung up, its tasks end, its descriptors close.
    pub fn hang_up(&self) {
        if self.state.borrow().exit.is_none() {
            let group = Pid::from_raw(self.leader);
            let _ = killpg(group, Signal::SIGHUP);
            let _ = killpg(group, Signal::SIGCONT); // a stopped one must hear it
            let _ = kill(group, Signal::SIGHUP); // in case it left its group
        }
        for task in self.tasks.borrow_mut().drain(..) {
            task.abort();
        }
        self.state.borrow_mut().attached = None;
        self.news.notify_one();
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.tasks.borrow_mut().push(tokio::task::spawn_local(task).abort_handle());
    }

    /// Moves input to the program.
    async fn feed(self: Rc<Self>, input: Fd) {
        let mut piece = Vec::with_capacity(PUSH_MAX);
        loop {
            let eof = {
                let state = self.state.borrow();
                let (front, _) = state.input.as_slices();
                piece.clear();
                piece.extend_from_slice(&front[..front.len().min(PUSH_MAX)]);
                state.input_eof
            };
            if piece.is_empty() && !eof {
                self.fresh_input.notified().await;
                continue;
            }
            if piece.is_empty() {
                if self.terminal.is_some() {
                    let _ = input.write_all(&[EOT]).await;
                }
                break;
            }
            if input.write_all(&piece).await.is_err() {
                break; // nobody reads any more
            }
            self.state.borrow_mut().input.drain(..piece.len());
            self.news.notify_one();
        }
        drop(input);
        let mut state = self.state.borrow_mut();
        state.input_dead = true;
        state.input = VecDeque::new();
        self.news.notify_one();
    }

    /// Moves one output of the program into the ring; stops reading while that is full of what
    /// nobody has taken, so that a slow client slows the program down.
    async fn drain(self: Rc<Self>, stream: Stream, output: Fd) {
        let mut buffer = vec![0; PUSH_MAX];
        loop {
            let waiting = self.room.notified();
            if !self.make_room() {
                waiting.await;
                continue;
            }
            match output.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => self.push(stream, &buffer[..count]).await,
            }
        }
        let mut state = self.state.borrow_mut();
        state.outputs_open = state.outputs_open.saturating_sub(1);
        self.news.notify_one();
    }

    /// A terminal goes on without a client: its oldest output is dropped. A pipe waits for one.
    fn make_room(&self) -> bool {
        let mut state = self.state.borrow_mut();
        let drop_unsent = self.terminal.is_some() && state.attached.is_none();
        let keep_from = if drop_unsent { u64::MAX } else { state.cursor };
        let fits = state.ring.make_room(keep_from);
        state.cursor = state.cursor.max(state.ring.start());
        fits
    }

    /// The other output may have taken the room in between.
    async fn push(&self, stream: Stream, data: &[u8]) {
        loop {
            let waiting = self.room.notified();
            if self.make_room() {
                self.state.borrow_mut().ring.push(stream, data);
                self.news.notify_one();
                return;
            }
            waiting.await;
        }
    }

    async fn await_exit(self: Rc<Self>, exit: oneshot::Receiver<Exit>) {
        let Ok(exit) = exit.await else { return };
        self.state.borrow_mut().exit = Some(exit);
        self.news.notify_one();
        let silent = Cell::new(self.state.borrow().ring.end());
        while self.terminal.is_some() && self.state.borrow().outputs_open > 0 {
            sleep(TERMINAL_LINGER).await;
            let mut state = self.state.borrow_mut();
            if state.ring.end() == silent.replace(state.ring.end()) {
                state.outputs_open = 0;
                self.news.notify_one();
            }
        }
    }
}

/// Why a session could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The program cannot be started.
    #[error(transparent)]
    Start(StartError),
    /// No terminal or pipe was to be had.
    #[error("no terminal or pipe: {0}")]
    Io(io::Error),
}

/// Our ends of what a program reads and writes.
struct Pipes {
    input: Fd,
    outputs: Vec<(Stream, Fd)>,
    terminal: Option<OwnedFd>,
}

impl Pipes {
    fn open(
        tty: Option<&Pty>,
        workload: &Workload,
    ) -> io::Result<(Self, [std::process::Stdio; 3])> {
        if let Some(pty) = tty {
            let (ours, theirs) = fd::open_pty(pty, workload.other_uid())?;
            let (input, output) = (Fd::new(ours.try_clone()?)?, Fd::new(ours.try_clone()?)?);
            let pipes =
                Self { input, outputs: vec![(Stream::Stdout, output)], terminal: Some(ours) };
            return Ok((pipes, thrice(&theirs)?));
        }
        let ((input, ours_in), (ours_out, output)) = (fd::pipe()?, fd::pipe()?);
        let (ours_err, errors) = fd::pipe()?;
        let outputs =
            vec![(Stream::Stdout, Fd::new(ours_out)?), (Stream::Stderr, Fd::new(ours_err)?)];
        let pipes = Self { input: Fd::new(ours_in)?, outputs, terminal: None };
        Ok((pipes, [input.into(), output.into(), errors.into()]))
    }
}

/// Kills everything in the group of `leader`, which must not be reaped yet.
pub fn kill_group(leader: i32) {
    let _ = killpg(Pid::from_raw(leader), Signal::SIGKILL);
}
