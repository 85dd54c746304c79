//! Bad input and bad luck: each gets its own code, and no money is lost.

use std::time::Duration;

use anyhow::{Result, ensure};
use dbc_testkit::{Network, program};

use super::lease::rent;

/// An account without money cannot rent.
pub async fn a_renter_without_money_is_refused(network: &Network) -> Result<()> {
    let poor = network.user("poor");
    poor.ok(&["wallet", "create", "default", "--no-password"]).await?;
    let refused = poor.run(&["rent", "--template", "base", "--json"]).await?;
    ensure!(refused.code == 1 && refused.stdout.contains("insufficient_funds"), "{refused:?}");
    ensure!(refused.stdout.contains("hint"), "it says what to do: {refused:?}");
    Ok(())
}

/// Unlisting stops new leases, never running ones (D63).
pub async fn a_machine_unlisted_while_leased_serves_on_and_takes_no_more(
    network: &Network,
) -> Result<()> {
    let owner = network.user("owner");
    let lease = rent(&owner, &[]).await?;
    owner.ok(&["provider", "unlist", "--wallet", "provider"]).await?;
    owner.ok(&["exec", &lease, "--", "true"]).await?;
    owner.ok(&["lease", "end", &lease]).await?;
    let refused = owner.run(&["rent", "--template", "base", "--json"]).await?;
    ensure!(refused.code != 0 && refused.stdout.contains("machine_unavailable"), "{refused:?}");
    owner.ok(&["provider", "list", "--wallet", "provider"]).await?;
    Ok(())
}

/// A tag that is gone is named; the lease can be ended and everything but nothing returns.
pub async fn a_missing_image_is_named_and_the_money_returns(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let status = owner.json(&["status"]).await?;
    let port = &status["network"]["registry_port"];
    let image = format!("127.0.0.1:{port}/dbc/base:gone");
    let failed = owner.run(&["rent", "--image", &image, "--json"]).await?;
    ensure!(failed.code == 1 && failed.stdout.contains("image_not_found"), "{failed:?}");
    let leases = owner.json(&["lease", "list"]).await?;
    for lease in leases.as_array().into_iter().flatten() {
        let closing = owner.json(&["lease", "end", &lease["id"].to_string()]).await?;
        ensure!(closing["refund"] == closing["deposited"], "everything returns: {closing}");
    }
    Ok(())
}

/// Each has its own code.
pub async fn wallets_that_are_missing_damaged_or_locked_are_told_apart(
    network: &Network,
) -> Result<()> {
    let user = network.user("careless");
    let missing = user.run(&["lease", "list", "--json"]).await?;
    ensure!(missing.code == 1 && missing.stdout.contains("wallet_not_found"), "{missing:?}");
    std::fs::create_dir_all(user.home().join("wallets"))?;
    std::fs::write(user.home().join("wallets/default.json"), "{\"version\": 1, \"na")?;
    let damaged = user.run(&["lease", "list", "--json"]).await?;
    ensure!(damaged.code == 2 && damaged.stdout.contains("wallet_damaged"), "{damaged:?}");
    std::fs::remove_file(user.home().join("wallets/default.json"))?;
    let password = user.home().join("password");
    std::fs::write(&password, "right\n")?;
    let file = password.to_string_lossy().into_owned();
    user.ok(&["wallet", "create", "default", "--password-file", &file]).await?;
    std::fs::write(&password, "wrong\n")?;
    let locked = user.run(&["lease", "list", "--json", "--password-file", &file]).await?;
    ensure!(locked.code == 2 && locked.stdout.contains("wallet_password"), "{locked:?}");
    Ok(())
}

/// A renter who names a highest price pays no more, whatever was offered when he looked (rule 13).
pub async fn a_price_above_the_renter_s_is_refused_before_anything_is_held(
    network: &Network,
) -> Result<()> {
    let owner = network.user("owner");
    let before = owner.json(&["wallet", "show"]).await?;
    let words = ["rent", "--template", "base", "--max-price", "0.000001", "--json"];
    let refused = owner.run(&words).await?;
    ensure!(refused.code == 1 && refused.stdout.contains("the cheapest costs"), "{refused:?}");
    ensure!(owner.json(&["wallet", "show"]).await? == before, "it cost something");
    Ok(())
}

/// Two daemons on one machine's keys would undo each other's work.
pub async fn a_second_agent_of_the_same_machine_is_refused(network: &Network) -> Result<()> {
    let config = network.state().join("agent.toml");
    let mut second = tokio::process::Command::new(program("dbc-agent")?);
    second.args(["run", "--config"]).arg(config);
    let output = tokio::time::timeout(Duration::from_secs(60), second.output()).await??;
    let told = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    ensure!(!output.status.success() && told.contains("another agent runs"), "{told}");
    Ok(())
}
