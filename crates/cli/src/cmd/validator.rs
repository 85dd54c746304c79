//! `dbc validator …`: validate with a node of one's own, or with a rented one.

mod end;
mod inside;
mod plan;
mod rent;

use anyhow::{Context as _, Result};
use dbc_sdk::{
    AccountId, ErrorCode, Market, MarketError, RoleView, SessionView, Share, Signer, StakeView,
};
use serde::Serialize;

use crate::{args::Validator, context::Context, failure::coded, print};
use plan::Plan;

/// What a validator needs, and what he has of it.
#[derive(Debug, Serialize)]
struct Standing {
    stake: StakeView,
    session: SessionView,
    /// Whether the node has the secret halves of the keys; nothing when it cannot be asked.
    node_has_keys: Option<bool>,
    /// The lease of a rented node.
    lease: Option<u64>,
    /// What is missing, in words.
    missing: Vec<String>,
}

/// Runs one of the commands.
pub async fn run(context: &Context, args: Validator) -> Result<u8> {
    let market = context.market()?;
    match args {
        Validator::Keys { node } => {
            let signer = context.signer()?;
            let node = node.map_or_else(|| context.chain_url(), Ok)?;
            let mut step = print::Step::begin("keys", context.quiet());
            step.say(&format!("making keys in {node}"));
            let (keys, proof) = made(market.make_keys(&node, signer.account()).await)?;
            step.say("naming them on the chain");
            market.set_keys(&signer, &keys, &proof).await?;
            step.done("they count two sessions later");
            let session = market.session(signer.account()).await?;
            print::data(context.json, &session, || {
                format!("keys {keys}\nare those of {}", session.account)
            });
        }
        Validator::Validate { commission } => {
            let signer = context.signer()?;
            market.validate(&signer, share(&commission)?).await?;
            show(context, &market, signer.account(), None).await?;
        }
        Validator::Status { node } => {
            let account = context.signer()?.account();
            show(context, &market, account, node.as_deref()).await?;
        }
        Validator::Rent(args) => rent::run(context, &market, &args).await?,
        Validator::End { now } => end::run(context, &market, now).await?,
    }
    market.close().await;
    Ok(0)
}

/// A node that listens for strangers lets nobody make keys in it, and says so in words of its own.
fn made(made: std::result::Result<(String, String), MarketError>) -> Result<(String, String)> {
    made.context("the node makes no keys; it does so for programs of its own machine alone")
}

fn share(text: &str) -> Result<Share> {
    text.parse().map_err(|why| coded(ErrorCode::InvalidInput, format!("--commission: {why}")))
}

/// Shows where an account stands.
async fn show(
    context: &Context,
    market: &Market,
    account: AccountId,
    node: Option<&str>,
) -> Result<()> {
    let plan = Plan::load(context, market, account).await?;
    let standing = standing(market, account, node, plan.as_ref()).await?;
    print::data(context.json, &standing, || words(&standing));
    Ok(())
}

async fn standing(
    market: &Market,
    account: AccountId,
    node: Option<&str>,
    plan: Option<&Plan>,
) -> Result<Standing> {
    let stake = market.stake(account).await?;
    let session = market.session(account).await?;
    let lease = plan.and_then(|plan| plan.lease);
    let node_has_keys = match (&session.keys, node, lease) {
        (Some(keys), Some(node), _) => Some(market.node_has_keys(node, keys).await?),
        // The chain's part is worth showing whether or not the machine answers.
        (Some(keys), None, Some(lease)) => match market.agent(lease).await {
            Ok(agent) => inside::has_keys(&agent, keys).await.ok(),
            Err(_) => None,
        },
        _ => None,
    };
    let missing = missing(&stake, &session, node_has_keys);
    Ok(Standing { stake, session, node_has_keys, lease, missing })
}

fn missing(stake: &StakeView, session: &SessionView, node_has_keys: Option<bool>) -> Vec<String> {
    let mut missing = Vec::new();
    if stake.active < session.bond_least || stake.active.0 == 0 {
        missing.push(format!("a bond of {}: `dbc stake bond`", session.bond_least));
    }
    if session.keys.is_none() {
        missing.push("session keys: `dbc validator keys`".into());
    }
    if node_has_keys == Some(false) {
        missing.push("the keys' secret halves in that node: `dbc validator keys --node …`".into());
    }
    if !matches!(stake.role, RoleView::Validates { .. }) {
        missing.push("standing for election: `dbc validator validate`".into());
    }
    missing
}

fn words(standing: &Standing) -> String {
    let (stake, session) = (&standing.stake, &standing.session);
    let seat = match (session.seated, session.elected) {
        (true, _) => "makes blocks in this session".to_owned(),
        (false, true) => "elected for this era".to_owned(),
        _ => format!("not elected; {} seats are filled once an era", session.seats),
    };
    let does = match stake.role {
        RoleView::Validates { commission } => format!("stands for election, keeps {commission}"),
        _ => "does not stand for election".into(),
    };
    let mut text = format!(
        "account    {}\nbonded     {}, of it {} count\nrole       {does}\nseat       {seat}\nkeys       {}\n",
        stake.account,
        stake.bonded,
        stake.active,
        session.keys.as_deref().unwrap_or("none"),
    );
    if let Some(has) = standing.node_has_keys {
        text += if has { "node       has them\n" } else { "node       does not have them\n" };
    }
    if let Some(lease) = standing.lease {
        text += &format!("lease      {lease}\n");
    }
    text += &super::stake::leaving(&stake.leaving);
    match standing.missing.is_empty() {
        true => text += "missing    nothing\n",
        false => {
            for what in &standing.missing {
                text += &format!("missing    {what}\n");
            }
        }
    }
    text
}

/// Whether a lease is not over. The record of one that is goes in the end; a node that lags has not seen it yet.
async fn is_open(market: &Market, lease: u64) -> Result<bool> {
    match market.lease(lease).await {
        Ok(found) => Ok(!found.is_closed()),
        Err(MarketError::LeaseNotFound { .. }) if !market.network().await?.syncing => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The signer whose bond it is, and what was planned for it.
async fn mine(context: &Context, market: &Market) -> Result<(Signer, Option<Plan>)> {
    let signer = context.signer()?;
    let plan = Plan::load(context, market, signer.account()).await?;
    Ok((signer, plan))
}
