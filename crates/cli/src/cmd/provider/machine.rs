//! Maintenance, tier, hardware, stake and hand-over of one machine, and how they stand.

use anyhow::{Context as _, Result};
use dbc_sdk::{
    AccountId, ErrorCode, Fact, Location, MachineClass, MachineStatus, MachineView, Market, Moment,
    Money, Signer, Ticket, Tier as Stands, read_fleet,
};

use super::mine;
use crate::{
    args::{Handover, Hardware, Maintenance, Tier, TierAction},
    context::Context,
    failure::coded,
    print, up,
};

/// Announces a maintenance, or takes it back.
pub async fn maintenance(
    context: &Context,
    market: &Market,
    signer: &Signer,
    args: Maintenance,
) -> Result<()> {
    let machine = mine(context, market, args.machine).await?;
    if args.cancel {
        let tx = market.cancel_maintenance(signer, machine.id).await?;
        print::data(context.json, &tx, || {
            format!("machine {} is in no maintenance; silence is blamed again", machine.index)
        });
        return Ok(());
    }
    let announced =
        market.announce_maintenance(signer, machine.id, args.begins_in, args.lasts).await?;
    let (from, until) = announced;
    let all = serde_json::json!({ "machine": machine.id, "from": from, "until": until });
    print::data(context.json, &all, || {
        format!(
            "machine {} may be away from slot {} to slot {}; the meters of its leases stop with it",
            machine.index, from.slot, until.slot
        )
    });
    Ok(())
}

/// Joins the high-stability tier, or leaves it.
pub async fn tier(context: &Context, market: &Market, signer: &Signer, args: Tier) -> Result<()> {
    let machine = mine(context, market, args.machine).await?;
    let tx = match args.action {
        TierAction::Join => market.join_tier(signer, machine.id).await?,
        TierAction::Leave => market.leave_tier(signer, machine.id).await?,
    };
    let machine = market.machine(machine.id).await?;
    print::data(context.json, &tx, || match machine.tier {
        Stands::Stable => format!(
            "machine {} is in the high-stability tier; {} are pledged for it",
            machine.index, machine.pledge
        ),
        _ => format!("machine {} left the tier; its pledge is free", machine.index),
    });
    Ok(())
}

/// Says that a machine has other hardware.
pub async fn hardware(
    context: &Context,
    market: &Market,
    signer: &Signer,
    args: Hardware,
) -> Result<()> {
    let machine = mine(context, market, args.machine).await?;
    let (class, facts, location) = match &args.ticket {
        Some(file) => {
            let opened = std::fs::File::open(file)
                .with_context(|| format!("cannot open {}", file.display()))?;
            let tickets = read_fleet(std::io::BufReader::new(opened))?;
            let Ticket { registration, .. } = tickets
                .into_iter()
                .find(|ticket| ticket.registration.machine == machine.id)
                .ok_or_else(|| coded(ErrorCode::InvalidInput, "no ticket of that machine"))?;
            (registration.class, registration.hardware, registration.location)
        }
        None => asked(context, &machine).await?,
    };
    let tx = market.change_hardware(signer, machine.id, class, &facts, location).await?;
    let machine = market.machine(machine.id).await?;
    print::data(context.json, &tx, || match machine.status {
        MachineStatus::Registered => {
            format!("machine {} has to be proven anew: `dbc provider audit`", machine.index)
        }
        status => format!("machine {} stays {status}{}", machine.index, unproven(&machine)),
    });
    Ok(())
}

/// What the agent of this machine says that it is, in the class and place that it has.
async fn asked(
    context: &Context,
    machine: &MachineView,
) -> Result<(MachineClass, dbc_sdk::HardwareFacts, Location)> {
    let network = up::state::Network::load(&context.net_dir)?
        .filter(|network| network.machine == Some(machine.id.to_string()))
        .ok_or_else(|| {
            coded(
                ErrorCode::HostUnavailable,
                "its agent is not on this machine; `dbc-agent ticket` there prints what --ticket takes",
            )
        })?;
    let facts = up::market::facts(&network).await?;
    let keeps = facts.gpus.is_empty() == (machine.class == MachineClass::Cpu);
    let class = if keeps { machine.class } else { up::market::class_of(&facts) };
    Ok((class, up::market::hardware(&facts), machine.location))
}

