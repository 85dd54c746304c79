//! What runs inside a container: PID 1 with its entrypoint, and the sessions that come in over the
//! socket. One thread; nothing here waits for anything but the kernel's events.

pub mod attach;
pub mod fd;
pub mod pid1;
pub mod probe;
pub mod process;
pub mod reaper;
pub mod ring;
pub mod session;
pub mod table;
pub mod tcp;
pub mod user;

use std::{
    cell::Cell,
    io,
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    process::Stdio,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    net::{UnixListener, UnixStream},
    task::spawn_local,
    time::{interval, sleep, timeout},
};

use self::{
    process::{Start, Workload, home_of, ourselves},
    reaper::Reaper,
    session::{Session, SessionError},
    table::Table,
};
use crate::{
    frame::{self, FrameError},
    protocol::{Open, Pty, Refusal, Reply, Run, SESSIONS_MAX, SessionRef, TCP_MAX},
};

/// How long a client may take to say what it wants.
const OPEN_TIME: Duration = Duration::from_secs(5);
const SWEEP_TIME: Duration = Duration::from_secs(1);
/// Connections at once; more are closed unheard. Those that have not said yet what they want count.
const CONNECTIONS_MAX: usize = 2 * SESSIONS_MAX + TCP_MAX;
/// How long we wait when there is no descriptor left for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How init is run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the socket is made.
    pub socket: PathBuf,
    /// `user[:group]` of the workload; `None` means our own.
    pub user: Option<String>,
    /// Working directory of the entrypoint and of probes.
    pub workdir: PathBuf,
    /// How long a session waits for a client that lost its connection.
    pub patience: Duration,
    /// Entrypoint and its arguments; empty to only hold the container open.
    pub command: Vec<std::ffi::OsString>,
}

/// What all sessions share.
#[derive(Debug)]
pub struct Shared {
    /// Who and where the workload is.
    pub workload: Workload,
    /// Who waits for children.
    pub reaper: Reaper,
    /// The sessions.
    pub table: Table,
    connections: Cell<usize>,
    forwards: Cell<usize>,
}

/// Counts something up, and down again when dropped.
struct Counted<'a>(&'a Cell<usize>);

