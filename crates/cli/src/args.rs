//! The command line: what can be typed, with a sentence and an example each. Holds no logic.

mod audit;
mod govern;
mod platform;
mod rent;
mod stake;
mod validator;
mod voucher;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use self::provider::{Handover, Hardware, Join, Maintenance, Tier, TierAction};

pub use audit::{AccountsAction, Audit};
pub use govern::{Cast, Council, Params, Propose, Vote, Which};
pub use platform::Platform;
pub use rent::{Machines, Rent, Wanted};
pub use stake::{Pool, Stake};
pub use validator::{RentNode, Validator};
pub use voucher::Voucher;

/// Rent GPUs by the minute, or rent out your own.
#[derive(Debug, Parser)]
#[command(
    name = "dbc",
    version,
    propagate_version = true,
    after_help = "Example: dbc up && dbc rent --template base && dbc ssh 1\n\nExit status: 0 done, 1 no (not found, refused), 2 error. Data goes to standard output, all else to standard error."
)]
pub struct Dbc {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Print data as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// Show no progress.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Node to ask, e.g. ws://127.0.0.1:9944; without it that of your settings or of the network on this machine.
    #[arg(long, global = true, env = "DBC_CHAIN", value_name = "URL")]
    pub chain: Option<String>,
    /// Wallet that pays and signs; `default` without it. `//Alice` and its like work on development networks.
    #[arg(long, global = true, env = "DBC_WALLET", value_name = "NAME")]
    pub wallet: Option<String>,
    /// File with the wallet's password; DBC_PASSWORD works too.
    #[arg(long, global = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Folder with wallets, keys and settings; ~/.config/dbc without it.
    #[arg(long, global = true, env = "DBC_HOME", value_name = "FOLDER")]
    pub home: Option<PathBuf>,
    /// Folder of the network that runs on this machine.
    #[arg(
        long,
        global = true,
        env = "DBC_NET_DIR",
        value_name = "FOLDER",
        default_value = "/var/lib/dbc"
    )]
    pub net_dir: PathBuf,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List machines that can be rented, with prices.
    #[command(after_help = "Example: dbc machines --gpus 2 --model 4090")]
    Machines(Machines),
    /// Rent a machine and start a workload on it.
    #[command(
        after_help = "Example: dbc rent --template jupyter --term 2h\n         dbc rent --image localhost:5000/dbc/base:12 --env A=1 -- sleep 600"
    )]
    Rent(Rent),
    /// Open a terminal in a workload (needs the OpenSSH client).
    #[command(after_help = "Example: dbc ssh 1\n         dbc ssh 1 -- -L 8080:localhost:80")]
    Ssh(Ssh),
    /// Run one command in a workload; its exit status is passed on.
    #[command(after_help = "Example: dbc exec 1 -- python3 -c 'print(6*7)'")]
    Exec(Exec),
    /// Show the output of a workload.
    #[command(after_help = "Example: dbc logs 1 --follow --tail 100")]
    Logs(Logs),
    /// Copy files into a workload or out of it.
    #[command(
        after_help = "Example: dbc cp ./data 1:/root/data\n         dbc cp 1:/root/result.txt ."
    )]
    Cp(Copy),
    /// List the ports of a workload, or bring one to this machine.
    #[command(
        after_help = "Example: dbc ports 1\n         dbc ports 1 --forward jupyter --local 8888"
    )]
    Ports(Ports),
    /// Look at leases, extend and end them.
    #[command(subcommand)]
    Lease(Lease),
    /// Let others into a lease, for a while and for some things only.
    #[command(subcommand)]
    Grant(Grant),
    /// Keep the keys of accounts, see and move money.
    #[command(subcommand)]
    Wallet(Wallet),
    /// Sell machines of the network under your own name, with a fee on top.
    #[command(subcommand)]
    Platform(Platform),
    /// Pay for somebody else's leases.
    #[command(subcommand)]
    Voucher(Voucher),
    /// Rent out this machine.
    #[command(subcommand)]
    Provider(Provider),
    /// Watch over machines: hear their beats, tell the chain, be paid for it.
    #[command(subcommand)]
    Watch(Watch),
    /// Audit machines: challenge them, judge their answers, be paid for each duty whatever it found.
    #[command(subcommand)]
    Audit(Audit),
    /// Tell the chain what a DBC costs in dollars.
    #[command(subcommand)]
    Feed(Feed),
    /// Report a machine that is not there or not what it says: auditors look at it. A bond is held; it returns with a share of the slash if you are right.
    #[command(
        after_help = "Example: dbc report 0 --kind unreachable --lease 12\n         dbc report 0 --kind counterfeit --lease 12 --evidence nvidia-smi.txt\n         dbc report --resume 5 --evidence nvidia-smi.txt"
    )]
    Report(Report),
    /// Decide: list referenda, ask, vote, hand votes on.
    #[command(subcommand)]
    Vote(Vote),
    /// Sit in the council or the technical committee: motions and votes.
    #[command(subcommand)]
    Council(Council),
    /// List the numbers that referenda set, with their limits.
    #[command(after_help = "Example: dbc params\n         dbc params leases")]
    Params(Params),
    /// Bond money and stand behind validators with it.
    #[command(subcommand)]
    Stake(Stake),
    /// Bond together with others.
    #[command(subcommand)]
    Pool(Pool),
    /// Validate, with a node of yours or a rented one.
    #[command(subcommand)]
    Validator(Validator),
    /// List ready workloads.
    #[command(after_help = "Example: dbc templates")]
    Templates,
    /// Say what runs, what is away and where the logs are.
    #[command(after_help = "Example: dbc status --json")]
    Status,
    /// Start a network on this machine, join it, rent from it and run a job. A second time, it goes on where it was.
    #[command(after_help = "Example: dbc up\n         dbc up --validators 4 --no-demo")]
    Up(Up),
    /// Stop the network of this machine.
    #[command(after_help = "Example: dbc down\n         dbc down --purge")]
    Down(Down),
    /// Print a completion script for a shell.
    #[command(after_help = "Example: dbc completion bash > /etc/bash_completion.d/dbc")]
    Completion {
        /// The shell.
        shell: Shell,
    },
    /// Speak SSH with a workload on standard input and output; for OpenSSH's ProxyCommand.
    #[command(hide = true, after_help = "Example: ssh -o ProxyCommand='dbc proxy 1' lease")]
    Proxy {
        /// The lease.
        lease: u64,
        /// Use this grant instead of the renter's own.
        #[arg(long)]
        grant: Option<String>,
    },
}

