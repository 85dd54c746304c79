//! `dbc lease …`: money, time and state of leases.

use anyhow::{Context as _, Result};
use dbc_sdk::{
    Closing, EndedView, ErrorCode, LeaseState, LeaseView, Market, WorkloadSpec, WorkloadStatus,
};

use super::{agent, rent::words};
use crate::{
    args::{Lease, Target},
    context::{Context, read_small},
    failure::coded,
    print,
};

/// Runs one of the commands.
pub async fn run(context: &Context, args: Lease) -> Result<u8> {
    let market = context.market()?;
    match args {
        Lease::List { all } => {
            let leases = market.leases(context.signer()?.account(), all).await?;
            print::data(context.json, &leases, || list(&leases));
        }
        Lease::Show { lease } => {
            let view = market.lease(lease).await?;
            let status = match view.is_closed() {
                true => None,
                // The chain's part is worth showing whether or not the machine answers.
                false => match market.agent(lease).await {
                    Ok(agent) => agent.status().await.ok(),
                    Err(_) => None,
                },
            };
            let ended = market.if_ended(lease).await?;
            let all = serde_json::json!({"lease": view, "workload": status, "if_ended": ended});
            print::data(context.json, &all, || show(&view, ended.as_ref(), status.as_ref()));
        }
        Lease::Extend { lease, by } => {
            let view = market.extend(&context.signer()?, lease, by, None).await?;
            print::data(context.json, &view, || {
                format!(
                    "lease {lease} is {} long now; {} are on hold",
                    print::duration(view.term_s),
                    view.deposit
                )
            });
        }
        Lease::Suspend { lease } => {
            let view = market.suspend(&context.signer()?, lease).await?;
            print::data(context.json, &view, || match &view.suspended {
                Some(found) if found.free => {
                    format!("lease {lease} sleeps and costs nothing; `dbc lease resume {lease}`")
                }
                _ => format!("lease {lease} sleeps at the CPU price; a pledge makes that free"),
            });
        }
        Lease::Resume { lease } => {
            let view = market.resume(&context.signer()?, lease, None).await?;
            print::data(context.json, &view, || {
                format!("lease {lease} has GPUs {:?} for {} an hour", view.gpus, view.rate.per_hour)
            });
        }
        Lease::FailOver { lease, wait } => fail_over(context, &market, lease, wait).await?,
        Lease::Rekey { lease } => {
            let tx = market.set_access(&context.signer()?, lease).await?;
            print::data(context.json, &tx, || {
                format!("this device has a new key of lease {lease}; all grants of it are void")
            });
        }
        Lease::End { lease } => {
            let closing = market.end(&context.signer()?, lease).await?;
            print::data(context.json, &closing, || equation(&closing));
        }
        Lease::Put { target, spec } => {
            let text =
                read_small(&spec)?.with_context(|| format!("{} is missing", spec.display()))?;
            let invalid = |why: String| coded(ErrorCode::InvalidSpec, why);
            let spec: WorkloadSpec =
                serde_json::from_str(&text).map_err(|error| invalid(error.to_string()))?;
            spec.validate().map_err(|error| invalid(error.to_string()))?;
            // Its agent says no as well, in fewer words; without the chain it is the only one to ask.
            if let Ok(view) = market.lease(target.lease).await
                && let Some(why) = is_another(&target, view.spec_hash.as_deref(), &spec)
            {
                return Err(invalid(why));
            }
            agent(&market, &target).await?.put(&spec).await?;
            done(context, "the machine has the workload");
        }
        Lease::Stop(target) => {
            agent(&market, &target).await?.stop().await?;
            done(context, "stopped; its files stay");
        }
        Lease::Start(target) => {
            agent(&market, &target).await?.start().await?;
            done(context, "started");
        }
        Lease::Restart(target) => {
            agent(&market, &target).await?.restart().await?;
            done(context, "restarted");
        }
    }
    market.close().await;
    Ok(0)
}

/// Lets the standby take a lease over, and starts there what was ordered.
async fn fail_over(
    context: &Context,
    market: &Market,
    lease: u64,
    wait: Option<u64>,
) -> Result<()> {
    let mut step = print::Step::begin("fail-over", context.quiet());
    let say = |event| step.say(&words(&event));
    let view = match market.start_over(&context.signer()?, lease, wait, say).await {
        Err(error) if error.is_retryable() => {
            let again = format!("it broke off; `dbc lease fail-over {lease}` goes on with it");
            return Err(anyhow::Error::from(error).context(again));
        }
        moved => moved?,
    };
    step.done(&format!("it runs on machine {}", view.machine));
    print::data(context.json, &view, || {
        format!("lease {lease} runs on machine {}, from a fresh start", view.machine)
    });
    Ok(())
}

fn done(context: &Context, text: &str) {
    print::data(context.json, &serde_json::json!({"done": true}), || text.into());
}

/// Why a lease that was made for one spec does not run this one.
fn is_another(target: &Target, named: Option<&str>, spec: &WorkloadSpec) -> Option<String> {
    let named = named.filter(|hash| *hash != hex::encode(spec.hash()))?;
    Some(format!(
        "lease {} was made for the spec of hash {named}, and nothing changes that; end it and rent anew, with --no-spec-hash if the spec shall change later",
        target.lease
    ))
}

