//! The end-to-end tests with everything that they need, built before.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{succeed, task_wasm};

/// Builds the runtime, the node and every program, then runs the scenarios whose names contain `filter`.
pub fn run(root: &Path, filter: Option<&str>) -> Result<()> {
    task_wasm::run(root)?;
    let cargo = || {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(root);
        cargo
    };
    let programs = ["-p", "dbc-node", "-p", "dbc", "-p", "dbc-agent", "-p", "dbc-tunnel"];
    succeed(cargo().args(["build", "--locked"]).args(programs))?;
    let inside = ["-p", "dbc-init", "-p", "dbc-runc", "--target", "x86_64-unknown-linux-gnu"];
    let fixed = ("RUSTFLAGS", "-C target-feature=+crt-static");
    succeed(cargo().args(["build", "--locked"]).args(inside).env(fixed.0, fixed.1))?;
    let mut tests = cargo();
    tests.args(["test", "--locked", "-p", "dbc-e2e"]);
    if let Some(filter) = filter {
        tests.args(["--", filter]);
    }
    succeed(&mut tests)
}
