//! A runtime in a file: asks it for presets, a genesis and its metadata, without a chain. What a
//! running node executes comes from its database instead.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use codec::{Decode, Encode};
use sc_executor::WasmExecutor;
use serde_json::Value;
use sp_core::{
    OpaqueMetadata,
    storage::{Storage, well_known_keys},
    traits::{CallContext, CodeExecutor as _, Externalities, FetchRuntimeCode, RuntimeCode},
};
use sp_state_machine::BasicExternalities;

use crate::service::HostFunctions;

/// Largest runtime that is read, in bytes.
const RUNTIME_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A runtime that can be asked.
pub struct RuntimeFile {
    code: Vec<u8>,
    hash: Vec<u8>,
    executor: WasmExecutor<(sp_io::SubstrateHostFunctions, HostFunctions)>,
}

impl FetchRuntimeCode for RuntimeFile {
    fn fetch_runtime_code(&self) -> Option<Cow<'_, [u8]>> {
        Some(self.code.as_slice().into())
    }
}

impl RuntimeFile {
    /// Reads the file. Compiled code is kept in `wasm_cache`, if given.
    pub fn open(path: &Path, wasm_cache: Option<PathBuf>) -> Result<Self, String> {
        let code = read(path, RUNTIME_BYTES_MAX)?;
        let mut builder = WasmExecutor::builder().with_allow_missing_host_functions(true);
        if let Some(folder) = wasm_cache {
            builder = builder.with_cache_path(absolute(folder)?);
        }
        let hash = sp_io::hashing::blake2_256(&code).to_vec();
        Ok(Self { code, hash, executor: builder.build() })
    }

    /// The WebAssembly.
    pub fn code(&self) -> &[u8] {
        &self.code
    }

    /// Metadata in one version of its format.
    pub fn metadata(&self, version: u32) -> Result<Vec<u8>, String> {
        let metadata: Option<OpaqueMetadata> = self.ask("Metadata_metadata_at_version", version)?;
        metadata
            .map(|opaque| opaque.to_vec())
            .ok_or_else(|| format!("the runtime has no metadata of version {version}"))
    }

    /// What a preset changes in the default genesis.
    pub fn preset(&self, name: &str) -> Result<Value, String> {
        let preset: Option<Vec<u8>> = self.ask("GenesisBuilder_get_preset", Some(name))?;
        let Some(preset) = preset else {
            let known: Vec<String> = self.ask("GenesisBuilder_preset_names", ())?;
            let known = known.join(", ");
            return Err(format!("the runtime has no preset {name:?}, it has: {known}"));
        };
        parse(&preset)
    }

    /// Storage of a genesis: the default one with `changes`.
    pub fn genesis(&self, changes: Value) -> Result<Storage, String> {
        let default: Option<Vec<u8>> =
            self.ask("GenesisBuilder_get_preset", Option::<String>::None)?;
        let mut genesis = parse(&default.ok_or("the runtime has no default genesis")?)?;
        sc_chain_spec::json_merge(&mut genesis, changes);
        let mut state = BasicExternalities::new_empty();
        let json = genesis.to_string().into_bytes();
        let built: sp_genesis_builder::Result =
            self.call(&mut state, "GenesisBuilder_build_state", json)?;
        built.map_err(|error| format!("the runtime refuses this genesis: {error}"))?;
        let mut storage = state.into_storages();
        storage.top.insert(well_known_keys::CODE.to_vec(), self.code.clone());
        Ok(storage)
    }

    fn ask<T: Decode>(&self, method: &str, argument: impl Encode) -> Result<T, String> {
        self.call(&mut BasicExternalities::new_empty(), method, argument)
    }

    fn call<T: Decode>(
        &self,
        state: &mut dyn Externalities,
        method: &str,
        argument: impl Encode,
    ) -> Result<T, String> {
        let runtime = RuntimeCode { heap_pages: None, code_fetcher: self, hash: self.hash.clone() };
        let (answer, _) =
            self.executor.call(state, &runtime, method, &argument.encode(), CallContext::Offchain);
        let answer = answer.map_err(|error| format!("{method} failed: {error}"))?;
        T::decode(&mut &answer[..])
            .map_err(|error| format!("{method} gave what cannot be read: {error}"))
    }
}

fn parse(json: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(json).map_err(|error| format!("the runtime's genesis: {error}"))
}

/// The cache ignores a relative folder without a word.
pub fn absolute(folder: PathBuf) -> Result<PathBuf, String> {
    std::path::absolute(&folder).map_err(|error| format!("{}: {error}", folder.display()))
}

/// Reads a file of at most `bytes_max` bytes.
pub fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
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
    fn files_that_are_too_large_or_missing_are_refused() {
        let file = std::env::temp_dir().join(format!("dbc-node-read-{}", std::process::id()));
        std::fs::write(&file, [0; 11]).unwrap();
        assert_eq!(read(&file, 11).unwrap().len(), 11);
        assert!(read(&file, 10).unwrap_err().contains("at most 10"));
        std::fs::remove_file(&file).unwrap();
        assert!(read(&file, 10).is_err());
    }

    #[test]
    fn a_cache_folder_is_made_absolute() {
        assert!(absolute("cache".into()).unwrap().is_absolute());
    }
}
