//! What an auditor keeps of an audit. Its hash is what he commits to; from its bytes anybody, the chain
//! too, comes to his verdict again.

use alloc::vec::Vec;

use codec::{Decode, Encode};
use dbc_primitives::{
    MachineId,
    audit::{AuditId, Findings, Terms, Verdict},
};

use crate::{
    Opening, Params, Place, Reject, questions,
    tree::{Hash, hash},
    verify,
};

/// Which audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Genesis hash of the network.
    pub genesis: Hash,
    /// The machine.
    pub machine: MachineId,
    /// The audit.
    pub audit: AuditId,
    /// What the chain drew when the auditors were.
    pub seed: Hash,
    /// What is asked for.
    pub terms: Terms,
}

/// What an auditor keeps.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Transcript {
    /// His own secret.
    pub secret: Hash,
    /// Hash of a block that was not there when the root came.
    pub block: Hash,
    /// What the machine committed to.
    pub root: Hash,
    /// Milliseconds from the secret to the root.
    pub commit_ms: u32,
    /// Milliseconds from the questions to the openings.
    pub open_ms: u32,
    /// The rows that he asked for.
    pub openings: Vec<Opening>,
}

/// Why a machine does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The root came too late.
    LateRoot,
    /// The openings came too late.
    LateOpenings,
    /// An opening does not hold.
    Rejected(Reject),
}

impl Case {
    /// The challenge that an auditor's secret makes.
    pub fn params(&self, secret: &Hash) -> Params {
        let seed = Params::seed(&self.genesis, &self.machine.0, self.audit, secret, &self.seed);
        let Terms { gpus, edge, links, .. } = self.terms;
        Params { seed, edge, links, lanes: u32::from(gpus.max(1)) }
    }

    /// The rows that he asks for once the root is there, drawn by a later block.
    pub fn questions(&self, secret: &Hash, root: &Hash, block: &Hash) -> Vec<Place> {
        questions(&self.params(secret), root, secret, block, self.terms.openings as usize)
    }

    /// What a machine has shown that gave the root and its rows in so many milliseconds.
    fn findings(&self, commit_ms: u32, open_ms: u32) -> Findings {
        let Terms { gpus, .. } = self.terms;
        let params = self.params(&Hash::default());
        let millions = params.multiplications() / u64::from(commit_ms.max(1)) / 1_000;
        let kept_mib = (params.memory_bytes() >> 20) as u32;
        Findings {
            gpus,
            gpu_memory_mib: if gpus > 0 { kept_mib } else { 0 },
            memory_mib: if gpus > 0 { 0 } else { kept_mib },
            throughput: u32::try_from(millions).unwrap_or(u32::MAX),
            open_ms,
            ..Findings::default()
        }
    }

    /// What a transcript shows. `luck` must not have been known to the machine.
    ///
    /// # Errors
    /// Why the machine does not pass.
    pub fn judge(&self, transcript: &Transcript, luck: &Hash) -> Result<Findings, Fault> {
        let Transcript { secret, block, root, commit_ms, open_ms, openings } = transcript;
        if *commit_ms > self.terms.commit_ms {
            return Err(Fault::LateRoot);
        }
        if *open_ms > self.terms.open_ms {
            return Err(Fault::LateOpenings);
        }
        let asked = self.questions(secret, root, block);
        verify(&self.params(secret), root, &asked, openings, luck).map_err(Fault::Rejected)?;
        Ok(self.findings(*commit_ms, *open_ms))
    }

    /// Whether a transcript supports a verdict. `None` when the bytes are no transcript of that hash.
    pub fn supports(
        &self,
        of: &Hash,
        verdict: &Verdict,
        bytes: &[u8],
        luck: &Hash,
    ) -> Option<bool> {
        if hash_of(bytes) != *of {
            return None;
        }
        let mut input = bytes;
        let transcript = Transcript::decode(&mut input).ok().filter(|_| input.is_empty())?;
        let judged = self.judge(&transcript, luck);
        Some(match verdict {
            Verdict::Pass(findings) => judged.as_ref() == Ok(findings),
            Verdict::Fail | Verdict::Unreachable => judged.is_err(),
        })
    }
}

/// Hash of a transcript's bytes, which an auditor commits to.
pub fn hash_of(transcript: &[u8]) -> Hash {
    hash(b"dbc/audit/transcript/1", &[transcript])
}
