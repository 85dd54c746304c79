//! Builds what benchmarks run and runs them, one after the other: they share the machine.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::{programs, succeed, task_seed, task_wasm, toolchain};

/// Machines and leases of the small state.
const FEW: u32 = 1_000;
/// Machines whose beats are sent.
const BEATING: u32 = 10_000;
/// In this order.
const NAMES: [&str; 5] = ["tunnel", "market", "lease", "beats", "state"];

/// What is asked for.
pub struct Wanted<'a> {
    /// Only this one.
    pub only: Option<&'a str>,
    /// How often each measures.
    pub rounds: Option<u32>,
    /// Minutes for which the market is kept busy.
    pub sustained: Option<u32>,
    /// Machines and leases of the large state.
    pub many: u32,
    /// With what is built for development.
    pub dev: bool,
}

/// Runs one benchmark, or all.
pub fn run(root: &Path, wanted: &Wanted) -> Result<()> {
    if let Some(name) = wanted.only.filter(|name| !NAMES.contains(name)) {
        bail!("there is no benchmark {name:?}; there are {}", NAMES.join(", "));
    }
    let profile: &[&str] = if wanted.dev { &[] } else { &["--release"] };
    if wanted.only != Some("state") {
        programs::build(root, profile)?;
    }
    if wanted.only.is_none_or(|name| name == "tunnel") && !Path::new("/usr/sbin/sshd").exists() {
        let install = ["install", "-y", "--no-install-recommends", "openssh-server"];
        succeed(Command::new("apt-get").args(install).env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    for name in NAMES.into_iter().filter(|name| wanted.only.is_none_or(|only| only == *name)) {
        println!("\n== {name}");
        match name {
            "state" => state(root, profile, wanted)?,
            _ => program(root, profile, name, wanted)?,
        }
    }
    Ok(())
}

/// A benchmark of `tests/bench`.
fn program(root: &Path, profile: &[&str], name: &str, wanted: &Wanted) -> Result<()> {
    let genesis = toolchain::folder(root)?.join("beating.json");
    if name == "beats" {
        let (machines, out) = (BEATING.to_string(), genesis.display().to_string());
        let task = ["genesis", "--machines", &machines, "--out", &out];
        task_seed::make(root, profile, &task)?;
    }
    let mut bench = programs::cargo(root);
    bench.args(["bench", "--locked", "-q", "-p", "dbc-benchmarks", "--bench", name]);
    if wanted.dev {
        // Else cargo takes the profile of benchmarks, which is the optimised one.
        bench.args(["--profile", "dev"]);
    }
    bench.env("DBC_BENCH_GENESIS", &genesis);
    match (name, wanted.sustained, wanted.rounds) {
        ("market", Some(minutes), _) => {
            bench.args(["--", "--sustained", &minutes.to_string()]);
        }
        (_, _, Some(rounds)) => {
            bench.args(["--", &rounds.to_string()]);
        }
        _ => {}
    }
    succeed(&mut bench)
}

/// Calls and blocks over a small and a large state.
fn state(root: &Path, profile: &[&str], wanted: &Wanted) -> Result<()> {
    let runtime = task_wasm::run(root)?;
    let few = task_seed::kept(root, profile, &runtime, FEW)?.display().to_string();
    let many = task_seed::kept(root, profile, &runtime, wanted.many)?.display().to_string();
    let runtime = runtime.display().to_string();
    let passes = wanted.rounds.map_or(3, |rounds| rounds.div_ceil(10)).to_string();
    let task = ["--runtime", &runtime, "--passes", &passes, &few, &many];
    task_seed::measure(root, profile, &task)
}
