//! A fleet joins in one command: each machine that is not there yet is registered, offered, audited and
//! listed, in batches. Every step looks at the chain first, so that a second run goes on where one ended.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, stdin},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use dbc_sdk::{
    AccountId, Ask, BATCH_MAX, ErrorCode, MachineId, MachineStatus, MachineView, Market,
    MarketError, Money, Signer, Ticket, read_fleet,
};
use serde::Serialize;

use crate::{
    args::Join, context::Context, failure::coded, print, print::Step, up::market::shares_of,
};

/// What the operator has for fees at least, before he gets as much again twice over.
const OPERATOR_DBC: u64 = 50;
/// Pause between two looks at all audits.
const POLL: Duration = Duration::from_secs(6);

/// Where a machine of the fleet is in the end.
#[derive(Debug, Serialize)]
struct Joined {
    machine: MachineId,
    index: Option<u32>,
    status: Option<MachineStatus>,
    /// What keeps it from being for rent.
    why: Option<String>,
}

/// Joins all machines of a file; status 1 when some are not for rent.
pub async fn join(
    context: &Context,
    market: &Market,
    signer: &Signer,
    ask: Ask,
    args: &Join,
    file: &Path,
) -> Result<u8> {
    let tickets = read(file)?;
    check(market, signer, &tickets).await?;
    let mut fleet = Fleet {
        market,
        signer,
        tickets,
        refused: BTreeMap::new(),
        step: Step::begin("fleet", context.quiet()),
    };
    fleet.operator().await?;
    fleet.register().await?;
    fleet.offer(ask, args).await?;
    fleet.prove(Duration::from_secs(args.wait)).await?;
    fleet.list().await?;
    let joined = fleet.joined().await?;
    let all = joined.len();
    let listed = joined.iter().filter(|joined| joined.why.is_none()).count();
    fleet.step.done(&format!("{listed} of {all} machines are for rent"));
    print::data(context.json, &joined, || {
        let rows: Vec<_> = joined.iter().map(row).collect();
        print::table(&["MACHINE", "KEY", "STATUS", "NEXT"], &rows)
    });
    Ok(u8::from(listed < all))
}

fn row(joined: &Joined) -> Vec<String> {
    vec![
        joined.index.map_or_else(|| "-".into(), |index| index.to_string()),
        joined.machine.short(),
        joined.status.map_or_else(|| "absent".into(), |status| status.to_string()),
        joined.why.clone().unwrap_or_default(),
    ]
}

fn read(file: &Path) -> Result<Vec<Ticket>> {
    if file == Path::new("-") {
        return Ok(read_fleet(stdin().lock())?);
    }
    let opened = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    read_fleet(BufReader::new(opened)).with_context(|| file.display().to_string())
}

/// Every ticket is for this network and provider, and what is registered already is his.
async fn check(market: &Market, signer: &Signer, tickets: &[Ticket]) -> Result<()> {
    let (genesis, account) = (market.genesis().await?, signer.account());
    for (place, ticket) in (1..).zip(tickets) {
        ticket
            .is_for(genesis, account)
            .map_err(|why| coded(ErrorCode::InvalidInput, format!("machine {place} {why}")))?;
    }
    for found in market.machines_by_id(&keys(tickets)).await?.into_iter().flatten() {
        if found.provider != account {
            let text = format!("machine {} is another provider's: {}", found.id, found.provider);
            return Err(coded(ErrorCode::ChainRefused, text));
        }
    }
    Ok(())
}

fn keys(tickets: &[Ticket]) -> Vec<MachineId> {
    tickets.iter().map(|ticket| ticket.registration.machine).collect()
}

struct Fleet<'a> {
    market: &'a Market,
    signer: &'a Signer,
    tickets: Vec<Ticket>,
    /// Machines that a step left out, and why.
    refused: BTreeMap<MachineId, String>,
    step: Step,
}

