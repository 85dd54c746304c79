//! A feeder's place on the chain: seat, bond, what it told.

use anyhow::{Context as _, Result};
use dbc_chain_client::{AccountId, At, ChainClient, ChainConfig, Signer};
use dbc_primitives::Slot;
use serde::Serialize;

/// A feeder, as the chain has him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeederView {
    /// His account.
    pub account: String,
    /// Whether governance gave him a seat.
    pub seated: bool,
    /// On hold from him, in units; 0 before he joined.
    pub bond: u128,
    /// What he told last, in millionths of a dollar, and in which slot.
    pub told: Option<(u128, Slot)>,
    /// Values that lay far from the others'.
    pub strikes: u32,
    /// Whether his values no longer count.
    pub suspended: bool,
    /// What leases in dollars start at, in millionths of a dollar; `None` while nobody knows.
    pub average: Option<u128>,
}

/// Connects to a node.
///
/// # Errors
/// When it does not answer.
pub async fn connect(url: &str) -> Result<ChainClient> {
    ChainClient::connect(ChainConfig::new(url)).await.with_context(|| format!("no chain at {url}"))
}

/// What the chain has of a feeder.
///
/// # Errors
/// When the node does not answer.
pub async fn status(client: &ChainClient, account: AccountId) -> Result<FeederView> {
    let view = client.at(At::Best).await?;
    let seat = view.feeder(account).await?;
    Ok(FeederView {
        account: account.to_string(),
        seated: seat.is_some(),
        bond: seat.map_or(0, |seat| seat.bond),
        told: seat.and_then(|seat| seat.told),
        strikes: seat.map_or(0, |seat| seat.strikes),
        suspended: seat.is_some_and(|seat| seat.suspended),
        average: view.dollar_price().await?,
    })
}

/// Bonds the signer, who has a seat.
///
/// # Errors
/// What the chain refuses, or that it does not answer.
pub async fn join(client: &ChainClient, signer: &Signer) -> Result<()> {
    client.join_feed(signer).await?.finalized().await?;
    Ok(())
}

/// Gives the signer's seat back; his bond returns.
///
/// # Errors
/// What the chain refuses, or that it does not answer.
pub async fn leave(client: &ChainClient, signer: &Signer) -> Result<()> {
    client.leave_feed(signer).await?.finalized().await?;
    Ok(())
}
