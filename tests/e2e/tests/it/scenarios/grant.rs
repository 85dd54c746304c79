//! Capabilities that a renter hands on (N4, mechanisms rule 20).

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use dbc_testkit::{Dbc, Network, wait_for};

use super::lease::rent;

/// A device of somebody who has no wallet: only its holder key matters.
async fn holder(user: &Dbc) -> Result<String> {
    user.ok(&["wallet", "create", "default", "--no-password"]).await?;
    let shown = user.json(&["wallet", "show"]).await?;
    Ok(shown["holder"].as_str().context("a holder key")?.to_string())
}

async fn grant(
    owner: &Dbc,
    lease: &str,
    holder: &str,
    verbs: &[&str],
) -> Result<serde_json::Value> {
    let mut words = vec!["grant", "create", lease, "--holder", holder, "--for", "1h"];
    for verb in verbs {
        words.extend(["--allow", verb]);
    }
    owner.json(&words).await
}

/// Wrong, stolen and foreign grants are refused; the right one works.
pub async fn a_grant_lets_its_holder_in_and_nobody_else(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let lease = rent(&owner, &[]).await?;
    let (friend, thief) = (network.user("friend"), network.user("thief"));
    let (friends_key, _) = (holder(&friend).await?, holder(&thief).await?);
    let grant = grant(&owner, &lease, &friends_key, &["shell", "view"]).await?;
    let token = grant["token"].as_str().context("a token")?;

    let inside = friend.run(&["exec", &lease, "--grant", token, "--", "echo", "in"]).await?;
    ensure!(inside.code == 0 && inside.stdout == "in\n", "its holder gets in: {inside:?}");
    let stolen =
        thief.run(&["exec", &lease, "--grant", token, "--json", "--", "echo", "in"]).await?;
    ensure!(
        stolen.code == 1 && stolen.stdout.contains("grant_not_holder"),
        "a thief does not: {stolen:?}"
    );
    let none = friend.run(&["exec", &lease, "--", "echo", "in"]).await?;
    ensure!(none.code != 0, "nobody gets in without one: {none:?}");
    let garbage = friend.run(&["exec", &lease, "--grant", "AAAA", "--", "echo", "in"]).await?;
    ensure!(garbage.code != 0, "garbage is refused: {garbage:?}");
    owner.ok(&["lease", "end", &lease]).await?;
    let over = friend.run(&["exec", &lease, "--grant", token, "--", "echo", "in"]).await?;
    ensure!(over.code != 0, "a grant ends with its lease: {over:?}");
    Ok(())
}

/// Verbs bind, and a revocation reaches the machine.
pub async fn a_grant_allows_its_verbs_only_and_ends_when_revoked(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let lease = rent(&owner, &[]).await?;
    let guest = network.user("guest");
    let key = holder(&guest).await?;
    let grant = grant(&owner, &lease, &key, &["logs", "view"]).await?;
    let token = grant["token"].as_str().context("a token")?;
    let id = grant["id"].as_str().context("an id")?;

    ensure!(guest.run(&["logs", &lease, "--grant", token]).await?.code == 0, "logs are allowed");
    let shell = guest.run(&["exec", &lease, "--grant", token, "--json", "--", "id"]).await?;
    ensure!(shell.stdout.contains("grant_verb"), "a shell is not: {shell:?}");
    owner.ok(&["grant", "revoke", &lease, id]).await?;
    let revoked = guest.run(&["logs", &lease, "--grant", token, "--json"]).await?;
    ensure!(revoked.stdout.contains("grant_revoked"), "revoked is refused: {revoked:?}");
    owner.ok(&["lease", "end", &lease]).await?;
    Ok(())
}

/// A grant is good until its time is over, counted on the chain's clock.
pub async fn a_grant_ends_when_its_time_is_over(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let lease = rent(&owner, &[]).await?;
    let guest = network.user("visitor");
    let key = holder(&guest).await?;
    let words = ["grant", "create", &lease, "--holder", &key, "--for", "30s", "--allow", "shell"];
    let grant = owner.json(&words).await?;
    let token = grant["token"].as_str().context("a token")?;
    let words = ["exec", &lease, "--grant", token, "--json", "--", "true"];
    ensure!(guest.run(&words).await?.code == 0, "it is good at first");
    wait_for("the grant to expire", Duration::from_secs(90), || async {
        let output = guest.run(&words).await?;
        Ok((output.code != 0).then_some(output))
    })
    .await
    .and_then(|late| {
        ensure!(late.stdout.contains("grant_expired"), "{late:?}");
        Ok(())
    })?;
    owner.ok(&["lease", "end", &lease]).await?;
    Ok(())
}
