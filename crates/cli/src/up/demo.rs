//! The main job, once, on real parts: rent this machine, run a command inside over the tunnel, let
//! rent stream, end early, and account for every unit.

use anyhow::Result;
use dbc_sdk::{Closing, ErrorCode, ExitStatus, LogStream, Market, Need, RentOrder};

use super::{market::Accounts, state::Network};
use crate::{cmd, context::Context, failure::coded, print, template};

/// What the job runs.
const COMMAND: [&str; 3] = [
    "sh",
    "-c",
    "echo \"hello from $(hostname), $(nproc) cores, $(. /etc/os-release; echo $PRETTY_NAME)\"; id -un",
];
/// Final blocks to wait for, so that some rent has streamed.
const BLOCKS: usize = 3;

/// Does the job.
pub async fn run(
    context: &Context,
    market: &Market,
    accounts: &Accounts,
    network: &Network,
) -> Result<Closing> {
    let quiet = context.quiet();
    let machine = network.machine.as_deref().unwrap_or_default();
    let machine = market.find_machine(machine).await?.id;
    let quote = market.quote(&Need { machine: Some(machine), ..Need::cpu(3_600) }).await?;
    let spec = template::find("base")?.spec(&network.registry());
    let lease = cmd::place(market, &accounts.renter, RentOrder::new(quote, spec), quiet).await?;

    let agent = market.agent(lease.id).await?;
    let command: Vec<String> = COMMAND.iter().map(ToString::to_string).collect();
    if !quiet {
        print::note(&format!("  in lease {}, over SSH through the tunnel:", lease.id));
    }
    let mut output = Vec::new();
    let status = agent
        .exec(&command, |stream, bytes| {
            if stream == LogStream::Stdout {
                output.extend_from_slice(bytes);
            }
        })
        .await?;
    if !quiet {
        for line in String::from_utf8_lossy(&output).lines() {
            print::note(&format!("    {line}"));
        }
    }
    if status != ExitStatus::Code(0) || output.is_empty() {
        return Err(coded(ErrorCode::WorkloadFailed, format!("the command ended with {status:?}")));
    }
    let mut step = print::Step::begin("rent", quiet);
    step.say("streams from escrow");
    for _ in 0..BLOCKS {
        market.next_finalized().await?;
    }
    let mut closing = market.end(&accounts.renter, lease.id).await?;
    step.say("ended early; unused money returned but for the last minutes");
    let settled = market.settled(lease.id).await?;
    closing.paid = settled.paid;
    closing.fees = settled.fees;
    closing.refund = settled.refunded;
    closing.open = settled.deposit;
    step.done("ended early, unused money returned");
    let sum = closing.paid.0 + closing.refund.0 + closing.fees.0 + closing.open.0;
    anyhow::ensure!(
        sum == closing.deposited.0,
        "{sum} units were accounted for, {} were deposited",
        closing.deposited.0
    );
    if !quiet {
        print::note(&cmd::equation(&closing));
    }
    Ok(closing)
}