/// Where every unit went.
pub fn equation(closing: &Closing) -> String {
    let open = match closing.open.0 {
        0 => String::new(),
        _ => format!(" + open {}", closing.open),
    };
    let part = |name: &str, amount: dbc_sdk::Money| match amount.0 {
        0 => String::new(),
        _ => format!(" + {name} {amount}"),
    };
    let mut text = format!(
        "lease {} is over ({})\n  provider's gain {} + refund {} + fees {}{}{}{open} = deposit {}",
        closing.lease,
        closing.reason,
        closing.paid,
        closing.refund,
        closing.fees,
        part("burned", closing.burned),
        part("platform", closing.platform_fees),
        closing.deposited
    );
    if closing.open.0 > 0 {
        text += "\n  open: the last minutes, until it is known that the machine was there; two minutes at most";
    }
    text
}

fn state(lease: &LeaseView) -> String {
    match &lease.state {
        LeaseState::Closed { reason, .. } => format!("closed: {reason}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn list(leases: &[LeaseView]) -> String {
    if leases.is_empty() {
        return "no leases; `dbc rent` makes one".into();
    }
    let row = |lease: &LeaseView| {
        vec![
            lease.id.to_string(),
            state(lease),
            lease.rate.per_hour.to_string(),
            lease.deposit.to_string(),
            lease.paid.to_string(),
            print::duration(lease.term_s),
        ]
    };
    let rows: Vec<_> = leases.iter().map(row).collect();
    print::table(&["LEASE", "STATE", "PER HOUR", "ON HOLD", "PAID", "TERM"], &rows)
}

/// What is not in every lease.
fn rarer(lease: &LeaseView, ended: Option<&EndedView>) -> String {
    let mut text = String::new();
    if lease.booked_off.0 > 0 {
        text += &format!("discount   {} so far, {} booked\n", lease.off, lease.booked_off);
    }
    if lease.burned.0 > 0 {
        text += &format!("burned     {}\n", lease.burned);
    }
    if let Some(platform) = lease.platform {
        text += &format!("platform   {} to platform {platform}\n", lease.platform_fees);
    }
    if let Some(voucher) = lease.voucher {
        text += &format!("voucher    {voucher} pays\n");
    }
    if let Some(standby) = lease.standby {
        text += &format!("standby    {standby}\n");
    }
    if let Some(suspended) = &lease.suspended {
        let price = if suspended.free { "free by the pledge" } else { "at the CPU price" };
        text += &format!("suspended  {price}; had GPUs {:?}\n", suspended.gpus);
    }
    if lease.down_since.is_some() {
        text += "down       its machine says that it does not run; nothing is charged\n";
    }
    if lease.disputed_since.is_some() {
        text += "disputed   the last time waits for the verdict on a report\n";
    }
    if let Some(ended) = ended {
        text += &format!("if ended   it costs {}, {} return\n", ended.cost, ended.refund);
    }
    text
}

fn show(lease: &LeaseView, ended: Option<&EndedView>, status: Option<&WorkloadStatus>) -> String {
    let gpus = match lease.gpus.is_empty() {
        true => format!("CPU profile, {} shares", lease.cpu_shares),
        false => format!("GPUs {:?}", lease.gpus),
    };
    let mut text = format!(
        "lease      {}\nstate      {}{}\nmachine    {} ({gpus})\nrate       {} per hour\nterm       {}\ncharged    {}\non hold    {}\npaid       {}\nfees       {}\nreturned   {}\n",
        lease.id,
        state(lease),
        if lease.finalized { "" } else { " (not final yet)" },
        lease.machine,
        lease.rate.per_hour,
        print::duration(lease.term_s),
        print::duration(lease.charged_s),
        lease.deposit,
        lease.paid,
        lease.fees,
        lease.refunded,
    );
    text += &rarer(lease, ended);
    match status {
        Some(status) => {
            let phase = format!("{:?}", status.phase).to_lowercase();
            text += &format!("workload   {phase}: {}\n", status.detail);
            text += &format!(
                "disk       {} of {} MiB\n",
                status.disk_used_bytes >> 20,
                status.disk_limit_bytes >> 20
            );
            if let Some(error) = &status.last_error {
                text += &format!("last error {} ({})\n", error.message, error.code);
            }
        }
        None if lease.is_closed() => {}
        None => text += "workload   the machine does not answer\n",
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_spec_than_the_lease_was_made_for_is_told_before_it_is_sent() {
        let target = Target { lease: 7, grant: None };
        let spec = WorkloadSpec::container("localhost:5000/dbc/base:12");
        let named = hex::encode(spec.hash());
        assert_eq!(is_another(&target, Some(&named), &spec), None);
        assert_eq!(is_another(&target, None, &spec), None, "it names none");
        let other = WorkloadSpec::container("localhost:5000/dbc/base:13");
        let why = is_another(&target, Some(&named), &other).unwrap();
        assert!(why.contains("lease 7 was made for the spec of hash"), "{why}");
    }
}
