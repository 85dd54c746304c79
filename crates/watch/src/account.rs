//! A watcher's place on the chain: bond, duties, what is to be proven.

use anyhow::{Context as _, Result};
use dbc_chain_client::{AccountId, At, ChainClient, ChainConfig, Signer};
use dbc_primitives::{SLOT_SECONDS, Slot, liveness::COHORT};
use serde::Serialize;

/// A watcher, as the chain has him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WatcherView {
    /// His account.
    pub account: String,
    /// Whether he is a watcher at all.
    pub joined: bool,
    /// On hold from him, in units.
    pub bond: u128,
    /// Reports that he could not prove, less those made up for.
    pub strikes: u32,
    /// Slot at which he asked to leave.
    pub leaving: Option<Slot>,
    /// Reports that he has yet to prove.
    pub unproven: u32,
    /// Cohorts that he watches now.
    pub cohorts: Vec<u32>,
    /// Slots between the newest block and the horizon of settlement.
    pub horizon_lag: Slot,
}

/// Connects to a node.
///
/// # Errors
/// When it does not answer.
pub async fn connect(url: &str) -> Result<ChainClient> {
    ChainClient::connect(ChainConfig::new(url)).await.with_context(|| format!("no chain at {url}"))
}

/// What the chain has of a watcher.
///
/// # Errors
/// When the node does not answer.
pub async fn status(client: &ChainClient, account: AccountId) -> Result<WatcherView> {
    let view = client.at(At::Best).await?;
    let record = view.watcher(account).await?;
    let figures = view.watch_constants()?;
    let slot = view.slot().await?;
    let epoch = slot / figures.interval_slots.max(1) / figures.epoch_intervals.max(1);
    let mut cohorts = Vec::new();
    for cohort in 0..view.machine_indexes().await?.div_ceil(COHORT).max(1) {
        if view.duties(epoch, cohort).await?.contains(&account) {
            cohorts.push(cohort);
        }
    }
    let horizon = view.next_interval().await?.saturating_mul(figures.interval_slots);
    Ok(WatcherView {
        account: account.to_string(),
        joined: record.is_some(),
        bond: record.map_or(0, |record| record.bond),
        strikes: record.map_or(0, |record| record.strikes),
        leaving: record.and_then(|record| record.leaving),
        unproven: record.map_or(0, |record| record.unproven),
        cohorts,
        horizon_lag: slot.saturating_sub(horizon),
    })
}

/// A machine, as watchers heard it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MachineHeard {
    /// Its short number.
    pub index: u32,
    /// The machine, in hex.
    pub machine: String,
    /// Whether it is heard now.
    pub heard: bool,
    /// Live part of the last thirty days in per cent.
    pub live_percent: f64,
    /// Its last outages, the oldest first; sixteen at most.
    pub outages: Vec<OutageView>,
}

/// A time in which a machine was silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OutageView {
    /// First slot of the first interval that it missed.
    pub since: Slot,
    /// First slot of the interval in which it was heard again.
    pub until: Option<Slot>,
    /// Seconds, up to now while it goes on.
    pub seconds: u64,
    /// Whether it counts against the provider.
    pub blamed: bool,
}

/// How a machine was heard; `None` when nobody stands at this number.
///
/// # Errors
/// When the node does not answer.
pub async fn heard(client: &ChainClient, index: u32) -> Result<Option<MachineHeard>> {
    let view = client.at(At::Best).await?;
    let Some((machine, _)) = view.machine_at(index).await? else { return Ok(None) };
    let (live, heard) = view.standing(index).await?;
    let slot = view.slot().await?;
    let outages = view.outages(index).await?.into_iter().map(|outage| OutageView {
        since: outage.since,
        until: outage.until,
        seconds: outage.until.unwrap_or(slot).saturating_sub(outage.since) * SLOT_SECONDS,
        blamed: outage.blamed,
    });
    Ok(Some(MachineHeard {
        index,
        machine: hex::encode(machine.0),
        heard,
        live_percent: f64::from(live) / 100.0,
        outages: outages.collect(),
    }))
}

/// Bonds the signer as a watcher; he can be drawn two epochs later.
///
/// # Errors
/// What the chain refuses, or that it does not answer.
pub async fn join(client: &ChainClient, signer: &Signer) -> Result<()> {
    client.join_watch(signer).await?.finalized().await?;
    Ok(())
}

/// Ends the signer's duties.
///
/// # Errors
/// What the chain refuses, or that it does not answer.
pub async fn leave(client: &ChainClient, signer: &Signer) -> Result<()> {
    client.leave_watch(signer).await?.finalized().await?;
    Ok(())
}

/// Returns the bond of a signer who left long enough ago.
///
/// # Errors
/// What the chain refuses, or that it does not answer.
pub async fn withdraw(client: &ChainClient, signer: &Signer) -> Result<()> {
    client.withdraw_watch(signer).await?.finalized().await?;
    Ok(())
}
