//! Session keys: made in a node, named on the chain.

use dbc_chain_client::{At, ChainClient, ChainConfig, SessionKeys};

use super::super::network::finish;
use crate::{
    Market, MarketError,
    account::{AccountId, Signer},
    money::Money,
    view::{SessionView, TxView},
};

impl Market {
    /// What is on the chain of a validator's keys and seat.
    pub async fn session(&self, account: AccountId) -> Result<SessionView, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        let keys = view.session_keys(account).await?;
        let least = view.stake_constants().await?;
        let (era, _) = view.era().await?;
        Ok(SessionView {
            account,
            keys: keys.map(|keys| written(&keys)),
            seated: view.session_validators().await?.contains(&account),
            elected: view.elected(era, account).await?.is_some(),
            seats: least.seats,
            bond_least: Money(least.validator_bond),
        })
    }

    /// Makes session keys for an account in the node at an address, which must be of the same network and let
    /// itself be told so: nodes do that on their own machine alone. Gives keys and proof, as nodes write them.
    pub async fn make_keys(
        &self,
        node: &str,
        account: AccountId,
    ) -> Result<(String, String), MarketError> {
        let (keys, proof) = self.node(node).await?.rotate_keys(account).await?;
        Ok((written(&keys), format!("0x{}", hex::encode(proof))))
    }

    /// Whether the node at an address has the secret halves of keys.
    pub async fn node_has_keys(&self, node: &str, keys: &str) -> Result<bool, MarketError> {
        let keys = read_keys(keys)?;
        Ok(self.node(node).await?.has_keys(&keys).await?)
    }

    /// Tells the node at an address a way to another one.
    pub async fn introduce(&self, node: &str, address: &str) -> Result<(), MarketError> {
        Ok(self.node(node).await?.add_peer(address).await?)
    }

    /// Names session keys on the chain, with the proof that they are the signer's; they count two sessions later.
    ///
    /// Errors: `invalid_input` for what is no keys, `chain_refused` for a proof that is not theirs.
    pub async fn set_keys(
        &self,
        signer: &Signer,
        keys: &str,
        proof: &str,
    ) -> Result<TxView, MarketError> {
        let keys = read_keys(keys)?;
        let proof = hex::decode(proof.strip_prefix("0x").unwrap_or(proof))
            .map_err(|_| MarketError::Input { field: "proof", why: "is no hexadecimal".into() })?;
        finish(self.chain().await?.set_keys(signer, &keys, proof).await?).await
    }

    /// Names none any more.
    pub async fn purge_keys(&self, signer: &Signer) -> Result<TxView, MarketError> {
        finish(self.chain().await?.purge_keys(signer).await?).await
    }

    /// A node of the same network at another address.
    async fn node(&self, url: &str) -> Result<ChainClient, MarketError> {
        let config = ChainConfig {
            genesis: Some(self.chain().await?.genesis()),
            call_timeout: self.config().chain_timeout,
            ..ChainConfig::new(url)
        };
        Ok(Box::pin(ChainClient::connect(config)).await?)
    }
}

fn written(keys: &SessionKeys) -> String {
    format!("0x{}", hex::encode(keys.to_bytes()))
}

fn read_keys(text: &str) -> Result<SessionKeys, MarketError> {
    let bytes = hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok();
    bytes.as_deref().and_then(SessionKeys::from_bytes).ok_or_else(|| MarketError::Input {
        field: "session keys",
        why: "are 96 bytes in hexadecimal, as a node gives them".into(),
    })
}
