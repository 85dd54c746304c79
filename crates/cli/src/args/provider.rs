//! What can be typed behind `dbc provider` about machines beside price and listing.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dbc_sdk::AccountId;

use super::{Offer, parse_term};

/// `dbc provider join`.
#[derive(Debug, Args)]
pub struct Join {
    /// Price and terms.
    #[command(flatten)]
    pub offer: Offer,
    /// Join every machine whose ticket stands in this file, one a line, at most 1,000; `-` is standard input.
    /// `dbc-agent ticket` prints a machine's. A second time, it goes on where it was.
    #[arg(long, value_name = "FILE")]
    pub fleet: Option<PathBuf>,
    /// With --fleet: do not wait for audits longer than this.
    #[arg(long, default_value = "30m", value_parser = parse_term, requires = "fleet")]
    pub wait: u64,
}

/// `dbc provider maintenance`.
#[derive(Debug, Args)]
pub struct Maintenance {
    /// Its short number or key; this machine's without it.
    pub machine: Option<String>,
    /// When it begins: in a minute at the soonest, in a day while anything is leased.
    #[arg(long = "in", value_name = "TIME", default_value = "1m", value_parser = parse_term)]
    pub begins_in: u64,
    /// How long it lasts, a day at most.
    #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = parse_term)]
    pub lasts: u64,
    /// Take the announcement back, or end the maintenance now.
    #[arg(long, conflicts_with_all = ["begins_in", "lasts"])]
    pub cancel: bool,
}

/// `dbc provider tier`.
#[derive(Debug, Args)]
pub struct Tier {
    /// What to do.
    pub action: TierAction,
    /// Its short number or key; this machine's without it.
    pub machine: Option<String>,
}

/// In or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TierAction {
    /// Pledge for it.
    Join,
    /// Take the pledge back.
    Leave,
}

/// `dbc provider handover`.
#[derive(Debug, Args)]
pub struct Handover {
    /// Its short number or key.
    pub machine: String,
    /// Account of the provider who may take it.
    #[arg(long, required_unless_present = "withdraw")]
    pub to: Option<AccountId>,
    /// Offer it to nobody any more.
    #[arg(long, conflicts_with = "to")]
    pub withdraw: bool,
}

/// `dbc provider hardware`.
#[derive(Debug, Args)]
pub struct Hardware {
    /// Its short number or key; this machine's without it.
    pub machine: Option<String>,
    /// Its new ticket (`dbc-agent ticket` there); without it the agent of this machine is asked.
    #[arg(long, value_name = "FILE")]
    pub ticket: Option<PathBuf>,
}
