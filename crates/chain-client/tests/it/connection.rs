//! Breaks, restarts and strangers.

use std::time::Duration;

use anyhow::Result;
use dbc_chain_client::{At, ChainClient, ChainConfig, ChainError, Link, Notice, Signer};
use dbc_testkit::DevNode;
use tokio::time::timeout;

use crate::connect;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_network_is_refused() -> Result<()> {
    let node = DevNode::start().await?;
    let config = ChainConfig { genesis: Some([1; 32]), ..ChainConfig::new(node.url()) };
    let error = ChainClient::connect(config).await.err().expect("refused");
    assert!(matches!(error, ChainError::WrongGenesis { expected, .. } if expected == [1; 32]));

    let client = connect(&node).await?;
    let right = ChainConfig { genesis: Some(client.genesis()), ..ChainConfig::new(node.url()) };
    ChainClient::connect(right).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_is_away_and_comes_back() -> Result<()> {
    let mut node = DevNode::start().await?;
    let mut config = ChainConfig::new(node.url());
    config.call_timeout = Duration::from_secs(3);
    let client = ChainClient::connect(config).await?;
    let mut notices = client.notices();
    assert_eq!(notices.next().await, Some(Notice::Resync));
    let mut heads = client.finalized();
    timeout(PATIENCE, heads.wait_for(|head| head.number >= 2)).await??;
    assert!(heads.borrow().slot > 0);

    let mut link = client.link();
    node.kill();
    timeout(PATIENCE, link.wait_for(|link| *link == Link::Away)).await??;
    let error = client.health().await.expect_err("nobody answers");
    assert!(error.is_unreachable(), "{error}");

    let before = *heads.borrow_and_update();
    node.restart().await?;
    timeout(PATIENCE, link.wait_for(|link| *link == Link::Up)).await??;
    let after = *timeout(PATIENCE, heads.wait_for(|head| head.number > before.number)).await??;
    assert!(after.slot > before.slot);
    client.at(At::Best).await?;
    // What happened meanwhile is not known: listeners are told to read anew.
    assert_eq!(timeout(PATIENCE, notices.next()).await?, Some(Notice::Resync));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_network_under_the_same_address_is_not_believed() -> Result<()> {
    let node = DevNode::start().await?;
    let client = connect(&node).await?;
    let mut link = client.link();
    let _other = node.replace().await?;
    let foreign =
        timeout(PATIENCE, link.wait_for(|link| matches!(link, Link::Foreign(_)))).await??;
    assert_ne!(*foreign, Link::Foreign(client.genesis()));
    drop(foreign);
    let error = client.at(At::Best).await.err().expect("refused");
    assert!(matches!(error, ChainError::WrongGenesis { .. }), "{error}");
    let alice = Signer::from_uri("//Alice")?;
    let error = client.transfer(&alice, alice.account(), 1).await.err().expect("refused");
    assert!(matches!(error, ChainError::WrongGenesis { .. }), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extrinsic_survives_the_death_of_its_node() -> Result<()> {
    let mut node = DevNode::start().await?;
    let client = connect(&node).await?;
    let (alice, bob) = (Signer::from_uri("//Alice")?, Signer::from_uri("//Bob")?);
    let before = client.at(At::Best).await?.account(bob.account()).await?.free;
    let sent = client.transfer(&alice, bob.account(), 1_000_000_000_000_000).await?;
    node.restart().await?;
    let included = sent.finalized().await?;
    assert!(included.fee > 0);
    let after = client.at(At::Block(included.block)).await?.account(bob.account()).await?.free;
    assert_eq!(after - before, 1_000_000_000_000_000);
    Ok(())
}
