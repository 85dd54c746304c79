//! Chain specs: JSON files made from a runtime, one of its genesis presets and a patch. None is
//! built in: whoever starts a network has its spec, and the genesis hash says whether it is the same.

use std::path::Path;

use sc_chain_spec::{ChainSpecExtension, ChainType};
use sc_sync_state_rpc::LightSyncStateExtension;
use serde::{Deserialize, Serialize};
use sp_core::traits::{CallContext, CodeExecutor as _, FetchRuntimeCode, RuntimeCode};

use crate::service::HostFunctions;

/// What a spec holds beside the genesis.
#[derive(Default, Clone, Serialize, Deserialize, ChainSpecExtension)]
#[serde(rename_all = "camelCase")]
pub struct Extensions {
    /// Where light clients begin.
    pub light_sync_state: LightSyncStateExtension,
}

/// A chain spec of ours.
pub type ChainSpec = sc_chain_spec::GenericChainSpec<Extensions, HostFunctions>;

/// Largest runtime and patch files that are read, in bytes.
const RUNTIME_BYTES_MAX: u64 = 16 * 1024 * 1024;
const PATCH_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What `chain-spec` was asked for.
pub struct Order<'a> {
    /// File with the runtime's WebAssembly.
    pub runtime: &'a Path,
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
    let code = read(order.runtime, RUNTIME_BYTES_MAX)?;
    let chain_type = match order.preset {
        "dev" => ChainType::Development,
        "local" => ChainType::Local,
        _ => ChainType::Live,
    };
    let mut genesis = preset(&code, order.preset)?;
    if let Some(path) = order.patch {
        let patch: serde_json::Value = serde_json::from_slice(&read(path, PATCH_BYTES_MAX)?)
            .map_err(|error| format!("{} is not JSON: {error}", path.display()))?;
        merge(&mut genesis, patch);
    }
    let mut properties = sc_chain_spec::Properties::new();
    properties.insert("tokenSymbol".into(), "DBC".into());
    properties.insert("tokenDecimals".into(), 15.into());
    properties.insert("ss58Format".into(), 42.into());
    ChainSpec::builder(&code, Extensions::default())
        .with_name(order.name)
        .with_id(order.id)
        .with_protocol_id("dbc")
        .with_chain_type(chain_type)
        .with_properties(properties)
        .with_genesis_config_patch(genesis)
        .build()
        .as_json(order.raw)
}

/// Metadata of a runtime file, as the runtime itself gives it in `version`.
pub fn metadata(runtime: &Path, version: u32) -> Result<Vec<u8>, String> {
    let code = read(runtime, RUNTIME_BYTES_MAX)?;
    let answer = call(&code, "Metadata_metadata_at_version", &codec::Encode::encode(&version))?;
    let metadata: Option<sp_core::OpaqueMetadata> = codec::Decode::decode(&mut &answer[..])
        .map_err(|error| format!("the runtime's metadata cannot be read: {error}"))?;
    metadata
        .map(|opaque| opaque.to_vec())
        .ok_or_else(|| format!("the runtime has no metadata of version {version}"))
}

fn preset(code: &[u8], name: &str) -> Result<serde_json::Value, String> {
    let caller = sc_chain_spec::GenesisConfigBuilderRuntimeCaller::<HostFunctions>::new(code);
    caller.get_named_preset(Some(&name.to_string())).map_err(|error| {
        let known = caller.preset_names().unwrap_or_default();
        let known: Vec<String> = known.into_iter().map(|id| id.to_string()).collect();
        format!("the runtime has no preset {name:?} (it has {}): {error}", known.join(", "))
    })
}

/// Objects are merged key by key, everything else is replaced.
fn merge(into: &mut serde_json::Value, patch: serde_json::Value) {
    match (into, patch) {
        (serde_json::Value::Object(into), serde_json::Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}

struct Code<'a>(&'a [u8]);

impl FetchRuntimeCode for Code<'_> {
    fn fetch_runtime_code(&self) -> Option<std::borrow::Cow<'_, [u8]>> {
        Some(self.0.into())
    }
}

fn call(code: &[u8], method: &str, data: &[u8]) -> Result<Vec<u8>, String> {
    let executor =
        sc_executor::WasmExecutor::<(sp_io::SubstrateHostFunctions, HostFunctions)>::builder()
            .with_allow_missing_host_functions(true)
            .build();
    let fetcher = Code(code);
    let hash = sp_io::hashing::blake2_256(code).to_vec();
    let runtime = RuntimeCode { heap_pages: None, code_fetcher: &fetcher, hash };
    let mut externalities = sp_io::TestExternalities::default();
    executor
        .call(&mut externalities.ext(), &runtime, method, data, CallContext::Offchain)
        .0
        .map_err(|error| format!("{method} failed: {error}"))
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let length = std::fs::metadata(path).map_err(|error| format!("{shown}: {error}"))?.len();
    if length > bytes_max {
        return Err(format!("{shown} has {length} bytes, at most {bytes_max} are read"));
    }
    std::fs::read(path).map_err(|error| format!("{shown}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_replaces_values_and_keeps_the_rest() {
        let mut genesis = serde_json::json!({"a": {"b": 1, "c": [1, 2]}, "d": 4});
        merge(&mut genesis, serde_json::json!({"a": {"c": [3]}, "e": 5}));
        assert_eq!(genesis, serde_json::json!({"a": {"b": 1, "c": [3]}, "d": 4, "e": 5}));
    }

    #[test]
    fn a_network_without_a_spec_is_told_how_to_make_one() {
        assert!(load("dev").err().unwrap().contains("chain-spec"));
    }
}
