//! `dbc audit …`: the duty of an auditor, and doubts about one.

mod visits;

use anyhow::{Context as _, Result};
use dbc_audit::{Auditor, AuditorConfig, AuditorView, DutyView, Said};
use dbc_sdk::{AccountId, ErrorCode, Money};

use crate::{args::Audit, context::Context, failure::coded, print};

/// Runs one of the commands.
pub async fn run(context: &Context, args: Audit) -> Result<u8> {
    let client = dbc_audit::connect(&context.chain_url()?).await?;
    let signer = context.signer()?;
    let account = signer.account();
    let config = |state: Option<std::path::PathBuf>| AuditorConfig {
        state_dir: state.unwrap_or_else(|| context.home.join(format!("audit/{account}"))),
        relays: Vec::new(),
        visits: None,
    };
    match args {
        Audit::Run { state, no_visits, visit_image } => {
            if !dbc_audit::status(&client, account).await?.joined {
                let why = "this account is no auditor; `dbc audit join` bonds it";
                return Err(coded(ErrorCode::InvalidInput, why));
            }
            dbc_service::logs::init("info")?;
            let shutdown = dbc_service::shutdown::token()?;
            let json = context.json;
            let visits = match no_visits {
                true => None,
                false => Some(visits::config(context, &visit_image).await?),
            };
            let config =
                AuditorConfig { relays: context.settings()?.relays, visits, ..config(state) };
            let mut auditor = Auditor::open(client, signer, &config).await?;
            auditor
                .run(shutdown, |said| match json {
                    true => print::data(true, &said, String::new),
                    false => print::note(&words(&said)),
                })
                .await?;
        }
        Audit::Accounts { action, state } => {
            visits::accounts(context, &client, action, state, config).await?;
        }
        Audit::Transcript { audit, out, state } => {
            visits::transcript(context, &config(state), audit, out)?;
        }
        Audit::Join { state } => {
            let key = Auditor::key(&config(state))?;
            dbc_audit::join(&client, &signer, key).await?;
            show(context, &dbc_audit::status(&client, account).await?);
        }
        Audit::Leave => {
            dbc_audit::leave(&client, &signer).await?;
            show(context, &dbc_audit::status(&client, account).await?);
        }
        Audit::Withdraw => {
            dbc_audit::withdraw(&client, &signer).await?;
            show(context, &dbc_audit::status(&client, account).await?);
        }
        Audit::Status => show(context, &dbc_audit::status(&client, account).await?),
        Audit::Show { audit } => {
            let found = dbc_audit::show(&client, audit).await?;
            let found = found.with_context(|| {
                format!("there is no audit {audit}, or its record is gone after thirty days")
            })?;
            print::data(context.json, &found, || {
                let rows: Vec<_> = found.duties.iter().map(duty).collect();
                let report = match found.report {
                    Some(report) if found.evidence => {
                        format!("\nreport     {report}, with evidence")
                    }
                    Some(report) => format!("\nreport     {report}"),
                    None => String::new(),
                };
                format!(
                    "audit      {audit}\nmachine    {}\nphase      {:?}{report}\n\n{}",
                    found.machine,
                    found.phase,
                    print::table(&["AUDITOR", "COMMITTED", "EVIDENCE", "FOUND"], &rows)
                )
            });
        }
        Audit::Evidence { audit, state } => {
            let Some(evidence) = Auditor::handed(&config(state), audit)? else {
                let why = format!("nobody handed evidence for audit {audit} to this auditor");
                return Err(coded(ErrorCode::InvalidInput, why));
            };
            let text = String::from_utf8_lossy(&evidence).into_owned();
            let shown =
                serde_json::json!({"audit": audit, "text": text, "hex": hex::encode(&evidence)});
            print::data(context.json, &shown, || text.clone());
        }
        Audit::Doubt { audit, auditor } => {
            let parsed = auditor.parse::<AccountId>();
            let auditor =
                parsed.map_err(|error| coded(ErrorCode::InvalidInput, error.to_string()))?;
            let until = dbc_audit::doubt(&client, &signer, audit, auditor).await?;
            print::data(context.json, &serde_json::json!({"until_slot": until}), || {
                format!(
                    "{auditor} shows his transcript before slot {until}, or loses his bond, a tenth of it to you"
                )
            });
        }
    }
    Ok(0)
}

/// A verdict, in a line.
fn words(said: &Said) -> String {
    let Said { audit, machine, verdict, why, visit } = said;
    let what = if *visit { "visit" } else { "audit" };
    format!("{what} {audit}, machine {machine}: {verdict}, {why}")
}

fn duty(duty: &DutyView) -> Vec<String> {
    let found = duty.found.clone().unwrap_or_else(|| "nothing said yet".into());
    let said = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    vec![duty.auditor.clone(), said(duty.committed), said(duty.handed), found]
}

fn show(context: &Context, view: &AuditorView) {
    print::data(context.json, view, || {
        if !view.joined {
            let next = match view.seated {
                true => "`dbc audit join` bonds it",
                false => {
                    "the council or a referendum gives it a seat first (docs/guides/auditor.md)"
                }
            };
            return format!("{} is no auditor; {next}", view.account);
        }
        let duty = match view.open.is_empty() {
            true => "none now".to_owned(),
            false => format!("audits {:?}", view.open),
        };
        let leaving = match view.leaving {
            Some(slot) => {
                format!("\nleaving    since slot {slot}; `dbc audit withdraw` after a month")
            }
            None => String::new(),
        };
        format!(
            "auditor    {}\nbond       {}\nduty       {duty}\nstrikes    {}{leaving}",
            view.account,
            Money(view.bond),
            view.strikes,
        )
    });
}