impl<'a> Counted<'a> {
    fn new(cell: &'a Cell<usize>, max: usize) -> Option<Self> {
        (cell.get() < max).then(|| {
            cell.set(cell.get() + 1);
            Self(cell)
        })
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Shared {
    /// For one workload.
    pub fn new(workload: Workload, reaper: Reaper, patience: Duration) -> Self {
        Self {
            workload,
            reaper,
            table: Table::new(patience),
            connections: Cell::new(0),
            forwards: Cell::new(0),
        }
    }
}

/// Makes the socket; one that was left over is replaced. Root alone may use it.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Takes in clients for ever.
pub async fn serve(listener: UnixListener, shared: Rc<Shared>) {
    let sweeping = shared.clone();
    spawn_local(async move {
        let mut ticks = interval(SWEEP_TIME);
        loop {
            ticks.tick().await;
            sweeping.table.sweep(Instant::now());
        }
    });
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = shared.clone();
                spawn_local(async move {
                    if let Some(_counted) = Counted::new(&shared.connections, CONNECTIONS_MAX) {
                        answer(stream, &shared).await;
                    }
                });
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// The answer before raw bytes.
const RAW: Reply = Reply::Opened { session: 0, offset: 0, window: 0 };

type Refused = (Refusal, String);

async fn answer(mut stream: UnixStream, shared: &Rc<Shared>) {
    let open = match timeout(OPEN_TIME, frame::read_json::<Open>(&mut stream)).await {
        Ok(Ok(open)) => open,
        Ok(Err(FrameError::Io(_))) | Err(_) => return,
        Ok(Err(error)) => {
            return refuse(stream, (Refusal::BadRequest, error.to_string())).await;
        }
    };
    if let Err(error) = open.check() {
        return refuse(stream, (Refusal::BadRequest, error.to_string())).await;
    }
    match open {
        Open::Run(run) => match start(&run, shared) {
            Ok(session) => attach(stream, session, None, None, shared).await,
            Err(refused) => refuse(stream, refused).await,
        },
        Open::Attach { session, offset, tty } => match find(&session, shared) {
            Ok(session) => attach(stream, session, offset, tty, shared).await,
            Err(refused) => refuse(stream, refused).await,
        },
        Open::Sftp => sftp(stream, shared).await,
        Open::Tcp { port } => forward(stream, port, shared).await,
        Open::Probe { check, timeout_s } => match shared.table.place() {
            Ok(_place) => {
                let time = Duration::from_secs(timeout_s.into());
                let probed = probe::run(&check, time, &shared.workload, &shared.reaper).await;
                reply(&mut stream, &Reply::Probed(probed)).await;
            }
            Err(code) => refuse(stream, busy(code)).await,
        },
        Open::List => {
            reply(&mut stream, &Reply::Sessions(shared.table.list())).await;
        }
    }
}

fn start(run: &Run, shared: &Shared) -> Result<Rc<Session>, Refused> {
    if let Some(name) = run.name.as_ref().filter(|name| !shared.table.is_free(name)) {
        return Err((Refusal::NameTaken, format!("there is a session {name} already")));
    }
    shared.table.ensure_place().map_err(busy)?;
    let id = shared.table.number();
    let session = Session::start(id, run, &shared.workload, &shared.reaper).map_err(|error| {
        let code = match &error {
            SessionError::Start(start) => start.code,
            SessionError::Io(_) => Refusal::Failed,
        };
        (code, error.to_string())
    })?;
    shared.table.insert(session.clone());
    Ok(session)
}

fn find(which: &SessionRef, shared: &Shared) -> Result<Rc<Session>, Refused> {
    shared
        .table
        .find(which)
        .ok_or_else(|| (Refusal::NoSession, "there is no such session any more".to_owned()))
}

async fn attach(
    mut stream: UnixStream,
    session: Rc<Session>,
    offset: Option<u64>,
    tty: Option<Pty>,
    shared: &Shared,
) {
    let number = shared.table.number();
    let opened = {
        let mut state = session.state.borrow_mut();
        state.attached = Some(number);
        state.forget_grants();
        let (start, end) = (state.ring.start(), state.ring.end());
        state.cursor = offset.unwrap_or(start).clamp(start, end);
        let window = state.grant().unwrap_or(0);
        Reply::Opened { session: session.id, offset: state.cursor, window }
    };
    session.news.notify_one(); // whoever was attached sees that he no longer is
    if let Some(tty) = tty {
        session.resize(tty.cols, tty.rows, true);
    }
    // Should this fail, so does the attachment, which then leaves the session in order.
    reply(&mut stream, &opened).await;
    attach::serve(stream, session, number, &shared.table).await;
}

/// Hands the connection itself to a child, so that no byte of it passes through PID 1.
async fn sftp(mut stream: UnixStream, shared: &Shared) {
    let place = match shared.table.place() {
        Ok(place) => place,
        Err(code) => return refuse(stream, busy(code)).await,
    };
    // The answer comes first: after the start, the socket is the child's to write to.
    if !reply(&mut stream, &RAW).await {
        return;
    }
    let stdio = || -> io::Result<[Stdio; 3]> {
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        let output = stream.try_clone()?;
        Ok([OwnedFd::from(stream).into(), OwnedFd::from(output).into(), Stdio::null()])
    };
    let Ok(stdio) = stdio() else { return };
    let account = shared.workload.account();
    let (file, words) = ourselves(&["sftp"]);
    let home = home_of(&account);
    let folders = vec![home.as_path(), Path::new("/")];
    let start = Start { file, words, env: Vec::new(), folders, stdio, terminal: false };
    if let Ok(leader) = shared.workload.start(&account, start) {
        let _ = shared.reaper.watch(leader).await;
    }
    drop(place);
}

async fn forward(mut stream: UnixStream, port: u16, shared: &Shared) {
    let Some(_counted) = Counted::new(&shared.forwards, TCP_MAX) else {
        return refuse(stream, (Refusal::Busy, "too many forwarded connections".into())).await;
    };
    match tcp::connect(port).await {
        Ok(service) => {
            if reply(&mut stream, &RAW).await {
                tcp::relay(stream, service).await;
            }
        }
        Err(error) => {
            let message = format!("nothing accepts connections on port {port}: {error}");
            refuse(stream, (Refusal::PortClosed, message)).await;
        }
    }
}

fn busy(code: Refusal) -> Refused {
    (code, format!("all {SESSIONS_MAX} sessions of the workload are in use"))
}

async fn refuse(mut stream: UnixStream, (code, message): Refused) {
    reply(&mut stream, &Reply::Refused { code, message }).await;
}

/// Whether the client could be told, in a time in which a living one reads a few bytes.
async fn reply(stream: &mut UnixStream, reply: &Reply) -> bool {
    matches!(timeout(OPEN_TIME, frame::write_json(stream, reply)).await, Ok(Ok(())))
}
