//! Meters run while machines are heard (rule 5, D2).

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use dbc_testkit::{Dbc, Network, wait_for};
use serde_json::Value;
use tokio::time::timeout;

use super::{
    crash::signal,
    lease::{rent, units},
};

/// Longest that the job of `dbc up` takes: an outage, the least that a lease costs, its last minutes.
const JOB_MAX: Duration = Duration::from_secs(900);

async fn presence(owner: &Dbc) -> Result<Value> {
    let status = owner.json(&["provider", "status", "--wallet", "provider"]).await?;
    Ok(status["presence"][0].clone())
}

/// Waits until the machine counts as there, or as silent.
async fn until(owner: &Dbc, wanted: bool, limit: Duration) -> Result<()> {
    let what = if wanted { "the machine to be heard" } else { "the machine to be missed" };
    wait_for(what, limit, || async {
        let live = presence(owner).await?["live"].as_bool();
        let live = live.context("a machine of the provider")?;
        Ok((live == wanted).then_some(()))
    })
    .await
}

/// The job of `dbc up` halts the agent in the middle of its lease: within two minutes watchers say so, nobody pays for
/// the time, the workload runs on, and the outage stands in the machine's record. Who leaves meanwhile pays not even the
/// minimum.
pub async fn a_silenced_machine_s_meter_stops_and_the_money_returns(
    network: &Network,
) -> Result<()> {
    let (owner, leaver) = (network.user("owner"), network.user("leaver"));
    leaver.ok(&["wallet", "create", "default", "--no-password"]).await?;
    leaver.ok(&["wallet", "fund"]).await?;
    until(&owner, true, Duration::from_secs(180)).await?;
    let lease = rent(&leaver, &[]).await?;
    let job = owner.command(&["up", "--demo", "--json"]).spawn().context("dbc up --demo")?;
    let left = leave_when_silent(&owner, &leaver, &lease).await;
    let job = timeout(JOB_MAX, job.wait_with_output()).await;
    // Whatever became of the job, the next scenario needs the agent.
    signal(network, "agent", "CONT").await?;
    let left = left?;
    let output = job.context("dbc up --demo takes too long")??;
    ensure!(output.status.success(), "dbc up --demo: {output:?}");
    shown(&serde_json::from_slice(&output.stdout)?)?;
    let presence = presence(&owner).await?;
    ensure!(presence["live"] == true, "it is heard when the job is done: {presence}");
    let outages = presence["outages"].as_array().context("a list")?;
    let last = outages.last().context("the outage is written down")?;
    ensure!(last["until"].is_object() && last["blamed"] == true, "{presence}");
    // The machine may have come back in the very interval in which the lease ended: that one is paid.
    let unix = |value: &Value| value["unix"].as_u64().with_context(|| format!("a time in {left}"));
    let (started, ended) = (unix(&left["started_at"])?, unix(&left["state"]["at"])?);
    let (since, back) = (unix(&last["since"])?, unix(&last["until"])?);
    let free = back.min(ended).saturating_sub(since.max(started));
    let charged = left["charged_s"].as_u64().context("a time")?;
    ensure!(free > 0 && charged + free <= ended - started, "{free} s of it are free: {left}");
    Ok(())
}

/// Ends a lease when its machine is silent; gives it when it is settled.
async fn leave_when_silent(owner: &Dbc, leaver: &Dbc, lease: &str) -> Result<Value> {
    // The job comes to it within a minute, the watchers within two.
    until(owner, false, Duration::from_secs(240)).await?;
    let closing = leaver.json(&["lease", "end", lease]).await?;
    let settled = wait_for("the last minutes", Duration::from_secs(180), || async {
        let show = leaver.json(&["lease", "show", lease]).await?["lease"].clone();
        Ok(show["tail_until"].is_null().then_some(show))
    })
    .await?;
    let sum = ["paid", "fees", "refunded", "deposit"]
        .into_iter()
        .try_fold(0, |sum, part| Ok::<_, anyhow::Error>(sum + units(&settled[part])?))?;
    ensure!(sum == units(&closing["deposited"])?, "every unit is somewhere: {settled}");
    ensure!(units(&settled["deposit"])? == 0, "nothing stays on hold: {settled}");
    Ok(settled)
}

/// What the job told adds up.
fn shown(told: &Value) -> Result<()> {
    let demo = &told["demo"];
    let sum = ["paid", "fees", "refund", "open"]
        .into_iter()
        .try_fold(0, |sum, part| Ok::<_, anyhow::Error>(sum + units(&demo[part])?))?;
    ensure!(sum == units(&demo["deposited"])?, "every unit is somewhere: {told}");
    let number = |value: &Value| value.as_u64().with_context(|| format!("a number in {told}"));
    let (meter, outage) = (&told["meter"], &told["meter"]["outage"]);
    let (lasted, charged) = (number(&meter["lasted_s"])?, number(&meter["charged_s"])?);
    let (slots, free) = (number(&outage["free_slots"])?, number(&outage["free_s"])?);
    ensure!(slots >= 10 && free == 3 * slots, "an interval at least: {told}");
    ensure!(charged + free <= lasted, "what is free is not charged: {told}");
    let stood_at = number(&outage["stood_at_s"])?;
    ensure!(stood_at < charged && outage["blamed"] == true, "the meter went on: {told}");
    Ok(())
}
