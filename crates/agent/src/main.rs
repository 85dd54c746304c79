//! `dbc-agent`: arguments, and what the small commands print. Everything else is in the library.

use std::{
    io::{ErrorKind, Write},
    path::PathBuf,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use dbc_agent::{
    config::{Checked, Config, ENV_PREFIX, parse_hash},
    daemon,
    facts::facts,
    keys::Keys,
};
use dbc_chain_client::AccountId;
use dbc_host::gpus::NvmlGpus;
use dbc_service::{config::load, logs, shutdown};

/// The daemon of a machine: runs what renters paid for, and lets them in.
///
/// Example: dbc-agent run --config agent.toml
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Configuration file; DBC_AGENT_SECTION_KEY in the environment overrides it.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs until SIGTERM.
    Run,
    /// Looks at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Prints the public keys as JSON, and makes them when there are none.
    Key {
        /// Genesis hash of the network; with --provider also prints the proof for registering.
        #[arg(long, requires = "provider")]
        genesis: Option<String>,
        /// Account of the provider who registers the machine.
        #[arg(long, requires = "genesis")]
        provider: Option<AccountId>,
    },
    /// Prints this machine's hardware as JSON, as it is registered on the chain.
    Facts,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Tells every problem; exit code 2 if there is one.
    Check,
    /// Prints the configuration with environment and defaults filled in.
    Show,
}

fn main() {
    let arguments = Arguments::parse();
    if let Err(error) = execute(arguments) {
        eprintln!("error: {error:#}");
        std::process::exit(2);
    }
}

fn execute(arguments: Arguments) -> Result<()> {
    let raw: Config = load(arguments.config.as_deref(), ENV_PREFIX)?;
    let checked = raw.validate()?;
    match arguments.command {
        Command::Run => run(checked),
        Command::Config(ConfigCommand::Check) => print("fine\n"),
        Command::Config(ConfigCommand::Show) => print(&toml::to_string_pretty(&raw)?),
        Command::Key { genesis, provider } => key(&checked, genesis.as_deref(), provider),
        Command::Facts => {
            let facts = facts(&checked, &NvmlGpus)?;
            print(&format!("{}\n", serde_json::to_string_pretty(&facts)?))
        }
    }
}

fn run(config: Checked) -> Result<()> {
    logs::init("info,iroh=warn,iroh_relay=warn,noq=warn")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let shutdown = shutdown::token()?;
        daemon::run(config, shutdown).await
    })
}

fn key(config: &Checked, genesis: Option<&str>, provider: Option<AccountId>) -> Result<()> {
    let keys = Keys::load_or_create(&config.state_dir.join("keys"))?;
    let mut printed = serde_json::to_value(keys.public())?;
    let operator = dbc_chain_client::Signer::ed25519_from_seed(*keys.operator_seed()).account();
    printed["operator_account"] = operator.to_string().into();
    if let (Some(genesis), Some(provider)) = (genesis, provider) {
        let genesis = parse_hash(genesis).context("--genesis: 64 hexadecimal characters")?;
        let proof = keys.registration_proof(&genesis, &provider.0);
        printed["proof"] = hex::encode(proof).into();
    }
    print(&format!("{}\n", serde_json::to_string_pretty(&printed)?))
}

/// Data on standard output. A reader that has seen enough is no error.
fn print(text: &str) -> Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
