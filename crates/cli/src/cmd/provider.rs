//! `dbc provider …`: rent out this machine, or many.

mod fleet;
mod machine;

use anyhow::{Context as _, Result};
use dbc_sdk::{
    AccountId, Ask, AuditView, Dollars, EarnedView, ErrorCode, Filter, MachineStatus, MachineView,
    Market, OffenceStage, OffenceView, PresenceView, PreviewView, Price, UsdPrice, VestingView,
};

use super::money;
use crate::{
    args::{Offer, Provider},
    context::Context,
    failure::coded,
    print, up,
};

/// Stretches of releases that are shown without being asked for.
const STRETCHES_SHOWN: usize = 5;

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
                    "machine {} retires; `dbc provider withdraw {}` after the retirement delay",
                    machine.index, machine.index
                )
            });
        }
        Provider::Withdraw { machine } => {
            machine::withdraw(context, &market, &signer, machine).await?;
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
    let mut earned = Vec::with_capacity(machines.len());
    let mut previews = Vec::with_capacity(machines.len());
    let now = market.network().await?.slot;
    for machine in &machines {
        let steady = market.steady_since(machine.id).await?;
        states.push(machine::state(machine, now, steady.as_ref()));
        presence.push(market.presence(machine.id).await?);
        audits.push(market.audits(machine.id).await?);
        earned.push(market.earned(machine.id).await?);
        previews.push(market.preview(machine.id).await?);
    }
    let vesting = market.vesting(account).await?;
    let earnings = market.earnings(account).await?;
    let offences = market.offences(account).await?;
    let all = serde_json::json!({
        "machines": machines, "presence": presence, "audits": audits, "balance": balance,
        "earnings": earnings, "offences": offences, "earned": earned, "previews": previews,
        "vesting": vesting,
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
        text += &released(&vesting);
        for offence in &offences {
            text += &accused(offence);
        }
        let all = machines.iter().zip(&states).zip(&presence).zip(&audits);
        for ((((machine, state), presence), audits), (earned, preview)) in
            all.zip(earned.iter().zip(&previews))
        {
            text += "\n";
            text += &one(machine);
            text += state;
            text += &there(presence);
            text += &proven(audits);
            text += &earns(earned.as_ref());
            text += &costs(preview.as_ref());
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

/// What eras to come release, the next of them.
fn released(vesting: &[VestingView]) -> String {
    let lines = vesting.iter().take(STRETCHES_SHOWN).map(|stretch| {
        let (each, days, from) = (stretch.each, stretch.days, stretch.from.slot);
        format!("release {each} a day for {days} days from slot {from} on\n")
    });
    let more = vesting.len().saturating_sub(STRETCHES_SHOWN);
    let rest = if more > 0 {
        format!("release … and {more} more, with --json\n")
    } else {
        String::new()
    };
    lines.collect::<String>() + &rest
}

fn earns(earned: Option<&EarnedView>) -> String {
    let Some(earned) = earned else { return String::new() };
    let counts =
        if earned.counts { "" } else { ", which earn nothing now: not proven or not heard" };
    format!(
        "points     {}{counts}; {} since its last proof, lost if the next fails\n",
        earned.points, earned.provisional
    )
}

/// What an offence costs that goes on, so that its provider knows what time is worth.
fn costs(preview: Option<&PreviewView>) -> String {
    let Some(preview) = preview else { return String::new() };
    let mut text = format!(
        "offence    {}: {:?} since slot {}, costs {} if it is over now",
        preview.offence, preview.kind, preview.since.slot, preview.now
    );
    if let (Some(from), Some(more)) = (preview.more_from, preview.more) {
        text += &format!(", {more} from slot {} on", from.slot);
    }
    text + "\n"
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

#[cfg(test)]
mod tests {
    use dbc_sdk::{Moment, Money, OffenceKind};

    use super::*;

    #[test]
    fn a_provider_sees_what_is_released_earned_and_at_stake() {
        let at = |slot| Moment { slot, unix: 0 };
        let stretch = VestingView { from: at(28_800), days: 30, each: Money::dbc(2) };
        assert!(released(&[stretch]).contains("2 DBC a day for 30 days from slot 28800"));
        let many = released(&[stretch; STRETCHES_SHOWN + 2]);
        assert!(many.ends_with("and 2 more, with --json\n"), "{many}");
        let silent = EarnedView { points: 40, counts: false, provisional: Money::dbc(3) };
        let text = earns(Some(&silent));
        assert!(text.contains("40, which earn nothing now") && text.contains("3 DBC"), "{text}");
        let preview = PreviewView {
            offence: 4,
            kind: OffenceKind::Unreachable,
            since: at(10),
            now: Money::dbc(100),
            more_from: Some(at(600)),
            more: Some(Money::dbc(200)),
        };
        let text = costs(Some(&preview));
        assert!(text.contains("costs 100 DBC if it is over now, 200 DBC from slot 600"), "{text}");
        assert_eq!((earns(None), costs(None)), (String::new(), String::new()));
    }
}
