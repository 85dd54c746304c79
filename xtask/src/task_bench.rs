//! Builds everything optimised and runs the benchmarks, one after the other: they share the machine.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{succeed, task_wasm};

const STATIC: &str = "x86_64-unknown-linux-gnu";

/// Runs one benchmark, or all.
pub fn run(root: &Path, only: Option<&str>, rounds: Option<u32>) -> Result<()> {
    task_wasm::run(root)?;
    let cargo = || {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(root);
        cargo
    };
    let programs = ["-p", "dbc-node", "-p", "dbc", "-p", "dbc-agent", "-p", "dbc-tunnel"];
    succeed(cargo().args(["build", "--locked", "--release"]).args(programs))?;
    let inside = ["-p", "dbc-init", "-p", "dbc-runc", "--target", STATIC];
    succeed(
        cargo()
            .args(["build", "--locked", "--release"])
            .args(inside)
            .env("RUSTFLAGS", "-C target-feature=+crt-static"),
    )?;
    if only.is_none_or(|name| name == "tunnel") && !Path::new("/usr/sbin/sshd").exists() {
        let install = ["install", "-y", "--no-install-recommends", "openssh-server"];
        succeed(Command::new("apt-get").args(install).env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    for name in ["tunnel", "market", "lease"] {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        println!("\n== {name}");
        let mut bench = cargo();
        bench.args(["bench", "--locked", "-q", "-p", "dbc-benchmarks", "--bench", name]);
        if let Some(rounds) = rounds {
            bench.args(["--", &rounds.to_string()]);
        }
        succeed(&mut bench)?;
    }
    Ok(())
}
