//! The machine of the network was really audited (rules 4, 22; D28).

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use dbc_testkit::{Network, wait_for};

/// `dbc up` had the machine audited: it has a proof, one auditor said so, and he shows his transcript to
/// whoever doubts it; the chain's own verifier takes it.
pub async fn the_machine_was_audited_and_its_transcript_stands_up_to_doubt(
    network: &Network,
) -> Result<()> {
    let owner = network.user("owner");
    let status = owner.json(&["provider", "status", "--wallet", "provider"]).await?;
    let proof = &status["audits"][0]["proof"];
    ensure!(proof["provisional"] == true, "one auditor is no quorum: {status}");
    ensure!(proof["million_products_s"].as_u64() > Some(0), "{status}");
    let number = proof["audit"].as_u64().context("a number")?.to_string();
    let audit = owner.json(&["audit", "show", &number]).await?;
    ensure!(audit["phase"] == "passed", "{audit}");
    let auditor = audit["duties"][0]["auditor"].as_str().context("an auditor")?.to_owned();

    let doubt = ["audit", "doubt", &number, &auditor, "--wallet", "//Bob"];
    owner.ok(&doubt).await?;
    let again = owner.run(&doubt).await?;
    ensure!(again.code != 0, "one doubt at a time");
    let log = network.state().join("logs/audit.log");
    wait_for("the transcript to be shown", Duration::from_secs(120), || async {
        let text = std::fs::read_to_string(&log)?;
        Ok(text.contains("is shown to whoever doubted").then_some(()))
    })
    .await?;
    let eve = owner.json(&["audit", "status", "--wallet", "//Eve"]).await?;
    ensure!(eve["strikes"] == 0 && eve["bond"].as_u64() > Some(0), "the bond stays: {eve}");
    // Its proof is fresh: nobody needs another yet.
    let early = owner.run(&["provider", "audit", "--wallet", "provider"]).await?;
    ensure!(early.code != 0);
    Ok(())
}
