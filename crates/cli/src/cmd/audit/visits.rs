//! What visits need and leave behind: images and provers, accounts, transcripts.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use dbc_audit::{Auditor, AuditorConfig, Explained, FreshAccount, VisitConfig, visit_cost};
use dbc_sdk::{ErrorCode, Money, WorkloadSpec};
use serde_json::json;

use crate::{
    args::AccountsAction, context::Context, failure::coded, print, template, up::state::Network,
};

/// What computes a challenge inside of a lease.
const PROVER: &str = "dbc-prove";
/// The target that programs for inside of containers are built for.
const STATIC: &str = "x86_64-unknown-linux-gnu";

/// What visits are made with. What is missing is said by the auditor, who does all else.
pub async fn config(context: &Context, images: &[String]) -> Result<VisitConfig> {
    let program = std::env::current_exe().context("path of this program")?;
    let folder = program.parent().context("this program lies in no folder")?;
    let images = match images {
        [] => base(context).await?.into_iter().collect(),
        named => named.iter().map(WorkloadSpec::container).collect(),
    };
    Ok(VisitConfig { images, processor: fixed(folder), cards: folder.join(PROVER) })
}

/// The template that most rent, where its registry is known.
async fn base(context: &Context) -> Result<Option<WorkloadSpec>> {
    let template = template::find("base")?;
    let network = match Network::load(&context.net_dir)? {
        Some(_) => {
            let market = context.market()?;
            let local = context.local(&market).await?;
            market.close().await;
            local
        }
        None => None,
    };
    Ok(match network {
        Some(network) => Some(template.spec(&network.registry())),
        None if template.image.contains("{registry}") => None,
        None => Some(template.spec("")),
    })
}

/// The static prover: beside the others under a name of its own, or in the folder of its target.
fn fixed(folder: &Path) -> PathBuf {
    let beside = folder.join(format!("{PROVER}-static"));
    let built = folder.parent().zip(folder.file_name());
    let built = built.map(|(target, profile)| target.join(STATIC).join(profile).join(PROVER));
    built.filter(|path| path.is_file()).unwrap_or(beside)
}

/// Makes accounts for visits, or lists them.
pub async fn accounts(
    context: &Context,
    client: &dbc_audit::ChainClient,
    action: Option<AccountsAction>,
    state: Option<PathBuf>,
    config: impl Fn(Option<PathBuf>) -> AuditorConfig,
) -> Result<()> {
    let cost = Money(visit_cost(client).await?);
    if let Some(AccountsAction::Add { count, state: own }) = action {
        let made = Auditor::add_accounts(&config(own.or(state)), count)
            .map_err(|error| coded(ErrorCode::InvalidInput, format!("{error:#}")))?;
        print::data(context.json, &json!({"accounts": made, "fund_each": cost}), || {
            let lines: Vec<_> = made.iter().map(|account| format!("  {account}")).collect();
            format!(
                "{}\n\nfund each with about {cost}, from where nobody sees a link to you: whoever sees it knows who rents",
                lines.join("\n")
            )
        });
        return Ok(());
    }
    let market = context.market()?;
    let mut rows = Vec::new();
    for FreshAccount { account, state } in Auditor::accounts(&config(state))? {
        rows.push((account, state, market.balance(account).await?.spendable));
    }
    let shown: Vec<_> = rows
        .iter()
        .map(|(account, state, balance)| {
            json!({"account": account, "state": state, "balance": balance})
        })
        .collect();
    print::data(context.json, &json!({"fund_each": cost, "accounts": shown}), || {
        if rows.is_empty() {
            return "no accounts for visits; `dbc audit accounts add 5` makes five".into();
        }
        let cells: Vec<_> = rows
            .iter()
            .map(|(account, state, balance)| {
                vec![account.to_string(), state.as_str().to_owned(), balance.to_string()]
            })
            .collect();
        format!(
            "{}\na visit takes an unused one with {cost}",
            print::table(&["ACCOUNT", "STATE", "BALANCE"], &cells)
        )
    });
    market.close().await;
    Ok(())
}

/// Writes the transcript of a verdict.
pub fn transcript(
    context: &Context,
    config: &AuditorConfig,
    audit: u64,
    out: Option<PathBuf>,
) -> Result<()> {
    let Some(Explained { verdict, transcript, why }) = Auditor::transcript(config, audit)? else {
        let why = format!("no verdict of audit or visit {audit} is kept here");
        return Err(coded(ErrorCode::InvalidInput, why));
    };
    let verdict = format!("{verdict:?}");
    if let Some(path) = out {
        // Nobody's file is written over, and nobody else reads it.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(&transcript))
            .with_context(|| format!("cannot write {}", path.display()))?;
        let done = json!({"audit": audit, "bytes": transcript.len(), "file": path});
        print::data(context.json, &done, || {
            format!("{} bytes in {}: {why}", transcript.len(), path.display())
        });
        return Ok(());
    }
    let hex = hex::encode(&transcript);
    let all = json!({"audit": audit, "verdict": verdict, "why": why, "hex": hex});
    print::data(context.json, &all, || hex.clone());
    Ok(())
}
