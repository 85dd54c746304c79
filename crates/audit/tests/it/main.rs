//! An auditor at work on a real chain, over a real tunnel, with machines that are honest, that cheat, and
//! that are not there. All are audited in one window, as rule 36 wants it.

mod machine;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use dbc_audit::{Auditor, AuditorConfig};
use dbc_chain_client::{At, AuditPhase, ChainClient, ChainConfig, Signer};
use dbc_primitives::MachineStatus;
use dbc_testkit::{DevNode, wait_for};
use tokio_util::sync::CancellationToken;

use machine::{Kind, Machine};

/// Booking, draw, commit and reveal at the pace of development take 100 s at most.
const AUDITED: Duration = Duration::from_secs(240);

async fn outcome(client: &ChainClient, audit: u64) -> Result<Option<AuditPhase>> {
    let found = client.at(At::Best).await?.audit(audit).await?.context("its record is there")?;
    let open = [AuditPhase::Booked, AuditPhase::Commit, AuditPhase::Reveal];
    Ok((!open.contains(&found.phase)).then_some(found.phase))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn honest_machines_are_verified_and_cheats_are_not() -> Result<()> {
    let node = DevNode::start().await?;
    let client = ChainClient::connect(ChainConfig::new(node.url())).await?;
    let provider = Signer::from_uri("//Alice")?;
    client.set_operator(&provider, provider.account()).await?.finalized().await?;

    let kinds = [Kind::Honest, Kind::LeavesRowsOut, Kind::OpensLate, Kind::Mute, Kind::Away];
    let mut machines = Vec::new();
    for kind in kinds {
        machines.push(Machine::start(&node.url(), &client, &provider, kind).await?);
    }

    let folder = tempfile::tempdir()?;
    let config =
        AuditorConfig { state_dir: folder.path().to_owned(), relays: Vec::new(), visits: None };
    let shutdown = CancellationToken::new();
    let (said_sender, mut said) = tokio::sync::mpsc::unbounded_channel();
    let eve = Signer::from_uri("//Eve")?;
    let mut auditor = Auditor::open(client.clone(), eve.clone(), &config).await?;
    for machine in &machines {
        let at = machine.addresses();
        auditor.knows(machine.endpoint(), at);
    }
    let work = tokio::spawn({
        let shutdown = shutdown.clone();
        async move {
            auditor
                .run(shutdown, move |one| {
                    // The test may be over.
                    let _ = said_sender.send(one);
                })
                .await
        }
    });

    let mut audits = Vec::new();
    for machine in &machines {
        client.request_audit(&provider, machine.id).await?.in_block().await?;
        let audit = client.at(At::Best).await?.open_audit(machine.id).await?;
        audits.push(audit.context("it is booked")?);
    }
    let mut found = Vec::new();
    for audit in &audits {
        let closed = wait_for("the audit to close", AUDITED, || outcome(&client, *audit)).await?;
        found.push(closed);
    }
    let view = client.at(At::Best).await?;
    let mut status = Vec::new();
    for machine in &machines {
        let record = view.machine(machine.id).await?.context("it is registered")?;
        status.push(record.status == MachineStatus::Verified);
    }
    let mut verdicts = Vec::new();
    while let Ok(one) = said.try_recv() {
        verdicts.push((one.audit, one.verdict, one.why));
    }
    verdicts.sort();
    let words: Vec<_> = verdicts.iter().map(|(_, verdict, _)| *verdict).collect();
    ensure!(words == ["pass", "fail", "fail", "fail", "unreachable"], "{verdicts:?}");
    use AuditPhase::{Failed, Passed};
    ensure!(found == [Passed, Failed, Failed, Failed, Failed], "{found:?}: {verdicts:?}");
    ensure!(status == [true, false, false, false, false], "{status:?}");

    // A verdict can be shown to whoever doubts it, also for a machine that failed.
    let doubter = Signer::from_uri("//Bob")?;
    for audit in &audits[..2] {
        dbc_audit::doubt(&client, &doubter, *audit, eve.account()).await?;
        wait_for("the transcript", AUDITED, || async {
            let open = client.at(At::Best).await?.demand(*audit, eve.account()).await?;
            Ok(open.is_none().then_some(()))
        })
        .await?;
    }
    let view = dbc_audit::status(&client, eve.account()).await?;
    ensure!(view.bond > 0 && view.leaving.is_none() && view.strikes == 0, "{view:?}");
    ensure!(view.open.is_empty(), "{view:?}");
    shutdown.cancel();
    work.await??;
    Ok(())
}