impl Fleet<'_> {
    /// All machines as the chain has them now.
    async fn machines(&self) -> Result<Vec<Option<MachineView>>> {
        Ok(self.market.machines_by_id(&keys(&self.tickets)).await?)
    }

    /// The operator whom all tickets name is the provider's, and has money for fees.
    async fn operator(&mut self) -> Result<()> {
        let Some(operator) = self.tickets.first().map(|ticket| ticket.operator) else {
            return Ok(());
        };
        let account: AccountId = self.signer.account();
        if self.market.operator(account).await? != Some(operator) {
            self.step.say("naming the operator");
            self.market.set_operator(self.signer, operator).await?;
        }
        if self.market.balance(operator).await?.spendable < Money::dbc(OPERATOR_DBC) {
            self.step.say("money for the operator's fees");
            self.market.transfer(self.signer, operator, Money::dbc(2 * OPERATOR_DBC)).await?;
        }
        Ok(())
    }

    async fn register(&mut self) -> Result<()> {
        let found = self.machines().await?;
        let missing = self.tickets.iter().zip(found).filter(|(_, found)| found.is_none());
        let missing: Vec<Ticket> = missing.map(|(ticket, _)| ticket.clone()).collect();
        self.ensure_stake(&missing).await?;
        for (done, batch) in missing.chunks(BATCH_MAX).enumerate() {
            let to = done * BATCH_MAX + batch.len();
            self.step.say(&format!("bonding {to} of {} machines", missing.len()));
            self.market.register_all(self.signer, batch).await?;
        }
        Ok(())
    }

    /// Nobody learns after half of his machines that he cannot pay for the rest.
    async fn ensure_stake(&self, missing: &[Ticket]) -> Result<()> {
        let mut need = 0u128;
        for ticket in missing {
            let gpus = ticket.registration.hardware.gpus.len();
            need = need.saturating_add(self.market.stake_for(gpus).await?.0);
        }
        let have = self.market.balance(self.signer.account()).await?.spendable;
        if have.0 < need {
            return Err(MarketError::InsufficientFunds { need: Money(need), have }.into());
        }
        Ok(())
    }

    async fn offer(&mut self, ask: Ask, args: &Join) -> Result<()> {
        let mut wanted = Vec::new();
        for machine in self.machines().await?.into_iter().flatten() {
            let before = machine.offer.as_ref().map(|offer| offer.cpu_shares);
            let shares = args.offer.cpu_shares.or(before).unwrap_or_else(|| shares_of(&machine));
            let same =
                |offer: &dbc_sdk::OfferView| offer.ask() == ask && offer.cpu_shares == shares;
            let leaves = matches!(machine.status, MachineStatus::Retiring { .. });
            if !leaves && !machine.offer.as_ref().is_some_and(same) {
                wanted.push((machine.id, shares));
            }
        }
        for (done, batch) in wanted.chunks(BATCH_MAX).enumerate() {
            let to = done * BATCH_MAX + batch.len();
            self.step.say(&format!("making offers, {to} of {}", wanted.len()));
            let (min, max) = (args.offer.min_term, args.offer.max_term);
            self.market.set_offers(self.signer, batch, ask, min, max).await?;
        }
        Ok(())
    }

    /// Has audited what has no proof, and waits until nothing is open, or for so long.
    async fn prove(&mut self, most: Duration) -> Result<()> {
        let until = Instant::now() + most;
        self.book().await?;
        loop {
            let (mut open, mut proven) = (0, 0);
            for machine in self.machines().await?.into_iter().flatten() {
                match machine.status {
                    MachineStatus::Registered => {
                        let audits = self.market.audits(machine.id).await?;
                        open += usize::from(audits.open.is_some());
                    }
                    _ => proven += 1,
                }
            }
            let all = self.tickets.len();
            self.step.say(&format!("{proven} of {all} machines are proven, {open} are audited"));
            if open == 0 || Instant::now() > until {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Books an audit of each machine that has no proof, none open, and need not wait after a failure.
    async fn book(&mut self) -> Result<()> {
        let mut unproven = Vec::new();
        for machine in self.machines().await?.into_iter().flatten() {
            if machine.status != MachineStatus::Registered {
                continue;
            }
            let audits = self.market.audits(machine.id).await?;
            match audits.backs_off_until {
                Some(until) => {
                    let why = format!("failed its audit; another from slot {} on", until.slot);
                    self.refused.insert(machine.id, why);
                }
                None if audits.open.is_none() => unproven.push(machine.id),
                None => {}
            }
        }
        for (done, batch) in unproven.chunks(BATCH_MAX).enumerate() {
            let to = done * BATCH_MAX + batch.len();
            self.step.say(&format!("booking audits, {to} of {}", unproven.len()));
            self.each(batch, "cannot be audited", async |market, signer, machines| {
                market.request_audits(signer, machines).await.map(drop)
            })
            .await?;
        }
        Ok(())
    }

    async fn list(&mut self) -> Result<()> {
        let verified = self.machines().await?.into_iter().flatten();
        let verified = verified.filter(|machine| machine.status == MachineStatus::Verified);
        let verified: Vec<MachineId> = verified.map(|machine| machine.id).collect();
        for batch in verified.chunks(BATCH_MAX) {
            self.step.say(&format!("listing {} machines", verified.len()));
            self.each(batch, "cannot be listed", async |market, signer, machines| {
                market.list_all(signer, machines).await.map(drop)
            })
            .await?;
        }
        Ok(())
    }

    /// Does something for all machines of a batch; when the chain refuses one and so all of them, for each alone,
    /// and writes down whom it refuses.
    async fn each(
        &mut self,
        batch: &[MachineId],
        what: &str,
        act: impl AsyncFn(&Market, &Signer, &[MachineId]) -> Result<(), MarketError>,
    ) -> Result<()> {
        match act(self.market, self.signer, batch).await {
            Err(error) if error.code() == ErrorCode::ChainRefused => {}
            done => return Ok(done?),
        }
        for machine in batch {
            match act(self.market, self.signer, &[*machine]).await {
                Err(error) if error.code() == ErrorCode::ChainRefused => {
                    self.refused.insert(*machine, format!("{what}: {error}"));
                }
                done => done?,
            }
        }
        Ok(())
    }

    async fn joined(&self) -> Result<Vec<Joined>> {
        let found = self.machines().await?;
        let joined = self.tickets.iter().zip(found).map(|(ticket, found)| {
            let machine = ticket.registration.machine;
            let status = found.as_ref().map(|found| found.status);
            let listed = status == Some(MachineStatus::Listed);
            let why = self.refused.get(&machine).cloned().unwrap_or_else(|| next(status).into());
            let index = found.map(|found| found.index);
            Joined { machine, index, status, why: (!listed).then_some(why) }
        });
        Ok(joined.collect())
    }
}

/// What keeps a machine of this status from being for rent.
fn next(status: Option<MachineStatus>) -> &'static str {
    match status {
        Some(MachineStatus::Registered) => "not proven; is its agent running? run this again",
        Some(MachineStatus::Retiring { .. }) => "it leaves",
        Some(MachineStatus::Verified | MachineStatus::Listed) => "run this again",
        None => "not registered",
    }
}
