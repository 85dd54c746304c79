//! What can be typed about validators.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::parse_term;

/// `dbc validator …`.
#[derive(Debug, Subcommand)]
pub enum Validator {
    /// Make new session keys in your node and name them on the chain, with the proof that they are yours.
    #[command(
        after_help = "Example: dbc validator keys --node ws://127.0.0.1:9944 --wallet validator"
    )]
    Keys {
        /// The node that will validate; without it the one that is asked for everything else.
        #[arg(long, value_name = "URL")]
        node: Option<String>,
    },
    /// Stand for election with what you bonded (`dbc stake bond`); `dbc stake chill` takes it back.
    #[command(after_help = "Example: dbc validator validate --commission 5% --wallet validator")]
    Validate {
        /// What you keep of what you earn before you share it with those who nominate you.
        #[arg(long, default_value = "10%", value_name = "SHARE")]
        commission: String,
    },
    /// Show bond, keys, whether the node has them, whether you are elected, and what is missing.
    #[command(
        after_help = "Example: dbc validator status --node ws://127.0.0.1:9944 --wallet validator"
    )]
    Status {
        /// The node whose keys are looked at.
        #[arg(long, value_name = "URL")]
        node: Option<String>,
    },
    /// Rent a machine that validates for you: bond, lease, node, session keys made there, election. Cut off, it goes on where it was when it is called again.
    #[command(
        after_help = "Example: dbc validator rent --bond 20000 --term 30d --wallet validator\n         dbc validator rent --bond 20000 --image registry.example/dbc/node:1 --spec main.json"
    )]
    Rent(RentNode),
    /// Undo `rent`: stand down, name no keys, end the lease; says when the bond is free.
    #[command(after_help = "Example: dbc validator end --wallet validator")]
    End {
        /// End the lease although the account is elected and its node would be missed.
        #[arg(long)]
        now: bool,
    },
}

/// `dbc validator rent`.
#[derive(Debug, Clone, Args)]
pub struct RentNode {
    /// Pledge, in DBC. What is bonded already counts.
    #[arg(long, value_name = "DBC")]
    pub bond: String,
    /// What you keep of what you earn before you share it.
    #[arg(long, default_value = "10%", value_name = "SHARE")]
    pub commission: String,
    /// For how long; `dbc lease extend` adds to it.
    #[arg(long, default_value = "30d", value_parser = parse_term)]
    pub term: u64,
    /// This machine: its short number or its key. Without it, the cheapest that fits.
    #[arg(long)]
    pub machine: Option<String>,
    /// The most per hour in DBC.
    #[arg(long, value_name = "DBC")]
    pub max_price: Option<String>,
    /// Image with the node; on the network of this machine it is built at the first use.
    #[arg(long)]
    pub image: Option<String>,
    /// Chain spec of the network; that of the network on this machine without it.
    #[arg(long, value_name = "FILE")]
    pub spec: Option<PathBuf>,
    /// CPU shares of the machine.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub shares: u16,
    /// Memory in MiB.
    #[arg(long)]
    pub memory: Option<u32>,
    /// Disk in GiB.
    #[arg(long)]
    pub disk: Option<u32>,
}
