//! `dbc provider …`: rent out this machine, or many.

mod fleet;
mod machine;

use anyhow::{Context as _, Result};
use dbc_sdk::{
    AccountId, Ask, AuditView, Dollars, ErrorCode, Filter, MachineStatus, MachineView, Market,
    OffenceStage, OffenceView, PresenceView, Price, UsdPrice,
};

use super::money;
use crate::{
    args::{Offer, Provider},
    context::Context,
    failure::coded,
    print, up,
};

/// Runs one of the commands.
pub async fn run(context: &Context, args: Provider) -> Result<u8> {
    let market = context.market()?;
    let signer = context.signer()?;
    match args {
        Provider::Join(args) => {
            let offer = &args.offer;
            if let Some(file) = &args.fleet {
                return fleet::join(context, &market, &signer, ask(offer)?, &args, file).await;
            }
            let network = up::state::Network::load(&context.net_dir)?.ok_or_else(|| {
                coded(
                    ErrorCode::HostUnavailable,
                    "no agent is set up on this machine; `dbc up` does",
                )
            })?;
            let mut step = print::Step::begin("join", context.quiet());
            let machine =
                up::market::join(&market, &signer, &network, &ask(offer)?, offer, &mut step)
                    .await?;
            step.done(&format!("machine {} is {}", machine.index, machine.status));
            print::data(context.json, &machine, || one(&machine));
        }
        Provider::List { machine } => {
            let machine = mine(context, &market, machine).await?;
            let tx = market.list(&signer, machine.id).await?;
            print::data(context.json, &tx, || format!("machine {} is for rent", machine.index));
        }
        Provider::Unlist { machine } => {
            let machine = mine(context, &market, machine).await?;
            let tx = market.unlist(&signer, machine.id).await?;
            print::data(context.json, &tx, || {
                format!("machine {} is off the market; leases go on", machine.index)
            });
        }
        Provider::Audit { machine } => {
            let machine = mine(context, &market, machine).await?;
            let mut step = print::Step::begin("audit", context.quiet());
            let audits = up::market::audit(&market, &signer, machine.id, &mut step).await?;
            step.done("passed");
            print::data(context.json, &audits, || proven(&audits));
        }
        Provider::Claim => {
            let owed = market.earnings(signer.account()).await?;
            let tx = market.claim(&signer, signer.account()).await?;
            print::data(context.json, &tx, || {
                format!(
                    "{} are yours; {} are released in eras to come",
                    owed.claimable, owed.locked
                )
            });
        }
        Provider::TopUp { machine } => {
            let machine = mine(context, &market, machine).await?;
            let tx = market.top_up(&signer, machine.id).await?;
            print::data(context.json, &tx, || {
                format!("the stake of machine {} is whole; `dbc provider list` next", machine.index)
            });
        }
        Provider::Appeal { offence } => {
            let tx = market.appeal(&signer, offence).await?;
            print::data(context.json, &tx, || {
                format!("offence {offence} is appealed against; the council decides within a week")
            });
        }
        Provider::Maintenance(args) => {
            machine::maintenance(context, &market, &signer, args).await?;
        }
        Provider::Tier(args) => machine::tier(context, &market, &signer, args).await?,
        Provider::Hardware(args) => machine::hardware(context, &market, &signer, args).await?,
        Provider::ReleaseStake { machine } => {
            machine::release_stake(context, &market, &signer, machine).await?;
        }
        Provider::Handover(args) => machine::handover(context, &market, &signer, args).await?,
        Provider::Accept { machine } => {
            machine::accept(context, &market, &signer, &machine).await?;
        }
        Provider::Retire { machine } => {
            let machine = mine(context, &market, machine).await?;
            let tx = market.retire(&signer, machine.id).await?;
            print::data(context.json, &tx, || {
                format!(
                    "machine {} retires; its stake is free after the retirement delay",
                    machine.index
                )
            });
        }
        Provider::Status => status(context, &market, signer.account()).await?,
    }
    Ok(0)
}

/// Shows the machines of a provider, what they earn and what they are accused of.
async fn status(context: &Context, market: &Market, account: AccountId) -> Result<()> {
    let filter = Filter { provider: Some(account), ..Filter::default() };
    let machines = market.machines(&filter).await?;
    let balance = market.balance(account).await?;
    let mut presence = Vec::with_capacity(machines.len());
    let mut audits = Vec::with_capacity(machines.len());
    let mut states = Vec::with_capacity(machines.len());
    let now = market.network().await?.slot;
    for machine in &machines {
        let steady = market.steady_since(machine.id).await?;
        states.push(machine::state(machine, now, steady.as_ref()));
        presence.push(market.presence(machine.id).await?);
        audits.push(market.audits(machine.id).await?);
    }
    let earnings = market.earnings(account).await?;
    let offences = market.offences(account).await?;
    let all = serde_json::json!({
        "machines": machines, "presence": presence, "audits": audits, "balance": balance,
        "earnings": earnings, "offences": offences,
    });
    print::data(context.json, &all, || {
        let mut text = format!("account {account}\nfree    {}\n", balance.free);
        for held in &balance.held {
            text += &format!("on hold {} ({})\n", held.amount, held.reason);
        }
        text += &format!(
            "earned  {} to claim, {} locked, {} provisional\n",
            earnings.claimable, earnings.locked, earnings.provisional
        );
        for offence in &offences {
            text += &accused(offence);
        }
        let all = machines.iter().zip(&states).zip(&presence).zip(&audits);
        for (((machine, state), presence), audits) in all {
            text += "\n";
            text += &one(machine);
            text += state;
            text += &there(presence);
            text += &proven(audits);
        }
        text
    });
    Ok(())
}

