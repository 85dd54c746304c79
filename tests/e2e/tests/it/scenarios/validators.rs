//! More than one validator.

use std::time::Duration;

use anyhow::{Result, ensure};
use dbc_testkit::{Network, wait_for};

use super::{
    crash::{kill, signal},
    lease::rent,
};

/// G1: a third less than one may fail. Blocks and finality go on, a lease ends with all of its money,
/// and who was away catches up.
pub async fn one_of_four_killed_stops_nothing(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let lease = rent(&owner, &[]).await?;
    kill(network, "chain-3").await?;
    let before = finalized(network, "chain-0")?;
    wait_for("finality to go on", Duration::from_secs(120), || async {
        Ok((finalized(network, "chain-0")? >= before + 5).then_some(()))
    })
    .await?;
    let inside = owner.ok(&["exec", &lease, "--", "echo", "served"]).await?;
    ensure!(inside == "served\n", "{inside}");
    let closing = owner.json(&["lease", "end", &lease]).await?;
    ensure!(closing["reason"] == "ended_by_renter", "{closing}");

    let at_end = finalized(network, "chain-0")?;
    owner.ok(&["up", "--no-demo"]).await?;
    wait_for("the fourth to have what it missed", Duration::from_secs(120), || async {
        Ok((finalized(network, "chain-3")? >= at_end).then_some(()))
    })
    .await
}

/// G1: one that is cut off, alive but heard by nobody and hearing nobody, stops nothing either, and follows again
/// when it is back. It does not go on by itself meanwhile: what it holds final is what the others do.
pub async fn one_of_four_cut_off_stops_nothing(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    signal(network, "chain-2", "STOP").await?;
    let before = finalized(network, "chain-0")?;
    let served = async {
        wait_for("finality to go on", Duration::from_secs(120), || async {
            Ok((finalized(network, "chain-0")? >= before + 5).then_some(()))
        })
        .await?;
        let lease = rent(&owner, &[]).await?;
        let closing = owner.json(&["lease", "end", &lease]).await?;
        ensure!(closing["reason"] == "ended_by_renter", "{closing}");
        ensure!(finalized(network, "chain-2")? <= before, "it was not cut off");
        Ok(())
    };
    let served = served.await;
    let at_end = finalized(network, "chain-0")?;
    signal(network, "chain-2", "CONT").await?;
    served?;
    wait_for("the third to follow the others", Duration::from_secs(120), || async {
        Ok((finalized(network, "chain-2")? >= at_end).then_some(()))
    })
    .await
}

/// The finalized height that a validator last told in its log.
fn finalized(network: &Network, name: &str) -> Result<u64> {
    let log = std::fs::read_to_string(network.state().join("logs").join(format!("{name}.log")))?;
    let told = log.lines().rev().find_map(|line| line.split_once("finalized #"));
    let digits = told.map(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next());
    Ok(digits.flatten().and_then(|digits| digits.parse().ok()).unwrap_or_default())
}
