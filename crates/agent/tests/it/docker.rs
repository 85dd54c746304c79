//! The agent on the real host: Docker, btrfs, nftables, our runtime and our PID 1, with the chain
//! alone made up. One life of a lease with everything that may befall it; skipped, loudly, where the
//! machine cannot do it.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use dbc_agent::{
    agent::Agent,
    chain::{CloseReason, MachineRecord, fake::FakeChain},
    driver::Wish,
    host::{Host, RunDirs},
};
use dbc_agent_api::{
    WorkloadSpec,
    control::Phase,
    workload::{Probe, Resources, WorkloadKind},
};
use dbc_host::{
    Backend, Engine, NetworkId,
    backend::{DockerBackend, DockerConfig, LogOptions, ObservedContainer},
    cleanup::{Scope, inventory, purge},
    engine::settings::{Runtime, register, unregister},
    gpus::NvmlGpus,
    network::{BridgeNetwork, NetworkConfig, Subnet},
    pool::{BtrfsPool, PoolConfig, PoolDisk},
};
use dbc_init::{Event, InitClient, Open, Run, protocol::Program};
use futures::StreamExt;

use crate::world::{BEGIN, KEY, LEASE, World, phase, put, status, until};

const MIB: u64 = 1 << 20;

/// What this test made, taken away when it ends, however it ends.
struct Real {
    world: World,
    runtime: Runtime,
    engine: Engine,
    scope: Scope,
    registry: Child,
    image: String,
    backend: DockerBackend,
    _dir: tempfile::TempDir,
}

impl Real {
    async fn new() -> Option<Self> {
        let missing = |what: &str| {
            eprintln!("SKIPPED: the agent on the real host needs {what}");
            None
        };
        if !nix::unistd::geteuid().is_root() {
            return missing("root");
        }
        let Ok(engine) = Engine::find().await else { return missing("a running Docker") };
        if !Path::new("/usr/bin/docker-registry").exists() {
            return missing("docker-registry");
        }
        let Ok(busybox) = fs::read("/usr/bin/busybox").or_else(|_| fs::read("/bin/busybox")) else {
            return missing("busybox-static");
        };
        let dir = tempfile::tempdir().unwrap();
        let programs = build_static();
        let runtime = Runtime {
            name: "dbc-agent-it".into(),
            binary: programs.join("dbc-runc"),
            roots_dir: dir.path().join("roots.d"),
        };
        let (registry, address) = start_registry(dir.path());
        let repo = format!("{address}/dbc/tiny");
        let tree = dir.path().join("tree.tar");
        write_tree(&tree, &busybox);
        engine.publish(&tree, &repo, "1", &["ENV PATH=/bin"]).await.unwrap();
        register(&engine, &runtime).await.unwrap();

        let network = NetworkId::of_genesis(&[0xa9; 32]);
        let pool = PoolConfig {
            mount: dir.path().join("pool"),
            disk: PoolDisk::File { path: dir.path().join("pool.img"), size_bytes: 512 * MIB },
            quotas: None,
        };
        let docker = DockerConfig {
            network: network.clone(),
            runtime: runtime.name.clone(),
            roots_dir: runtime.roots_dir.clone(),
        };
        let scope = Scope {
            network: network.clone(),
            engine: Some(engine.clone()),
            pool: Some(pool.clone()),
            run_dir: Some(dir.path().join("run")),
            roots_dir: Some(runtime.roots_dir.clone()),
        };
        let backend = DockerBackend::new(&engine, docker);
        let networks = NetworkConfig { network: network.clone(), range: Subnet::DEFAULT_RANGE };
        let mut world = World::new();
        world.chain = FakeChain::new(BEGIN, machine());
        world.host = Host {
            backend: Arc::new(backend.clone()),
            pool: Arc::new(BtrfsPool::open(network, pool).await.unwrap()),
            network: Arc::new(BridgeNetwork::new(&engine, networks)),
            gpus: Arc::new(NvmlGpus),
            guest: Arc::new(RunDirs),
            init: programs.join("dbc-init"),
            run_dir: dir.path().join("run"),
        };
        let image = format!("{repo}:1");
        Some(Self { world, runtime, engine, scope, registry, image, backend, _dir: dir })
    }

    /// The container as Docker shows it.
    async fn container(&self) -> Option<ObservedContainer> {
        let found = self.backend.list().await.unwrap();
        assert!(found.len() <= 1, "doubled: {found:?}");
        found.into_iter().next()
    }

    /// Runs a line in the workload's shell and gives what it printed.
    async fn shell(&self, line: &str) -> String {
        let dir = self.world.host.run_dir(KEY);
        let stream = self.world.host.guest.connect(&dir).await.unwrap();
        let run = Run::new(Program::Line(line.into()));
        let session = InitClient::over(stream).open(&Open::Run(Box::new(run))).await.unwrap();
        let (mut reader, _writer) = session.split();
        let mut text = String::new();
        while let Some(event) = reader.next().await.unwrap() {
            match event {
                Event::Stdout(bytes) | Event::Stderr(bytes) => {
                    text.push_str(&String::from_utf8_lossy(&bytes));
                }
                Event::Exit(_) => break,
            }
        }
        text
    }

