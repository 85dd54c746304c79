//! The agent's parts that meet the chain, on a real node that they reach as a peer alone: its RPC port is closed
//! to them. Needs `cargo xtask wasm` and `cargo build -p dbc-node` before.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use codec::Decode as _;
use dbc_agent::{
    beat,
    chain::{At, ChainActions, ChainView, Change, live::LiveChain, source::Source},
    config::Config,
    keys::Keys,
    ledger::Ledger,
    metrics::Metrics,
    store::Store,
};
use dbc_chain_client::{ChainClient, ChainConfig, Registration, Signer, Statements};
use dbc_primitives::{
    Amount, DBC, HardwareFacts, Location, MachineClass, MachineId, NetworkFacts, Offer, Order,
    Price, Profile,
    lease::GpuSlots,
    liveness::{self, Beat},
};
use dbc_testkit::{DevNode, wait_for};
use ed25519_dalek::{Signature, VerifyingKey};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// On a machine that is busy building.
const PATIENCE: Duration = Duration::from_secs(300);
/// Memory that a light client may take beside the agent's own.
const MEMORY_KIB_MAX: u64 = 512 << 10;
const HOURLY: u128 = 12 * DBC;

/// What registers the machine of these keys.
fn registration(genesis: &[u8; 32], keys: &Keys, provider: &Signer) -> Registration {
    Registration {
        machine: MachineId(keys.machine()),
        proof: keys.registration_proof(genesis, &provider.account().0),
        class: MachineClass::Cpu,
        facts: HardwareFacts {
            cpu_model: b"Test CPU".to_vec().try_into().unwrap(),
            cpu_cores: 2,
            memory_mib: 4096,
            disk_gib: 20,
            ..HardwareFacts::default()
        },
        location: Location { region: 276, site: 1 },
        network: NetworkFacts {
            endpoint: [7; 32],
            relays: vec![b"http://127.0.0.1:3340".to_vec().try_into().unwrap()].try_into().unwrap(),
            up_mbps: 100,
            down_mbps: 100,
        },
    }
}

/// A network on which the machine of these keys is listed and rented; gives the lease.
async fn rented(client: &ChainClient, keys: &Keys, operator: &Signer) -> Result<u64> {
    let (provider, renter) = (Signer::from_uri("//Bob")?, Signer::from_uri("//Charlie")?);
    let machine = MachineId(keys.machine());
    let registration = registration(&client.genesis(), keys, &provider);
    let offer = Offer {
        price: Price { gpu_hour: Amount::Dbc(0), cpu_hour: Amount::Dbc(HOURLY) },
        min_term: 1,
        max_term: 2400,
        cpu_shares: 1,
    };
    client.transfer(&provider, operator.account(), 100 * DBC).await?;
    client.set_operator(&provider, operator.account()).await?;
    client.register(&provider, registration).await?;
    client.set_offer(&provider, machine, offer).await?;
    client.list(&provider, machine).await?.finalized().await?;
    let view = client.at(dbc_chain_client::At::Finalized).await?;
    let found = view.machine(machine).await?.context("registered")?;
    let order = Order {
        machine,
        gpus: GpuSlots::default(),
        profile: Profile::Cpu,
        cpu_shares: 1,
        term: 1200,
        offer_version: found.offer_version,
        max_rate: HOURLY,
        cap: None,
        access_key: [8; 32],
        spec_hash: Some([9; 32]),
        platform: None,
        voucher: None,
        standby: None,
        receiver: None,
        tag: 1,
    };
    let created = client.create_lease(&renter, order).await?.finalized().await?;
    created.events.created()?.context("a lease number")
}

/// The machine's next beat that the node keeps.
async fn heard(statements: &mut Statements, genesis: &[u8; 32], machine: [u8; 32]) -> Result<Beat> {
    loop {
        let next = timeout(PATIENCE, statements.next()).await.context("no beat")?;
        for statement in next.context("the watcher's connection broke")? {
            if statement.signer != machine {
                continue;
            }
            let beat = Beat::decode(&mut &statement.data[..])?;
            let (id, interval) = (MachineId(machine), beat.interval);
            let message = liveness::beat(genesis, id, beat.generation, interval, &beat.digest);
            let signature = Signature::from_bytes(&beat.signature);
            VerifyingKey::from_bytes(&machine)?.verify_strict(&message, &signature)?;
            return Ok(beat);
        }
    }
}

