//! `dbc validator end`: undoes what `rent` did, in the order in which nobody is missed. Each step looks first
//! whether it is done.

use anyhow::Result;
use dbc_sdk::{Closing, ErrorCode, Market, Money, RoleView, Signer, StakeView};

use super::{Plan, is_open, mine};
use crate::{
    cmd::{equation, stake::leaving},
    context::Context,
    failure::coded,
    print::{self, Step},
};

/// Runs the command.
pub async fn run(context: &Context, market: &Market, now: bool) -> Result<()> {
    let (signer, plan) = mine(context, market).await?;
    let mut plan = plan.ok_or_else(|| {
        coded(ErrorCode::InvalidInput, format!("{} has rented no validator here", signer.account()))
    })?;
    let orders = market.unfinished_orders().await?;
    if plan.lease.is_none() && orders.iter().any(|(tag, _)| *tag == plan.tag) {
        let why = "its lease is on its way; `dbc validator rent` once more, then this";
        return Err(coded(ErrorCode::Busy, why));
    }
    plan.ending = true;
    plan.save()?;
    let mut step = Step::begin("validator", context.quiet());
    let stake = market.stake(plan.account).await?;
    if matches!(stake.role, RoleView::Validates { .. }) {
        step.say("standing down");
        market.chill(&signer).await?;
    }
    let session = market.session(plan.account).await?;
    if (session.seated || session.elected) && !now {
        step.done("it stands down");
        let text = format!(
            "it is elected for era {}: its node goes on until others are; then `dbc validator end` again, or `--now`",
            stake.era
        );
        let all = serde_json::json!({"ended": false, "era": stake.era, "next_era": stake.next_era});
        print::data(context.json, &all, || text);
        return Ok(());
    }
    if session.keys.is_some() {
        step.say("naming no keys");
        market.purge_keys(&signer).await?;
    }
    let closing = end_lease(market, &signer, &plan, &mut step).await?;
    step.say("freeing the pledge");
    free_pledge(market, &signer, &plan).await?;
    step.done("it is over");
    let stake = market.stake(plan.account).await?;
    plan.remove()?;
    let all = serde_json::json!({"ended": true, "lease": closing, "stake": stake});
    print::data(context.json, &all, || words(closing.as_ref(), &stake));
    Ok(())
}

/// Ends the lease, the node in it included; nothing when it is closed already.
async fn end_lease(
    market: &Market,
    signer: &Signer,
    plan: &Plan,
    step: &mut Step,
) -> Result<Option<Closing>> {
    let Some(lease) = plan.lease else { return Ok(None) };
    if !is_open(market, lease).await? {
        return Ok(None);
    }
    step.say(&format!("ending lease {lease}"));
    Ok(Some(market.end(signer, lease).await?))
}

/// Frees what was bonded for it, with what that earned, and nothing that was bonded before.
async fn free_pledge(market: &Market, signer: &Signer, plan: &Plan) -> Result<()> {
    let active = market.stake(plan.account).await?.active;
    // Without a mark nothing was bonded for it.
    let pledge = plan.before.map_or(0, |before| active.0.saturating_sub(before.0));
    if pledge > 0 {
        market.unbond(signer, Money(pledge)).await?;
    }
    Ok(())
}

fn words(closing: Option<&Closing>, stake: &StakeView) -> String {
    let mut text = closing.map(equation).unwrap_or_default();
    if !text.is_empty() {
        text.push('\n');
    }
    text += &leaving(&stake.leaving);
    text + "`dbc stake withdraw` takes what is free then\n"
}