/// A lease, reached as its renter or by a grant.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// Number of the lease.
    pub lease: u64,
    /// Use this grant instead of the renter's own keys.
    #[arg(long)]
    pub grant: Option<String>,
}

/// `dbc ssh`.
#[derive(Debug, Args)]
pub struct Ssh {
    /// Which workload.
    #[command(flatten)]
    pub target: Target,
    /// Further arguments of ssh, then the command.
    #[arg(last = true)]
    pub arguments: Vec<String>,
}

/// `dbc exec`.
#[derive(Debug, Args)]
pub struct Exec {
    /// Which workload.
    #[command(flatten)]
    pub target: Target,
    /// The command and its arguments.
    #[arg(last = true, required = true)]
    pub command: Vec<String>,
}

/// `dbc logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// Which workload.
    #[command(flatten)]
    pub target: Target,
    /// Go on with what comes.
    #[arg(long, short)]
    pub follow: bool,
    /// Lines to begin with, at most 10000.
    #[arg(long, default_value_t = 1000)]
    pub tail: u32,
}

/// `dbc cp`.
#[derive(Debug, Args)]
pub struct Copy {
    /// From: a path, or LEASE:PATH.
    pub from: String,
    /// To: a path, or LEASE:PATH.
    pub to: String,
    /// Use this grant instead of the renter's own keys.
    #[arg(long)]
    pub grant: Option<String>,
}

/// `dbc ports`.
#[derive(Debug, Args)]
pub struct Ports {
    /// Which workload.
    #[command(flatten)]
    pub target: Target,
    /// Bring this port (name or number) to this machine, until interrupted.
    #[arg(long, value_name = "NAME|PORT")]
    pub forward: Option<String>,
    /// Port on this machine; a free one without it.
    #[arg(long, requires = "forward", default_value_t = 0)]
    pub local: u16,
}

