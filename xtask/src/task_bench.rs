//! Builds everything optimised and runs the benchmarks, one after the other: they share the machine.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{programs, succeed};

/// Runs one benchmark, or all.
pub fn run(root: &Path, only: Option<&str>, rounds: Option<u32>) -> Result<()> {
    programs::build(root, &["--release"])?;
    if only.is_none_or(|name| name == "tunnel") && !Path::new("/usr/sbin/sshd").exists() {
        let install = ["install", "-y", "--no-install-recommends", "openssh-server"];
        succeed(Command::new("apt-get").args(install).env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    for name in ["tunnel", "market", "lease"] {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        println!("\n== {name}");
        let mut bench = programs::cargo(root);
        bench.args(["bench", "--locked", "-q", "-p", "dbc-benchmarks", "--bench", name]);
        if let Some(rounds) = rounds {
            bench.args(["--", &rounds.to_string()]);
        }
        succeed(&mut bench)?;
    }
    Ok(())
}
