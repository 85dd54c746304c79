//! The main job, once, on real parts: rent this machine, run a command inside over the tunnel, let
//! rent stream, see the meter stop while the machine is silent, end early, and account for every unit.

use anyhow::Result;
use dbc_sdk::{
    Agent, Closing, ErrorCode, ExitStatus, LeaseView, LogStream, Market, Need, RentOrder, Signer,
};
use serde::Serialize;

use super::{
    market::Accounts,
    outage::{self, Outage},
    state::Network,
};
use crate::{
    cmd,
    context::Context,
    failure::coded,
    print::{self, Step},
    template,
};

/// What the job runs.
const COMMAND: [&str; 3] = [
    "sh",
    "-c",
    "echo \"hello from $(hostname), $(nproc) cores, $(. /etc/os-release; echo $PRETTY_NAME)\"; id -un",
];
/// Final blocks to wait for, so that some rent has streamed.
const BLOCKS: usize = 3;

/// What came of the job.
#[derive(Debug)]
pub struct Job {
    /// Where every unit went.
    pub closing: Closing,
    /// What was charged for.
    pub meter: Meter,
}

/// How long the lease ran, and for how much of it the renter paid.
#[derive(Debug, Serialize)]
pub struct Meter {
    /// Seconds from its start to its end.
    pub lasted_s: u64,
    /// Seconds that were charged.
    pub charged_s: u64,
    /// The outage in it, unless it was left out.
    pub outage: Option<Outage>,
}

/// Does the job; with `silence` the machine falls silent in the middle of it.
pub async fn run(
    context: &Context,
    market: &Market,
    accounts: &Accounts,
    network: &Network,
    silence: bool,
) -> Result<Job> {
    let quiet = context.quiet();
    let machine = network.machine.as_deref().unwrap_or_default();
    let machine = market.find_machine(machine).await?.id;
    let quote = market.quote(&Need { machine: Some(machine), ..Need::cpu(3_600) }).await?;
    let spec = template::find("base")?.spec(&network.registry());
    let lease = cmd::place(market, &accounts.renter, RentOrder::new(quote, spec), quiet).await?;

    let agent = market.agent(lease.id).await?;
    if !quiet {
        print::note(&format!("  in lease {}, over SSH through the tunnel:", lease.id));
    }
    let output = inside(&agent, &COMMAND).await?;
    if !quiet {
        for line in output.lines() {
            print::note(&format!("    {line}"));
        }
    }
    let outage = match silence {
        true => Some(outage::show(market, &accounts.renter, network, &lease, quiet).await?),
        false => None,
    };
    let mut step = Step::begin("rent", quiet);
    if outage.is_some() {
        past_the_minimum(market, &lease, &mut step).await?;
    }
    step.say("streams from escrow");
    for _ in 0..BLOCKS {
        market.next_finalized().await?;
    }
    let (closing, meter) = end(market, &accounts.renter, lease.id, outage, &mut step).await?;
    step.done("ended early, unused money returned");
    if !quiet {
        print::note(&cmd::equation(&closing));
        print::note(&in_words(&meter));
    }
    Ok(Job { closing, meter })
}

/// Runs a command in the lease and gives what it printed.
///
/// # Errors
/// When it cannot be run, fails, or prints nothing.
pub async fn inside(agent: &Agent, command: &[&str]) -> Result<String> {
    let command: Vec<String> = command.iter().map(ToString::to_string).collect();
    let mut output = Vec::new();
    let status = agent
        .exec(&command, |stream, bytes| {
            if stream == LogStream::Stdout {
                output.extend_from_slice(bytes);
            }
        })
        .await?;
    if status != ExitStatus::Code(0) || output.is_empty() {
        return Err(coded(ErrorCode::WorkloadFailed, format!("the command ended with {status:?}")));
    }
    Ok(String::from_utf8_lossy(&output).into_owned())
}

/// Waits until the lease has lasted for as long as the least that any is charged for: whoever leaves a machine that
/// is there before that pays for all of it, silent or not.
async fn past_the_minimum(market: &Market, lease: &LeaseView, step: &mut Step) -> Result<()> {
    let Some(started) = market.lease(lease.id).await?.started_at else { return Ok(()) };
    let least = market.minimum_charge().await?;
    let until = started.unix.saturating_add(least);
    loop {
        let left = until.saturating_sub(market.network().await?.unix);
        // One slot more: the last of them still counts.
        if left == 0 {
            return market.next_finalized().await.map(drop).map_err(Into::into);
        }
        step.say(&format!(
            "goes on until {} are over, the least that an order costs: {} to go",
            print::duration(least),
            print::duration(left)
        ));
        market.next_finalized().await?;
    }
}

/// Ends the lease, waits for its last minutes, and looks whether every unit and every second is somewhere.
async fn end(
    market: &Market,
    renter: &Signer,
    lease: u64,
    outage: Option<Outage>,
    step: &mut Step,
) -> Result<(Closing, Meter)> {
    let mut closing = market.end(renter, lease).await?;
    step.say("ended early; unused money returned but for the last minutes");
    let settled = market.settled(lease).await?;
    closing.paid = settled.paid;
    closing.fees = settled.fees;
    closing.refund = settled.refunded;
    closing.open = settled.deposit;
    let sum = closing.paid.0 + closing.refund.0 + closing.fees.0 + closing.open.0;
    anyhow::ensure!(
        sum == closing.deposited.0,
        "{sum} units were accounted for, {} were deposited",
        closing.deposited.0
    );
    let meter = Meter { lasted_s: lasted(&settled), charged_s: settled.charged_s, outage };
    let free = meter.outage.as_ref().map_or(0, |outage| outage.free_s);
    anyhow::ensure!(
        free == 0 || meter.charged_s.saturating_add(free) <= meter.lasted_s,
        "{} s were charged of {} s, {free} s of them free",
        meter.charged_s,
        meter.lasted_s
    );
    Ok((closing, meter))
}

/// Seconds from the start of a closed lease to its end.
fn lasted(lease: &LeaseView) -> u64 {
    let started = lease.started_at.map_or(0, |started| started.unix);
    match lease.state {
        dbc_sdk::LeaseState::Closed { at, .. } => at.unix.saturating_sub(started),
        _ => 0,
    }
}

fn in_words(meter: &Meter) -> String {
    let Meter { lasted_s, charged_s, outage } = meter;
    let (lasted, charged) = (print::duration(*lasted_s), print::duration(*charged_s));
    match outage {
        Some(outage) => format!(
            "  it lasted {lasted} and was charged for {charged}: the {} of the outage are free",
            print::duration(outage.free_s)
        ),
        None => format!("  it lasted {lasted} and was charged for {charged}"),
    }
}

#[cfg(test)]
mod tests {
    use dbc_sdk::Moment;

    use super::*;

    #[test]
    fn what_was_charged_is_said_with_what_was_free() {
        let mut meter = Meter { lasted_s: 312, charged_s: 312, outage: None };
        assert_eq!(in_words(&meter), "  it lasted 5 min 12 s and was charged for 5 min 12 s");
        let at = |slot| Moment { slot, unix: 3 * slot };
        meter.charged_s = 222;
        meter.outage = Some(Outage {
            since: at(100),
            until: at(130),
            free_slots: 30,
            free_s: 90,
            stood_at_s: 42,
            blamed: true,
        });
        assert_eq!(
            in_words(&meter),
            "  it lasted 5 min 12 s and was charged for 3 min 42 s: the 1 min 30 s of the outage are free"
        );
    }
}
