//! A machine for one test: a network id, a pool and lease networks of its own on the shared engine.
//! When it ends, also by a panic, everything of that network id goes.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use bollard::Docker;
use dbc_host::{
    Backend, BackendError, Cause, ContainerId, Engine, ImageRef, Network, NetworkId, Pool,
    WorkloadKey,
    backend::{
        ContainerPlan, ContainerState, DockerBackend, DockerConfig, Limits, LogOptions, PullLimits,
    },
    cleanup::{Scope, inventory, purge},
    image::PulledImage,
    network::{BridgeNetwork, NetworkConfig, Subnet},
    pool::{BtrfsPool, FillTree, PoolConfig, PoolDisk, QuotaKind},
};
use futures::StreamExt;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::{
    env::{Env, block, env},
    image::Image,
};

pub const MIB: u64 = 1 << 20;

pub struct Machine {
    pub env: &'static Env,
    pub engine: Engine,
    pub docker: Docker,
    pub network: NetworkId,
    pub backend: DockerBackend,
    pub pool: BtrfsPool,
    pub net: BridgeNetwork,
    pub scope: Scope,
    pub dir: TempDir,
}

/// [`FillTree`] as the agent has it: the back end unpacks.
pub struct Unpack<'a>(pub &'a DockerBackend, pub &'a PulledImage);

#[async_trait]
impl FillTree for Unpack<'_> {
    async fn fill(&self, dir: &Path) -> Result<(), Cause> {
        Ok(self.0.unpack(self.1, dir, 1 << 30).await?)
    }
}

/// What a container said and how it ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i64,
    pub text: String,
}

impl Machine {
    /// A machine; `None` when this process cannot have one.
    pub async fn new() -> Option<Self> {
        Self::with_quotas(None).await
    }

    pub async fn with_quotas(quotas: Option<QuotaKind>) -> Option<Self> {
        let env = env()?;
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let network: NetworkId =
            format!("{:06x}{:02x}", (std::process::id() << 6 | count) & 0x00ff_ffff, count)
                .parse()
                .unwrap();
        let engine = Engine::find().await.expect("the engine runs");
        let docker = Docker::connect_with_unix(
            engine.socket().to_str().unwrap(),
            120,
            bollard::API_DEFAULT_VERSION,
        )
        .unwrap()
        .negotiate_version()
        .await
        .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let pool = PoolConfig {
            mount: dir.path().join("pool"),
            disk: PoolDisk::File { path: dir.path().join("pool.img"), size_bytes: 400 * MIB },
            quotas,
        };
        let config = DockerConfig {
            network: network.clone(),
            runtime: env.runtime.name.clone(),
            roots_dir: env.runtime.roots_dir.clone(),
        };
        let backend = DockerBackend::new(&engine, config);
        let config = NetworkConfig { network: network.clone(), range: Subnet::DEFAULT_RANGE };
        let net = BridgeNetwork::new(&engine, config);
        let scope = Scope {
            network: network.clone(),
            engine: Some(engine.clone()),
            pool: Some(pool.clone()),
            run_dir: Some(dir.path().join("run")),
            roots_dir: Some(env.runtime.roots_dir.clone()),
        };
        let pool = BtrfsPool::open(network.clone(), pool).await.expect("the pool opens");
        Some(Self { env, engine, docker, network, backend, pool, net, scope, dir })
    }

    /// The usual image, in the registry.
    pub async fn publish(&self, image: &Image, tag: &str) -> ImageRef {
        let name = format!("it/{}", self.network);
        image.publish(&self.docker, &self.env.registry, &name, tag).await.parse().unwrap()
    }

    pub async fn pull(&self, image: &ImageRef) -> Result<PulledImage, BackendError> {
        self.backend.pull(image, PullLimits::default(), &|_| {}).await
    }

    /// Busybox in the pool.
    pub async fn busybox(&self) -> PulledImage {
        self.image(&Image::busybox(), "busybox").await
    }

    pub async fn image(&self, image: &Image, tag: &str) -> PulledImage {
        let name = self.publish(image, tag).await;
        let pulled = self.pull(&name).await.expect("the image is pulled");
        self.pool.ensure_image(&pulled.id, &Unpack(&self.backend, &pulled)).await.unwrap();
        self.backend.forget_image(&pulled).await.unwrap();
        pulled
    }

