//! What can be typed of auditing.

use std::path::PathBuf;

use clap::Subcommand;

/// `dbc audit …`.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Do the duty of an auditor until interrupted. Each verdict says why; with --json each is a line.
    #[command(
        after_help = "Example: dbc audit run --wallet auditor\n         dbc audit run --wallet auditor --visit-image registry.example/dbc/base:12"
    )]
    Run {
        /// Folder for secrets and transcripts; a lost one costs the bond. Without it, `audit` beside the wallets.
        #[arg(long, value_name = "FOLDER")]
        state: Option<PathBuf>,
        /// Visit no machines.
        #[arg(long, conflicts_with = "visit_image")]
        no_visits: bool,
        /// Image that visits rent with: one that many rent, and that runs on by itself; may be given often. Without it the template `base`.
        #[arg(long, value_name = "IMAGE")]
        visit_image: Vec<String>,
    },
    /// List the accounts that visits are made under, or make some.
    #[command(after_help = "Example: dbc audit accounts --wallet auditor")]
    Accounts {
        /// What to do; without it they are listed.
        #[command(subcommand)]
        action: Option<AccountsAction>,
        /// Folder of `run`, where their keys lie.
        #[arg(long, value_name = "FOLDER")]
        state: Option<PathBuf>,
    },
    /// Bond the wallet's account as an auditor; the council or a referendum gives it a seat first.
    #[command(after_help = "Example: dbc audit join --wallet auditor")]
    Join {
        /// Folder of `run`; the key by which machines know the auditor is made there.
        #[arg(long, value_name = "FOLDER")]
        state: Option<PathBuf>,
    },
    /// End the duties; go on with `run` until those that are open are done.
    #[command(after_help = "Example: dbc audit leave --wallet auditor")]
    Leave,
    /// Take the bond back, a month after leaving: so long transcripts can be doubted.
    #[command(after_help = "Example: dbc audit withdraw --wallet auditor")]
    Withdraw,
    /// Show seat, bond, duties and strikes.
    #[command(after_help = "Example: dbc audit status --wallet auditor")]
    Status,
    /// Show who was drawn for an audit and what each found.
    #[command(after_help = "Example: dbc audit show 3")]
    Show {
        /// Number of the audit.
        audit: u64,
    },
    /// Write the transcript that a verdict of yours rests on, of an audit or a visit: hexadecimal to standard output, or its bytes to a file.
    #[command(after_help = "Example: dbc audit transcript 3 --out 3.scale --wallet auditor")]
    Transcript {
        /// Number of the audit or visit.
        audit: u64,
        /// File to write.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Folder of `run`, where it lies.
        #[arg(long, value_name = "FOLDER")]
        state: Option<PathBuf>,
    },
    /// Show what the reporter of a machine handed you, drawn for the audit that checks his report.
    #[command(after_help = "Example: dbc audit evidence 3 --wallet auditor")]
    Evidence {
        /// Number of the audit.
        audit: u64,
        /// Folder of `run`, where the evidence lies.
        #[arg(long, value_name = "FOLDER")]
        state: Option<PathBuf>,
    },
    /// Want to see the transcript of a verdict: its auditor shows it within two hours or loses his bond.
    #[command(
        after_help = "Example: dbc audit doubt 3 5HpG9w8EBLe5XCrbczpwq5TSXvedjrBGCwqxK1iQ7qUsSWFc"
    )]
    Doubt {
        /// Number of the audit.
        audit: u64,
        /// Account of the auditor.
        auditor: String,
    },
}

/// `dbc audit accounts …`.
#[derive(Debug, Subcommand)]
pub enum AccountsAction {
    /// Make accounts that nobody knows; each pays for one visit and is never used again.
    #[command(after_help = "Example: dbc audit accounts add 5 --wallet auditor")]
    Add {
        /// How many, 1 to 100.
        count: u32,
        /// Folder of `run`, where their keys will lie.
        #[arg(long, value_name = "FOLDER")]
        state: Option<PathBuf>,
    },
}
