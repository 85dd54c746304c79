//! What audits found of machines.

use dbc_chain_client::AuditPhase;
use serde::Serialize;

use super::Moment;

/// Where a machine stands with its audits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditView {
    /// What the last passed audit proved, while it counts.
    pub proof: Option<ProofView>,
    /// The audit that is not closed.
    pub open: Option<OpenAuditView>,
    /// Before then a machine that failed cannot ask for another.
    pub backs_off_until: Option<Moment>,
}

/// What a passed audit proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ProofView {
    /// Number of the audit.
    pub audit: u64,
    /// When it was passed.
    pub at: Moment,
    /// When it counts no more; the last third of its life is for the next audit.
    pub until: Moment,
    /// Whether there were fewer auditors than a full draw.
    pub provisional: bool,
    /// Millions of products in a field of 31 bits that the machine did in a second.
    pub million_products_s: u32,
    /// Memory in MiB that it was shown to fill.
    pub memory_mib: u32,
}

/// An audit that is not closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OpenAuditView {
    /// Its number.
    pub audit: u64,
    /// Where it stands.
    pub phase: AuditPhase,
    /// When the next phase begins.
    pub next: Moment,
    /// Auditors drawn.
    pub auditors: usize,
    /// Those who bound themselves to what they found.
    pub committed: usize,
    /// Those who revealed it.
    pub revealed: usize,
}
