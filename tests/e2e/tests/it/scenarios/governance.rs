//! Decisions by the commands that people type (C5, N2; mechanisms rule 26).

use anyhow::{Context as _, Result, ensure};
use dbc_testkit::{Dbc, Network};
use serde_json::Value;

/// Refused before anything is signed, or asked with its deposit and shown to voters as what it does. That it is
/// done in the end is shown by the guide, which walks one, and for every number by the facade's own test.
pub async fn a_question_is_checked_before_it_is_asked_and_shown_as_what_it_does(
    network: &Network,
) -> Result<()> {
    let owner = network.user("owner");
    let before = number(&owner, "audits.demand_bond").await?;
    ensure!(before["value"]["text"] == before["default"]["text"], "{before}");
    // What no decision can do is refused before anything is signed.
    let far = ["vote", "propose", "--set", "audits.demand_bond=500", "--wallet", "//Alice"];
    let refused = owner.run(&far).await?;
    ensure!(
        refused.code != 0 && refused.stderr.contains("between 5 DBC and 20 DBC"),
        "{refused:?}"
    );
    let nothing = owner.run(&["vote", "propose", "--set", "audits.nothing=5"]).await?;
    ensure!(nothing.code != 0 && nothing.stderr.contains("dbc params"), "{nothing:?}");
    let open = owner.json(&["vote", "list"]).await?;
    ensure!(open.as_array().is_some_and(Vec::is_empty), "nothing was asked: {open}");

    let two = [
        "vote",
        "propose",
        "--set",
        "audits.demand_bond=12",
        "--set",
        "RetirementDelay=15d",
        "--wallet",
        "//Alice",
    ];
    let asked = owner.json(&two).await?;
    let id = asked["id"].as_u64().context("a number")?.to_string();
    ensure!(asked["open"]["track"] == "parameters", "{asked}");
    ensure!(asked["open"]["missing"]["deposit"].is_null(), "the deposit is there: {asked}");
    ensure!(!asked["open"]["missing"]["support"].is_null(), "nobody voted yet: {asked}");
    let call = asked["open"]["call"].as_str().context("what it does")?;
    ensure!(call.contains("DemandBond") && call.contains("RetirementDelay"), "{call}");
    ensure!(asked["open"]["sets"][1]["value"]["text"] == "15d", "{asked}");

    let vote = ["vote", "aye", &id, "--amount", "900000000", "--wallet", "//Alice"];
    let voted = owner.json(&vote).await?;
    ensure!(voted["open"]["approval"] == "100 %", "{voted}");
    let mine = owner.json(&["vote", "mine", "--wallet", "//Alice"]).await?;
    ensure!(mine["tracks"][0]["votes"][0]["aye"] == true, "{mine}");
    Ok(())
}

async fn number(user: &Dbc, name: &str) -> Result<Value> {
    let all = user.json(&["params", name]).await?;
    let found = all.as_array().and_then(|all| all.iter().find(|number| number["name"] == name));
    found.cloned().with_context(|| format!("{name} is none of {all}"))
}