/// `dbc lease …`.
#[derive(Debug, Subcommand)]
pub enum Lease {
    /// List your leases.
    #[command(after_help = "Example: dbc lease list --all")]
    List {
        /// Closed ones too.
        #[arg(long)]
        all: bool,
    },
    /// Show a lease: money, time, state of the workload.
    #[command(after_help = "Example: dbc lease show 1")]
    Show {
        /// Number of the lease.
        lease: u64,
    },
    /// Make the term longer.
    #[command(after_help = "Example: dbc lease extend 1 --by 2h")]
    Extend {
        /// Number of the lease.
        lease: u64,
        /// How much longer.
        #[arg(long, value_parser = parse_term)]
        by: u64,
    },
    /// Give the cards of a lease up and keep its data until its end; free with a pledge.
    #[command(after_help = "Example: dbc lease suspend 1")]
    Suspend {
        /// Number of the lease.
        lease: u64,
    },
    /// Take free cards of the same models for a suspended lease.
    #[command(after_help = "Example: dbc lease resume 1")]
    Resume {
        /// Number of the lease.
        lease: u64,
    },
    /// Let the standby of a lease take it over, once its machine was silent for ten minutes, and start there what
    /// was ordered. Cut off, it goes on where it was when it is called again.
    #[command(after_help = "Example: dbc lease fail-over 1")]
    FailOver {
        /// Number of the lease.
        lease: u64,
        /// How long to wait for the workload to run, e.g. 2m; without it, until the machine must have started it.
        #[arg(long, value_parser = parse_term)]
        wait: Option<u64>,
    },
    /// Put a new access key of this device on a lease; all grants of it are void then.
    #[command(after_help = "Example: dbc lease rekey 1")]
    Rekey {
        /// Number of the lease.
        lease: u64,
    },
    /// End a lease; unused money returns at once.
    #[command(after_help = "Example: dbc lease end 1")]
    End {
        /// Number of the lease.
        lease: u64,
    },
    /// Send another workload spec (a JSON file) to the machine.
    #[command(after_help = "Example: dbc lease put 1 spec.json")]
    Put {
        /// Which workload.
        #[command(flatten)]
        target: Target,
        /// The spec.
        spec: PathBuf,
    },
    /// Stop the workload; its files stay.
    #[command(after_help = "Example: dbc lease stop 1")]
    Stop(Target),
    /// Start a stopped workload.
    #[command(after_help = "Example: dbc lease start 1")]
    Start(Target),
    /// Restart the workload.
    #[command(after_help = "Example: dbc lease restart 1")]
    Restart(Target),
}

/// `dbc grant …`.
#[derive(Debug, Subcommand)]
pub enum Grant {
    /// Make a grant for somebody else's device.
    #[command(
        after_help = "Example: dbc grant create 1 --holder KEY --allow shell --allow copy --for 8h"
    )]
    Create {
        /// Number of the lease.
        lease: u64,
        /// What it allows and for whom.
        #[command(flatten)]
        terms: GrantTerms,
        /// Live longer than a day.
        #[arg(long)]
        pinned: bool,
    },
    /// Hand a grant that you hold on to another device, narrower or equal.
    #[command(after_help = "Example: dbc grant delegate TOKEN --holder KEY --allow logs")]
    Delegate {
        /// The grant.
        token: String,
        /// What it allows and for whom.
        #[command(flatten)]
        terms: GrantTerms,
    },
    /// List grants that were made or used here.
    #[command(after_help = "Example: dbc grant list 1")]
    List {
        /// Only of this lease.
        lease: Option<u64>,
    },
    /// Make the machine refuse a grant and all made from it.
    #[command(after_help = "Example: dbc grant revoke 1 3f2a90\n         dbc grant revoke 1 --all")]
    Revoke {
        /// Number of the lease.
        lease: u64,
        /// Id of the grant (`dbc grant list`).
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// All grants of the lease, by a call on the chain.
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
}

/// What a grant allows and for whom.
#[derive(Debug, Args)]
pub struct GrantTerms {
    /// Key of the device that may use it (`dbc wallet show` there).
    #[arg(long, value_name = "KEY")]
    pub holder: String,
    /// What it allows: view, logs, shell, copy, forward, manage; may be given often.
    #[arg(long, required = true)]
    pub allow: Vec<String>,
    /// For how long.
    #[arg(long = "for", value_name = "TIME", default_value = "8h", value_parser = parse_term)]
    pub duration: u64,
    /// A word for lists.
    #[arg(long, default_value = "")]
    pub label: String,
}

