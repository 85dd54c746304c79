//! Meters run while machines are heard (rule 5, D2).

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use dbc_testkit::{Dbc, Network, wait_for};

use super::{
    crash::signal,
    lease::{rent, units},
};

async fn live(owner: &Dbc) -> Result<bool> {
    let status = owner.json(&["provider", "status", "--wallet", "provider"]).await?;
    status["presence"][0]["live"].as_bool().context("a machine of the provider")
}

/// Waits until the machine counts as there, or as silent.
async fn until(owner: &Dbc, wanted: bool, limit: Duration) -> Result<()> {
    let what = if wanted { "the machine to be heard" } else { "the machine to be missed" };
    wait_for(what, limit, || async { Ok((live(owner).await? == wanted).then_some(())) }).await
}

/// The agent stops in the middle of a lease: within two minutes watchers say so, nobody pays for the
/// time, not even the minimum, and the outage stands in the machine's record.
pub async fn a_silenced_machine_s_meter_stops_and_the_money_returns(
    network: &Network,
) -> Result<()> {
    let owner = network.user("owner");
    until(&owner, true, Duration::from_secs(180)).await?;
    let lease = rent(&owner, &[]).await?;
    let started = Instant::now();
    signal(network, "agent", "STOP").await?;
    let silenced = until(&owner, false, Duration::from_secs(120)).await;
    let ran = started.elapsed();
    let ended = async {
        silenced?;
        let closing = owner.json(&["lease", "end", &lease]).await?;
        let settled = wait_for("the last minutes", Duration::from_secs(180), || async {
            let show = owner.json(&["lease", "show", &lease]).await?["lease"].clone();
            Ok(show["tail_until"].is_null().then_some(show))
        })
        .await?;
        let sum = ["paid", "fees", "refunded", "deposit"]
            .into_iter()
            .try_fold(0, |sum, part| Ok::<_, anyhow::Error>(sum + units(&settled[part])?))?;
        ensure!(sum == units(&closing["deposited"])?, "every unit is somewhere: {settled}");
        let charged = settled["charged_s"].as_u64().context("a time")?;
        // It was heard in the interval in which it was stopped, and in none after.
        ensure!(charged <= 60, "{charged} s charged of {ran:?}: {settled}");
        ensure!(units(&settled["deposit"])? == 0, "nothing stays on hold: {settled}");
        Ok(())
    };
    let ended = ended.await;
    signal(network, "agent", "CONT").await?;
    ended?;
    until(&owner, true, Duration::from_secs(180)).await?;
    let status = owner.json(&["provider", "status", "--wallet", "provider"]).await?;
    let outages = status["presence"][0]["outages"].as_array().context("a list")?.clone();
    let last = outages.last().context("the outage is written down")?;
    ensure!(last["until"].is_object() && last["blamed"] == true, "{status}");
    Ok(())
}
