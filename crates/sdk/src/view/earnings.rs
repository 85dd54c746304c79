//! What machines earn, and what they are accused of.

use dbc_chain_client::{OffenceKind, OffenceStage};
use serde::Serialize;

use super::Moment;
use crate::{id::MachineId, money::Money};

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