/// Takes the stake of a retired machine back.
pub async fn withdraw(
    context: &Context,
    market: &Market,
    signer: &Signer,
    machine: Option<String>,
) -> Result<()> {
    let machine = mine(context, market, machine).await?;
    if !matches!(machine.status, MachineStatus::Retiring { .. }) {
        let why = format!(
            "machine {} is {}; `dbc provider retire {}` comes first",
            machine.index, machine.status, machine.index
        );
        return Err(coded(ErrorCode::InvalidInput, why));
    }
    let tx = market.withdraw_stake(signer, machine.id).await?;
    print::data(context.json, &tx, || {
        format!("{} are free; machine {} is gone", machine.stake, machine.index)
    });
    Ok(())
}

/// Takes stake back that nothing asks for.
pub async fn release_stake(
    context: &Context,
    market: &Market,
    signer: &Signer,
    machine: Option<String>,
) -> Result<()> {
    let machine = mine(context, market, machine).await?;
    let tx = market.release_stake(signer, machine.id).await?;
    let now = market.machine(machine.id).await?;
    let freed = Money(machine.stake.0.saturating_sub(now.stake.0));
    print::data(context.json, &tx, || format!("{} are free; {} stay on hold", freed, now.stake));
    Ok(())
}

/// Offers a machine to another provider, or to nobody any more.
pub async fn handover(
    context: &Context,
    market: &Market,
    signer: &Signer,
    args: Handover,
) -> Result<()> {
    let machine = market.find_machine(&args.machine).await?;
    let tx = market.offer_handover(signer, machine.id, args.to).await?;
    print::data(context.json, &tx, || match args.to {
        Some(to) => format!(
            "machine {} is offered to {to}; he accepts with `dbc provider accept {}`",
            machine.index, machine.index
        ),
        None => format!("machine {} is offered to nobody", machine.index),
    });
    Ok(())
}

/// Takes a machine over.
pub async fn accept(
    context: &Context,
    market: &Market,
    signer: &Signer,
    machine: &str,
) -> Result<()> {
    let machine = market.find_machine(machine).await?;
    let me: AccountId = signer.account();
    if market.operator(me).await?.is_none() {
        // Somebody has to run it: the provider himself until he names another.
        market.set_operator(signer, me).await?;
    }
    let tx = market.accept_handover(signer, machine.id).await?;
    print::data(context.json, &tx, || {
        format!(
            "machine {} is yours; give its agent your operator's key, or name the one that it has",
            machine.index
        )
    });
    Ok(())
}

/// Lines of `dbc provider status` about all this.
pub fn state(machine: &MachineView, now: u64, steady: Option<&(Moment, bool)>) -> String {
    let mut text = String::new();
    match (machine.tier, steady) {
        (Stands::Stable, _) => {
            text += &format!("tier       high stability, {} pledged\n", machine.pledge);
        }
        (Stands::Lost, _) => {
            text += &format!(
                "tier       lost; {} stay pledged until `dbc provider tier leave`\n",
                machine.pledge
            );
        }
        (Stands::Normal, Some((since, true))) => {
            text += &format!(
                "tier       normal; there since slot {}, `dbc provider tier join` is open\n",
                since.slot
            );
        }
        (Stands::Normal, _) => {}
    }
    if let Some(announced) = machine.maintenance.filter(|announced| now < announced.until.slot) {
        let (from, until) = (announced.from.slot, announced.until.slot);
        text += &match now < from {
            true => format!("away       announced, slots {from} to {until}\n"),
            false => format!("away       in maintenance until slot {until}\n"),
        };
    }
    if let Some(to) = machine.offered_to {
        text += &format!("offered    to {to}\n");
    }
    if !machine.unproven.is_empty() {
        text += &format!("unproven  {}\n", unproven(machine));
    }
    text
}

/// What of a machine nobody has looked at, with a blank before it.
fn unproven(machine: &MachineView) -> String {
    let names = machine.unproven.iter().map(|fact| match fact {
        Fact::Disk => "disk",
        Fact::Location => "place",
        Fact::Bandwidth => "bandwidth",
    });
    let names: Vec<_> = names.collect();
    if names.is_empty() { String::new() } else { format!(" {}", names.join(", ")) }
}
