//! Automation that needs more than one cargo call. One `task_<name>.rs` a task; nothing here is
//! shipped, and nothing here knows how the network works.

mod programs;
mod task_bench;
mod task_check;
mod task_e2e;
mod task_metadata;
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
    Wasm,
    /// Refresh `crates/chain-client/metadata.scale` from the runtime.
    Metadata {
        /// Change nothing; fail when the committed file differs.
        #[arg(long)]
        check: bool,
    },
    /// Build everything optimised and print the numbers of docs/reference/performance.md.
    ///
    /// As root, on a machine that does nothing else; `lease` starts a network with `dbc up` and purges it afterwards.
    Bench {
        /// Only this one: `tunnel`, `market` or `lease`.
        name: Option<String>,
        /// How often each measures, at least 10.
        #[arg(long)]
        rounds: Option<u32>,
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
        Task::Wasm => task_wasm::run(&root).map(|_| ()),
        Task::Metadata { check } => task_metadata::run(&root, check),
        Task::Bench { name, rounds } => task_bench::run(&root, name.as_deref(), rounds),
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