/// Memory of this process in KiB.
fn memory_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("VmRSS")?;
    Ok(line.split_whitespace().nth(1).context("a number")?.parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_21_an_agent_beats_and_acts_with_the_nodes_rpc_port_closed_to_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let keys = Arc::new(Keys::load_or_create(&folder.path().join("keys"))?);
    let machine = keys.machine();
    let operator = Signer::ed25519_from_seed(*keys.operator_seed());
    let genesis = serde_json::json!({ "machines": { "verified": [machine] } });
    let mut node = DevNode::start_with(genesis).await?;
    let rpc = ChainClient::connect(ChainConfig::new(node.url())).await?;
    let genesis = rpc.genesis();
    let lease = rented(&rpc, &keys, &operator).await?;
    let spec = folder.path().join("light-spec.json");
    std::fs::write(&spec, dbc_light::light_spec(&rpc, &[]).await?)?;
    drop(rpc);
    let closed = node.url();
    node.move_rpc().await?;
    ensure!(ChainClient::connect(ChainConfig::new(&closed)).await.is_err(), "the port is open");

    let mut config = Config { state_dir: folder.path().to_owned(), ..Config::default() };
    config.chain.url = closed;
    config.chain.light = Some(spec.clone());
    let settings = config.validate()?;
    let (before, began) = (memory_kib()?, Instant::now());
    let source = Source::open(&settings).await?;
    let client = timeout(PATIENCE, source.connect(Some(genesis))).await.context("no head")?;
    let first = *client.finalized().borrow();
    ensure!(first.number > 0, "no final block");
    println!(
        "light client: final block {} after {:.1} s, spec of {} bytes",
        first.number,
        began.elapsed().as_secs_f64(),
        std::fs::metadata(&spec)?.len()
    );

    // It reads by proof, follows what changes, and acts.
    let chain = LiveChain::spawn(source.clone(), genesis, operator.clone());
    let mut changes = chain.changes();
    let read = || async { Ok(chain.lease(lease, At::Finalized).await?) };
    let found = wait_for("the lease", PATIENCE, read).await?;
    assert_eq!((found.machine, found.started_at), (machine, None));
    timeout(PATIENCE, chain.started(lease)).await.context("`started` took too long")??;
    let found = chain.lease(lease, At::Finalized).await?.context("the lease")?;
    assert!(found.started_at.is_some());
    let ours = Change::Lease { id: lease, at: At::Finalized };
    let told = async {
        while changes.recv().await.context("told no more")? != ours {}
        Ok::<_, anyhow::Error>(())
    };
    timeout(PATIENCE, told).await.context("the change was not told")??;
    // Two at once from one account, which has no pool to count them.
    let both = async { tokio::join!(chain.settle(lease), chain.settle(lease)) };
    let (one, two) = timeout(PATIENCE, both).await.context("`settle` took too long")?;
    one?;
    two?;
    // Whoever waits for finality does not keep the account's next waiting.
    let one = tokio::spawn(client.settle(&operator, lease).await?.finalized());
    let two = client.settle(&operator, lease);
    let two = timeout(PATIENCE, two).await.context("`settle` took too long")??;
    ensure!(!one.is_finished(), "the second was signed when the first was final");
    one.await??;
    two.finalized().await?;

    // It beats, and a watcher hears it at his own node.
    let watcher = ChainClient::connect(ChainConfig::new(node.url())).await?;
    let mut statements = watcher.statements(&[liveness::topic(&genesis, 0)]).await?;
    let store = Store::open(&folder.path().join("agent.db"))?;
    let ledger = Ledger::open(machine, chain.clone(), store, Metrics::default()).await?;
    let shutdown = CancellationToken::new();
    let beats = beat::run(source.clone(), genesis, keys, Arc::new(ledger), shutdown.clone());
    let beats = tokio::spawn(beats);
    let first = heard(&mut statements, &genesis, machine).await?;
    let second = heard(&mut statements, &genesis, machine).await?;
    assert!(second.interval > first.interval, "{first:?}, {second:?}");

    // So does a machine without a proof: it may have lost it while its leases go on.
    let keys = Arc::new(Keys::load_or_create(&folder.path().join("unproven"))?);
    let (unproven, provider) = (keys.machine(), Signer::from_uri("//Bob")?);
    let registration = registration(&genesis, &keys, &provider);
    watcher.register(&provider, registration).await?.finalized().await?;
    let store = Store::open(&folder.path().join("unproven.db"))?;
    let ledger = Ledger::open(unproven, chain.clone(), store, Metrics::default()).await?;
    let other = beat::run(source.clone(), genesis, keys, Arc::new(ledger), shutdown.clone());
    let other = tokio::spawn(other);
    heard(&mut statements, &genesis, unproven).await?;
    shutdown.cancel();
    beats.await?;
    other.await?;

    source.save().await;
    let kept = std::fs::metadata(folder.path().join("light.json"))?.len();
    let memory = memory_kib()?.saturating_sub(before);
    println!("light client: {memory} KiB of memory with its watcher, {kept} bytes on disk");
    ensure!(memory < MEMORY_KIB_MAX, "{memory} KiB of memory");
    Ok(())
}
