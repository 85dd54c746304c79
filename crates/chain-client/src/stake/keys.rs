//! Session keys: made in a node, named on the chain with a proof that they are the account's.

use serde::Deserialize;
use subxt::rpcs::rpc_params;

use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::{ChainError, cut},
    generated::{
        self,
        runtime_types::{
            dbc_runtime::session_keys::SessionKeys as Generated, sp_authority_discovery,
            sp_consensus_babe, sp_consensus_grandpa,
        },
    },
    read::View,
    tx::Submission,
};

/// Bytes of one key; there are three.
const KEY_BYTES: usize = 32;
/// Longest proof that is passed on.
const PROOF_BYTES_MAX: usize = 1024;

/// Public halves of the keys with which a validator makes blocks, finalizes them and is found, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionKeys {
    /// Signs blocks.
    pub babe: [u8; KEY_BYTES],
    /// Signs what is final.
    pub grandpa: [u8; KEY_BYTES],
    /// Signs addresses.
    pub authority_discovery: [u8; KEY_BYTES],
}

impl SessionKeys {
    /// From the bytes that a node gives.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != 3 * KEY_BYTES {
            return None;
        }
        let key = |at: usize| bytes[at * KEY_BYTES..(at + 1) * KEY_BYTES].try_into().ok();
        Some(Self { babe: key(0)?, grandpa: key(1)?, authority_discovery: key(2)? })
    }

    /// As a node takes them.
    pub fn to_bytes(self) -> Vec<u8> {
        [self.babe, self.grandpa, self.authority_discovery].concat()
    }
}

impl View {
    /// The keys that an account named for itself.
    pub async fn session_keys(&self, who: AccountId) -> Result<Option<SessionKeys>, ChainError> {
        let entry = generated::storage().session().next_keys();
        let found = self.get("session keys", entry, (who.to_subxt(),)).await?;
        Ok(found.map(|keys| SessionKeys {
            babe: keys.babe.0,
            grandpa: keys.grandpa.0,
            authority_discovery: keys.authority_discovery.0,
        }))
    }

    /// Those who make blocks in this session.
    pub async fn session_validators(&self) -> Result<Vec<AccountId>, ChainError> {
        let entry = generated::storage().session().validators();
        let found = self.get("session", entry, ()).await?.unwrap_or_default();
        Ok(found.into_iter().map(|who| AccountId(who.0)).collect())
    }
}

#[derive(Deserialize)]
struct Made {
    keys: String,
    proof: Option<String>,
}

impl ChainClient {
    /// Makes new session keys in the node, and the proof that they are the owner's.
    ///
    /// Errors: [`ChainError::Malformed`] when the node makes none: it listens for this on its own machine alone.
    pub async fn rotate_keys(
        &self,
        owner: AccountId,
    ) -> Result<(SessionKeys, Vec<u8>), ChainError> {
        self.shared.usable()?;
        let params = rpc_params![format!("0x{}", hex::encode(owner.0))];
        let made = self.shared.plain.request::<Made>("author_rotateKeysWithOwner", params);
        let made = self.shared.rpc("session keys", made).await?;
        read_made(&made.keys, made.proof.as_deref())
    }

    /// Whether the node has the secret halves.
    pub async fn has_keys(&self, keys: &SessionKeys) -> Result<bool, ChainError> {
        self.shared.usable()?;
        let params = rpc_params![format!("0x{}", hex::encode(keys.to_bytes()))];
        let asked = self.shared.plain.request::<bool>("author_hasSessionKeys", params);
        self.shared.rpc("session keys", asked).await
    }

    /// Tells the node a way to another one, which it keeps open.
    pub async fn add_peer(&self, address: &str) -> Result<(), ChainError> {
        self.shared.usable()?;
        let call =
            self.shared.plain.request::<Option<()>>("system_addReservedPeer", rpc_params![address]);
        self.shared.rpc("peer", call).await.map(drop)
    }

    /// Names the signer's session keys; they count two sessions later.
    pub async fn set_keys(
        &self,
        signer: &Signer,
        keys: &SessionKeys,
        proof: Vec<u8>,
    ) -> Result<Submission, ChainError> {
        let keys = Generated {
            babe: sp_consensus_babe::app::Public(keys.babe),
            grandpa: sp_consensus_grandpa::app::Public(keys.grandpa),
            authority_discovery: sp_authority_discovery::app::Public(keys.authority_discovery),
        };
        self.submit(signer, &generated::transactions().session().set_keys(keys, proof)).await
    }

    /// Names none any more.
    pub async fn purge_keys(&self, signer: &Signer) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().session().purge_keys()).await
    }
}

/// Keys and proof as a node writes them.
pub(crate) fn read_made(
    keys: &str,
    proof: Option<&str>,
) -> Result<(SessionKeys, Vec<u8>), ChainError> {
    let bytes = |text: &str| hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok();
    let made = bytes(keys).as_deref().and_then(SessionKeys::from_bytes);
    let proof = proof.and_then(bytes).filter(|proof| proof.len() <= PROOF_BYTES_MAX);
    match (made, proof) {
        (Some(keys), Some(proof)) => Ok((keys, proof)),
        _ => Err(ChainError::malformed(
            "session keys",
            cut(format!("it is no three keys with a proof: {keys:?}")),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_keys_with_a_proof_are_taken() {
        let keys = hex::encode([7; 96]);
        let (read, proof) = read_made(&format!("0x{keys}"), Some("0x0102")).unwrap();
        assert_eq!((read.to_bytes(), proof), (vec![7; 96], vec![1, 2]));
        for (keys, proof) in [("", Some("0x")), (&keys[2..], Some("0x01")), (&keys[..], None)] {
            assert!(read_made(keys, proof).is_err());
        }
        let long = "00".repeat(PROOF_BYTES_MAX + 1);
        assert!(read_made(&keys, Some(&long)).is_err());
    }
}
