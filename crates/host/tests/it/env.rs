//! What all tests of this process share: the engine, our runtime in its settings, a registry. Made
//! by the first test, taken away when the process ends.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use bollard::Docker;
use dbc_host::{
    Engine,
    engine::settings::{Runtime, register, unregister},
};

/// Shared by all tests.
pub struct Env {
    /// Our runtime under a name of its own, so that a network on this machine keeps its.
    pub runtime: Runtime,
    /// `127.0.0.1:port` of the registry.
    pub registry: String,
    dir: PathBuf,
    started_docker: bool,
    registry_process: u32,
}

static ENV: OnceLock<Env> = OnceLock::new();

/// The shared things; `None`, loudly, when this machine cannot run these tests.
pub fn env() -> Option<&'static Env> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: tests against the real Docker need root");
        return None;
    }
    Some(ENV.get_or_init(|| {
        let made = thread::spawn(make).join();
        let env = made.expect("the engine and the registry come up");
        // SAFETY: the handler takes and gives nothing.
        unsafe { libc::atexit(take_away) };
        env
    }))
}

fn make() -> Env {
    let dir = env::temp_dir().join(format!("dbc-host-it-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let binary = build_runc();
    let runtime = Runtime { name: "dbc-it".into(), binary, roots_dir: dir.join("roots.d") };
    let (registry_process, registry) = start_registry(&dir);
    let started_docker = block(async {
        let found = Engine::find().await;
        let started = found.is_err();
        let engine = match found {
            Ok(engine) => engine,
            Err(_) => {
                let log = dir.join("dockerd.log");
                Engine::start(&log, Duration::from_secs(60)).await.expect("dockerd starts")
            }
        };
        register(&engine, &runtime).await.expect("the runtime is registered");
        started
    });
    Env { runtime, registry, dir, started_docker, registry_process: registry_process.id() }
}

extern "C" fn take_away() {
    let done = thread::spawn(|| {
        let Some(env) = ENV.get() else { return };
        let alone = block(async {
            let Ok(engine) = Engine::find().await else { return true };
            if let Err(error) = unregister(&engine, &env.runtime).await {
                eprintln!("the runtime stays registered: {error}");
            }
            is_unused(&engine).await
        });
        signal(env.registry_process);
        wait_for_end(env.registry_process, Duration::from_secs(10));
        if env.started_docker
            && alone
            && let Ok(pid) = fs::read_to_string("/var/run/docker.pid")
        {
            let pid = pid.trim().parse().unwrap_or(0);
            signal(pid);
            wait_for_end(pid, Duration::from_secs(30));
        }
        let _ = fs::remove_dir_all(&env.dir);
    })
    .join();
    if done.is_err() {
        eprintln!("something of the tests stays behind");
    }
}

/// Whether nobody else came to use the engine that we started.
async fn is_unused(engine: &Engine) -> bool {
    let socket = engine.socket().to_string_lossy();
    let Ok(docker) = Docker::connect_with_unix(&socket, 10, bollard::API_DEFAULT_VERSION) else {
        return true;
    };
    let info = async { docker.negotiate_version().await?.info().await };
    info.await.is_ok_and(|info| {
        let runtimes = info.runtimes.unwrap_or_default();
        info.containers == Some(0) && !runtimes.keys().any(|name| name.starts_with("dbc"))
    })
}

/// Waits for a child of ours and takes its end in.
fn wait_for_end(pid: u32, time: Duration) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap_or(0));
    let until = Instant::now() + time;
    let flag = nix::sys::wait::WaitPidFlag::WNOHANG;
    while nix::sys::wait::waitpid(pid, Some(flag)) == Ok(nix::sys::wait::WaitStatus::StillAlive)
        && Instant::now() < until
    {
        thread::sleep(Duration::from_millis(50));
    }
}

fn signal(pid: u32) {
    if let Ok(pid) = i32::try_from(pid)
        && pid > 1
    {
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(pid),
            nix::sys::signal::Signal::SIGTERM,
        );
    }
}

/// Runs a future to its end from a thread that is no tokio worker.
pub fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The static wrapper, built as an installation builds it; quick when that was done before.
fn build_runc() -> PathBuf {
    let test = env::current_exe().unwrap();
    let target = test.ancestors().nth(3).expect("…/target/debug/deps/it").to_owned();
    let done = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--offline", "--package", "dbc-runc"])
        .args(["--target", "x86_64-unknown-linux-gnu", "--target-dir"])
        .arg(&target)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(done.success(), "dbc-runc builds");
    target.join("x86_64-unknown-linux-gnu/debug/dbc-runc")
}

/// Debian's registry on a free port, without passwords, storing below `dir`.
fn start_registry(dir: &Path) -> (Child, String) {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let config = dir.join("registry.yml");
    let text = format!(
        "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
         http: {{addr: '127.0.0.1:{port}'}}\n",
        dir.join("registry").display()
    );
    fs::write(&config, text).unwrap();
    let log = fs::File::create(dir.join("registry.log")).unwrap();
    let mut command = Command::new("docker-registry");
    command
        .arg("serve")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .process_group(0);
    let child = command.spawn().expect("docker-registry is installed");
    let until = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(Instant::now() < until, "the registry comes up");
        thread::sleep(Duration::from_millis(50));
    }
    (child, format!("127.0.0.1:{port}"))
}
