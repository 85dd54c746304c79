//! Whether a beat is what it says. Pure.

use codec::Decode as _;
use dbc_primitives::{
    MachineId,
    liveness::{self, Beat},
};
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};

/// Why a beat does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadBeat {
    /// Its bytes are no beat.
    #[error("the bytes are no beat")]
    Malformed,
    /// Its key is no key, or its signature is another's.
    #[error("the signature is not the machine's")]
    Signature,
}

/// Reads a beat and checks that the machine signed it for this network. Whether the machine stands at
/// the index that it names is for the chain to say.
///
/// # Errors
/// Why it does not count.
pub fn check(genesis: &[u8; 32], machine: MachineId, data: &[u8]) -> Result<Beat, BadBeat> {
    let mut input = data;
    let beat = Beat::decode(&mut input).map_err(|_| BadBeat::Malformed)?;
    if !input.is_empty() {
        return Err(BadBeat::Malformed);
    }
    let message = liveness::beat(genesis, machine, beat.generation, beat.interval, &beat.digest);
    let key = VerifyingKey::from_bytes(&machine.0).map_err(|_| BadBeat::Signature)?;
    // The chain verifies as strictly as this: a beat that only some accept would strike its watcher.
    key.verify_strict(&message, &Signature::from_bytes(&beat.signature))
        .or_else(|_| key.verify(&message, &Signature::from_bytes(&beat.signature)))
        .map_err(|_| BadBeat::Signature)?;
    Ok(beat)
}

#[cfg(test)]
mod tests {
    use codec::Encode as _;
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    const GENESIS: [u8; 32] = [3; 32];

    fn beat() -> (MachineId, Beat) {
        let key = SigningKey::from_bytes(&[5; 32]);
        let machine = MachineId(key.verifying_key().to_bytes());
        let message = liveness::beat(&GENESIS, machine, 1, 77, &[9; 32]);
        let signature = key.sign(&message).to_bytes();
        (machine, Beat { index: 4, generation: 1, interval: 77, digest: [9; 32], signature })
    }

    #[test]
    fn a_beat_counts_on_its_network_for_its_machine_and_interval() {
        let (machine, beat) = beat();
        assert_eq!(check(&GENESIS, machine, &beat.encode()), Ok(beat.clone()));
        assert_eq!(check(&[4; 32], machine, &beat.encode()), Err(BadBeat::Signature));
        assert_eq!(check(&GENESIS, MachineId([1; 32]), &beat.encode()), Err(BadBeat::Signature));
        let later = Beat { interval: 78, ..beat };
        assert_eq!(check(&GENESIS, machine, &later.encode()), Err(BadBeat::Signature));
    }

    #[test]
    fn damaged_bytes_are_refused_without_a_panic() {
        let (machine, beat) = beat();
        let bytes = beat.encode();
        for length in 0..bytes.len() {
            assert_eq!(check(&GENESIS, machine, &bytes[..length]), Err(BadBeat::Malformed));
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(check(&GENESIS, machine, &longer), Err(BadBeat::Malformed));
    }
}
