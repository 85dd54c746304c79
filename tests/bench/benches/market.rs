//! What one `dev` node takes: orders and ends of leases beside transfers, each signed before and sent
//! at once, so that the node is the slow part. With `--sustained MINUTES` it is kept busy for so long.

#[path = "market/sustained.rs"]
mod sustained;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use dbc_chain_client::{AccountId, At, ChainClient, ChainConfig, Registration, Signed, Signer};
use dbc_primitives::{
    Amount, DBC, Gpu, HardwareFacts, Location, MachineClass, MachineId, NetworkFacts, Offer, Order,
    Price, Profile, SLOT_SECONDS, lease::GpuSlots, proof::register_message,
};
use dbc_testkit::DevNode;
use ed25519_dalek::{Signer as _, SigningKey};
use tokio::{task::JoinHandle, time::timeout};

const MACHINES: u32 = 256;
const GPUS: u8 = 16;
const RENTERS: u8 = 64;
/// Leases of each renter.
const EACH: usize = MACHINES as usize * GPUS as usize / RENTERS as usize;
const RATE: u128 = DBC / 1_200;
const TERM: u64 = 1_200;
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::main]
async fn main() -> Result<()> {
    let keys: Vec<_> = (0..MACHINES).map(key).collect();
    let verified: Vec<_> = keys.iter().map(|key| key.verifying_key().to_bytes()).collect();
    let node =
        DevNode::start_with(serde_json::json!({ "machines": { "verified": verified } })).await?;
    let chain = ChainClient::connect(ChainConfig::new(node.url())).await?;
    let renters = (0..RENTERS)
        .map(|n| Signer::from_uri(&format!("//Renter//{n}")))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(minutes) = minutes()? {
        let payers = (0..RENTERS)
            .map(|n| Signer::from_uri(&format!("//Payer//{n}")))
            .collect::<Result<Vec<_>, _>>()?;
        prepare(&chain, &keys, &[sustained::renters(0)?, payers.clone()].concat()).await?;
        return sustained::keep_busy(&chain, &keys, &payers, minutes).await;
    }
    prepare(&chain, &keys, &renters).await?;

    let mut rates = Vec::new();
    let mut signed = Vec::new();
    for (n, renter) in renters.iter().enumerate() {
        let mut ahead = chain.ahead(renter).await?;
        let to = renters[(n + 1) % renters.len()].account();
        signed.push((0..EACH).map(|_| ahead.transfer(to, DBC)).collect::<Result<_, _>>()?);
    }
    rates.push(("transfer", run(&chain, signed).await?));

    let mut signed = Vec::new();
    for (n, renter) in renters.iter().enumerate() {
        let mut ahead = chain.ahead(renter).await?;
        let places = n * EACH..(n + 1) * EACH;
        let orders = places.map(|place| Ok(ahead.create_lease(order(&keys, place)?)?));
        signed.push(orders.collect::<Result<_>>()?);
    }
    rates.push(("leases.create", run(&chain, signed).await?));

    let view = chain.at(At::Best).await?;
    let mut signed = Vec::new();
    for renter in &renters {
        let leases = view.leases_of_renter(renter.account()).await?;
        ensure!(leases.len() == EACH, "{} of {EACH} orders became leases", leases.len());
        let mut ahead = chain.ahead(renter).await?;
        let ends = leases.iter().map(|lease| ahead.end(lease.id));
        signed.push(ends.collect::<Result<_, _>>()?);
    }
    rates.push(("leases.end", run(&chain, signed).await?));
    for machine in chain.at(At::Best).await?.machines().await? {
        ensure!(machine.gpus_leased.is_empty(), "an ended lease still occupies its GPU");
    }

    println!("{} calls of each kind by {RENTERS} accounts, slots of 3 s", RENTERS as usize * EACH);
    println!(
        "{:<14} {:>12} {:>18} {:>22}",
        "call", "per second", "beside transfers", "fullest block"
    );
    let (_, base) = rates[0];
    for (name, rate) in rates {
        let ratio = rate.sustained / base.sustained;
        println!(
            "{name:<14} {:>12.0} {ratio:>17.2}× {:>12} = {:>4.0}/s   sent again {}",
            rate.sustained,
            rate.fullest,
            rate.fullest as f64 / SLOT_SECONDS as f64,
            rate.again
        );
    }
    Ok(())
}

#[derive(Clone, Copy, Default)]
struct Rate {
    /// Calls per second over the blocks that have any; all but the last are as full as they get.
    sustained: f64,
    /// Most calls in one block.
    fullest: usize,
    /// How often all were sent again, as the pool had lost some.
    again: usize,
}

