//! `dbc stake …` and `dbc pool …`: bonds, what they do, and when they are free.

use anyhow::Result;
use dbc_sdk::{
    AccountId, LeavingView, Market, PoolMemberView, PoolState, PoolView, RoleView, StakeView,
    ValidatorView,
};

use super::{govern::account, money};
use crate::{
    args::{Pool, Stake},
    context::Context,
    print,
};

/// Runs one of the commands about stake.
pub async fn stake(context: &Context, args: Stake) -> Result<u8> {
    let market = context.market()?;
    match args {
        Stake::Validators => {
            let all = market.validators().await?;
            print::data(context.json, &all, || list_validators(&all));
            return Ok(0);
        }
        Stake::Bond { amount } => {
            market.bond(&context.signer()?, money(&amount, "amount")?).await?;
        }
        Stake::Nominate { validators } => {
            let validators = accounts(context, &validators)?;
            market.nominate(&context.signer()?, &validators).await?;
        }
        Stake::Chill => drop(market.chill(&context.signer()?).await?),
        Stake::Unbond { amount } => {
            market.unbond(&context.signer()?, money(&amount, "amount")?).await?;
        }
        Stake::Rebond { amount } => {
            market.rebond(&context.signer()?, money(&amount, "amount")?).await?;
        }
        Stake::Withdraw => {
            let (free, _) = market.withdraw_bond(&context.signer()?).await?;
            say(context, &format!("{free} are free money again"));
        }
        Stake::Claim => match market.claim_stake(&context.signer()?).await? {
            Some((paid, _)) => say(context, &format!("{paid} of what was paid are yours")),
            None => say(context, "nothing is unpaid"),
        },
        Stake::Status => {}
    }
    let view = market.stake(context.signer()?.account()).await?;
    print::data(context.json, &view, || show_stake(&view));
    Ok(0)
}

/// Runs one of the commands about pools.
pub async fn pool(context: &Context, args: Pool) -> Result<u8> {
    let market = context.market()?;
    match args {
        Pool::List => return list_pools(context, &market, None).await,
        Pool::Create { amount, name } => {
            let amount = money(&amount, "amount")?;
            let pool = market.create_pool(&context.signer()?, amount, &name).await?;
            return list_pools(context, &market, Some(pool)).await;
        }
        Pool::Nominate { pool, validators } => {
            let validators = accounts(context, &validators)?;
            market.pool_nominate(&context.signer()?, pool, &validators).await?;
            return list_pools(context, &market, Some(pool)).await;
        }
        Pool::Join { pool, amount } => {
            let amount = money(&amount, "amount")?;
            market.join_pool(&context.signer()?, pool, amount).await?;
        }
        Pool::Bond { amount } => {
            let amount = amount.as_deref().map(|text| money(text, "amount")).transpose()?;
            market.pool_bond(&context.signer()?, amount).await?;
        }
        Pool::Unbond { amount } => {
            market.pool_unbond(&context.signer()?, money(&amount, "amount")?).await?;
        }
        Pool::Withdraw => {
            let (free, _) = market.pool_withdraw(&context.signer()?).await?;
            say(context, &format!("{free} are free money again"));
        }
        Pool::Claim => drop(market.pool_claim(&context.signer()?).await?),
        Pool::Status => {}
    }
    let view = market.pool_member(context.signer()?.account()).await?;
    print::data(context.json, &view, || match &view {
        Some(member) => show_member(member),
        None => "in no pool; `dbc pool list` shows them".into(),
    });
    Ok(0)
}

/// Accounts as typed.
fn accounts(context: &Context, texts: &[String]) -> Result<Vec<AccountId>> {
    texts.iter().map(|text| account(context, text)).collect()
}

fn say(context: &Context, text: &str) {
    if !context.quiet() {
        print::note(text);
    }
}

async fn list_pools(context: &Context, market: &Market, only: Option<u32>) -> Result<u8> {
    let mut pools = market.pools().await?;
    pools.retain(|pool| only.is_none_or(|only| pool.id == only));
    print::data(context.json, &pools, || pool_table(&pools));
    Ok(0)
}

fn pool_table(pools: &[PoolView]) -> String {
    if pools.is_empty() {
        return "no pools; `dbc pool create` makes one".into();
    }
    let rows = pools.iter().map(|pool| {
        let state = match pool.state {
            PoolState::Open => "open",
            PoolState::Blocked => "blocked",
            PoolState::Destroying => "dissolving",
        };
        vec![
            pool.id.to_string(),
            pool.name.clone(),
            state.into(),
            pool.members.to_string(),
            pool.bonded.to_string(),
            pool.commission.to_string(),
            pool.nominates.len().to_string(),
        ]
    });
    let head = ["POOL", "NAME", "STATE", "MEMBERS", "BONDED", "COMMISSION", "NOMINATES"];
    print::table(&head, &rows.collect::<Vec<_>>())
}

fn list_validators(all: &[ValidatorView]) -> String {
    let rows = all.iter().map(|found| {
        let state = match (found.seated, found.elected) {
            (true, _) => "seated",
            (false, true) => "elected",
            _ => "waiting",
        };
        vec![
            found.account.to_string(),
            if found.blocked { format!("{state}, blocked") } else { state.into() },
            found.commission.to_string(),
            found.total.to_string(),
            found.own.to_string(),
            found.nominators.to_string(),
        ]
    });
    let head = ["VALIDATOR", "STATE", "COMMISSION", "BEHIND IT", "ITS OWN", "NOMINATORS"];
    print::table(&head, &rows.collect::<Vec<_>>())
}

/// Money on its way out, a line each.
pub fn leaving(all: &[LeavingView]) -> String {
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let line = |of: &LeavingView| {
        let left = print::duration(of.at.unix.saturating_sub(now));
        format!("leaves     {}: free when era {} begins, in about {left}\n", of.amount, of.era)
    };
    all.iter().map(line).collect()
}

fn show_stake(view: &StakeView) -> String {
    let does = match &view.role {
        RoleView::None => "nothing is bonded; `dbc stake bond` does".into(),
        RoleView::Idle => "nothing; `dbc stake nominate` or `dbc validator validate`".into(),
        RoleView::Nominates { validators } => {
            let all: Vec<String> = validators.iter().map(ToString::to_string).collect();
            format!("nominates {}", all.join(", "))
        }
        RoleView::Validates { commission } => format!("validates, keeps {commission}"),
    };
    let mut text = format!(
        "account    {}\nera        {}\nbonded     {}, of it {} count\ndoes       {does}\n",
        view.account, view.era, view.bonded, view.active
    );
    if view.free.0 > 0 {
        text += &format!("free       {}; `dbc stake withdraw` takes it\n", view.free);
    }
    text += &leaving(&view.leaving);
    text += &format!("unpaid     {}\n", view.unpaid);
    for slash in &view.slashes {
        text += &format!(
            "slash      {} for {}, when era {} begins unless it is cancelled\n",
            slash.amount, slash.validator, slash.era
        );
    }
    text
}

fn show_member(member: &PoolMemberView) -> String {
    let mut text = format!("pool       {}\nbonded     {}\n", member.pool, member.bonded);
    if member.free.0 > 0 {
        text += &format!("free       {}; `dbc pool withdraw` takes it\n", member.free);
    }
    text += &leaving(&member.leaving);
    text + &format!("earned     {}\n", member.earned)
}