/// `dbc report`.
#[derive(Debug, Args)]
pub struct Report {
    /// Short number or key of the machine.
    #[arg(required_unless_present = "resume")]
    pub machine: Option<String>,
    /// What is wrong.
    #[arg(long, value_enum, required_unless_present = "resume")]
    pub kind: Option<Fault>,
    /// Your lease that it concerns; one that runs, of a machine that is unreachable. Its rent waits from now on for what the auditors find.
    #[arg(long)]
    pub lease: Option<u64>,
    /// What you saw, 2,000 bytes at most, for the auditors' eyes alone (malfunction or counterfeit). It is handed to each of them sealed, so the command has to run until they have it.
    #[arg(long, value_name = "FILE", conflicts_with = "no_wait")]
    pub evidence: Option<PathBuf>,
    /// Return at once instead of waiting for what the auditors find.
    #[arg(long)]
    pub no_wait: bool,
    /// Go on with a report of yours that broke off, by its number: hand out its evidence, wait for what the auditors find.
    #[arg(long, value_name = "REPORT", conflicts_with_all = ["machine", "kind", "lease", "no_wait"])]
    pub resume: Option<u64>,
}

/// What can be wrong with a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Fault {
    /// It, or your lease on it, cannot be reached.
    Unreachable,
    /// Hardware out of order.
    Malfunction,
    /// Hardware other than it says.
    Counterfeit,
    /// It is offered and cannot be rented.
    NotRentable,
}

/// `dbc watch …`.
#[derive(Debug, Subcommand)]
pub enum Watch {
    /// Do the duty of a watcher until interrupted. It explains itself on standard error; with --json each report is a line.
    #[command(after_help = "Example: dbc watch run --wallet watcher")]
    Run {
        /// Folder for notes of what was heard; reports are proven from them. Without it, `watch` beside the wallets.
        #[arg(long, value_name = "FOLDER")]
        state: Option<PathBuf>,
    },
    /// Bond the wallet's account as a watcher; it is drawn for duties from the epoch after the next on.
    #[command(after_help = "Example: dbc watch join --wallet watcher")]
    Join,
    /// End the duties; go on with `run` until the last report is proven.
    #[command(after_help = "Example: dbc watch leave --wallet watcher")]
    Leave,
    /// Take the bond back, ten days after leaving.
    #[command(after_help = "Example: dbc watch withdraw --wallet watcher")]
    Withdraw,
    /// Show bond, duties and strikes, or how a machine was heard: its outages and its live part of thirty days.
    #[command(
        after_help = "Example: dbc watch status --wallet watcher\n         dbc watch status --machine 0"
    )]
    Status {
        /// Short number of a machine.
        #[arg(long)]
        machine: Option<u32>,
    },
}

/// `dbc feed …`.
#[derive(Debug, Subcommand)]
pub enum Feed {
    /// Do the duty of a feeder until interrupted: the median of the sources, once in two minutes. With --json each value is a line.
    #[command(
        after_help = "Example: dbc feed run --wallet feeder --source https://a.example/dbc.json#data.usd --source https://b.example/ticker#0.last"
    )]
    Run {
        /// Where a price stands in a JSON document: ADDRESS#KEY.KEY; may be given often.
        #[arg(long, required_unless_present = "fixed", value_name = "SOURCE")]
        source: Vec<String>,
        /// Tell this price instead, in dollars; for networks of development.
        #[arg(long, conflicts_with = "source", value_name = "DOLLARS")]
        fixed: Option<String>,
    },
    /// Bond the wallet's account as a feeder; a referendum gives it a seat first.
    #[command(after_help = "Example: dbc feed join --wallet feeder")]
    Join,
    /// Give the seat back; the bond returns.
    #[command(after_help = "Example: dbc feed leave --wallet feeder")]
    Leave,
    /// Show seat, bond, what was told last, and the price that leases start at.
    #[command(after_help = "Example: dbc feed status --wallet feeder")]
    Status,
}

