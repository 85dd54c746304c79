//! `dbc machines` and `dbc rent`: what a renter looks for, and what he orders.

use clap::Args;

use super::parse_term;

/// What machines must have.
#[derive(Debug, Clone, Args)]
pub struct Wanted {
    /// Free GPUs needed.
    #[arg(long, default_value_t = 0)]
    pub gpus: u8,
    /// Part of the GPU's model name.
    #[arg(long)]
    pub model: Option<String>,
    /// Memory per GPU in GiB.
    #[arg(long, default_value_t = 0)]
    pub gpu_memory: u32,
    /// Country, by its ISO 3166-1 number.
    #[arg(long)]
    pub region: Option<u16>,
    /// Highest price per hour in DBC, for all that is rented.
    #[arg(long, value_name = "DBC")]
    pub max_price: Option<String>,
}

/// `dbc machines`.
#[derive(Debug, Args)]
pub struct Machines {
    /// Filters.
    #[command(flatten)]
    pub wanted: Wanted,
    /// List machines that cannot be rented now, too.
    #[arg(long)]
    pub all: bool,
}

/// `dbc rent`.
#[derive(Debug, Args)]
pub struct Rent {
    /// Filters.
    #[command(flatten)]
    pub wanted: Wanted,
    /// This machine: its short number or its key. Without it, the cheapest that fits.
    #[arg(long)]
    pub machine: Option<String>,
    /// CPU shares, where no GPU is asked for.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub shares: u16,
    /// The whole machine in one order: all of its CPU shares, or all of its GPUs.
    #[arg(long, conflicts_with = "shares")]
    pub whole: bool,
    /// Ready workload (see `dbc templates`).
    #[arg(long, default_value = "base", conflicts_with = "image")]
    pub template: String,
    /// OCI image instead of a template.
    #[arg(long)]
    pub image: Option<String>,
    /// For how long, e.g. 90m, 2h, 3d. Ending earlier returns the rest.
    #[arg(long, default_value = "1h", value_parser = parse_term)]
    pub term: u64,
    /// Processor cores, e.g. 1.5.
    #[arg(long)]
    pub cpus: Option<f64>,
    /// Memory in MiB.
    #[arg(long)]
    pub memory: Option<u32>,
    /// Disk in GiB.
    #[arg(long)]
    pub disk: Option<u32>,
    /// Environment, NAME=VALUE; may be given often.
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Named port, NAME=PORT; may be given often.
    #[arg(long, value_name = "NAME=PORT")]
    pub port: Vec<String>,
    /// The most that the lease may ever cost in DBC.
    #[arg(long, value_name = "DBC")]
    pub cap: Option<String>,
    /// Platform that sells it; its fee comes on top (`dbc platform show`).
    #[arg(long, value_name = "NUMBER")]
    pub platform: Option<u32>,
    /// Voucher that pays for it (`dbc voucher list`).
    #[arg(long, value_name = "NUMBER")]
    pub voucher: Option<u32>,
    /// Leave the hash of what runs off the chain, so that `dbc lease put` can send something else later.
    #[arg(long)]
    pub no_spec_hash: bool,
    /// Machine that takes over when the first is silent for ten minutes (`dbc lease fail-over`).
    #[arg(long, value_name = "MACHINE")]
    pub standby: Option<String>,
    /// Return as soon as the lease is final, before the workload runs.
    #[arg(long)]
    pub detach: bool,
    /// How long to wait for the workload to run while its machine tries again what failed, e.g. 2m. Without it,
    /// until the machine must have started it.
    #[arg(long, value_parser = parse_term, conflicts_with = "detach")]
    pub wait: Option<u64>,
    /// Go on with an order that broke off; its number stood in the message.
    #[arg(long, value_name = "TAG")]
    pub resume: Option<u64>,
    /// Command instead of the image's.
    #[arg(last = true)]
    pub command: Vec<String>,
}
