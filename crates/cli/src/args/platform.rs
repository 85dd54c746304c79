//! What can be typed about cloud platforms.

use clap::Subcommand;

/// `dbc platform …`.
#[derive(Debug, Subcommand)]
pub enum Platform {
    /// Register as a cloud platform: your fee comes on top of providers' prices. A deposit is held.
    #[command(after_help = "Example: dbc platform register --fee 3% --wallet shop")]
    Register {
        /// On top of the price, 20% at most.
        #[arg(long)]
        fee: String,
        /// Wallet or address that gets the fees; the wallet that signs without it.
        #[arg(long)]
        beneficiary: Option<String>,
    },
    /// Take another fee from now on, or have it paid to another account.
    #[command(after_help = "Example: dbc platform set 1 --fee 2% --wallet shop")]
    Set {
        /// Number of the platform.
        platform: u32,
        /// On top of the price, 20% at most; as before without it.
        #[arg(long)]
        fee: Option<String>,
        /// Wallet or address that gets the fees; as before without it.
        #[arg(long)]
        beneficiary: Option<String>,
    },
    /// Show one platform, or all.
    #[command(after_help = "Example: dbc platform show\n         dbc platform show 1")]
    Show {
        /// Number of the platform.
        platform: Option<u32>,
    },
    /// Sell nothing more; the deposit returns, leases that were sold go on.
    #[command(after_help = "Example: dbc platform close 1 --wallet shop")]
    Close {
        /// Number of the platform.
        platform: u32,
    },
}
