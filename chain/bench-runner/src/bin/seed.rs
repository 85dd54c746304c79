//! `dbc-seed-state`: makes states; `docs/design/009-scale.md` says how and why. `cargo xtask seed-state` and
//! `cargo xtask bench` call it.

use std::{fs, path::PathBuf, time::Instant};

use anyhow::{Context as _, Result, anyhow};
use clap::{Parser, Subcommand};
use codec::Encode as _;
use dbc_bench_runner::{
    chain::{Cast, machine_key, network},
    crowd::Crowd,
    seed::{Plan, seed},
    state::Store,
};
use sp_state_machine::Backend as _;

/// Makes states.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Make a state with so many machines and leases.
    Seed {
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
    /// Write what has to stand in a genesis for so many machines that can sign, as JSON.
    Genesis {
        /// How many.
        #[arg(long)]
        machines: u32,
        /// The file.
        #[arg(long)]
        out: PathBuf,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Seed { machines, leases, out } => make(machines, leases, &out),
        Task::Genesis { machines, out } => genesis(machines, &out),
    }
}

fn make(machines: u32, leases: u32, out: &PathBuf) -> Result<()> {
    let began = Instant::now();
    anyhow::ensure!(!out.join("seed").exists(), "{} holds a state already", out.display());
    fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let plan = Plan { machines, leases, samples: 10, transcripts: true, voters: (20, 2_000) };
    let mut store = Store::disk(&out.join("trie"))?;
    let seed = seed(&plan, &mut store)?;
    drop(store);
    fs::write(out.join("seed"), seed.encode())?;
    println!(
        "{}: {machines} machines, {leases} leases, {} entries, root {:?}, in {:.0} s",
        out.display(),
        seed.entries,
        seed.root,
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

fn genesis(machines: u32, out: &PathBuf) -> Result<()> {
    let cast = Cast { watchers: 0, auditors: 0, feeders: 0, validators: 0, nominators: 0 };
    let mut network = network(&cast)?;
    let before: std::collections::BTreeMap<_, _> = entries(&network)?.into_iter().collect();
    let mut made = Vec::new();
    let first_index = network.execute_with(|| {
        let crowd = Crowd::at_genesis(machines)?;
        crowd.entries(|entry| made.push(entry))?.enter();
        Ok::<_, anyhow::Error>(crowd.first_index())
    })?;
    network.commit_all().map_err(|error| anyhow!(error))?;
    // What of the network itself is otherwise now.
    let changed = entries(&network)?;
    made.extend(changed.into_iter().filter(|(key, value)| before.get(key) != Some(value)));
    let hex = |bytes: &[u8]| {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("0x{digits}")
    };
    let top: serde_json::Map<_, _> =
        made.iter().map(|(key, value)| (hex(key), hex(value).into())).collect();
    let seeds: Vec<_> = (0..machines).map(|n| hex(&machine_key("crowd", n).seed())).collect();
    let told = serde_json::json!({ "top": top, "seeds": seeds, "first_index": first_index });
    fs::write(out, told.to_string()).with_context(|| out.display().to_string())?;
    println!("{}: {machines} machines, {} entries", out.display(), made.len());
    Ok(())
}

fn entries(network: &sp_io::TestExternalities) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let pairs = network.backend.pairs(Default::default()).map_err(|error| anyhow!(error))?;
    pairs.map(|pair| pair.map_err(|error| anyhow!(error))).collect()
}
