//! The part of the job in which this machine falls silent: its agent is halted in the middle of a lease, watchers
//! miss its beats, the chain stops the meter; then the agent goes on, with a workload that never stopped. What nobody
//! pays is read from the chain; here it is only put into words.

use std::time::Duration;

use anyhow::{Context as _, Result};
use dbc_sdk::{LeaseView, MachineId, Market, Moment, PresenceView, Signer};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::{agent, demo, state::Network};
use crate::print::{self, Step};

/// Longest wait for the chain to say that a machine is silent, or heard again. An interval of half a minute is told of
/// in the next and closed at that one's end; the first may have begun with a beat.
const TOLD_MAX: Duration = Duration::from_secs(180);
/// Longest wait for an agent that goes on to be reached.
const REACHED_MAX: Duration = Duration::from_secs(90);
/// Pause between two looks.
const POLL: Duration = Duration::from_secs(2);
/// When the first process inside began: another one after a restart.
const BORN: [&str; 5] = ["cut", "-d", " ", "-f22", "/proc/1/stat"];

/// An outage in the middle of a lease.
#[derive(Debug, Serialize)]
pub struct Outage {
    /// The first slot of the first interval that it missed: the meter stood from here on.
    pub since: Moment,
    /// The first slot of the interval in which it was heard again.
    pub until: Moment,
    /// Slots of the lease between the two. Nobody pays them.
    pub free_slots: u64,
    /// The same in seconds.
    pub free_s: u64,
    /// Seconds that the meter showed while it stood.
    pub stood_at_s: u64,
    /// Whether it counts against the provider; too short an outage costs him no more than its rent.
    pub blamed: bool,
}

/// Shows it on a lease that runs. The agent goes on whatever happens here, also when this is not polled to its end.
///
/// # Errors
/// When the chain does not say in time what it should, the meter runs or stands when it should not, or the workload was
/// started anew.
pub async fn show(
    market: &Market,
    renter: &Signer,
    network: &Network,
    lease: &LeaseView,
    quiet: bool,
) -> Result<Outage> {
    let machine = lease.machine;
    let mut step = Step::begin("outage", quiet);
    until(market, machine, true, "waits until the machine is heard", &mut step).await?;
    let born = demo::inside(&market.agent(lease.id).await?, &BORN).await?;
    let halted = agent::process(network).halt()?;
    let what = "this machine's agent is halted, its workload runs on; watchers miss its beats";
    let silent = until(market, machine, false, what, &mut step).await?;
    let since = silent.silent_since.context("a silent machine is so since a slot")?;
    step.say("the chain says that the machine is silent; the lease is settled");
    let stood = market.settle(renter, lease.id).await?;
    step.done(&format!(
        "meter stopped at slot {}: {} were charged, and nothing from there on",
        since.slot,
        print::duration(stood.charged_s)
    ));

    let mut step = Step::begin("return", quiet);
    drop(halted);
    reached(market, lease.id, &born, &mut step).await?;
    let what = "the agent is back with the same workload; watchers hear its beats";
    let back = until(market, machine, true, what, &mut step).await?;
    let runs = market.settle(renter, lease.id).await?;
    anyhow::ensure!(
        runs.charged_s > stood.charged_s,
        "the machine is heard, and its meter stands at {} s",
        stood.charged_s
    );
    let outage = of(&back, since, runs.started_at, stood.charged_s)?;
    step.done(&format!(
        "meter runs again from slot {} on: {} slots, {}, are free",
        outage.until.slot,
        outage.free_slots,
        print::duration(outage.free_s)
    ));
    Ok(outage)
}

/// What the chain wrote down of the outage that began in a slot, beside the start of the lease.
fn of(
    presence: &PresenceView,
    since: Moment,
    started: Option<Moment>,
    stood_at_s: u64,
) -> Result<Outage> {
    let mut all = presence.outages.iter().rev();
    let found = all.find(|outage| outage.since == since).context("the outage is not remembered")?;
    let until = found.until.context("the outage goes on, although the machine is heard")?;
    // One that was under way already is free from the lease's start on.
    let from = started.filter(|started| *started > since).unwrap_or(since);
    Ok(Outage {
        since,
        until,
        free_slots: until.slot.saturating_sub(from.slot),
        free_s: until.unix.saturating_sub(from.unix),
        stood_at_s,
        blamed: found.blamed,
    })
}

/// Waits until the chain says that the machine is heard, or that it is not.
async fn until(
    market: &Market,
    machine: MachineId,
    heard: bool,
    what: &str,
    step: &mut Step,
) -> Result<PresenceView> {
    let end = Instant::now() + TOLD_MAX;
    step.say(what);
    loop {
        let found = market.presence(machine).await?;
        if found.live == heard {
            return Ok(found);
        }
        anyhow::ensure!(
            Instant::now() < end,
            "the chain did not say within {} s that machine {machine} is {}; is the watcher well? (`dbc status`)",
            TOLD_MAX.as_secs(),
            if heard { "heard" } else { "silent" }
        );
        sleep(POLL).await;
    }
}

/// Waits until the agent answers, with the workload that it had before.
async fn reached(market: &Market, lease: u64, born: &str, step: &mut Step) -> Result<()> {
    let end = Instant::now() + REACHED_MAX;
    step.say("the agent goes on");
    loop {
        // Anew each time: the way to the agent may have ended with its silence.
        let found = async { demo::inside(&market.agent(lease).await?, &BORN).await };
        match found.await {
            Ok(found) => {
                anyhow::ensure!(found == born, "the workload was started anew");
                return Ok(());
            }
            Err(error) if Instant::now() >= end => {
                return Err(error.context("the agent is not reached after its silence"));
            }
            Err(_) => sleep(POLL).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use dbc_sdk::OutageView;

    use super::*;

    fn at(slot: u64) -> Moment {
        Moment { slot, unix: 3 * slot }
    }

    #[test]
    fn what_is_free_begins_with_the_outage_or_with_the_lease() {
        let outage = |since, until: Option<u64>| OutageView {
            since: at(since),
            until: until.map(at),
            blamed: true,
        };
        let presence = |last| PresenceView {
            live: true,
            silent_since: None,
            offline_s: 0,
            outages: vec![outage(10, Some(20)), last],
            known_to: at(150),
        };
        let of = |last, started| of(&presence(last), at(100), Some(at(started)), 120);
        let found = of(outage(100, Some(130)), 60).unwrap();
        assert_eq!((found.free_slots, found.free_s, found.stood_at_s), (30, 90, 120));
        let found = of(outage(100, Some(130)), 115).unwrap();
        assert_eq!((found.free_slots, found.free_s), (15, 45));
        assert!(of(outage(100, None), 60).is_err(), "it goes on");
        assert!(of(outage(90, Some(95)), 60).is_err(), "it is another");
    }
}
