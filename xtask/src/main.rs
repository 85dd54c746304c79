//! Automation that needs more than one cargo call. One `task_<name>.rs` a task; nothing here is
//! shipped, and nothing here knows how the network works.

mod programs;
mod task_bench;
mod task_check;
mod task_e2e;
mod task_metadata;
mod task_release;
mod task_seed;
mod task_setup;
mod task_tidy;
mod task_wasm;
mod toolchain;

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};

/// Automation of this repository.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Make the `wasm32v1-none` target available.
    ///
    /// First way: `rustup target add wasm32v1-none`. Second way, where rustup reaches no server: Debian's packages
    /// rustc-web, cargo-web and rust-web-src (installed with apt-get when missing), from whose sources `core` and
    /// `alloc` are built into /usr/lib/rustlib; rustup then knows that compiler as the toolchain `wasm-debian`.
    /// Does nothing when one of both works already.
    Setup {
        /// Take the second way even where the first one works.
        #[arg(long)]
        debian: bool,
    },
    /// Build the runtime's WebAssembly into `<target>/dbc/runtime.wasm`.
    Wasm {
        /// For a network of value: build it twice, so that it holds the hash of its own metadata, by which hardware
        /// wallets sign; into `<target>/dbc/runtime-release.wasm`.
        #[arg(long)]
        release: bool,
        /// The next version with a migration, to rehearse an upgrade; into `<target>/dbc/runtime-rehearsal.wasm`.
        #[arg(long, conflicts_with = "release")]
        rehearsal: bool,
    },
    /// Refresh `crates/chain-client/metadata.scale` from the runtime.
    Metadata {
        /// Change nothing; fail when the committed file differs.
        #[arg(long)]
        check: bool,
        /// A node that is built already, to be asked in place of one that is built for it.
        #[arg(long, value_name = "FILE")]
        node: Option<PathBuf>,
    },
    /// Build everything optimised and print the numbers of docs/reference/performance.md.
    ///
    /// As root, on a machine that does nothing else; `lease` starts a network with `dbc up` and purges it afterwards.
    Bench {
        /// Only this one: `tunnel`, `market`, `lease`, `beats` or `state`.
        name: Option<String>,
        /// How often each measures, at least 10.
        #[arg(long)]
        rounds: Option<u32>,
        /// For `market`: keep it busy for so many minutes instead of in bursts.
        #[arg(long)]
        sustained: Option<u32>,
        /// For `state`: machines and leases of the large state; a million take 10 GiB of memory to make.
        #[arg(long, default_value_t = 1_000_000)]
        many: u32,
        /// With what is built for development: nothing is built anew, times of native parts are upper bounds.
        #[arg(long)]
        dev: bool,
    },
    /// Make a state with so many machines and leases, for measuring.
    SeedState {
        /// Machines that are only there.
        #[arg(long)]
        machines: u32,
        /// Leases that are only there, each on one of these machines.
        #[arg(long)]
        leases: u32,
        /// A folder that is made for it.
        #[arg(long)]
        out: PathBuf,
    },
    /// Check format, structure, lints and licences; what is not installed is skipped, and said.
    Check,
    /// Build everything and run the end-to-end tests (as root).
    E2e {
        /// Only those whose names contain this.
        filter: Option<String>,
    },
    /// Check the rules about structure that a compiler does not check.
    Tidy,
}

fn main() -> Result<()> {
    let root = root()?;
    match Arguments::parse().task {
        Task::Setup { debian } => task_setup::run(&root, debian),
        Task::Wasm { release: true, .. } => task_release::run(&root).map(|_| ()),
        Task::Wasm { rehearsal: true, .. } => task_wasm::rehearsal(&root).map(|_| ()),
        Task::Wasm { .. } => task_wasm::run(&root).map(|_| ()),
        Task::Metadata { check, node } => task_metadata::run(&root, check, node),
        Task::Bench { name, rounds, sustained, many, dev } => {
            let only = name.as_deref();
            let wanted = task_bench::Wanted { only, rounds, sustained, many, dev };
            task_bench::run(&root, &wanted)
        }
        Task::SeedState { machines, leases, out } => {
            task_seed::run(&root, &["--release"], machines, leases, &out)
        }
        Task::Check => task_check::run(&root),
        Task::E2e { filter } => task_e2e::run(&root, filter.as_deref()),
        Task::Tidy => task_tidy::run(&root),
    }
}

/// The repository.
fn root() -> Result<PathBuf> {
    // What cargo says now, and not when it was built: a target folder may serve several checkouts.
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    Ok(here.parent().context("xtask lies in the repository")?.to_path_buf())
}

/// Runs a command that must succeed.
fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?} did not start"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}
