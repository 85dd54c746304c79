//! Chain specs: JSON files made from a runtime, one of its genesis presets and a patch. None is
//! built in: whoever starts a network has its spec, and the genesis hash says whether it is the same.

use std::path::Path;

use sc_chain_spec::{ChainSpec as _, ChainSpecExtension, ChainType};
use sc_sync_state_rpc::LightSyncStateExtension;
use serde::{Deserialize, Serialize};

use crate::{
    runtime_file::{self, RuntimeFile},
    service::HostFunctions,
};

/// What a spec holds beside the genesis.
#[derive(Default, Clone, Serialize, Deserialize, ChainSpecExtension)]
#[serde(rename_all = "camelCase")]
pub struct Extensions {
    /// Where light clients begin.
    pub light_sync_state: LightSyncStateExtension,
}

/// A chain spec of ours.
pub type ChainSpec = sc_chain_spec::GenericChainSpec<Extensions, HostFunctions>;

/// Presets of networks of value: their keys are nobody's but their validators'.
const REAL: [&str; 2] = ["staging", "main"];
/// Largest patch that is read, in bytes.
const PATCH_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What `chain-spec` was asked for.
pub struct Order<'a> {
    /// The runtime.
    pub runtime: &'a RuntimeFile,
    /// Name of one of the runtime's presets, e.g. `dev`.
    pub preset: &'a str,
    /// Name for people.
    pub name: &'a str,
    /// Identifier, part of file and protocol names.
    pub id: &'a str,
    /// JSON merged over the preset.
    pub patch: Option<&'a Path>,
    /// Full storage instead of the readable form.
    pub raw: bool,
}

/// Reads a spec from a file.
pub fn load(path: &str) -> Result<Box<dyn sc_chain_spec::ChainSpec>, String> {
    if path.is_empty() || path == "dev" || path == "local" {
        return Err(String::from(
            "no chain spec given; make one with `dbc-node chain-spec --runtime runtime.wasm --preset dev --output dev.json` and pass `--chain dev.json`",
        ));
    }
    Ok(Box::new(ChainSpec::from_json_file(path.into())?))
}

/// Makes a spec, as JSON.
pub fn make(order: &Order<'_>) -> Result<String, String> {
    let chain_type = match order.preset {
        "dev" => ChainType::Development,
        "local" => ChainType::Local,
        _ => ChainType::Live,
    };
    if REAL.contains(&order.preset) && order.patch.is_none() {
        return Err(format!(
            "the preset `{}` has no keys: name a file of keys with `--patch keys.json` (docs/guides/validator.md shows one)",
            order.preset
        ));
    }
    let mut genesis = order.runtime.preset(order.preset)?;
    if let Some(path) = order.patch {
        let patch: serde_json::Value =
            serde_json::from_slice(&runtime_file::read(path, PATCH_BYTES_MAX)?)
                .map_err(|error| format!("{} is not JSON: {error}", path.display()))?;
        sc_chain_spec::json_merge(&mut genesis, patch);
    }
    let mut properties = sc_chain_spec::Properties::new();
    properties.insert("tokenSymbol".into(), "DBC".into());
    properties.insert("tokenDecimals".into(), 15.into());
    properties.insert("ss58Format".into(), 42.into());
    let mut spec = ChainSpec::builder(order.runtime.code(), Extensions::default())
        .with_name(order.name)
        .with_id(order.id)
        .with_protocol_id("dbc")
        .with_chain_type(chain_type)
        .with_properties(properties)
        .with_genesis_config_patch(genesis.clone())
        .build();
    if order.raw {
        spec.set_storage(order.runtime.genesis(genesis)?);
    }
    spec.as_json(order.raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_without_a_spec_is_told_how_to_make_one() {
        assert!(load("dev").err().unwrap().contains("chain-spec"));
    }
}
