//! What can be typed about decisions.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `dbc vote …`.
#[derive(Debug, Subcommand)]
pub enum Vote {
    /// List referenda: what each does, how it stands, what is missing for it to pass, when it ends.
    #[command(after_help = "Example: dbc vote list\n         dbc vote list --all")]
    List {
        /// Those that are over, too.
        #[arg(long)]
        all: bool,
    },
    /// Show a referendum.
    #[command(after_help = "Example: dbc vote show 0")]
    Show {
        /// Its number.
        referendum: u32,
    },
    /// List the tracks: what may be asked, what it costs, how long it takes.
    #[command(after_help = "Example: dbc vote tracks")]
    Tracks,
    /// Ask a question: that numbers be set (see `dbc params`), or that a call be done. Places the deposit too.
    #[command(
        after_help = "Example: dbc vote propose --set leases.protocol_fee=7% --wallet //Alice\n         dbc vote propose --track treasurer --call 0x0000 --no-deposit"
    )]
    Propose(Propose),
    /// Place the deposit without which a referendum is not decided. Anybody may.
    #[command(after_help = "Example: dbc vote deposit 0 --wallet //Alice")]
    Deposit {
        /// Number of the referendum.
        referendum: u32,
    },
    /// Vote for it.
    #[command(after_help = "Example: dbc vote aye 0 --amount 1000 --conviction 1 --wallet //Alice")]
    Aye(Cast),
    /// Vote against it.
    #[command(after_help = "Example: dbc vote nay 0 --amount 1000 --conviction 0 --wallet //Alice")]
    Nay(Cast),
    /// Hand your votes of a track to somebody else.
    #[command(
        after_help = "Example: dbc vote delegate parameters --to //Bob --amount 1000 --wallet //Alice"
    )]
    Delegate {
        /// Name of the track (`dbc vote tracks`).
        track: String,
        /// To this account: a wallet's name or an address.
        #[arg(long, value_name = "ACCOUNT")]
        to: String,
        /// What stands behind the votes.
        #[command(flatten)]
        weight: Weight,
    },
    /// Take your votes of a track back.
    #[command(after_help = "Example: dbc vote undelegate parameters --wallet //Alice")]
    Undelegate {
        /// Name of the track.
        track: String,
    },
    /// Show your votes, whom you handed others to, and what they lock.
    #[command(after_help = "Example: dbc vote mine --wallet //Alice")]
    Mine,
    /// Remove your votes on referenda that are over and free the money that is free.
    #[command(after_help = "Example: dbc vote unlock --wallet //Alice")]
    Unlock,
    /// Bring the runtime that a referendum authorized. Anybody may; the network goes on with it from the next block on.
    #[command(after_help = "Example: dbc vote upgrade runtime-release.wasm --wallet //Alice")]
    Upgrade {
        /// File of the runtime.
        runtime: PathBuf,
    },
    /// Return the deposits of a referendum that is over to those who placed them; and yours of calls that were noted
    /// beside questions and that no open one names.
    #[command(after_help = "Example: dbc vote refund 0 --wallet //Alice")]
    Refund {
        /// Number of the referendum.
        referendum: u32,
    },
}

/// `dbc vote propose`.
#[derive(Debug, Args)]
pub struct Propose {
    /// A number and what it shall be, e.g. leases.protocol_fee=7%; may be given often: all are set or none.
    #[arg(long, value_name = "PARAMETER=VALUE", required_unless_present_any = ["call", "upgrade"])]
    pub set: Vec<String>,
    /// A call instead, in hexadecimal, as a wallet shows it.
    #[arg(long, value_name = "HEX", conflicts_with = "set", requires = "track")]
    pub call: Option<String>,
    /// That the network go on with this runtime, on the track `root`; `dbc vote upgrade` brings it when it passed.
    #[arg(long, value_name = "WASM", conflicts_with_all = ["set", "call", "track"])]
    pub upgrade: Option<PathBuf>,
    /// Track of the call.
    #[arg(long, conflicts_with = "set")]
    pub track: Option<String>,
    /// Leave the deposit to somebody else.
    #[arg(long)]
    pub no_deposit: bool,
}

/// What stands behind a vote.
#[derive(Debug, Clone, Args)]
pub struct Weight {
    /// Money behind it, in DBC; bonded or otherwise held money counts as well.
    #[arg(long, value_name = "DBC")]
    pub amount: String,
    /// 0 counts a tenth and locks nothing; 1 to 6 count as often and lock for 1, 2, 4, 8, 16, 32 lock periods.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=6))]
    pub conviction: u8,
}

/// `dbc vote aye` and `nay`.
#[derive(Debug, Clone, Args)]
pub struct Cast {
    /// Number of the referendum.
    pub referendum: u32,
    /// What stands behind the vote.
    #[command(flatten)]
    pub weight: Weight,
}

/// `dbc params`.
#[derive(Debug, Args)]
pub struct Params {
    /// Only those whose name has this in it.
    pub name: Option<String>,
}

/// `dbc council …`.
#[derive(Debug, Subcommand)]
pub enum Council {
    /// List seats and motions.
    #[command(after_help = "Example: dbc council list\n         dbc council list --technical")]
    List {
        /// Which of the two.
        #[command(flatten)]
        which: Which,
    },
    /// Move that a call be done. Your vote is not cast by it.
    #[command(after_help = "Example: dbc council propose --call 0x0000 --wallet //Alice")]
    Propose {
        /// Which of the two.
        #[command(flatten)]
        which: Which,
        /// The call in hexadecimal, as a wallet shows it.
        #[arg(long, value_name = "HEX")]
        call: String,
        /// Ayes that it needs; two thirds of the seats without it.
        #[arg(long)]
        threshold: Option<u32>,
    },
    /// Vote for a motion.
    #[command(after_help = "Example: dbc council aye 0 --wallet //Alice")]
    Aye {
        /// Which of the two.
        #[command(flatten)]
        which: Which,
        /// Number of the motion.
        motion: u32,
    },
    /// Vote against a motion.
    #[command(after_help = "Example: dbc council nay 0 --wallet //Alice")]
    Nay {
        /// Which of the two.
        #[command(flatten)]
        which: Which,
        /// Number of the motion.
        motion: u32,
    },
    /// Close a motion that is decided or whose time is over; if it passed, its call is done.
    #[command(after_help = "Example: dbc council close 0 --wallet //Alice")]
    Close {
        /// Which of the two.
        #[command(flatten)]
        which: Which,
        /// Number of the motion.
        motion: u32,
    },
}

/// The council or the technical committee.
#[derive(Debug, Clone, Copy, Args)]
pub struct Which {
    /// The technical committee instead of the council.
    #[arg(long)]
    pub technical: bool,
}
