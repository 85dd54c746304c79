//! What machines earn, and what they are accused of.

use dbc_chain_client::{AuditPhase, OffenceKind, OffenceStage};
use serde::Serialize;

use super::Moment;
use crate::{account::AccountId, id::MachineId, money::Money};

/// What a provider earned and was not paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EarningsView {
    /// Free to be claimed.
    pub claimable: Money,
    /// Released in eras to come, half a per cent of each sum a day.
    pub locked: Money,
    /// Of all his machines since their last proofs; lost if the next ones fail.
    pub provisional: Money,
}

/// What a machine earns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EarnedView {
    /// Its points: of its cards, times its class's factor.
    pub points: u64,
    /// Whether it earns now: proven and heard.
    pub counts: bool,
    /// Since its last proof.
    pub provisional: Money,
}

/// An offence that is not settled, or a report whose check is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OffenceView {
    /// Its number.
    pub id: u64,
    /// The machine.
    pub machine: MachineId,
    /// What.
    pub kind: OffenceKind,
    /// Where it stands.
    pub stage: OffenceStage,
    /// Since when.
    pub since: Moment,
    /// Until when it went on.
    pub ended: Option<Moment>,
    /// The end of the stage.
    pub until: Option<Moment>,
}

/// Releases to come, eras of one amount together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct VestingView {
    /// The first day.
    pub from: Moment,
    /// Days, each with the same.
    pub days: u32,
    /// On each of them.
    pub each: Money,
}

/// What the running offence of a machine costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PreviewView {
    /// Number of the offence.
    pub offence: u64,
    /// What.
    pub kind: OffenceKind,
    /// Since when it goes on.
    pub since: Moment,
    /// Were it over now.
    pub now: Money,
    /// When it costs more.
    pub more_from: Option<Moment>,
    /// And how much then.
    pub more: Option<Money>,
}

/// The check of a report: who was drawn, and who has its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckView {
    /// Number of the audit.
    pub audit: u64,
    /// Where it stands.
    pub phase: AuditPhase,
    /// Those drawn.
    pub auditors: Vec<CheckedByView>,
}

/// An auditor of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CheckedByView {
    /// Who.
    pub auditor: AccountId,
    /// The key to which evidence for him is sealed; none before he named one.
    #[serde(skip)]
    pub key: Option<[u8; 32]>,
    /// Whether he was handed it.
    pub handed: bool,
}