    async fn output(&self) -> String {
        let Some(container) = self.container().await else { return String::new() };
        let options = LogOptions { tail: 100, follow: false };
        let chunks = self.backend.logs(&container.id, options);
        let text = |chunk: Result<_, _>| chunk.map(|c: dbc_host::backend::LogChunk| c.bytes);
        let bytes: Vec<_> = chunks.filter_map(|chunk| async { text(chunk).ok() }).collect().await;
        String::from_utf8_lossy(&bytes.concat()).into_owned()
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let (scope, engine, runtime) =
            (self.scope.clone(), self.engine.clone(), self.runtime.clone());
        let cleared = std::thread::spawn(move || {
            let builder = &mut tokio::runtime::Builder::new_current_thread();
            builder.enable_all().build().unwrap().block_on(async {
                let purged = purge(&scope).await.unwrap();
                unregister(&engine, &runtime).await.unwrap();
                assert!(purged.failed.is_empty(), "{:?}", purged.failed);
            });
        });
        let _ = self.registry.kill();
        let _ = self.registry.wait();
        let cleared = cleared.join();
        assert!(cleared.is_ok() || std::thread::panicking(), "something stays behind");
    }
}

fn machine() -> MachineRecord {
    MachineRecord {
        gpus: Vec::new(),
        cpu_shares: 1,
        cpu_cores: 2,
        memory_mib: 1024,
        disk_gib: 1,
        relays: Vec::new(),
    }
}

/// Our static programs, built as an installation builds them; quick when that was done before.
fn build_static() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).expect("…/target/debug/deps/it").to_owned();
    let done = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--offline", "-p", "dbc-runc", "-p", "dbc-init"])
        .args(["--target", "x86_64-unknown-linux-gnu", "--target-dir"])
        .arg(&target)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(done.success(), "the static programs build");
    target.join("x86_64-unknown-linux-gnu/debug")
}

fn start_registry(dir: &Path) -> (Child, String) {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let config = dir.join("registry.yml");
    let text = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
         http: {{addr: '127.0.0.1:{port}'}}\n",
        dir.join("registry").display()
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(&config).stdin(Stdio::null());
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    for _ in 0..400 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return (child, format!("127.0.0.1:{port}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the registry does not come up");
}

/// A tree of one program with its names.
fn write_tree(path: &Path, busybox: &[u8]) {
    let mut tar = tar::Builder::new(fs::File::create(path).unwrap());
    let mut add = |name: &str, mode: u32, data: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(mode);
        header.set_cksum();
        tar.append_data(&mut header, name, data).unwrap();
    };
    add("bin/busybox", 0o755, busybox);
    add("etc/passwd", 0o644, b"root:x:0:0::/root:/bin/sh\n");
    for name in ["sh", "cat", "echo", "sleep", "ls", "nc", "id"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, format!("bin/{name}"), "busybox").unwrap();
    }
    tar.finish().unwrap();
}

/// Prints a word and stays until it is asked to go.
fn spec(image: &str) -> WorkloadSpec {
    let mut spec = WorkloadSpec::container(image);
    let WorkloadKind::Container(container) = &mut spec.kind else { unreachable!() };
    let script = "trap 'exit 0' TERM; echo up; while :; do sleep 1; done";
    container.command = ["/bin/sh", "-c", script].map(str::to_owned).into();
    container.probe =
        Some(Probe::Exec { command: vec!["/bin/cat".into(), "/etc/passwd".into()], timeout_s: 30 });
    container.resources = Resources { memory_mib: Some(64), ..Resources::default() };
    spec
}

async fn again(real: &Real, agent: Agent) -> Agent {
    agent.kill().await;
    let agent = real.world.agent().await;
    phase(&agent, Phase::Running).await;
    agent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life_on_the_real_host() {
    let Some(real) = Real::new().await else { return };
    let chain = &real.world.chain;
    let agent = real.world.agent().await;
    chain.put_best(real.world.lease());
    put(&agent, spec(&real.image)).await;
    until("prepared", || async { real.container().await.is_some() }).await;
    chain.finalize();
    phase(&agent, Phase::Running).await;
    until("reported", || async { chain.started_calls() == [LEASE] }).await;
    until("output", || async { real.output().await.contains("up") }).await;
    assert_eq!(real.shell("echo kept > /work; cat /work").await, "kept\n");

    // A new agent finds the same container, and its files.
    let before = real.container().await.unwrap();
    let agent = again(&real, agent).await;
    assert_eq!(real.container().await.unwrap(), before, "not started again");

    // Stopped and started as wished: the root stays.
    agent.fleet.wish(KEY, Wish::Stop).await.unwrap();
    assert_eq!(status(&agent).unwrap().phase, Phase::Stopped);
    agent.fleet.wish(KEY, Wish::Start).await.unwrap();
    phase(&agent, Phase::Running).await;
    assert_eq!(real.shell("cat /work").await, "kept\n");

    // Somebody removes the container under the agent.
    let container = real.container().await.unwrap();
    real.backend.remove(&container.id).await.unwrap();
    until("made anew", || async {
        real.container().await.is_some_and(|seen| seen.id != container.id)
    })
    .await;
    phase(&agent, Phase::Running).await;
    assert_eq!(real.shell("cat /work").await, "kept\n");

    chain.close(LEASE, CloseReason::EndedByRenter, BEGIN + 10);
    phase(&agent, Phase::Closed).await;
    until("container gone", || async { real.container().await.is_none() }).await;
    let pool = &real.world.host.pool;
    assert_eq!(pool.list().await.unwrap().roots, [KEY], "data is kept");
    chain.advance_to(BEGIN + 11);
    until("forgotten", || async { status(&agent).is_none() }).await;
    assert_eq!(pool.list().await.unwrap().roots, []);
    assert!(!real.world.host.run_dir(KEY).exists());
    let networks = real.world.host.network.list().await.unwrap();
    assert_eq!(networks, [], "{:?}", inventory(&real.scope).await.unwrap());
    agent.shutdown().await;
}
