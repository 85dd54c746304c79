//! Many machines at once, and what becomes of one beside its status.

use anyhow::{Context as _, Result};
use dbc_chain_client::{
    At, BATCH_MAX, ChainError, Fact, Hardware, Registration, Search, Signer, Tier,
};
use dbc_primitives::{
    Amount, DBC, HardwareFacts, Location, MachineClass, MachineId, MachineStatus, NetworkFacts,
    Offer, Price, proof::register_message,
};
use dbc_testkit::DevNode;
use ed25519_dalek::{Signer as _, SigningKey};

use crate::connect;

fn facts(memory_mib: u32, disk_gib: u32) -> HardwareFacts {
    HardwareFacts { cpu_cores: 2, memory_mib, disk_gib, ..HardwareFacts::default() }
}

fn registration(number: u8, genesis: [u8; 32], provider: &Signer) -> Registration {
    let key = SigningKey::from_bytes(&[number; 32]);
    let message = register_message(&genesis, &provider.account().0);
    Registration {
        machine: MachineId(key.verifying_key().to_bytes()),
        proof: key.sign(&message).to_bytes(),
        class: MachineClass::Cpu,
        facts: facts(4_096, 20),
        location: Location { region: 276, site: 1 },
        network: NetworkFacts::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d71_a_fleet_is_registered_in_one_extrinsic_and_a_machine_of_it_is_handed_over()
-> Result<()> {
    let node = DevNode::start().await?;
    let client = connect(&node).await?;
    let (seller, buyer) = (Signer::from_uri("//Bob")?, Signer::from_uri("//Charlie")?);
    client.set_operator(&seller, seller.account()).await?.in_block().await?;
    let fleet: Vec<_> = (50..55).map(|n| registration(n, client.genesis(), &seller)).collect();
    let ids: Vec<MachineId> = fleet.iter().map(|machine| machine.machine).collect();
    client.register_all(&seller, fleet.clone()).await?.in_block().await?;
    let again = client.register_all(&seller, fleet).await?.in_block().await;
    let refused = again.expect_err("they are there");
    assert!(refused.is_refused_with("Machines", "MachineExists"), "{refused}");
    let hour = Amount::Dbc(DBC);
    let price = Price { gpu_hour: hour, cpu_hour: hour };
    let offer = Offer { price, min_term: 100, max_term: 1_000, cpu_shares: 1 };
    let offers = ids.iter().map(|id| (*id, offer)).collect();
    client.set_offers(&seller, offers).await?.in_block().await?;
    client.request_audits(&seller, ids[..2].to_vec()).await?.in_block().await?;
    let listed = client.list_all(&seller, ids.clone()).await?.in_block().await;
    assert!(listed.expect_err("unproven").is_refused_with("Machines", "WrongStatus"));
    for wrong in [0, BATCH_MAX + 1] {
        let refused = client.list_all(&seller, vec![ids[0]; wrong]).await.err().expect("a bound");
        assert!(matches!(refused, ChainError::Input { .. }), "{refused}");
    }

    let machine = ids[4];
    let other = Hardware {
        class: MachineClass::Cpu,
        facts: facts(4_096, 40),
        location: Location { region: 276, site: 2 },
    };
    client.change_hardware(&seller, machine, other).await?.in_block().await?;
    let slot = client.at(At::Best).await?.slot().await?;
    let (from, until) = (slot + 100, slot + 200);
    client.announce_maintenance(&seller, machine, from, until).await?.in_block().await?;
    client.offer_handover(&seller, machine, buyer.account()).await?.in_block().await?;
    let found = client.at(At::Best).await?.machine(machine).await?.context("it is there")?;
    assert_eq!((found.status, found.facts.disk_gib), (MachineStatus::Registered, 40));
    assert_eq!(found.unproven, [Fact::Disk, Fact::Location, Fact::Bandwidth]);
    assert_eq!((found.maintenance, found.tier), (Some((from, until)), Tier::Normal));
    assert_eq!(found.offered_to, Some(buyer.account()));

    client.cancel_maintenance(&seller, machine).await?.in_block().await?;
    client.set_operator(&buyer, buyer.account()).await?.in_block().await?;
    client.accept_handover(&buyer, machine).await?.finalized().await?;
    let view = client.at(At::Finalized).await?;
    let found = view.machine(machine).await?.context("it is there")?;
    assert_eq!((found.provider, found.offered_to), (buyer.account(), None));
    assert_eq!(found.maintenance, None);
    assert_eq!(view.machines_of(buyer.account()).await?, vec![found.clone()]);
    let left = view.machines_of(seller.account()).await?;
    let mut left: Vec<_> = left.iter().map(|machine| machine.id).collect();
    left.sort_unstable_by_key(|id| ids.iter().position(|known| known == id));
    assert_eq!(left, ids[..4], "the others stay the seller's");
    let held = view.account(buyer.account()).await?.held;
    assert_eq!(held, vec![("Machines.Stake".to_owned(), found.stake)]);
    let (required, surplus) = view.stake_of(machine).await?.context("it is there")?;
    assert_eq!((required, surplus), (found.stake, 0));
    assert_eq!(view.steady_since(machine).await?, None, "nobody listens to it yet");
    let page = view.search(0, &Search::default()).await?;
    assert_eq!((page.machines.len(), page.next), (0, None), "none is listed");
    for (signer, error) in [(&seller, "NotYours"), (&buyer, "NothingToRelease")] {
        let refused = client.release_stake(signer, machine).await?.in_block().await;
        assert!(refused.expect_err("refused").is_refused_with("Machines", error));
    }
    let refused = client.join_tier(&buyer, machine).await?.in_block().await;
    assert!(refused.expect_err("unproven").is_refused_with("Machines", "WrongStatus"));
    let refused = client.leave_tier(&buyer, machine).await?.in_block().await;
    assert!(refused.expect_err("never joined").is_refused_with("Machines", "NotInTier"));
    let refused = client.withdraw_handover(&buyer, machine).await?.in_block().await;
    assert!(refused.expect_err("not offered").is_refused_with("Machines", "NoHandover"));
    Ok(())
}
