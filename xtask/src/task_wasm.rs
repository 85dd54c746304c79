//! `cargo xtask wasm`: the runtime as WebAssembly. Does what `substrate-wasm-builder` does, without
//! building Binaryen and without a build script in the runtime. The blob is compressed, as nodes read it too:
//! an upgrade must fit into a block.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sp_maybe_compressed_blob::{CODE_BLOB_BOMB_LIMIT, compress_weakly};

use crate::toolchain::{self, TARGET};

/// `substrate_runtime` selects host calls; the table is exported for the executor's callbacks.
const FLAGS: &str = "-C link-arg=--export-table --cfg substrate_runtime";

/// What the runtime's check of signatures reads when it is built.
const METADATA_HASH: &str = "RUNTIME_METADATA_HASH";

/// Builds what changed and returns the file.
pub fn run(root: &Path) -> Result<PathBuf> {
    build(root, "runtime.wasm", &[], None)
}

/// Builds the runtime of the next version, with a migration of many blocks: what an upgrade is rehearsed with.
pub fn rehearsal(root: &Path) -> Result<PathBuf> {
    build(root, "runtime-rehearsal.wasm", &["--features", "rehearsal"], None)
}

/// Builds into a file of `<target>/dbc`; with `hash`, a runtime that holds its own metadata's hash.
pub fn build(root: &Path, name: &str, features: &[&str], hash: Option<&str>) -> Result<PathBuf> {
    let compiler = toolchain::compiler(root)?;
    // Its own folder: other flags in the same one would rebuild everything on each change of sides.
    let target = toolchain::target(root).join("wasm");
    let mut cargo = compiler.command(root, "cargo");
    cargo
        .args(["rustc", "--locked", "-p", "dbc-runtime", "--lib", "--crate-type", "cdylib"])
        .args(["--target", TARGET, "--no-default-features", "--profile", "wasm"])
        .args(features)
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", FLAGS)
        .env_remove(METADATA_HASH);
    if let Some(hash) = hash {
        cargo.env(METADATA_HASH, hash);
    }
    toolchain::run(&mut cargo)?;

    let built = target.join(TARGET).join("wasm/dbc_runtime.wasm");
    let plain = fs::read(&built).with_context(|| format!("{} was not built", built.display()))?;
    let blob = compress_weakly(&plain, CODE_BLOB_BOMB_LIMIT)
        .context("the runtime is larger than nodes read")?;
    let file = toolchain::folder(root)?.join(name);
    // An unchanged file keeps its time, so that what is made from it is not made again.
    if fs::read(&file).ok().as_ref() != Some(&blob) {
        fs::write(&file, &blob).with_context(|| format!("could not write {}", file.display()))?;
    }
    println!(
        "wasm: {} ({} KiB, {} KiB uncompressed)",
        file.display(),
        blob.len() / 1024,
        plain.len() / 1024
    );
    Ok(file)
}