/// What is asked for, as typed.
pub fn ask(offer: &Offer) -> Result<Ask> {
    let (gpu, cpu) = (&offer.gpu_hour, &offer.cpu_hour);
    match (gpu.starts_with('$'), cpu.starts_with('$')) {
        (false, false) => Ok(Ask::Dbc(Price {
            gpu_hour: money(gpu, "--gpu-hour")?,
            cpu_hour: money(cpu, "--cpu-hour")?,
        })),
        (true, true) => Ok(Ask::Usd(UsdPrice {
            gpu_hour: dollars(gpu, "--gpu-hour")?,
            cpu_hour: dollars(cpu, "--cpu-hour")?,
        })),
        _ => Err(coded(
            ErrorCode::InvalidInput,
            "--gpu-hour and --cpu-hour: both in DBC (`12`) or both in dollars (`$0.40`)",
        )),
    }
}

fn dollars(text: &str, what: &'static str) -> Result<Dollars> {
    text.parse().map_err(|error| coded(ErrorCode::InvalidInput, format!("{what}: {error}")))
}

async fn mine(context: &Context, market: &Market, named: Option<String>) -> Result<MachineView> {
    match named {
        Some(text) => Ok(market.find_machine(&text).await?),
        None => {
            let network = up::state::Network::load(&context.net_dir)?;
            let id = network
                .and_then(|network| network.machine)
                .context("no agent is set up on this machine; name a machine")?;
            Ok(market.find_machine(&id).await?)
        }
    }
}

fn accused(offence: &OffenceView) -> String {
    let next = match (offence.stage, offence.until) {
        (OffenceStage::Recorded, Some(until)) => format!(
            "; executed at slot {}, until then `dbc provider appeal {}`",
            until.slot, offence.id
        ),
        (OffenceStage::Appealed, Some(until)) => format!("; decided by slot {}", until.slot),
        _ => String::new(),
    };
    format!(
        "offence {}: {:?} since slot {}, {:?}{next}\n",
        offence.id, offence.kind, offence.since.slot, offence.stage
    )
}

fn proven(audits: &AuditView) -> String {
    let mut text = match &audits.proof {
        Some(proof) => format!(
            "proof      audit {}, counts until slot {}: {} million products a second{}\n",
            proof.audit,
            proof.until.slot,
            proof.million_products_s,
            if proof.provisional { "; provisional, few auditors" } else { "" }
        ),
        None => "proof      none\n".to_owned(),
    };
    if let Some(open) = &audits.open {
        text += &format!("audit      {}\n", up::market::stand(open));
    }
    if let Some(until) = &audits.backs_off_until {
        text += &format!("audit      failed; the next can be asked for at slot {}\n", until.slot);
    }
    text
}

fn there(presence: &PresenceView) -> String {
    let mut text = match presence.silent_since {
        None if presence.live => "presence   live".to_owned(),
        None => "presence   not listened to before it is verified".to_owned(),
        Some(since) => format!(
            "presence   silent since slot {}: leases are not paid; is the agent running? (`dbc status`)",
            since.slot
        ),
    };
    if presence.offline_s > 0 {
        text += &format!(", offline for {} before", print::duration(presence.offline_s));
    }
    text += "\n";
    for outage in presence.outages.iter().rev().take(3) {
        let length = outage.until.map_or_else(
            || "not over".to_owned(),
            |until| print::duration(until.unix.saturating_sub(outage.since.unix)),
        );
        let blame = if outage.blamed { "" } else { ", blamed on nobody" };
        text += &format!("  outage   slot {}: {length}{blame}\n", outage.since.slot);
    }
    text
}

fn leased(machine: &MachineView) -> String {
    let gpus = machine.gpus.iter().filter(|gpu| gpu.leased).count();
    let offered = machine.offer.as_ref().map_or(0, |offer| offer.cpu_shares);
    let shares = format!("{} of {offered} CPU shares", machine.cpu_leased);
    match (machine.gpus.len(), offered) {
        (0, _) => shares,
        (all, 0) => format!("{gpus} of {all} GPUs"),
        (all, _) => format!("{gpus} of {all} GPUs, {shares}"),
    }
}

fn one(machine: &MachineView) -> String {
    let offer = match &machine.offer {
        Some(offer) if machine.gpus.is_empty() => match offer.usd {
            Some(usd) => {
                format!("{} per share and hour, now {}", usd.cpu_hour, offer.price.cpu_hour)
            }
            None => format!("{} per share and hour", offer.price.cpu_hour),
        },
        Some(offer) => match offer.usd {
            Some(usd) => format!("{} per GPU and hour, now {}", usd.gpu_hour, offer.price.gpu_hour),
            None => format!("{} per GPU and hour", offer.price.gpu_hour),
        },
        None => "none".into(),
    };
    let next = match machine.status {
        MachineStatus::Registered => "\nnext       `dbc provider audit` has it verified",
        MachineStatus::Verified => "\nnext       `dbc provider list` puts it up for rent",
        _ => "",
    };
    format!(
        "machine    {} ({})\nkey        {}\nstatus     {}\nstake      {}\noffer      {offer}\nleased     {}\nstrikes    {}{next}\n",
        machine.index,
        machine.class,
        machine.id,
        machine.status,
        machine.stake,
        leased(machine),
        machine.strikes,
    )
}