/// `dbc wallet …`.
#[derive(Debug, Subcommand)]
pub enum Wallet {
    /// Make a new account; its phrase is shown once.
    #[command(after_help = "Example: dbc wallet create default")]
    Create {
        /// Name of the wallet.
        #[arg(default_value = "default")]
        name: String,
        /// Leave the file unprotected; for development only.
        #[arg(long)]
        no_password: bool,
    },
    /// Bring an account by its phrase or secret address, read from standard input.
    #[command(after_help = "Example: dbc wallet import old < phrase.txt")]
    Import {
        /// Name of the wallet.
        name: String,
        /// Leave the file unprotected; for development only.
        #[arg(long)]
        no_password: bool,
    },
    /// List wallets.
    #[command(after_help = "Example: dbc wallet list")]
    List,
    /// Show address, money and this device's holder key.
    #[command(after_help = "Example: dbc wallet show default")]
    Show {
        /// Name of the wallet.
        name: Option<String>,
    },
    /// Add test money on a development network.
    #[command(after_help = "Example: dbc wallet fund default --amount 1000")]
    Fund {
        /// Name of the wallet, or an address.
        name: Option<String>,
        /// How much, in DBC.
        #[arg(long, default_value = "1000")]
        amount: String,
    },
    /// Send money.
    #[command(after_help = "Example: dbc wallet transfer 5Grw… 12.5")]
    Transfer {
        /// To this address.
        to: String,
        /// How much, in DBC.
        amount: String,
    },
    /// Set money aside: suspended leases are free then, and the data of closed ones is kept for a week.
    #[command(after_help = "Example: dbc wallet pledge")]
    Pledge,
    /// Take the pledge back that no lease and no data relies on.
    #[command(after_help = "Example: dbc wallet release-pledge")]
    ReleasePledge,
    /// Remove a wallet's file; the account lives on in its phrase.
    #[command(after_help = "Example: dbc wallet remove old")]
    Remove {
        /// Name of the wallet.
        name: String,
    },
}

/// `dbc provider …`.
#[derive(Debug, Subcommand)]
pub enum Provider {
    /// Bond this machine, make an offer, have it audited and list it. Steps that were done are left out.
    #[command(
        after_help = "Example: dbc provider join --wallet provider --gpu-hour 12 --cpu-hour 1\n         dbc provider join --fleet tickets.jsonl --wallet provider --gpu-hour 12"
    )]
    Join(Join),
    /// Put the machine up for rent.
    #[command(after_help = "Example: dbc provider list --wallet provider")]
    List {
        /// Its short number or key; this machine's without it.
        machine: Option<String>,
    },
    /// Take the machine off the market; leases go on.
    #[command(after_help = "Example: dbc provider unlist --wallet provider")]
    Unlist {
        /// Its short number or key; this machine's without it.
        machine: Option<String>,
    },
    /// Have the machine audited, and say how it goes. `join` does so by itself; a proof lasts two weeks.
    #[command(after_help = "Example: dbc provider audit --wallet provider")]
    Audit {
        /// Its short number or key; this machine's without it.
        machine: Option<String>,
    },
    /// Take what is free of your rewards.
    #[command(after_help = "Example: dbc provider claim --wallet provider")]
    Claim,
    /// Make up for stake that was taken; then `list` again.
    #[command(after_help = "Example: dbc provider top-up --wallet provider")]
    TopUp {
        /// Its short number or key; this machine's without it.
        machine: Option<String>,
    },
    /// Appeal against a slash, within two days; a bond is held until the council has decided.
    #[command(after_help = "Example: dbc provider appeal 4 --wallet provider")]
    Appeal {
        /// Number of the offence (`dbc provider status`).
        offence: u64,
    },
    /// Say that the machine may be away: silence is not blamed then, and no order reaches into that time.
    #[command(
        after_help = "Example: dbc provider maintenance --in 24h --for 2h --wallet provider\n         dbc provider maintenance --cancel --wallet provider"
    )]
    Maintenance(Maintenance),
    /// Join the high-stability tier, with six days without a blamed outage and half the stake more; or leave it.
    #[command(after_help = "Example: dbc provider tier join --wallet provider")]
    Tier(Tier),
    /// Say that the machine has other hardware, another class or place; other cards, processor or memory are audited anew.
    #[command(
        after_help = "Example: dbc provider hardware --wallet provider\n         dbc provider hardware 7 --ticket new.json --wallet provider"
    )]
    Hardware(Hardware),
    /// Take back stake beyond what is asked for now.
    #[command(after_help = "Example: dbc provider release-stake --wallet provider")]
    ReleaseStake {
        /// Its short number or key; this machine's without it.
        machine: Option<String>,
    },
    /// Offer the machine to another provider; it stays online, and its leases go on when he accepts.
    #[command(
        after_help = "Example: dbc provider handover 7 --to 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty --wallet provider\n         dbc provider handover 7 --withdraw --wallet provider"
    )]
    Handover(Handover),
    /// Take a machine over that another provider offered you; your stake is held for it.
    #[command(after_help = "Example: dbc provider accept 7 --wallet buyer")]
    Accept {
        /// Its short number or key.
        machine: String,
    },
    /// Take back the stake of a retired machine after the retirement delay; the machine is gone then.
    #[command(after_help = "Example: dbc provider withdraw 7 --wallet provider")]
    Withdraw {
        /// Its short number or key; this machine's without it.
        machine: Option<String>,
    },
    /// Begin the machine's way out; the stake is free after the retirement delay (`dbc provider withdraw`).
    #[command(after_help = "Example: dbc provider retire --wallet provider")]
    Retire {
        /// Its short number or key; this machine's without it.
        machine: Option<String>,
    },
    /// Show your machines, their leases and what they earned.
    #[command(after_help = "Example: dbc provider status --wallet provider")]
    Status,
}

