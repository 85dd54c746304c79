//! The agent as a program: from checked settings to a running [`Agent`] on the real host and chain,
//! and back down in order. Waits for what is away (node, engine, disk) instead of failing, but for
//! what a person must put right.

use std::{
    fs::File,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use dbc_chain_client::Signer;
use dbc_host::{
    Engine, NetworkId,
    backend::{DockerBackend, DockerConfig},
    gpus::NvmlGpus,
    network::{BridgeNetwork, NetworkConfig},
    pool::{BtrfsPool, PoolConfig},
};
use dbc_service::{error_chain, metrics, shutdown::CancellationToken};
use dbc_tunnel::{Limits, Listener, ListenerConfig, Paths, RelayUrl};
use nix::fcntl::{Flock, FlockArg};
use serde::Serialize;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::{
    agent::{Agent, Parts},
    beat,
    chain::{live::LiveChain, source::Source},
    config::Checked,
    execute::{Bounds, NoCheckpoint},
    host::{Host, RunDirs},
    keys::Keys,
    metrics::Metrics,
    server::Server,
    store::Store,
};

/// Pause before something of the host that is away is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// An engine or a host that starts anew takes less.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where programs beside the agent find it; `agent.json` in the state folder, while it runs.
#[derive(Debug, Serialize)]
struct Notice {
    pid: u32,
    machine: String,
    endpoint: String,
    genesis: String,
    /// UDP sockets in use.
    bound: Vec<String>,
    /// Address of the Prometheus endpoint.
    metrics: Option<String>,
}

/// Runs the agent until `shutdown`.
///
/// # Errors
/// What a person must put right: a state folder in use or of another network, keys that others can
/// read, an address that is taken.
pub async fn run(config: Checked, shutdown: CancellationToken) -> Result<()> {
    let _lock = prepare(&config.state_dir)?;
    let keys = Arc::new(Keys::load_or_create(&config.state_dir.join("keys"))?);
    let store = Store::open(&config.state_dir.join("agent.db"))?;
    let source = Source::open(&config).await?;
    let starting = start(&config, &source, keys.clone(), store);
    let Some(started) = shutdown.run_until_cancelled(starting).await else { return Ok(()) };
    let (mut agent, listener, metrics, genesis) = started?;

    let served = match config.metrics_bind {
        None => None,
        Some(bind) => Some(
            metrics::serve(bind, metrics.registry(), shutdown.clone())
                .await
                .with_context(|| format!("cannot serve metrics on {bind}"))?,
        ),
    };
    let public = keys.public();
    let notice = Notice {
        pid: std::process::id(),
        machine: public.machine,
        endpoint: public.endpoint,
        genesis: hex::encode(genesis),
        bound: listener.bound().iter().map(ToString::to_string).collect(),
        metrics: served.as_ref().map(|served| served.local_addr.to_string()),
    };
    let notice_file = config.state_dir.join("agent.json");
    write_notice(&notice_file, &notice)?;
    let beats = beat::run(source.clone(), genesis, keys, agent.ledger.clone(), shutdown.clone());
    let beats = tokio::spawn(beats);
    info!(machine = notice.machine, endpoint = notice.endpoint, bound = ?notice.bound, "ready");

    let failed = tokio::select! {
        () = shutdown.cancelled() => false,
        () = agent.failed() => true,
    };
    beats.abort();
    source.save().await;
    agent.shutdown().await;
    // Best effort: a notice of a dead process is told by its process id.
    let _ = std::fs::remove_file(notice_file);
    if failed {
        bail!("a part of the agent failed; the log says which");
    }
    Ok(())
}

type Started = (Agent, Arc<Listener>, Metrics, [u8; 32]);

async fn start(
    config: &Checked,
    source: &Source,
    keys: Arc<Keys>,
    store: Store,
) -> Result<Started> {
    let genesis = genesis(config, source, &store).await?;
    let host = host(config, &NetworkId::of_genesis(&genesis)).await?;
    let signer = Signer::ed25519_from_seed(*keys.operator_seed());
    let chain = LiveChain::spawn(source.clone(), genesis, signer);
    let listener = ListenerConfig {
        relays: relays(config, &store).await?,
        bind: config.bind,
        paths: Paths::Any,
        alpns: Server::alpns(),
        limits: Limits::default(),
    };
    let listener = Arc::new(Listener::bind(keys.endpoint_seed(), listener).await?);
    let metrics = Metrics::default();
    let parts = Parts {
        genesis,
        keys,
        host,
        view: chain.clone(),
        actions: chain,
        store,
        listener: Some(listener.clone()),
        checkpoint: Arc::new(NoCheckpoint),
        bounds: Bounds { stop_time: config.stop_time, image_bytes_max: config.image_bytes_max },
        grace: config.grace,
        patience: PATIENCE,
        settle_every: config.settle_every,
        metrics: metrics.clone(),
    };
    let agent = Agent::start(parts).await?;
    agent.fleet.report_orphans().await;
    Ok((agent, listener, metrics, genesis))
}

/// Makes the state folder and takes it for this process alone.
fn prepare(state_dir: &Path) -> Result<Flock<File>> {
    let shown = state_dir.display();
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state_dir)
        .with_context(|| format!("cannot make the state folder {shown}"))?;
    let path = state_dir.join("agent.lock");
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
        anyhow::anyhow!("another agent runs on the state folder {shown}: end it first")
    })
}

