//! Crashes are normal: nothing lost, nothing doubled, no healthy workload restarted.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use dbc_testkit::{Network, wait_for};
use serde_json::Value;

use super::lease::rent;

/// Kills one of the network's processes as a crash would.
pub async fn kill(network: &Network, name: &str) -> Result<()> {
    let pid = signal(network, name, "KILL").await?;
    wait_for("the process to be gone", Duration::from_secs(10), || async {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let gone = stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'));
        Ok(gone.then_some(()))
    })
    .await
}

/// Sends one of the network's processes a signal; gives its id.
pub async fn signal(network: &Network, name: &str, signal: &str) -> Result<String> {
    let file = network.state().join("pids").join(format!("{name}.json"));
    let known: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let pid = known["pid"].as_i64().context("a process id")?.to_string();
    let sent = tokio::process::Command::new("kill").args(["-s", signal, &pid]).status().await?;
    ensure!(sent.success(), "kill -s {signal} {pid}");
    Ok(pid)
}

/// The agent dies; its workload does not, and is found again.
pub async fn an_agent_killed_comes_back_to_its_running_workload(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let lease = rent(&owner, &[]).await?;
    let boot = "cat /proc/1/stat | cut -d' ' -f22";
    let before = owner.ok(&["exec", &lease, "--", "sh", "-c", boot]).await?;
    kill(network, "agent").await?;
    let away = owner.run(&["exec", &lease, "--json", "--", "true"]).await?;
    ensure!(away.code != 0 && away.stdout.contains("machine_unreachable"), "{away:?}");
    owner.ok(&["up", "--no-demo"]).await?;
    let after = wait_for("the workload to be reached", Duration::from_secs(90), || async {
        let output = owner.run(&["exec", &lease, "--", "sh", "-c", boot]).await?;
        Ok((output.code == 0).then_some(output.stdout))
    })
    .await?;
    ensure!(before == after, "the workload was not restarted: {before:?} {after:?}");
    owner.ok(&["lease", "end", &lease]).await?;
    Ok(())
}

/// The chain dies; renters work on, and money is right when it is back.
pub async fn a_workload_is_reached_while_the_chain_is_away(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let lease = rent(&owner, &[]).await?;
    kill(network, "chain-0").await?;
    let inside = owner.run(&["exec", &lease, "--", "echo", "still here"]).await?;
    ensure!(inside.stdout == "still here\n", "{inside:?}");
    let away = owner.run(&["lease", "end", &lease, "--json"]).await?;
    ensure!(away.code == 2 && away.stdout.contains("chain_unreachable"), "{away:?}");
    owner.ok(&["up", "--no-demo"]).await?;
    let closing = owner.json(&["lease", "end", &lease]).await?;
    ensure!(closing["reason"] == "ended_by_renter", "{closing}");
    Ok(())
}

/// Each part that is away is named, with its log.
pub async fn status_names_what_is_away(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    ensure!(owner.run(&["status"]).await?.code == 0, "all is well");
    for part in ["relay", "registry"] {
        kill(network, part).await?;
        let status = owner.run(&["status", "--json"]).await?;
        let value: Value = serde_json::from_str(&status.stdout)?;
        let found =
            value["components"].as_array().into_iter().flatten().find(|c| c["component"] == part);
        ensure!(status.code == 1 && found.is_some_and(|c| c["state"] == "away"), "{part}: {value}");
    }
    owner.ok(&["up", "--no-demo"]).await?;
    ensure!(owner.run(&["status"]).await?.code == 0, "all is well again");
    Ok(())
}
