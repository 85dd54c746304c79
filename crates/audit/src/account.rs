//! An auditor's place on the chain: seat, bond, duties.

use anyhow::{Context as _, Result};
use dbc_chain_client::{AccountId, At, AuditPhase, ChainClient, ChainConfig, Signer};
use dbc_primitives::{
    Slot,
    audit::{AuditId, Verdict},
};
use serde::Serialize;

/// An auditor, as the chain has him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditorView {
    /// His account.
    pub account: String,
    /// Whether governance gave him a seat.
    pub seated: bool,
    /// Whether he is an auditor at all.
    pub joined: bool,
    /// On hold from him, in units.
    pub bond: u128,
    /// Duties that he missed, less those made up for.
    pub strikes: u32,
    /// Slot at which he asked to leave.
    pub leaving: Option<Slot>,
    /// Audits that he was drawn for and that are not closed.
    pub open: Vec<AuditId>,
}

/// Connects to a node.
///
/// # Errors
/// When it does not answer.
pub async fn connect(url: &str) -> Result<ChainClient> {
    ChainClient::connect(ChainConfig::new(url)).await.with_context(|| format!("no chain at {url}"))
}

/// What the chain has of an auditor.
///
/// # Errors
/// When the node does not answer.
pub async fn status(client: &ChainClient, account: AccountId) -> Result<AuditorView> {
    let view = client.at(At::Best).await?;
    let record = view.auditor(account).await?;
    Ok(AuditorView {
        account: account.to_string(),
        seated: view.is_seated(account).await?,
        joined: record.is_some(),
        bond: record.map_or(0, |record| record.bond),
        strikes: record.map_or(0, |record| record.strikes),
        leaving: record.and_then(|record| record.leaving),
        open: view.assigned(account).await?,
    })
}

/// Bonds the signer as an auditor, whose connections machines know by `key`.
///
/// # Errors
/// What the chain refuses, or that it does not answer.
pub async fn join(client: &ChainClient, signer: &Signer, key: [u8; 32]) -> Result<()> {
    client.join_audit(signer, key).await?.finalized().await?;
    Ok(())
}

/// Ends the signer's duties.
///
/// # Errors
/// What the chain refuses, or that it does not answer.
pub async fn leave(client: &ChainClient, signer: &Signer) -> Result<()> {
    client.leave_audit(signer).await?.finalized().await?;
    Ok(())
}

/// Returns the bond of a signer who left long enough ago.
///
/// # Errors
/// What the chain refuses, or that it does not answer.
pub async fn withdraw(client: &ChainClient, signer: &Signer) -> Result<()> {
    client.withdraw_audit(signer).await?.finalized().await?;
    Ok(())
}

/// An audit, as the chain has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseView {
    /// Its number.
    pub audit: AuditId,
    /// The machine, in hex.
    pub machine: String,
    /// Where it stands.
    pub phase: AuditPhase,
    /// The report that it checks.
    pub report: Option<u64>,
    /// Whether evidence was promised with that report.
    pub evidence: bool,
    /// Those drawn.
    pub duties: Vec<DutyView>,
}

/// What one auditor said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DutyView {
    /// His account.
    pub auditor: String,
    /// Whether he bound himself to what he found.
    pub committed: bool,
    /// What he found, once he revealed it.
    pub found: Option<String>,
    /// Whether he was handed the evidence, while the check goes on.
    pub handed: bool,
}

/// What the chain has of an audit; `None` when there is none of this number, or its record is gone.
///
/// # Errors
/// When the node does not answer.
pub async fn show(client: &ChainClient, audit: AuditId) -> Result<Option<CaseView>> {
    let view = client.at(At::Best).await?;
    let Some(found) = view.audit(audit).await? else { return Ok(None) };
    let said = |verdict: Verdict| match verdict {
        Verdict::Pass(found) => format!("pass: {} million products a second", found.throughput),
        Verdict::Fail => "fail".into(),
        Verdict::Unreachable => "unreachable".into(),
    };
    let mut duties = Vec::new();
    for duty in found.duties {
        let handed = match found.report {
            Some(report) => view.handed(report, duty.auditor).await?.is_some(),
            None => false,
        };
        duties.push(DutyView {
            auditor: duty.auditor.to_string(),
            committed: duty.committed,
            found: duty.revealed.map(said),
            handed,
        });
    }
    let evidence = match found.report {
        Some(report) => view.evidence(report).await?.is_some(),
        None => false,
    };
    let machine = hex::encode(found.machine.0);
    let (phase, report) = (found.phase, found.report);
    Ok(Some(CaseView { audit, machine, phase, report, evidence, duties }))
}

/// Wants to see the transcript of a verdict; gives the slot before which it is shown.
///
/// # Errors
/// What the chain refuses, or that it does not answer.
pub async fn doubt(
    client: &ChainClient,
    signer: &Signer,
    audit: AuditId,
    auditor: AccountId,
) -> Result<Slot> {
    client.demand_transcript(signer, audit, auditor).await?.finalized().await?;
    let until = client.at(At::Best).await?.demand(audit, auditor).await?;
    Ok(until.unwrap_or_default())
}
