//! The duties of PID 1: starts the entrypoint, passes signals on to it, and ends as it ends. What
//! else runs in the container dies with us: the kernel sees to that.

use std::{
    fs,
    os::unix::fs::chown,
    process::{ExitCode, Stdio},
    rc::Rc,
};

use tokio::{
    signal::unix::{Signal as Incoming, SignalKind, signal},
    sync::mpsc,
    task::{LocalSet, spawn_local},
};

use super::{
    Config, Shared, listen,
    process::{Start, Workload},
    reaper::{Reaper, shell_code},
    serve,
};

/// Passed on to the entrypoint's process group. Real-time signals too: images name them as their
/// stop signal (systemd's is SIGRTMIN+3).
const PASSED_ON: [i32; 8] = [
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGWINCH,
    libc::SIGCONT,
];
/// Those that end a container which has no entrypoint.
const ENDING: [i32; 4] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT];
const FIRST_REAL_TIME: i32 = 34;
const LAST_REAL_TIME: i32 = 64;
/// Exit status for a setting that is wrong.
const BAD_CONFIG: u8 = 78;
/// Exit status for a failure of the system.
const OS_ERROR: u8 = 71;

/// Runs until the entrypoint ends or, without one, until a signal says so. Returns its status, or
/// 126 to 128 as shells do.
pub fn run(config: Config) -> ExitCode {
    // For orphans of sessions when we are not PID 1; needless and harmless when we are.
    let _ = nix::sys::prctl::set_child_subreaper(true);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(OS_ERROR, &format!("no event loop: {error}")),
    };
    LocalSet::new().block_on(&runtime, supervise(config))
}

async fn supervise(config: Config) -> ExitCode {
    let workload = match Workload::new(config.user.clone(), config.workdir.clone()) {
        Ok(workload) => workload,
        Err(error) => return fail(BAD_CONFIG, &error.to_string()),
    };
    let prepared = Reaper::start().and_then(|reaper| Ok((reaper, pass_on()?)));
    let (reaper, mut signals) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return fail(OS_ERROR, &format!("no signal handlers: {error}")),
    };
    let listener = match listen(&config.socket) {
        Ok(listener) => listener,
        Err(error) => {
            return fail(OS_ERROR, &format!("socket {}: {error}", config.socket.display()));
        }
    };
    let shared = Rc::new(Shared::new(workload, reaper, config.patience));
    let code = if config.command.is_empty() {
        spawn_local(serve(listener, shared.clone()));
        hold(&mut signals).await
    } else {
        let leader = match entrypoint(&config, &shared) {
            Ok(leader) => leader,
            Err(code) => return code,
        };
        let ended = shared.reaper.watch(leader);
        spawn_local(serve(listener, shared.clone()));
        spawn_local(async move {
            while let Some(number) = signals.recv().await {
                // SAFETY: takes and returns plain numbers. Not by `nix`: it knows no real-time ones.
                unsafe { libc::kill(-leader, number) };
            }
        });
        ended.await.map_or(ExitCode::from(OS_ERROR), |exit| {
            ExitCode::from(u8::try_from(shell_code(&exit)).unwrap_or(u8::MAX))
        })
    };
    shared.table.clear();
    code
}

fn entrypoint(config: &Config, shared: &Shared) -> Result<i32, ExitCode> {
    let account = shared.workload.account();
    if !config.workdir.exists() {
        // As engines do for an image's working directory; the start says what is wrong otherwise.
        let _ = fs::create_dir_all(&config.workdir);
        let _ = chown(&config.workdir, Some(account.uid), Some(account.gid));
    }
    let start = Start {
        file: config.command[0].clone(),
        words: config.command.clone(),
        env: Vec::new(),
        folders: vec![&config.workdir],
        stdio: [Stdio::inherit(), Stdio::inherit(), Stdio::inherit()],
        terminal: false,
    };
    shared.workload.start(&account, start).map_err(|error| fail(error.status, &error.to_string()))
}

/// All signals that are passed on, in one queue.
fn pass_on() -> std::io::Result<mpsc::Receiver<i32>> {
    let (tell, told) = mpsc::channel(16);
    for number in PASSED_ON.into_iter().chain(FIRST_REAL_TIME..=LAST_REAL_TIME) {
        let mut incoming: Incoming = match signal(SignalKind::from_raw(number)) {
            Ok(incoming) => incoming,
            // The C library keeps the first real-time signals for itself.
            Err(_) if number >= FIRST_REAL_TIME => continue,
            Err(error) => return Err(error),
        };
        let tell = tell.clone();
        spawn_local(async move {
            while incoming.recv().await.is_some() {
                if tell.send(number).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(told)
}

async fn hold(signals: &mut mpsc::Receiver<i32>) -> ExitCode {
    while let Some(number) = signals.recv().await {
        if ENDING.contains(&number) || number >= FIRST_REAL_TIME {
            break;
        }
    }
    ExitCode::SUCCESS
}

fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("dbc-init: {message}");
    ExitCode::from(code)
}
