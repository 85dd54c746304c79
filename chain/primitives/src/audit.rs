//! Audits, as the chain, auditors and machines mean them: what a machine is asked to do, what was found,
//! and how an auditor binds himself to it before the others speak.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Number of an audit, given by the chain, never reused.
pub type AuditId = u64;

/// What a machine is asked to do in an audit.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Terms {
    /// Cards that have to answer at once, each with a chain of its own; 0 for a machine without any, whose
    /// processor answers with one.
    pub gpus: u16,
    /// Rows and columns of each matrix of the challenge.
    pub edge: u32,
    /// Products of each chain.
    pub links: u32,
    /// Rows that an auditor has opened.
    pub openings: u32,
    /// Milliseconds from the auditor's secret to the root, at most.
    pub commit_ms: u32,
    /// Milliseconds from his questions to the openings, at most.
    pub open_ms: u32,
}

impl Terms {
    /// What each of several auditors asks for, who challenge at once: a processor answers each of them whole, cards
    /// share their memory between them, so that all of it is filled.
    #[must_use]
    pub fn shared_by(self, auditors: u32) -> Self {
        let share = if self.gpus == 0 { 1 } else { auditors.max(1) };
        Self { links: (self.links / share).max(1), ..self }
    }
}

/// What an auditor found. Numbers, so that a quorum can be had within a tolerance.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Findings {
    /// Cards that answered at once.
    pub gpus: u16,
    /// Memory of all cards together that was filled, in MiB.
    pub gpu_memory_mib: u32,
    /// Multiplications of field elements a second, in millions, over all cards; of the processor
    /// without any.
    pub throughput: u32,
    /// Main memory in MiB.
    pub memory_mib: u32,
    /// Disk of the pool in GiB.
    pub disk_gib: u32,
    /// Upstream in Mbit/s.
    pub up_mbps: u32,
    /// Downstream in Mbit/s.
    pub down_mbps: u32,
}

/// How an audit came out for one auditor.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Verdict {
    /// The machine is what it says.
    Pass(Findings),
    /// It answered wrongly, late, or with something else than it says.
    Fail,
    /// It did not answer.
    Unreachable,
}

/// What an auditor commits to: a copy of somebody else's commitment opens for nobody.
///
/// - `who`: his account.
/// - `root`: hash of his transcript.
pub fn commitment(who: &impl Encode, root: &[u8; 32], verdict: &Verdict) -> [u8; 32] {
    crate::liveness::hash(&(b"dbc/audit/commit/1", who, root, verdict).encode())
}

/// What a report promises of its evidence: the auditors who are handed it, and whoever decides about an
/// appeal, know it again by this.
pub fn evidence_hash(evidence: &[u8]) -> [u8; 32] {
    crate::liveness::hash(&[&b"dbc/evidence/1"[..], evidence].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auditors_fill_the_memory_of_cards_together() {
        let terms =
            Terms { gpus: 2, edge: 1_024, links: 16, openings: 16, commit_ms: 1, open_ms: 1 };
        assert_eq!(terms.shared_by(5).links, 3);
        assert_eq!(terms.shared_by(99).links, 1);
        assert_eq!(Terms { gpus: 0, ..terms }.shared_by(5).links, 16);
    }
}
