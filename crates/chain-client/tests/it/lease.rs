//! The life of a lease through the client, with every unit accounted for.

use std::time::Duration;

use anyhow::{Context, Result};
use dbc_chain_client::{
    AccountId, At, ChainClient, ChainError, Finality, Lease, Notice, Registration, Signer,
};
use dbc_primitives::{
    Amount, CloseReason, DBC, HardwareFacts, LeaseState, Location, MachineClass, MachineId,
    MachineStatus, NetworkFacts, Offer, Order, Price, Profile, lease::GpuSlots,
    proof::register_message,
};
use dbc_testkit::{DevNode, MACHINE, MACHINE_SEED};
use ed25519_dalek::{Signer as _, SigningKey};
use tokio::time::timeout;

use crate::connect;

const HOURLY: u128 = 12 * DBC;
const TERM: u64 = 1200;

fn machine_key() -> SigningKey {
    SigningKey::from_bytes(&MACHINE_SEED)
}

fn machine() -> MachineId {
    MachineId(MACHINE)
}

fn registration(genesis: [u8; 32], provider: AccountId) -> Registration {
    let proof = machine_key().sign(&register_message(&genesis, &provider.0)).to_bytes();
    Registration {
        machine: machine(),
        proof,
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

fn order(offer_version: u32, tag: u64) -> Order<AccountId> {
    Order {
        machine: machine(),
        gpus: GpuSlots::default(),
        profile: Profile::Cpu,
        cpu_shares: 1,
        term: TERM,
        offer_version,
        max_rate: HOURLY,
        cap: None,
        access_key: [8; 32],
        spec_hash: Some([9; 32]),
        platform: None,
        voucher: None,
        standby: None,
        receiver: None,
        tag,
    }
}

struct People {
    provider: Signer,
    operator: Signer,
    renter: Signer,
}

/// A network with one listed machine.
async fn listed(node: &DevNode) -> Result<(ChainClient, People)> {
    let client = connect(node).await?;
    let people = People {
        provider: Signer::from_uri("//Bob")?,
        operator: Signer::ed25519_from_seed([11; 32]),
        renter: Signer::from_uri("//Charlie")?,
    };
    let (provider, operator) = (&people.provider, &people.operator);
    // The pool keeps the order of one account's extrinsics: there is no need to wait between them.
    client.transfer(provider, operator.account(), 100 * DBC).await?;
    client.set_operator(provider, operator.account()).await?;
    client.register(provider, registration(client.genesis(), provider.account())).await?;
    let offer = Offer {
        price: Price { gpu_hour: Amount::Dbc(0), cpu_hour: Amount::Dbc(HOURLY) },
        min_term: 1,
        max_term: 2 * TERM,
        cpu_shares: 1,
    };
    client.set_offer(provider, machine(), offer).await?;
    client.list(provider, machine()).await?.finalized().await?;
    Ok((client, people))
}

async fn lease_at(client: &ChainClient, at: At, lease: u64) -> Result<Lease> {
    client.at(at).await?.lease(lease).await?.context("the lease is there")
}

fn deposited(lease: &Lease) -> u128 {
    lease.deposit + lease.paid + lease.fees + lease.refunded
}

#[tokio::test(flavor = "multi_thread")]
async fn d72_a_lease_pays_for_the_time_used_and_returns_the_rest_to_the_unit() -> Result<()> {
    let node = DevNode::start().await?;
    let (client, people) = listed(&node).await?;
    let (renter, operator) = (&people.renter, &people.operator);
    let view = client.at(At::Best).await?;
    let found = view.machine(machine()).await?.context("registered")?;
    assert_eq!(found.status, MachineStatus::Listed);
    assert_eq!(found.stake, view.constants().await?.stake_per_gpu);
    assert_eq!(view.operator(people.provider.account()).await?, Some(operator.account()));
    assert_eq!(view.machines().await?, vec![found.clone()]);
    assert_eq!(view.machines_of(people.provider.account()).await?, vec![found.clone()]);
    let held = view.account(people.provider.account()).await?.held;
    assert_eq!(held, vec![("Machines.Stake".to_owned(), found.stake)]);

    let mut notices = client.notices();
    assert_eq!(notices.next().await, Some(Notice::Resync));
    let renter_before = view.account(renter.account()).await?;
    let provider_before = view.account(people.provider.account()).await?;
    let created = client.create_lease(renter, order(found.offer_version, 77)).await?;
    let created = created.finalized().await?;
    let id = created.events.created()?.context("a lease number")?;
    told(&mut notices, id, Finality::Best).await?;
    told(&mut notices, id, Finality::Finalized).await?;
    let fresh = lease_at(&client, At::Finalized, id).await?;
    let rate = HOURLY / u128::from(TERM);
    assert_eq!((fresh.deposit, fresh.leg.rate), (rate * u128::from(TERM), rate));
    assert_eq!((fresh.state, fresh.spec_hash), (LeaseState::Pending, Some([9; 32])));
    let view = client.at(At::Finalized).await?;
    assert_eq!(view.lease_by_tag(renter.account(), 77).await?, Some(id));
    assert_eq!(view.leases_of_machine(machine()).await?, vec![fresh.clone()]);
    assert_eq!(view.leases_of_renter(renter.account()).await?, vec![fresh.clone()]);

    client.started(operator, id).await?.in_block().await?;
    let mut heads = client.best();
    let slot = heads.borrow().slot;
    // Nothing is paid past the horizon, which follows by three intervals at most (rule 5).
    let interval = client.at(At::Best).await?.watch_constants()?.interval_slots;
    timeout(Duration::from_secs(150), async {
        while client.at(At::Best).await?.next_interval().await? * interval < slot + 13 {
            heads.changed().await?;
        }
        Ok::<_, anyhow::Error>(())
    })
    .await??;
    client.settle(operator, id).await?.finalized().await?;
    let settled = lease_at(&client, At::Finalized, id).await?;
    assert_eq!(settled.state, LeaseState::Running);
    let used = settled.settled_to - settled.started_at.context("started")?;
    // A machine that was just verified counts from the next interval on.
    assert!(settled.charged >= 3 && settled.charged <= used, "{settled:?}");
    assert_eq!(settled.paid + settled.fees, rate * u128::from(settled.charged));
    assert_eq!(deposited(&settled), fresh.deposit);

    let ended = client.end(renter, id).await?.finalized().await?;
    let closed = ended.events.closed()?.context("sums")?;
    assert_eq!(closed.reason, CloseReason::EndedByRenter);
    let after = lease_at(&client, At::Block(ended.block), id).await?;
    assert_eq!((after.deposit, after.due, after.due_fees), (0, 0, 0));
    assert_eq!((closed.paid, closed.fees, closed.refund), (after.paid, after.fees, after.refunded));
    assert_eq!(closed.paid + closed.fees + closed.refund, fresh.deposit);

    let view = client.at(At::Block(ended.block)).await?;
    let renter_after = view.account(renter.account()).await?;
    let spent = renter_before.free - renter_after.free;
    assert_eq!(spent, closed.paid + closed.fees + created.fee + ended.fee);
    assert_eq!(renter_after.held, vec![]);
    let provider_after = view.account(people.provider.account()).await?;
    assert_eq!(provider_after.free - provider_before.free, closed.paid);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn d25_refused_orders_cost_no_more_than_the_fee_and_say_why() -> Result<()> {
    let node = DevNode::start().await?;
    let (client, people) = listed(&node).await?;
    let renter = &people.renter;
    let version =
        client.at(At::Best).await?.machine(machine()).await?.context("registered")?.offer_version;

    let stale = client.create_lease(renter, order(version + 1, 1)).await?;
    let error = stale.finalized().await.expect_err("another version");
    assert!(error.is_refused_with("Machines", "OfferChanged"), "{error}");

    let mut dear = order(version, 2);
    dear.max_rate = 1;
    let error = client.create_lease(renter, dear).await?.finalized().await.expect_err("too dear");
    assert!(error.is_refused_with("Leases", "RateTooHigh"), "{error}");

    let poor = Signer::ed25519_from_seed([12; 32]);
    client.transfer(renter, poor.account(), DBC).await?.in_block().await?;
    let sent = client.create_lease(&poor, order(version, 3)).await?;
    let error = sent.finalized().await.expect_err("no money");
    assert!(matches!(error, ChainError::InsufficientFunds { .. }), "{error}");

    client.create_lease(renter, order(version, 4)).await?.in_block().await?;
    let again = client.create_lease(renter, order(version, 4)).await?;
    let error = again.finalized().await.expect_err("the tag was used");
    assert!(error.is_refused_with("Leases", "TagUsed"), "{error}");
    let leases = client.at(At::Finalized).await?.leases_of_renter(renter.account()).await?;
    assert_eq!(leases.len(), 1);
    Ok(())
}

/// Waits until this lease is told of with this finality.
async fn told(notices: &mut dbc_chain_client::Notices, id: u64, wanted: Finality) -> Result<()> {
    timeout(Duration::from_secs(60), async {
        while let Some(notice) = notices.next().await {
            if matches!(notice, Notice::Lease { lease, finality, .. } if lease == id && finality == wanted)
            {
                return;
            }
        }
    })
    .await
    .with_context(|| format!("nothing was told of lease {id} at {wanted:?}"))
}