/// The network that this agent belongs to: as configured, as stored, or as the node or light spec says.
async fn genesis(config: &Checked, source: &Source, store: &Store) -> Result<[u8; 32]> {
    let stored = store.genesis().await?;
    match (config.genesis, stored) {
        (Some(wanted), Some(found)) if wanted != found => {
            bail!(
                "the state folder belongs to network {}, the configuration names {}",
                hex::encode(found),
                hex::encode(wanted)
            )
        }
        (Some(genesis), _) | (None, Some(genesis)) => Ok(genesis),
        (None, None) => Ok(source.connect(None).await.genesis()),
    }
}

async fn relays(config: &Checked, store: &Store) -> Result<Vec<RelayUrl>> {
    if !config.relays.is_empty() {
        return Ok(config.relays.clone());
    }
    let announced = store.machine().await?.map(|machine| machine.relays).unwrap_or_default();
    Ok(announced.iter().filter_map(|url| url.parse().ok()).collect())
}

/// The real host. Waits for engine and pool as long as they are away.
async fn host(config: &Checked, network: &NetworkId) -> Result<Host> {
    if !config.init.is_file() {
        bail!("{} is missing: set engine.init to the built dbc-init", config.init.display());
    }
    let engine = patiently("the container engine", || async {
        match &config.socket {
            Some(socket) => Engine::at(socket).await,
            None => Engine::find().await,
        }
    })
    .await;
    let pool = patiently("the data pool", || {
        let settings = PoolConfig {
            mount: config.pool_mount.clone(),
            disk: config.pool_disk.clone(),
            quotas: None,
        };
        BtrfsPool::open(network.clone(), settings)
    })
    .await;
    let backend = DockerConfig {
        network: network.clone(),
        runtime: config.runtime.clone(),
        roots_dir: config.roots_dir.clone(),
    };
    let networks = NetworkConfig { network: network.clone(), range: config.subnets };
    Ok(Host {
        backend: Arc::new(DockerBackend::new(&engine, backend)),
        pool: Arc::new(pool),
        network: Arc::new(BridgeNetwork::new(&engine, networks)),
        gpus: Arc::new(NvmlGpus),
        guest: Arc::new(RunDirs),
        init: config.init.clone(),
        run_dir: config.state_dir.join("run"),
    })
}

async fn patiently<T, E, F>(what: &'static str, mut attempt: impl FnMut() -> F) -> T
where
    E: std::error::Error + 'static,
    F: Future<Output = Result<T, E>>,
{
    loop {
        match attempt().await {
            Ok(found) => return found,
            Err(error) => warn!(error = error_chain(&error), "{what} is away, trying again"),
        }
        sleep(RETRY).await;
    }
}

fn write_notice(path: &Path, notice: &Notice) -> Result<()> {
    let new = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o644)
        .open(&new)?;
    file.write_all(serde_json::to_string_pretty(notice)?.as_bytes())?;
    std::fs::rename(&new, path).with_context(|| format!("cannot write {}", path.display()))
}
