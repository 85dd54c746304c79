//! Plain extrinsics: fees to the unit, many at once, and refusals with their reason.

use anyhow::Result;
use dbc_chain_client::{At, ChainError, Signer};
use dbc_primitives::DBC;
use dbc_testkit::DevNode;
use futures::future::try_join_all;

use crate::connect;

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_moves_the_amount_and_costs_its_fee() -> Result<()> {
    let node = DevNode::start().await?;
    let client = connect(&node).await?;
    let alice = Signer::from_uri("//Alice")?;
    let fresh = Signer::ed25519_from_seed([5; 32]);
    let before = client.at(At::Best).await?.account(alice.account()).await?;
    let sent = client.transfer(&alice, fresh.account(), 7 * DBC).await?;
    let included = sent.finalized().await?;

    let view = client.at(At::Block(included.block)).await?;
    let after = view.account(alice.account()).await?;
    assert_eq!(before.free - after.free, 7 * DBC + included.fee);
    assert_eq!(after.nonce, before.nonce + 1);
    assert_eq!(view.account(fresh.account()).await?.free, 7 * DBC);

    // An ed25519 account signs as well.
    let back = client.transfer(&fresh, alice.account(), DBC).await?.finalized().await?;
    let view = client.at(At::Block(back.block)).await?;
    assert_eq!(view.account(fresh.account()).await?.free, 6 * DBC - back.fee);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_extrinsics_of_one_account_are_under_way_at_once() -> Result<()> {
    const COUNT: u32 = 20;
    let node = DevNode::start().await?;
    let client = connect(&node).await?;
    let (alice, bob) = (Signer::from_uri("//Alice")?, Signer::from_uri("//Bob")?);
    let before = client.at(At::Best).await?.account(bob.account()).await?.free;
    let sent =
        try_join_all((0..COUNT).map(|_| client.transfer(&alice, bob.account(), DBC))).await?;
    let included =
        try_join_all(sent.into_iter().map(dbc_chain_client::Submission::finalized)).await?;
    assert_eq!(included.len(), COUNT as usize);
    let view = client.at(At::Finalized).await?;
    assert_eq!(view.account(alice.account()).await?.nonce, COUNT);
    assert_eq!(view.account(bob.account()).await?.free - before, u128::from(COUNT) * DBC);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_why() -> Result<()> {
    let node = DevNode::start().await?;
    let client = connect(&node).await?;
    let poor = Signer::ed25519_from_seed([6; 32]);
    let alice = Signer::from_uri("//Alice")?;
    let error = client.transfer(&poor, alice.account(), 1).await.err().expect("no money");
    assert!(matches!(error, ChainError::InsufficientFunds { .. }), "{error}");

    // Enough for the fee, not for the amount: the chain says no in a block.
    let sent = client.transfer(&alice, poor.account(), u128::MAX / 2).await?;
    let error = sent.finalized().await.expect_err("no money");
    assert!(matches!(error, ChainError::InsufficientFunds { .. }), "{error}");

    let nothing = dbc_primitives::MachineId([3; 32]);
    client.set_operator(&alice, alice.account()).await?.in_block().await?;
    let error = client.list(&alice, nothing).await?.in_block().await.expect_err("no machine");
    assert!(error.is_refused_with("Machines", "MachineNotFound"), "{error}");
    assert!(error.to_string().contains("not registered"), "{error}");
    Ok(())
}
