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
    /// Milliseconds from the questions to the rows: the way there and back, and the rows' transfer.
    pub open_ms: u32,
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

/// Machines that an auditor chooses from for a visit.
pub const CANDIDATES: u8 = 8;

/// What an auditor binds himself to before it is drawn which machine he visits (mechanisms rule 1).
///
/// - `auditor`: his account.
/// - `secret`: known to him alone until he reveals it.
/// - `account`: whose lease the visit will be.
pub fn visit_commitment(
    auditor: &impl Encode,
    secret: &[u8; 32],
    account: &impl Encode,
) -> [u8; 32] {
    crate::liveness::hash(&(b"dbc/audit/visit/1", auditor, secret, account).encode())
}

/// A machine that an auditor may visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Candidate {
    /// The suspect at this place of those at the draw.
    Suspect(u32),
    /// The machine of this dense index.
    Index(u32),
}

/// A visit's candidate of this number; `None` beyond [`CANDIDATES`] or when there is no machine. Who does not
/// know the secret learns nothing of it. The first is a suspect every other time, if there is one.
///
/// - `seed`: drawn after the auditor committed.
/// - `count`: dense indexes at the draw.
/// - `suspects`: how many there were.
#[must_use]
pub fn candidate(
    seed: &[u8; 32],
    secret: &[u8; 32],
    attempt: u8,
    count: u32,
    suspects: u32,
) -> Option<Candidate> {
    if attempt >= CANDIDATES || count == 0 {
        return None;
    }
    let number = crate::liveness::hash(&(b"dbc/audit/visit/2", seed, secret, attempt).encode());
    let mut low = [0; 8];
    low.copy_from_slice(&number[..8]);
    let (number, coin) = (u64::from_le_bytes(low), number[8]);
    let of = |count: u32| u32::try_from(number % u64::from(count)).unwrap_or_default();
    match attempt == 0 && suspects > 0 && coin.is_multiple_of(2) {
        true => Some(Candidate::Suspect(of(suspects))),
        false => Some(Candidate::Index(of(count))),
    }
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

    #[test]
    fn rule_01_whom_an_auditor_visits_follows_from_his_secret_and_a_later_seed() {
        let candidates = |seed: u8, secret: u8, suspects| {
            let one = |at| candidate(&[seed; 32], &[secret; 32], at, 1_000, suspects);
            (0..CANDIDATES).map(one).collect::<Option<Vec<_>>>().unwrap()
        };
        let first = candidates(1, 1, 0);
        assert!(first.iter().all(|one| matches!(one, Candidate::Index(at) if *at < 1_000)));
        assert_ne!(first, candidates(2, 1, 0), "another seed");
        assert_ne!(first, candidates(1, 2, 0), "another secret");
        let suspected = (0..100).filter(|secret| {
            let all = candidates(1, *secret, 3);
            assert!(all[1..].iter().all(|one| matches!(one, Candidate::Index(_))));
            matches!(all[0], Candidate::Suspect(at) if at < 3)
        });
        assert!((25..75).contains(&suspected.count()), "every other time");
        assert_eq!(candidate(&[0; 32], &[0; 32], CANDIDATES, 9, 0), None);
        assert_eq!(candidate(&[0; 32], &[0; 32], 0, 0, 0), None);
    }
}
