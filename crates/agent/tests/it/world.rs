//! A machine with a fake host, a fake chain and a real database, and verbs to act on it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use dbc_agent::{
    agent::{Agent, Parts},
    chain::{At, ChainView as _, LeaseRecord, MachineRecord, fake::FakeChain},
    execute::{Bounds, Checkpoint, NoCheckpoint},
    host::{Host, fake},
    keys::Keys,
    metrics::Metrics,
    store::Store,
};
use dbc_agent_api::{
    WorkloadSpec,
    control::{Phase, WorkloadStatus},
};
use dbc_grants::AccessKey;
use dbc_host::{
    Backend, Network, Pool, WorkloadKey, backend::ContainerState, fake::FakeHost,
    image::ImageConfig,
};
use dbc_tunnel::Listener;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

pub const GENESIS: [u8; 32] = [9; 32];
pub const IMAGE: &str = "registry.example/dbc/base:12";
pub const LEASE: u64 = 7;
pub const KEY: WorkloadKey = WorkloadKey { lease: LEASE, workload: 0 };
/// Slot at which a world begins.
pub const BEGIN: u64 = 1000;
/// Far longer than anything here takes; an end to tests that would hang.
pub const LONG: Duration = Duration::from_secs(60);
/// Far longer than the agent of these tests bears a fault in silence.
pub const PATIENCE: Duration = Duration::from_millis(1500);

pub struct World {
    pub chain: FakeChain,
    pub fake: FakeHost,
    pub guest: fake::FakeGuest,
    pub host: Host,
    pub keys: Arc<Keys>,
    pub access: AccessKey,
    pub grace: Duration,
    /// Real starts of containers.
    pub starts: Arc<AtomicUsize>,
    dir: TempDir,
}

/// The machine of these tests, with so many CPU shares.
pub fn machine(cpu_shares: u16) -> MachineRecord {
    MachineRecord {
        gpus: Vec::new(),
        cpu_shares,
        cpu_cores: 4,
        memory_mib: 8192,
        disk_gib: 10,
        relays: Vec::new(),
    }
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fake = FakeHost::default();
        fake.backend.add_image(IMAGE, ImageConfig::default());
        let guest = fake::FakeGuest::default();
        let host = fake::host(&fake, &guest);
        let starts = Arc::new(AtomicUsize::new(0));
        let (count, follower) = (starts.clone(), guest.clone());
        fake.backend.on_start(move |plan| {
            count.fetch_add(1, Ordering::SeqCst);
            follower.came_up(plan);
        });
        Self {
            chain: FakeChain::new(BEGIN, machine(1)),
            fake,
            guest,
            host,
            keys: Arc::new(Keys::load_or_create(&dir.path().join("keys")).unwrap()),
            access: AccessKey::from_seed(&[5; 32]),
            grace: Duration::from_secs(600),
            starts,
            dir,
        }
    }

    /// Puts cards into the machine, beside so many CPU shares.
    pub fn plug(&self, uuids: &[&str], cpu_shares: u16) {
        for uuid in uuids {
            self.fake.gpus.plug(uuid);
        }
        let gpus = uuids.iter().map(ToString::to_string).collect();
        self.chain.set_machine(MachineRecord { gpus, ..machine(cpu_shares) });
    }

    /// Whether the chain knows the lease to be down by its machine's fault.
    pub async fn told_down(&self) -> bool {
        let lease = self.chain.lease(LEASE, At::Best).await.unwrap();
        lease.is_some_and(|lease| lease.down)
    }

    /// An open lease of the whole machine.
    pub fn lease(&self) -> LeaseRecord {
        LeaseRecord {
            id: LEASE,
            machine: self.keys.machine(),
            gpus: Vec::new(),
            cpu_shares: 1,
            started_at: None,
            ends_at: BEGIN + 1200,
            access_key: self.access.public(),
            grant_epoch: 0,
            spec_hash: None,
            down: false,
            closed: None,
            moved: false,
        }
    }

    pub async fn agent(&self) -> Agent {
        self.agent_with(Arc::new(NoCheckpoint), None).await
    }

    pub async fn agent_with(
        &self,
        checkpoint: Arc<dyn Checkpoint>,
        listener: Option<Arc<Listener>>,
    ) -> Agent {
        Agent::start(Parts {
            genesis: GENESIS,
            keys: self.keys.clone(),
            host: self.host.clone(),
            view: Arc::new(self.chain.clone()),
            actions: Arc::new(self.chain.clone()),
            store: self.store(),
            listener,
            checkpoint,
            bounds: Bounds { stop_time: Duration::from_secs(1), image_bytes_max: 1 << 30 },
            grace: self.grace,
            patience: Duration::from_millis(300),
            settle_every: None,
            metrics: Metrics::default(),
        })
        .await
        .unwrap()
    }

    pub fn store(&self) -> Store {
        Store::open(&self.dir.path().join("agent.db")).unwrap()
    }

    pub fn starts(&self) -> usize {
        self.starts.load(Ordering::SeqCst)
    }

    /// State of the workload's container; panics when there are several.
    pub async fn container(&self) -> Option<ContainerState> {
        let found = self.fake.backend.list().await.unwrap();
        assert!(found.len() <= 1, "doubled: {found:?}");
        found.first().map(|container| container.state)
    }

    pub async fn has_root(&self) -> bool {
        let listing = self.fake.pool.list().await.unwrap();
        assert!(listing.roots.len() <= 1, "doubled: {listing:?}");
        listing.roots.contains(&KEY)
    }

    pub async fn has_network(&self) -> bool {
        !self.fake.network.list().await.unwrap().is_empty()
    }
}

pub fn spec() -> WorkloadSpec {
    WorkloadSpec::container(IMAGE)
}

pub fn status(agent: &Agent) -> Option<WorkloadStatus> {
    agent.fleet.status(KEY).map(|status| status.borrow().clone())
}

/// Waits until the agent knows the lease, as a client does that tries again.
pub async fn put(agent: &Agent, spec: WorkloadSpec) {
    until("put", || async { agent.fleet.put(KEY, spec.clone()).await.is_ok() }).await;
}

pub async fn phase(agent: &Agent, wanted: Phase) {
    until(&format!("{wanted:?}"), || async {
        status(agent).is_some_and(|status| status.phase == wanted)
    })
    .await;
}

/// Waits for a condition, at most [`LONG`].
pub async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let end = Instant::now() + LONG;
    while !condition().await {
        assert!(Instant::now() < end, "waited in vain for: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
