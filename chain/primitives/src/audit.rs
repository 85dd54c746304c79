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
    /// Rows and columns of each matrix of the challenge.
    pub edge: u32,
    /// Products of its chain.
    pub links: u32,
    /// Rows that an auditor has opened.
    pub openings: u32,
    /// Milliseconds from the auditor's secret to the root, at most.
    pub commit_ms: u32,
    /// Milliseconds from his questions to the openings, at most.
    pub open_ms: u32,
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