/// Price and terms.
#[derive(Debug, Clone, Args)]
pub struct Offer {
    /// For a GPU and hour: `12` in DBC, `$0.40` in dollars, which leases convert anew each thirty days.
    #[arg(long, default_value = "10")]
    pub gpu_hour: String,
    /// For a CPU share and hour, in the same currency.
    #[arg(long, default_value = "1")]
    pub cpu_hour: String,
    /// Shortest term, ten minutes at most: renters may end when they like.
    #[arg(long, default_value = "5m", value_parser = parse_term)]
    pub min_term: u64,
    /// Longest term.
    #[arg(long, default_value = "30d", value_parser = parse_term)]
    pub max_term: u64,
    /// Country, by its ISO 3166-1 number; 0 says nothing.
    #[arg(long, default_value_t = 0)]
    pub region: u16,
    /// CPU shares for rent: cards and shares are equal parts of the machine's cores, memory and disk. Without
    /// it what was offered before; at first none beside cards, else two on a machine that has room for two.
    #[arg(long)]
    pub cpu_shares: Option<u16>,
}

/// `dbc up`.
#[derive(Debug, Args)]
pub struct Up {
    /// Validators of a new network, 1 or 4.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub validators: u8,
    /// Leave the demonstration job out.
    #[arg(long)]
    pub no_demo: bool,
    /// Run the demonstration job although it ran before.
    #[arg(long, conflicts_with = "no_demo")]
    pub demo: bool,
    /// Leave out of the job how the machine falls silent and comes back; some five minutes less.
    #[arg(long)]
    pub no_outage: bool,
    /// The agent follows the chain by a light client of its own instead of a node's RPC, from its next start on.
    #[arg(long)]
    pub light: bool,
    /// Size of the data pool in GiB.
    #[arg(long, default_value_t = 8)]
    pub pool_gib: u32,
    /// Address that the agent's tunnel listens on; a free port of every address without it.
    #[arg(long)]
    pub tunnel: Option<SocketAddr>,
    /// Folder with the programs; that of `dbc` without it.
    #[arg(long, env = "DBC_BIN_DIR")]
    pub bin_dir: Option<PathBuf>,
}

/// `dbc down`.
#[derive(Debug, Args)]
pub struct Down {
    /// Remove everything that `dbc up` made, but for packages and your wallets.
    #[arg(long)]
    pub purge: bool,
}

/// Seconds of `90`, `90s`, `15m`, `2h`, `3d`.
fn parse_term(text: &str) -> Result<u64, String> {
    let (digits, factor) = match text.as_bytes().last() {
        Some(b's') => (&text[..text.len() - 1], 1),
        Some(b'm') => (&text[..text.len() - 1], 60),
        Some(b'h') => (&text[..text.len() - 1], 3_600),
        Some(b'd') => (&text[..text.len() - 1], 86_400),
        _ => (text, 1),
    };
    let count: u64 =
        digits.parse().map_err(|_| format!("{text:?} is no time; write 90s, 15m, 2h or 3d"))?;
    match count.checked_mul(factor) {
        Some(seconds) if (1..=366 * 86_400).contains(&seconds) => Ok(seconds),
        _ => Err("must be between a second and 366 days".into()),
    }
}

mod provider;
#[cfg(test)]
mod tests;
