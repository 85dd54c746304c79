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
    ticket::{Wanted, ticket},
};
use dbc_chain_client::{AccountId, ChainClient, ChainConfig};
use dbc_host::gpus::NvmlGpus;
use dbc_primitives::{Location, MachineClass};
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
    /// Prints this machine's ticket, one line of JSON: `dbc provider join --fleet FILE` registers every machine
    /// whose ticket stands in the file.
    Ticket(TicketArguments),
    /// Prints a chain spec for `chain.light`: what a light client of the network begins with. Ask a node that you
    /// trust: it vouches for the block to begin at.
    LightSpec {
        /// RPC address of the node.
        #[arg(long, value_name = "URL")]
        from: String,
        /// Address of a peer, `/ip4/…/tcp/…/ws/p2p/…`; may be given more than once. Without it, the node's own.
        #[arg(long, value_name = "ADDRESS")]
        boot: Vec<String>,
    },
}

#[derive(Debug, clap::Args)]
struct TicketArguments {
    /// Account of the provider who registers the machine.
    #[arg(long)]
    provider: AccountId,
    /// Genesis hash of the network; `chain.genesis` of the configuration without it.
    #[arg(long)]
    genesis: Option<String>,
    /// cloud_game, hpc, inference, training, rendering or cpu; the first that it has enough for without.
    #[arg(long, value_parser = class)]
    class: Option<MachineClass>,
    /// Country, by its ISO 3166-1 number; 0 says nothing.
    #[arg(long, default_value_t = 0)]
    region: u16,
    /// Your own number of the room.
    #[arg(long, default_value_t = 0)]
    site: u32,
    /// Upstream in Mbit/s.
    #[arg(long, default_value_t = 0)]
    up_mbps: u32,
    /// Downstream in Mbit/s.
    #[arg(long, default_value_t = 0)]
    down_mbps: u32,
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
        Command::Ticket(arguments) => print_ticket(&checked, raw.tunnel.relays, arguments),
        Command::LightSpec { from, boot } => light_spec(from, &boot),
    }
}

fn light_spec(from: String, boot: &[String]) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let spec = runtime.block_on(async {
        let client = ChainClient::connect(ChainConfig::new(from)).await?;
        dbc_light::light_spec(&client, boot).await
    })?;
    print(&format!("{spec}\n"))
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

fn print_ticket(config: &Checked, relays: Vec<String>, arguments: TicketArguments) -> Result<()> {
    let genesis = match arguments.genesis {
        Some(text) => parse_hash(&text).context("--genesis: 64 hexadecimal characters")?,
        None => config.genesis.context("neither --genesis nor chain.genesis names the network")?,
    };
    let keys = Keys::load_or_create(&config.state_dir.join("keys"))?;
    let wanted = Wanted {
        genesis,
        provider: arguments.provider,
        class: arguments.class,
        location: Location { region: arguments.region, site: arguments.site },
        relays,
        up_mbps: arguments.up_mbps,
        down_mbps: arguments.down_mbps,
    };
    let line = ticket(&keys, &facts(config, &NvmlGpus)?, wanted)?;
    print(&format!("{line}\n"))
}

/// A class by its name.
fn class(name: &str) -> Result<MachineClass, serde_json::Error> {
    serde_json::from_value(name.into())
}

/// Data on standard output. A reader that has seen enough is no error.
fn print(text: &str) -> Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
