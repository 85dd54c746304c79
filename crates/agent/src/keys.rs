//! The machine's keys: one seed on disk, from it the machine key (its name on the chain) and the
//! endpoint key (its name in the tunnel), and beside it the operator's account. Derived by label, so
//! that one backup holds them and no key serves two purposes. Signs only what it is told to.

use std::path::{Path, PathBuf};

use dbc_agent_api::hello::{HostKey, host_key_message};
use dbc_grants::{HolderKey, KeyError};
use ed25519_dalek::{Signer, SigningKey};
use serde::Serialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// File names inside the key folder.
const MACHINE_FILE: &str = "machine.key";
const OPERATOR_FILE: &str = "operator.key";

/// The keys of a machine. Wiped from memory when dropped.
pub struct Keys {
    machine: SigningKey,
    endpoint: Zeroizing<[u8; 32]>,
    operator: Zeroizing<[u8; 32]>,
    dir: PathBuf,
}

/// The public halves, in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicKeys {
    /// The machine's name on the chain.
    pub machine: String,
    /// The machine's name in the tunnel.
    pub endpoint: String,
    /// The operator's ed25519 account.
    pub operator: String,
    /// Where the secret halves are.
    pub dir: PathBuf,
}

impl Keys {
    /// Reads the keys, or makes them when there are none; files of mode 0600 in a folder of mode 0700.
    ///
    /// # Errors
    /// When a file cannot be read or written, can be read by others, or is damaged.
    pub fn load_or_create(dir: &Path) -> Result<Self, KeyError> {
        let made = std::fs::DirBuilder::new().recursive(true).private().create(dir);
        made.map_err(|source| KeyError::Write { path: dir.to_owned(), source })?;
        // The holder key's file format is a bare seed; its handling of modes and crashes is reused.
        let machine = HolderKey::load_or_create(&dir.join(MACHINE_FILE))?.seed();
        let operator = HolderKey::load_or_create(&dir.join(OPERATOR_FILE))?.seed();
        Ok(Self {
            machine: SigningKey::from_bytes(&derive(&machine, "machine")),
            endpoint: derive(&machine, "endpoint"),
            operator,
            dir: dir.to_owned(),
        })
    }

    /// The machine's public key.
    pub fn machine(&self) -> [u8; 32] {
        self.machine.verifying_key().to_bytes()
    }

    /// Seed of the tunnel's endpoint.
    pub fn endpoint_seed(&self) -> &[u8; 32] {
        &self.endpoint
    }

    /// Seed of the operator's ed25519 account.
    pub fn operator_seed(&self) -> &[u8; 32] {
        &self.operator
    }

    /// The public halves.
    pub fn public(&self) -> PublicKeys {
        let public =
            |seed: &[u8; 32]| hex::encode(SigningKey::from_bytes(seed).verifying_key().to_bytes());
        PublicKeys {
            machine: hex::encode(self.machine()),
            endpoint: public(&self.endpoint),
            operator: public(&self.operator),
            dir: self.dir.clone(),
        }
    }

    /// The proof with which a provider registers this machine.
    pub fn registration_proof(&self, genesis: &[u8; 32], provider: &[u8; 32]) -> [u8; 64] {
        let message = dbc_primitives::proof::register_message(genesis, provider);
        self.machine.sign(&message).to_bytes()
    }

    /// Signs a beat, or the statement that carries one: both begin with bytes that nothing else does.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.machine.sign(message).to_bytes()
    }

    /// Vouches for the SSH host key of a lease.
    pub fn vouch(&self, genesis: &[u8; 32], lease: u64, openssh: &str) -> HostKey {
        let signature = self.machine.sign(&host_key_message(genesis, lease, openssh));
        HostKey { openssh: openssh.to_owned(), signature: hex::encode(signature.to_bytes()) }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("machine", &hex::encode(self.machine()))
            .finish_non_exhaustive()
    }
}

fn derive(seed: &[u8; 32], label: &str) -> Zeroizing<[u8; 32]> {
    let mut hash = Sha256::new();
    hash.update(b"dbc/agent/key/1/");
    hash.update(label.as_bytes());
    hash.update(b"/");
    hash.update(seed);
    Zeroizing::new(hash.finalize().into())
}

/// Folders that others cannot enter.
trait Private {
    fn private(&mut self) -> &mut Self;
}

impl Private for std::fs::DirBuilder {
    fn private(&mut self) -> &mut Self {
        std::os::unix::fs::DirBuilderExt::mode(self, 0o700)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, Verifier};

    use super::*;

    #[test]
    fn keys_are_made_once_and_differ() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("keys");
        let public = Keys::load_or_create(&dir).unwrap().public();
        assert_eq!(Keys::load_or_create(&dir).unwrap().public(), public);
        assert_ne!(public.machine, public.endpoint);
        assert_ne!(public.machine, public.operator);
    }

    #[test]
    fn the_proof_and_the_voucher_are_the_machine_keys() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::load_or_create(dir.path()).unwrap();
        let verify = |message: &[u8], signature: [u8; 64]| {
            let key = keys.machine.verifying_key();
            key.verify(message, &Signature::from_bytes(&signature)).unwrap();
        };
        let message = dbc_primitives::proof::register_message(&[1; 32], &[2; 32]);
        verify(&message, keys.registration_proof(&[1; 32], &[2; 32]));
        let vouched = keys.vouch(&[1; 32], 7, "ssh-ed25519 AAAA");
        let signature = hex::decode(vouched.signature).unwrap().try_into().unwrap();
        verify(&host_key_message(&[1; 32], 7, "ssh-ed25519 AAAA"), signature);
    }
}