/// Sends everything and follows the chain until it is in.
async fn run(chain: &ChainClient, signed: Vec<Vec<Signed>>) -> Result<Rate> {
    let total: usize = signed.iter().map(Vec::len).sum();
    let signed = Arc::new(signed);
    let send = || {
        let (chain, signed) = (chain.clone(), signed.clone());
        tokio::spawn(async move { chain.send(&signed).await })
    };
    let mut heads = chain.best();
    let mut number = heads.borrow_and_update().number;
    let mut sending = Some(send());
    let mut rate = Rate::default();
    let (mut seen, mut busy, mut idle) = (0, 0, 0);
    while seen < total {
        number += 1;
        timeout(PATIENCE, heads.wait_for(|head| head.number >= number)).await??;
        let block = chain.block_hash(number).await?;
        // Beside the author's own: the time.
        let calls = chain.extrinsics_in(block).await?.saturating_sub(1);
        idle = if calls == 0 { idle + 1 } else { 0 };
        if calls > 0 {
            busy += 1;
            seen += calls;
            rate.fullest = rate.fullest.max(calls);
            rate.sustained = seen as f64 / (busy * SLOT_SECONDS) as f64;
        }
        if sending.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(sent) = sending.take()
        {
            let refused = sent.await??;
            ensure!(rate.again > 0 || refused == 0, "the pool refuses {refused} calls");
        }
        // The pool loses some now and then when a block comes in between.
        if idle >= 2 && sending.is_none() {
            rate.again += 1;
            ensure!(rate.again < 5, "{} calls never get in", total - seen);
            sending = Some(send());
        }
    }
    Ok(rate)
}

/// For how many minutes it shall be kept busy, if at all. `cargo bench` adds `--bench`.
fn minutes() -> Result<Option<u64>> {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|text| text != "--bench").collect();
    match arguments.as_slice() {
        [] => Ok(None),
        [name, minutes] if name == "--sustained" => Ok(Some(minutes.parse()?)),
        other => anyhow::bail!("unknown arguments {other:?}"),
    }
}

/// Machines for rent and people with money.
async fn prepare(chain: &ChainClient, keys: &[SigningKey], people: &[Signer]) -> Result<()> {
    let alice = Signer::from_uri("//Alice")?;
    let provider = Signer::from_uri("//Bob")?;
    let operator = chain.set_operator(&provider, provider.account()).await?;
    operator.finalized().await?;
    let mut ahead = chain.ahead(&alice).await?;
    let gifts = people.iter().map(|who| ahead.transfer(who.account(), 100_000 * DBC));
    let gifts = gifts.collect::<Result<_, _>>()?;
    let mut signed = Vec::new();
    let mut ahead = chain.ahead(&provider).await?;
    for key in keys {
        let machine = MachineId(key.verifying_key().to_bytes());
        let gpus = vec![
            Gpu {
                model: b"RTX 4090".to_vec().try_into().unwrap_or_default(),
                memory_mib: 24_576,
                ..Gpu::default()
            };
            usize::from(GPUS)
        ];
        signed.push(ahead.register(Registration {
            machine,
            proof: key.sign(&register_message(&chain.genesis(), &provider.account().0)).to_bytes(),
            class: MachineClass::Training,
            facts: HardwareFacts {
                gpus: gpus.try_into().ok().context("too many GPUs")?,
                cpu_cores: 64,
                memory_mib: 1 << 19,
                disk_gib: 1 << 12,
                ..HardwareFacts::default()
            },
            location: Location::default(),
            network: NetworkFacts::default(),
        })?);
        let price = Amount::Dbc(RATE * 1_200);
        signed.push(ahead.set_offer(
            machine,
            Offer {
                price: Price { gpu_hour: price, cpu_hour: price },
                min_term: 1,
                max_term: TERM,
                cpu_shares: 0,
            },
        )?);
        signed.push(ahead.list(machine)?);
    }
    run(chain, vec![gifts, signed]).await?;
    let machines = chain.at(At::Best).await?.machines().await?;
    let listed = machines.iter().filter(|machine| machine.offer.is_some()).count();
    ensure!(listed == keys.len(), "{listed} of {} machines are listed", keys.len());
    Ok(())
}

fn key(number: u32) -> SigningKey {
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    SigningKey::from_bytes(&seed)
}

fn order(keys: &[SigningKey], place: usize) -> Result<Order<AccountId>> {
    let gpus = usize::from(GPUS);
    let gpu = u8::try_from(place % gpus)?;
    Ok(Order {
        machine: MachineId(keys[place / gpus].verifying_key().to_bytes()),
        gpus: GpuSlots::try_from(vec![gpu]).ok().context("one GPU")?,
        profile: Profile::Gpu,
        cpu_shares: 0,
        term: TERM,
        offer_version: 1,
        max_rate: RATE * 2,
        cap: None,
        access_key: [0; 32],
        spec_hash: None,
        platform: None,
        voucher: None,
        standby: None,
        receiver: None,
        tag: place as u64,
    })
}
