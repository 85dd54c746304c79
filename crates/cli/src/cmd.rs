//! The commands, one file a noun. Each prints its data and gives the exit status.

mod audit;
mod council;
mod feed;
mod govern;
mod grant;
mod inside;
mod lease;
mod machines;
mod platform;
mod provider;
mod rent;
mod report;
mod stake;
mod validator;
mod voucher;
mod wallet;
mod watch;

pub use lease::equation;
pub use provider::ask;
pub use rent::place;

use anyhow::Result;
use clap::CommandFactory as _;
use dbc_sdk::{Agent, Filter, Market, Money};

use crate::{
    args::{Command, Dbc, Target, Wanted},
    context::Context,
    failure::coded,
    print, template, up,
};

/// Runs the command.
pub async fn run(arguments: Dbc) -> Result<u8> {
    let context = Context::new(arguments.global)?;
    match arguments.command {
        Command::Machines(args) => machines::run(&context, args).await,
        Command::Rent(args) => rent::run(&context, args).await,
        Command::Ssh(args) => inside::ssh(&context, args).await,
        Command::Exec(args) => inside::exec(&context, args).await,
        Command::Logs(args) => inside::logs(&context, args).await,
        Command::Cp(args) => inside::copy(&context, args).await,
        Command::Ports(args) => inside::ports(&context, args).await,
        Command::Proxy { lease, grant } => inside::proxy(&context, Target { lease, grant }).await,
        Command::Lease(args) => lease::run(&context, args).await,
        Command::Grant(args) => grant::run(&context, args).await,
        Command::Wallet(args) => wallet::run(&context, args).await,
        Command::Platform(args) => platform::run(&context, args).await,
        Command::Voucher(args) => voucher::run(&context, args).await,
        Command::Provider(args) => provider::run(&context, args).await,
        Command::Watch(args) => watch::run(&context, args).await,
        Command::Audit(args) => audit::run(&context, args).await,
        Command::Feed(args) => feed::run(&context, args).await,
        Command::Report(args) => report::run(&context, args).await,
        Command::Vote(args) => govern::vote(&context, args).await,
        Command::Council(args) => council::run(&context, args).await,
        Command::Params(args) => govern::params(&context, args).await,
        Command::Stake(args) => stake::stake(&context, args).await,
        Command::Pool(args) => stake::pool(&context, args).await,
        Command::Validator(args) => validator::run(&context, args).await,
        Command::Templates => templates(&context),
        Command::Status => up::status::run(&context).await,
        Command::Up(args) => up::run(&context, args).await,
        Command::Down(args) => up::down(&context, args).await,
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Dbc::command(), "dbc", &mut script);
            print::raw(&script);
            Ok(0)
        }
    }
}

fn templates(context: &Context) -> Result<u8> {
    let all = template::all()?;
    print::data(context.json, &all, || {
        let rows: Vec<_> =
            all.iter().map(|t| vec![t.name.clone(), t.image.clone(), t.about.clone()]).collect();
        print::table(&["TEMPLATE", "IMAGE", "ABOUT"], &rows)
    });
    Ok(0)
}

/// The agent of a lease, as its renter or by a grant.
async fn agent(market: &Market, target: &Target) -> Result<Agent> {
    let agent = match &target.grant {
        Some(token) => market.agent_with_grant(token).await?,
        None => market.agent(target.lease).await?,
    };
    anyhow::ensure!(agent.lease() == target.lease, "the grant is for lease {}", agent.lease());
    Ok(agent)
}

/// An amount of DBC as typed.
fn money(text: &str, what: &'static str) -> Result<Money> {
    text.parse()
        .map_err(|error| coded(dbc_sdk::ErrorCode::InvalidInput, format!("{what}: {error}")))
}

fn filter(wanted: &Wanted, rentable: bool) -> Filter {
    Filter {
        rentable,
        gpu_model: wanted.model.clone(),
        gpus_min: wanted.gpus,
        gpu_memory_mib_min: wanted.gpu_memory.saturating_mul(1024),
        region: wanted.region,
        ..Filter::default()
    }
}
