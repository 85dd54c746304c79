//! `cargo xtask wasm --release`: a runtime that knows the hash of its own metadata (RFC 78), so that hardware
//! wallets show what they sign and the chain refuses what was shown otherwise (`CheckMetadataHash`). Built
//! twice: the first gives the metadata, the second holds its hash. Development networks do without.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, anyhow, ensure};
use codec::Decode;
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed, v15::RuntimeMetadataV15};
use merkleized_metadata::{ExtraInfo, generate_metadata_digest};

use crate::{task_wasm, toolchain};

/// Version of the format that the hash is defined over.
const FORMAT: &str = "15";
/// The token, as chain specs name it.
const TOKEN: (&str, u8) = ("DBC", 15);

/// Builds `<target>/dbc/runtime-release.wasm` and returns it.
pub fn run(root: &Path) -> Result<PathBuf> {
    let mut cargo = toolchain::Compiler::Rustup.command(root, "cargo");
    toolchain::run(cargo.args(["build", "--locked", "-p", "dbc-node"]))?;
    let plain = task_wasm::run(root)?;
    let metadata = metadata(root, &plain)?;
    let hash = format!("0x{}", hex::encode(hash(&metadata)?));
    let release = task_wasm::build(root, "runtime-release.wasm", &[], Some(&hash))?;
    let same = self::metadata(root, &release)? == metadata;
    ensure!(same, "the second build has other metadata than the first: nobody could sign by it");
    println!("wasm: metadata hash {hash}");
    Ok(release)
}

/// Metadata of a runtime, as a node reads it out of the file.
fn metadata(root: &Path, runtime: &Path) -> Result<Vec<u8>> {
    let file = toolchain::folder(root)?.join("metadata-release.scale");
    toolchain::run(
        Command::new(toolchain::target(root).join("debug/dbc-node"))
            .args(["metadata", "--format", FORMAT, "--runtime"])
            .arg(runtime)
            .arg("--output")
            .arg(&file),
    )?;
    fs::read(&file).context("the node wrote no metadata")
}

/// The hash that wallets and the runtime agree by.
fn hash(bytes: &[u8]) -> Result<[u8; 32]> {
    let RuntimeMetadataPrefixed(_, metadata) = RuntimeMetadataPrefixed::decode(&mut &bytes[..])?;
    let RuntimeMetadata::V15(fifteen) = &metadata else {
        return Err(anyhow!("the node gave metadata of another format than {FORMAT}"));
    };
    let mut version = constant(fifteen, "Version")?;
    // What comes first in a version: names of specification and implementation, then their numbers.
    let (spec_name, _, _, spec_version) = <(String, String, u32, u32)>::decode(&mut version)?;
    let extra = ExtraInfo {
        spec_version,
        spec_name,
        base58_prefix: u16::decode(&mut constant(fifteen, "SS58Prefix")?)?,
        decimals: TOKEN.1,
        token_symbol: TOKEN.0.to_owned(),
    };
    let digest = generate_metadata_digest(&metadata, extra).map_err(|why| anyhow!(why))?;
    Ok(digest.hash())
}

/// A constant of the system.
fn constant<'a>(metadata: &'a RuntimeMetadataV15, name: &str) -> Result<&'a [u8]> {
    let system = metadata.pallets.iter().find(|pallet| pallet.name == "System");
    let constants = system.into_iter().flat_map(|system| &system.constants);
    let found = constants.into_iter().find(|constant| constant.name == name);
    found.map(|found| &found.value[..]).with_context(|| format!("no constant System.{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_refused_and_not_hashed() {
        assert!(hash(b"").is_err());
        assert!(hash(&[0; 64]).is_err());
    }
}
