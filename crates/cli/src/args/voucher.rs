//! What can be typed about vouchers.

use clap::Subcommand;

use super::parse_term;

/// `dbc voucher …`.
#[derive(Debug, Subcommand)]
pub enum Voucher {
    /// Set money aside that pays somebody's leases and nothing else.
    #[command(
        after_help = "Example: dbc voucher issue student --budget 500 --for 90d --class training"
    )]
    Issue {
        /// Wallet or address of the one whose leases it pays.
        holder: String,
        /// How much, in DBC.
        #[arg(long)]
        budget: String,
        /// For how long.
        #[arg(long = "for", value_name = "TIME", default_value = "30d", value_parser = parse_term)]
        duration: u64,
        /// Only machines of this class: cloud-game, hpc, inference, training, rendering or cpu.
        #[arg(long)]
        class: Option<String>,
    },
    /// List the vouchers that you issued or hold.
    #[command(after_help = "Example: dbc voucher list")]
    List,
    /// Take back what no lease uses; the rest returns when its leases end.
    #[command(after_help = "Example: dbc voucher revoke 3")]
    Revoke {
        /// Number of the voucher.
        voucher: u32,
    },
}
