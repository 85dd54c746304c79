//! A light client's chain spec, made by asking a node: the network's names, its genesis, addresses of peers, and the node's newest finalized block as the point to begin at. Whoever
//! hands it out vouches for that block; the light client checks everything after it.

use serde_json::{Map, Value};
use subxt::{rpcs::rpc_params, utils::H256};

use crate::{client::ChainClient, error::ChainError, head::Head};

/// What of a node's spec a light client needs.
const FIELDS: [&str; 7] =
    ["name", "id", "chainType", "protocolId", "forkId", "properties", "lightSyncState"];

/// How a light spec tells of the genesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LightGenesis {
    /// By its state root: enough for who begins at a later block.
    Root,
    /// With all of its storage, the runtime too.
    Whole,
}

impl ChainClient {
    /// Makes a chain spec for light clients. `boot` are peers' addresses, `/ip4/…/tcp/…/ws/p2p/…`; without
    /// any, the addresses at which the node itself listens for such connections.
    ///
    /// Errors: [`ChainError::Input`] when there is no such address, [`ChainError::Malformed`] when the
    /// node's spec has no checkpoint, [`ChainError::Unreachable`].
    pub async fn light_spec(
        &self,
        genesis: LightGenesis,
        boot: &[String],
    ) -> Result<String, ChainError> {
        let shared = &self.shared;
        shared.usable()?;
        let asked = shared.plain.request::<Value>("sync_state_genSyncSpec", rpc_params![true]);
        let full = shared.rpc("light spec", asked).await?;
        let genesis = match genesis {
            LightGenesis::Root => {
                serde_json::json!({ "stateRootHash": self.genesis_root().await? })
            }
            LightGenesis::Whole => full.get("genesis").cloned().unwrap_or_default(),
        };
        let boot = match boot {
            [] => self.listening().await?,
            named => named.to_vec(),
        };
        let mut spec = Map::new();
        for field in FIELDS {
            if let Some(value) = full.get(field).filter(|value| !value.is_null()) {
                spec.insert(field.into(), value.clone());
            }
        }
        let begin = start(&spec, shared.slot_ms);
        if begin.is_none_or(|head| head.number == 0) {
            return Err(ChainError::malformed("light spec", "no block is final yet"));
        }
        spec.insert("bootNodes".into(), boot.into());
        spec.insert("genesis".into(), genesis);
        serde_json::to_string_pretty(&spec)
            .map_err(|error| ChainError::malformed("light spec", error))
    }

    async fn genesis_root(&self) -> Result<String, ChainError> {
        let shared = &self.shared;
        let header = shared.legacy.chain_get_header(Some(H256(shared.genesis)));
        let header = shared.rpc("genesis header", header).await?;
        let header =
            header.ok_or_else(|| ChainError::malformed("genesis header", "the node has none"))?;
        Ok(format!("0x{}", hex::encode(header.state_root.0)))
    }

    /// Where the node listens for light clients.
    async fn listening(&self) -> Result<Vec<String>, ChainError> {
        let asked =
            self.shared.plain.request::<Vec<String>>("system_localListenAddresses", rpc_params![]);
        let mut found = self.shared.rpc("listening addresses", asked).await?;
        found.retain(|address| address.contains("/ws"));
        if found.is_empty() {
            let why = "the node listens on no /ws address; start it with one, or name peers";
            return Err(ChainError::Input { field: "boot", why: why.into() });
        }
        Ok(found)
    }
}

/// The finalized block at which a light spec was made; `None` when it names none.
pub fn light_spec_start(spec: &str, slot_ms: u64) -> Option<Head> {
    start(&serde_json::from_str(spec).ok()?, slot_ms)
}

fn start(spec: &Map<String, Value>, slot_ms: u64) -> Option<Head> {
    let header = spec.get("lightSyncState")?.get("finalizedBlockHeader")?.as_str()?;
    Head::of_encoded(&hex::decode(header.trim_start_matches("0x")).ok()?, slot_ms)
}
