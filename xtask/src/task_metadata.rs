//! `cargo xtask metadata`: keeps the metadata that off-chain code is compiled against in step with
//! the runtime. Asks the node for it, since only a node can run the runtime.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{task_wasm, toolchain};

/// The committed file.
const FILE: &str = "crates/chain-client/metadata.scale";

/// Writes the file, or compares it when `check` is set. Asks this `node`, or builds one.
pub fn run(root: &Path, check: bool, node: Option<PathBuf>) -> Result<()> {
    let runtime = task_wasm::run(root)?;
    let node = match node {
        Some(node) => node,
        None => {
            let mut cargo = toolchain::Compiler::Rustup.command(root, "cargo");
            toolchain::run(cargo.args(["build", "--locked", "-p", "dbc-node"]))?;
            toolchain::target(root).join("debug/dbc-node")
        }
    };
    let folder = toolchain::folder(root)?;
    let fresh = folder.join("metadata.scale");
    toolchain::run(
        Command::new(node)
            .arg("metadata")
            .arg("--runtime")
            .arg(&runtime)
            // Tests find it compiled.
            .arg("--wasm-cache")
            .arg(folder.join("wasm-cache"))
            .arg("--output")
            .arg(&fresh),
    )?;
    let metadata = fs::read(&fresh).context("the node wrote no metadata")?;
    let file = root.join(FILE);
    if fs::read(&file).ok().as_ref() == Some(&metadata) {
        println!("metadata: {FILE} is up to date");
    } else if check {
        bail!("{FILE} is not what the runtime has; run `cargo xtask metadata`");
    } else {
        fs::write(&file, &metadata).with_context(|| format!("could not write {FILE}"))?;
        println!("metadata: {FILE} written ({} KiB)", metadata.len() / 1024);
    }
    Ok(())
}
