//! Reports, and prices in dollars (D2, D6, D57; rules 7, 13).

use anyhow::{Context as _, Result, ensure};
use dbc_testkit::Network;

use super::lease::{rent, units};

/// A renter accuses a machine that is fine: auditors look at it, nothing is taken from anybody but the
/// report's bond.
pub async fn a_wrong_report_costs_its_bond_and_the_machine_nothing(
    network: &Network,
) -> Result<()> {
    let owner = network.user("owner");
    let report = ["report", "0", "--kind", "malfunction", "--wallet", "//Bob"];
    let said = owner.json(&report).await?;
    ensure!(said["upheld"] == false, "{said}");
    let status = owner.json(&["provider", "status", "--wallet", "provider"]).await?;
    ensure!(status["offences"] == serde_json::json!([]), "{status}");
    ensure!(status["machines"][0]["status"] == "listed", "{status}");
    // Only the renter of a lease speaks of it.
    let foreign = ["report", "0", "--kind", "unreachable", "--lease", "9999", "--wallet", "//Bob"];
    ensure!(owner.run(&foreign).await?.code != 0);
    Ok(())
}

/// The provider asks in dollars: a lease costs what feeders say that is, and keeps its rate.
pub async fn a_price_in_dollars_is_the_rate_of_the_lease_s_start(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let join = |gpu: &'static str, cpu: &'static str| {
        ["provider", "join", "--wallet", "provider", "--gpu-hour", gpu, "--cpu-hour", cpu]
    };
    let mixed = owner.run(&join("$1", "1")).await?;
    ensure!(mixed.code != 0 && mixed.stderr.contains("both"), "{}", mixed.stderr);
    let machine = owner.json(&join("$0.40", "$0.06")).await?;
    // Two cents a DBC: six cents are three.
    ensure!(machine["offer"]["usd"]["cpu_hour"] == "60000", "{machine}");
    ensure!(units(&machine["offer"]["price"]["cpu_hour"])? == 3 * DBC, "{machine}");
    let lease = rent(&owner, &[]).await?;
    let show = owner.json(&["lease", "show", &lease]).await?["lease"].clone();
    let hourly = units(&show["rate"]["per_slot"])?.checked_mul(1_200).context("a rate")?;
    ensure!((3 * DBC..3 * DBC + 1_200).contains(&hourly), "{show}");
    owner.ok(&["lease", "end", &lease]).await?;
    owner.ok(&join("10", "1")).await?;
    Ok(())
}

const DBC: u128 = 1_000_000_000_000_000;
