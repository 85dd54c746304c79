//! `dbc-measure-state`: runs calls and blocks over two states as a node would, and prints what they cost. `cargo
//! xtask bench state` calls it.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Parser;
use codec::Decode as _;
use dbc_bench_runner::{
    measure::{Bench, Node, comparable},
    state::{Seed, Store},
    table,
};

/// Measures calls and blocks over two states.
#[derive(Parser)]
struct Arguments {
    /// The runtime, as `cargo xtask wasm` leaves it.
    #[arg(long)]
    runtime: PathBuf,
    /// How often the ten tries of each call are made.
    #[arg(long, default_value_t = 3)]
    passes: usize,
    /// The smaller state.
    small: PathBuf,
    /// The larger one.
    large: PathBuf,
}

fn main() -> Result<()> {
    let Arguments { runtime, passes, small, large } = Arguments::parse();
    measure(&runtime, passes.max(1), &small, &large)
}

fn open(folder: &PathBuf) -> Result<(Store, Seed)> {
    let bytes = fs::read(folder.join("seed"))
        .with_context(|| format!("{} holds no state", folder.display()))?;
    Ok((Store::disk(&folder.join("trie"))?, Seed::decode(&mut &bytes[..])?))
}

fn measure(runtime: &PathBuf, passes: usize, small: &PathBuf, large: &PathBuf) -> Result<()> {
    let code = fs::read(runtime).with_context(|| runtime.display().to_string())?;
    let node = Node::new(code);
    let (few_store, few) = open(small)?;
    let (many_store, many) = open(large)?;
    comparable(&few, &many)?;
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    println!(
        "{} and {} entries in ParityDB, trie cache of 64 MiB, {profile} profile; all in one run\n",
        few.entries, many.entries
    );
    let (on_few, on_many) =
        (Bench::new(&few_store, &few, &node), Bench::new(&many_store, &many, &node));
    let (few_calls, many_calls) = (on_few.calls(&few, passes)?, on_many.calls(&many, passes)?);
    table::calls((&few, &few_calls), (&many, &many_calls));
    let passes = (passes * 4).max(11);
    let (few_blocks, many_blocks) = (on_few.blocks(&few, passes)?, on_many.blocks(&many, passes)?);
    table::blocks((&few, &few_blocks), (&many, &many_blocks));
    table::watching(&many, &many_calls);
    Ok(())
}
