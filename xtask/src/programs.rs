//! Builds everything that a network on this machine runs.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{succeed, task_wasm, toolchain::Compiler};

/// A cargo command in the repository, as if it were typed: some build scripts look at the package that cargo runs, and
/// what `xtask` hands on would have half of all crates built anew each time.
pub fn cargo(root: &Path) -> Command {
    Compiler::Rustup.command(root, "cargo")
}

/// Builds runtime, node and programs, those for inside of containers statically.
pub fn build(root: &Path, profile: &[&str]) -> Result<()> {
    task_wasm::run(root)?;
    let programs =
        ["-p", "dbc-node", "-p", "dbc", "-p", "dbc-agent", "-p", "dbc-tunnel", "-p", "dbc-prove"];
    succeed(cargo(root).args(["build", "--locked"]).args(profile).args(programs))?;
    fixed(root, profile, &["-p", "dbc-init", "-p", "dbc-runc"])?;
    // The one that `programs` names answers on cards; their driver's library is for it to load.
    fixed(root, profile, &["-p", "dbc-prove", "--no-default-features"])
}

/// Builds static programs.
fn fixed(root: &Path, profile: &[&str], programs: &[&str]) -> Result<()> {
    let mut fixed = cargo(root);
    fixed.args(["build", "--locked"]).args(profile).args(programs);
    fixed.args(["--target", "x86_64-unknown-linux-gnu"]);
    succeed(fixed.env("RUSTFLAGS", "-C target-feature=+crt-static"))
}
