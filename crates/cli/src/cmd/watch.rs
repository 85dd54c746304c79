//! `dbc watch …`: the duty of a watcher.

use anyhow::{Context as _, Result};
use dbc_sdk::{ErrorCode, Money};
use dbc_watch::{MachineHeard, OutageView, Watcher, WatcherConfig, WatcherView};

use crate::{args::Watch, context::Context, failure::coded, print};

/// Runs one of the commands.
pub async fn run(context: &Context, args: Watch) -> Result<u8> {
    let client = dbc_watch::connect(&context.chain_url()?).await?;
    let signer = context.signer()?;
    match args {
        Watch::Run { state } => {
            let view = dbc_watch::status(&client, signer.account()).await?;
            if !view.joined {
                return Err(coded(
                    ErrorCode::InvalidInput,
                    "this account is no watcher; `dbc watch join` bonds it",
                ));
            }
            let folder = format!("watch/{}", signer.account());
            let state_dir = state.unwrap_or_else(|| context.home.join(folder));
            dbc_service::logs::init("info")?;
            let shutdown = dbc_service::shutdown::token()?;
            let json = context.json;
            let mut watcher = Watcher::open(client, signer, &WatcherConfig { state_dir }).await?;
            watcher
                .run(shutdown, |told| match json {
                    true => print::data(true, &told, String::new),
                    false => print::note(&format!(
                        "interval {}, cohort {}: heard {} of {}",
                        told.interval, told.cohort, told.heard, told.present
                    )),
                })
                .await?;
        }
        Watch::Join => {
            dbc_watch::join(&client, &signer).await?;
            show(context, &dbc_watch::status(&client, signer.account()).await?);
        }
        Watch::Leave => {
            dbc_watch::leave(&client, &signer).await?;
            show(context, &dbc_watch::status(&client, signer.account()).await?);
        }
        Watch::Withdraw => {
            dbc_watch::withdraw(&client, &signer).await?;
            show(context, &dbc_watch::status(&client, signer.account()).await?);
        }
        Watch::Status { machine: Some(index) } => {
            let found = dbc_watch::heard(&client, index).await?;
            let found = found.with_context(|| format!("no machine stands at number {index}"))?;
            show_heard(context, &found);
        }
        Watch::Status { machine: None } => {
            show(context, &dbc_watch::status(&client, signer.account()).await?);
        }
    }
    Ok(0)
}

fn show_heard(context: &Context, found: &MachineHeard) {
    print::data(context.json, found, || {
        let rows: Vec<_> = found.outages.iter().rev().map(outage).collect();
        let outages = match rows.is_empty() {
            true => "no outage is known".to_owned(),
            false => print::table(&["SINCE SLOT", "LASTED", "COUNTS AGAINST THE PROVIDER"], &rows),
        };
        format!(
            "machine    {} ({})\nheard      {}\nlive       {:.2} % of thirty days\n\n{outages}",
            found.index,
            found.machine,
            if found.heard { "yes" } else { "no" },
            found.live_percent,
        )
    });
}

fn outage(outage: &OutageView) -> Vec<String> {
    let lasted = format!("{} min {} s", outage.seconds / 60, outage.seconds % 60);
    let lasted = if outage.until.is_none() { format!("{lasted}, goes on") } else { lasted };
    let blamed = if outage.blamed { "yes" } else { "no" };
    vec![outage.since.to_string(), lasted, blamed.to_owned()]
}

fn show(context: &Context, view: &WatcherView) {
    print::data(context.json, view, || {
        if !view.joined {
            return format!("{} is no watcher; `dbc watch join` bonds it", view.account);
        }
        let duty = match view.cohorts.is_empty() {
            true => "none in this epoch".to_owned(),
            false => format!("cohorts {:?}", view.cohorts),
        };
        let leaving = match view.leaving {
            Some(slot) => {
                format!("\nleaving    since slot {slot}; `dbc watch withdraw` after ten days")
            }
            None => String::new(),
        };
        format!(
            "watcher    {}\nbond       {}\nduty       {duty}\nstrikes    {}\nunproven   {}\nhorizon    {} slots behind{leaving}",
            view.account,
            Money(view.bond),
            view.strikes,
            view.unproven,
            view.horizon_lag,
        )
    });
}
