//! Builds everything that a network on this machine runs.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{succeed, task_wasm};

/// A cargo command in the repository.
pub fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root);
    cargo
}

/// Builds runtime, node and programs, those for inside of containers statically.
pub fn build(root: &Path, profile: &[&str]) -> Result<()> {
    task_wasm::run(root)?;
    let programs = ["-p", "dbc-node", "-p", "dbc", "-p", "dbc-agent", "-p", "dbc-tunnel"];
    succeed(cargo(root).args(["build", "--locked"]).args(profile).args(programs))?;
    let inside = ["-p", "dbc-init", "-p", "dbc-runc", "--target", "x86_64-unknown-linux-gnu"];
    let mut fixed = cargo(root);
    fixed.args(["build", "--locked"]).args(profile).args(inside);
    succeed(fixed.env("RUSTFLAGS", "-C target-feature=+crt-static"))
}
