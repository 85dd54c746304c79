//! A rented validator (D61): one command that can be cut off anywhere, and one that undoes it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use dbc_testkit::{Dbc, Network};
use serde_json::Value;
use tokio::time::sleep;

use super::lease::{end_all_of, units};

const DBC: u128 = 1_000_000_000_000_000;

/// Rented, killed in the middle, called again, ended: one lease, one bond, keys that were made inside.
pub async fn d61_a_validator_is_rented_and_given_back(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let done = rented_and_given_back(&owner).await;
    if done.is_err() {
        // Others need the machine.
        end_all_of(&owner, "pledge").await;
    }
    done
}

async fn rented_and_given_back(owner: &Dbc) -> Result<()> {
    owner.ok(&["wallet", "create", "pledge", "--no-password"]).await?;
    owner.ok(&["wallet", "fund", "pledge", "--amount", "50000"]).await?;
    // What was bonded before is none of the pledge.
    owner.ok(&["stake", "bond", "1000", "--wallet", "pledge"]).await?;
    let rent = [
        "validator",
        "rent",
        "--bond",
        "20000",
        "--term",
        "2h",
        "--disk",
        "3",
        "--wallet",
        "pledge",
    ];

    let mut cut = owner.command(&rent).spawn()?;
    let begun = Instant::now();
    loop {
        let leases = owner.json(&["lease", "list", "--wallet", "pledge"]).await?;
        if leases.as_array().is_some_and(|all| !all.is_empty()) {
            break;
        }
        if cut.try_wait()?.is_some() {
            let ended = cut.wait_with_output().await?;
            bail!("it ended before it was cut off: {ended:?}");
        }
        ensure!(begun.elapsed() < Duration::from_secs(900), "it makes no lease");
        sleep(Duration::from_millis(300)).await;
    }
    cut.kill().await?;

    let standing = long(owner, &rent).await?;
    ensure!(standing["missing"] == serde_json::json!([]), "nothing is missing: {standing}");
    ensure!(standing["node_has_keys"] == true, "the keys are inside: {standing}");
    ensure!(units(&standing["stake"]["active"])? == 20_000 * DBC, "{standing}");
    ensure!(standing["stake"]["role"]["role"] == "validates", "{standing}");
    let leases = owner.json(&["lease", "list", "--wallet", "pledge"]).await?;
    ensure!(leases.as_array().is_some_and(|all| all.len() == 1), "one lease: {leases}");
    let keys = standing["session"]["keys"].clone();

    // Done is done: nothing is paid, bonded or made a second time.
    let again = long(owner, &rent).await?;
    ensure!(again["session"]["keys"] == keys && again["lease"] == standing["lease"], "{again}");
    let all = owner.json(&["stake", "validators"]).await?;
    let mine = all.as_array().context("a list")?.iter();
    let mine = mine.filter(|found| found["account"] == standing["stake"]["account"]);
    ensure!(mine.count() == 1, "it stands for election: {all}");

    let ended = owner.json(&["validator", "end", "--wallet", "pledge"]).await?;
    ensure!(ended["ended"] == true && ended["lease"]["reason"] == "ended_by_renter", "{ended}");
    ensure!(
        units(&ended["stake"]["active"])? == 1_000 * DBC,
        "what was bonded before stays: {ended}"
    );
    ensure!(units(&ended["stake"]["leaving"][0]["amount"])? == 19_000 * DBC, "{ended}");
    let after = owner.json(&["validator", "status", "--wallet", "pledge"]).await?;
    ensure!(after["session"]["keys"].is_null() && after["lease"].is_null(), "{after}");
    let twice = owner.run(&["validator", "end", "--wallet", "pledge"]).await?;
    ensure!(twice.code != 0 && twice.stderr.contains("has rented no validator"), "{twice:?}");
    Ok(())
}

/// A command that may take longer than others: an image is built, a node catches up.
async fn long(user: &Dbc, words: &[&str]) -> Result<Value> {
    let mut all = words.to_vec();
    all.push("--json");
    let output = tokio::time::timeout(Duration::from_secs(1_800), user.command(&all).output());
    let output = output.await.context("it takes too long")??;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{}:\n{text}\n{messages}", words.join(" "));
    serde_json::from_str(&text).with_context(|| format!("it printed {text}"))
}
