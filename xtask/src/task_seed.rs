//! `cargo xtask seed-state`: a state with so many machines and leases, as a trie in the database that nodes have.
//! Made by `chain/bench-runner`; `cargo xtask bench state` makes its own two and measures them.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

use anyhow::Result;

use crate::{programs, succeed, toolchain};

/// Makes something with the part of the runner that knows the runtime.
pub fn make(root: &Path, profile: &[&str], arguments: &[&str]) -> Result<()> {
    let mut cargo = programs::cargo(root);
    cargo.args(["run", "--locked", "-q", "-p", "dbc-bench-runner", "--features", "disk"]);
    succeed(cargo.args(["--bin", "dbc-seed-state"]).args(profile).arg("--").args(arguments))
}

/// Measures with the part that has a node's executor; built apart, so that the SDK is not built twice.
pub fn measure(root: &Path, profile: &[&str], arguments: &[&str]) -> Result<()> {
    let mut cargo = programs::cargo(root);
    cargo.args(["run", "--locked", "-q", "-p", "dbc-bench-runner", "--no-default-features"]);
    cargo.args(["--features", "node", "--bin", "dbc-measure-state"]);
    succeed(cargo.args(profile).arg("--").args(arguments))
}

/// Makes a state in a folder that does not exist yet.
pub fn run(root: &Path, profile: &[&str], machines: u32, leases: u32, out: &Path) -> Result<()> {
    let (machines, leases) = (machines.to_string(), leases.to_string());
    let out = out.display().to_string();
    let task = ["seed", "--machines", &machines, "--leases", &leases, "--out", &out];
    make(root, profile, &task)
}

/// The folder of a state of a runtime, made when it is not there. Those of other runtimes are removed: they are
/// gigabytes.
pub fn kept(root: &Path, profile: &[&str], runtime: &Path, size: u32) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    fs::read(runtime)?.hash(&mut hasher);
    let states = toolchain::folder(root)?.join("states");
    let here = states.join(format!("{:016x}", hasher.finish()));
    for other in fs::read_dir(&states).into_iter().flatten().flatten() {
        if other.path() != here {
            fs::remove_dir_all(other.path())?;
        }
    }
    let out = here.join(size.to_string());
    if !out.join("seed").exists() {
        // Without its last file it is half a state.
        if out.exists() {
            fs::remove_dir_all(&out)?;
        }
        run(root, profile, size, size, &out)?;
    }
    Ok(out)
}