    /// A plan that runs a script, with its root and network made.
    pub async fn plan(
        &self,
        lease: u64,
        workload: u32,
        image: &PulledImage,
        script: &str,
    ) -> ContainerPlan {
        self.plan_with_quota(WorkloadKey::new(lease, workload), image, 64 * MIB, script).await
    }

    pub async fn plan_with_quota(
        &self,
        key: WorkloadKey,
        image: &PulledImage,
        quota: u64,
        script: &str,
    ) -> ContainerPlan {
        let lease = key.lease;
        let root = self.pool.ensure_root(key, &image.id, quota).await.expect("a root");
        let network = self.net.ensure(lease).await.expect("a network");
        ContainerPlan {
            key,
            root: root.path,
            network: network.name,
            hostname: format!("lease-{lease}"),
            command: ["/bin/sh", "-c", script].map(String::from).into(),
            env: vec!["PATH=/bin:/usr/bin:/sbin:/usr/sbin".into()],
            user: None,
            workdir: None,
            limits: Limits { cpu_millis: 1000, memory_bytes: 128 * MIB, pids: 64 },
            init: None,
            gpus: vec![],
            stop_signal: None,
        }
    }

    /// Creates and starts a container.
    pub async fn start(&self, plan: &ContainerPlan) -> ContainerId {
        let id = self.backend.create(plan).await.expect("a container");
        self.backend.start(&id).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        id
    }

    /// Runs a container to its end and removes it.
    pub async fn run(&self, plan: &ContainerPlan) -> Ended {
        let id = self.start(plan).await;
        let code = self.wait(&id).await;
        let text = self.output(&id).await;
        self.backend.remove(&id).await.unwrap();
        Ended { code, text }
    }

    pub async fn script(&self, lease: u64, image: &PulledImage, script: &str) -> Ended {
        let plan = self.plan(lease, 0, image, script).await;
        self.run(&plan).await
    }

    pub async fn state(&self, id: &ContainerId) -> Option<ContainerState> {
        let listed = self.backend.list().await.unwrap();
        listed.into_iter().find(|found| found.id == *id).map(|found| found.state)
    }

    pub async fn wait(&self, id: &ContainerId) -> i64 {
        let until = Instant::now() + Duration::from_secs(90);
        loop {
            if let Some(ContainerState::Exited { code, .. }) = self.state(id).await {
                return code;
            }
            assert!(
                Instant::now() < until,
                "the container ends; so far: {}",
                self.output(id).await
            );
            sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn output(&self, id: &ContainerId) -> String {
        let options = LogOptions { tail: 1000, follow: false };
        let chunks: Vec<_> = self.backend.logs(id, options).collect().await;
        let bytes = chunks.into_iter().flat_map(|chunk| chunk.unwrap().bytes).collect::<Vec<_>>();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until the container has said this.
    pub async fn said(&self, id: &ContainerId, word: &str) -> String {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let text = self.output(id).await;
            if text.contains(word) {
                return text;
            }
            assert!(Instant::now() < until, "{word:?} is said; so far: {text}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Address of a running container.
    pub async fn address(&self, id: &ContainerId) -> String {
        let options = None::<bollard::query_parameters::InspectContainerOptions>;
        let found = self.docker.inspect_container(&id.0, options).await.unwrap();
        let networks = found.network_settings.unwrap().networks.unwrap();
        networks.into_values().next().unwrap().ip_address.unwrap()
    }

    pub async fn docker_started_at(&self, id: &ContainerId) -> Option<i64> {
        let listed = self.backend.list().await.unwrap();
        listed.into_iter().find(|found| found.id == *id)?.started_at
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Ends the machine and insists that nothing stays.
    pub async fn finish(self) {
        let purged = purge(&self.scope).await.expect("things can be listed");
        assert!(purged.failed.is_empty(), "{:?}", purged.failed);
        assert_eq!(inventory(&self.scope).await.unwrap(), []);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let scope = self.scope.clone();
        let cleaned = std::thread::spawn(move || block(purge(&scope)).is_ok()).join();
        if !matches!(cleaned, Ok(true)) {
            eprintln!("things of network {} stay behind", self.network);
        }
    }
}

/// An error with all its causes.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
