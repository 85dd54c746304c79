//! What can be typed about stake and pools.

use clap::Subcommand;

/// `dbc stake …`.
#[derive(Debug, Subcommand)]
pub enum Stake {
    /// Bond money, or more of it; what it earns is bonded as well.
    #[command(after_help = "Example: dbc stake bond 5000 --wallet //Eve")]
    Bond {
        /// How much, in DBC.
        amount: String,
    },
    /// Stand behind validators with what you bonded; it counts from the next election on.
    #[command(after_help = "Example: dbc stake nominate //Alice --wallet //Eve")]
    Nominate {
        /// Wallets or addresses of up to 16 validators (`dbc stake validators`).
        #[arg(required = true, value_name = "VALIDATOR")]
        validators: Vec<String>,
    },
    /// Neither nominate nor validate, from the next election on.
    #[command(after_help = "Example: dbc stake chill --wallet //Eve")]
    Chill,
    /// Begin to free money; it counts no more, and is free after the bonding time.
    #[command(after_help = "Example: dbc stake unbond 1000 --wallet //Eve")]
    Unbond {
        /// How much, in DBC.
        amount: String,
    },
    /// Take what is free.
    #[command(after_help = "Example: dbc stake withdraw --wallet //Eve")]
    Withdraw,
    /// Make money that leaves count again.
    #[command(after_help = "Example: dbc stake rebond 500 --wallet //Eve")]
    Rebond {
        /// How much, in DBC.
        amount: String,
    },
    /// Have what you earned in the newest fourteen eras paid.
    #[command(after_help = "Example: dbc stake claim --wallet //Eve")]
    Claim,
    /// Show what is bonded, what it does, what leaves and when, what it earned, and slashes that wait.
    #[command(after_help = "Example: dbc stake status --wallet //Eve")]
    Status,
    /// List validators: seats, commission, what stands behind them.
    #[command(after_help = "Example: dbc stake validators")]
    Validators,
}

/// `dbc pool …`.
#[derive(Debug, Subcommand)]
pub enum Pool {
    /// List pools.
    #[command(after_help = "Example: dbc pool list")]
    List,
    /// Make a pool; its roles are all yours.
    #[command(after_help = "Example: dbc pool create 1000 --name miners --wallet //Eve")]
    Create {
        /// What you bond in it, in DBC.
        amount: String,
        /// What it calls itself.
        #[arg(long, default_value = "")]
        name: String,
    },
    /// Make your pool stand behind validators.
    #[command(after_help = "Example: dbc pool nominate 1 //Alice --wallet //Eve")]
    Nominate {
        /// Number of the pool.
        pool: u32,
        /// Wallets or addresses of validators.
        #[arg(required = true, value_name = "VALIDATOR")]
        validators: Vec<String>,
    },
    /// Join a pool; you can be in one at a time.
    #[command(after_help = "Example: dbc pool join 1 200 --wallet //Ferdie")]
    Join {
        /// Number of the pool.
        pool: u32,
        /// How much, in DBC.
        amount: String,
    },
    /// Bond more in your pool; without an amount, what it earned you.
    #[command(after_help = "Example: dbc pool bond 50 --wallet //Ferdie")]
    Bond {
        /// How much, in DBC.
        amount: Option<String>,
    },
    /// Begin to free money of yours; it is free after the bonding time.
    #[command(after_help = "Example: dbc pool unbond 100 --wallet //Ferdie")]
    Unbond {
        /// How much, in DBC.
        amount: String,
    },
    /// Take what is free.
    #[command(after_help = "Example: dbc pool withdraw --wallet //Ferdie")]
    Withdraw,
    /// Take what your part earned.
    #[command(after_help = "Example: dbc pool claim --wallet //Ferdie")]
    Claim,
    /// Show your part of your pool: what it is worth, what leaves and when, what it earned.
    #[command(after_help = "Example: dbc pool status --wallet //Ferdie")]
    Status,
}
