//! Evidence of reports: sealed by whoever reports to a key that an auditor made for one duty alone, with a
//! sender's key of its own each time, so that no two boxes share a nonce. The hash is on the chain before
//! anybody is drawn. `crypto_box` does the cryptography.

use crypto_box::{PublicKey, SecretKey, aead::OsRng};
pub use dbc_primitives::audit::evidence_hash as hash;
use thiserror::Error;

/// Bytes of evidence, so that a box of it is as large as the chain takes.
pub const EVIDENCE_MAX: usize = 2_000;

/// Why evidence cannot be sealed or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EvidenceError {
    /// It is too long, or there is none.
    #[error(
        "evidence has between 1 and {EVIDENCE_MAX} bytes; keep what is longer elsewhere and say where"
    )]
    Size,
    /// The box cannot be made.
    #[error("the evidence cannot be sealed")]
    Seal,
    /// It was sealed to another key, or damaged.
    #[error("the box is for another key, or damaged")]
    Box,
    /// It is not what was promised.
    #[error("the evidence is other than the report promised")]
    Hash,
}

/// The key that is told of a duty's secret.
pub fn public(secret: &[u8; 32]) -> [u8; 32] {
    SecretKey::from(*secret).public_key().to_bytes()
}

/// Seals evidence to a duty's key.
///
/// # Errors
/// When it is empty or too long.
pub fn seal(key: &[u8; 32], evidence: &[u8]) -> Result<Vec<u8>, EvidenceError> {
    if evidence.is_empty() || evidence.len() > EVIDENCE_MAX {
        return Err(EvidenceError::Size);
    }
    PublicKey::from(*key).seal(&mut OsRng, evidence).map_err(|_| EvidenceError::Seal)
}

/// Opens a box with a duty's secret; the evidence is what was promised.
///
/// # Errors
/// When it is not for this key, damaged, or other than promised.
pub fn open(
    secret: &[u8; 32],
    sealed: &[u8],
    promised: &[u8; 32],
) -> Result<Vec<u8>, EvidenceError> {
    let evidence = SecretKey::from(*secret).unseal(sealed).map_err(|_| EvidenceError::Box)?;
    if hash(&evidence) != *promised {
        return Err(EvidenceError::Hash);
    }
    Ok(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = [7; 32];

    #[test]
    fn what_is_sealed_to_a_duty_opens_for_it_alone() {
        let evidence = b"nvidia-smi shows a T4 where an A100 was rented";
        let sealed = seal(&public(&SECRET), evidence).unwrap();
        assert!(!sealed.windows(8).any(|part| part == &evidence[..8]), "nobody else reads it");
        assert_eq!(open(&SECRET, &sealed, &hash(evidence)).unwrap(), evidence);
        assert_eq!(open(&[8; 32], &sealed, &hash(evidence)), Err(EvidenceError::Box));
        assert_eq!(open(&SECRET, &sealed, &hash(b"other")), Err(EvidenceError::Hash));
    }

    #[test]
    fn predecessor_flaw_10_no_two_boxes_are_alike() {
        let boxes: Vec<_> = (0..2).map(|_| seal(&public(&SECRET), b"the same").unwrap()).collect();
        assert_ne!(boxes[0], boxes[1]);
    }

    #[test]
    fn damage_of_any_byte_is_noticed() {
        let sealed = seal(&public(&SECRET), b"proof").unwrap();
        for place in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[place] ^= 1;
            assert_eq!(open(&SECRET, &damaged, &hash(b"proof")), Err(EvidenceError::Box));
        }
        for length in 0..sealed.len() {
            assert_eq!(open(&SECRET, &sealed[..length], &hash(b"proof")), Err(EvidenceError::Box));
        }
    }

    #[test]
    fn a_box_is_never_larger_than_the_chain_takes() {
        let longest = seal(&public(&SECRET), &[1; EVIDENCE_MAX]).unwrap();
        assert!(longest.len() <= 2_048, "{}", longest.len());
        assert_eq!(seal(&public(&SECRET), &[1; EVIDENCE_MAX + 1]), Err(EvidenceError::Size));
        assert_eq!(seal(&public(&SECRET), &[]), Err(EvidenceError::Size));
    }
}
