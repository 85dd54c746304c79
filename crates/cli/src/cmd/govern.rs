//! `dbc vote …` and `dbc params`: what is decided, and by whom.

use std::path::Path;

use anyhow::Result;
use dbc_sdk::{
    AccountId, DraftView, ErrorCode, Market, MissingView, NumberView, OpenReferendumView,
    ReferendumState, ReferendumView, Signer, TrackView, VotesView,
};

use super::money;
use crate::{
    args::{Cast, Params, Propose, Vote},
    context::Context,
    failure::coded,
    print,
    wallet::Wallets,
};

/// Longest text of a call in a list.
const CALL_CHARS: usize = 60;

/// Runs one of the commands about referenda.
pub async fn vote(context: &Context, args: Vote) -> Result<u8> {
    let market = context.market()?;
    match args {
        Vote::List { all } => {
            let found = market.referenda(all).await?;
            print::data(context.json, &found, || list(&found));
        }
        Vote::Show { referendum } => {
            let found = market.referendum(referendum).await?;
            print::data(context.json, &found, || show(&found));
        }
        Vote::Tracks => {
            let tracks = market.tracks().await?;
            print::data(context.json, &tracks, || list_tracks(&tracks));
        }
        Vote::Propose(args) => propose(context, &market, &args).await?,
        Vote::Deposit { referendum } => {
            market.place_deposit(&context.signer()?, referendum).await?;
            let found = market.referendum(referendum).await?;
            print::data(context.json, &found, || show(&found));
        }
        Vote::Aye(cast) => cast_vote(context, &market, &cast, true).await?,
        Vote::Nay(cast) => cast_vote(context, &market, &cast, false).await?,
        Vote::Delegate { track, to, weight } => {
            let to = account(context, &to)?;
            let amount = money(&weight.amount, "--amount")?;
            let signer = context.signer()?;
            market.delegate(&signer, &track, to, amount, weight.conviction).await?;
            show_mine(context, &market, signer.account()).await?;
        }
        Vote::Undelegate { track } => {
            let signer = context.signer()?;
            market.undelegate(&signer, &track).await?;
            show_mine(context, &market, signer.account()).await?;
        }
        Vote::Mine => show_mine(context, &market, context.signer()?.account()).await?,
        Vote::Unlock => {
            let signer = context.signer()?;
            if market.unlock_votes(&signer).await?.is_none() {
                print::note("no vote locks anything");
            }
            show_mine(context, &market, signer.account()).await?;
        }
        Vote::Upgrade { runtime } => {
            let signer = context.signer()?;
            let mut step = print::Step::begin("upgrade", context.quiet());
            step.say("the code is sent; it counts from the block after the one that takes it");
            let done = market.upgrade(&signer, code(&runtime)?).await?;
            step.done("blocks are made with it");
            print::data(context.json, &done, || {
                format!("the network went from runtime {} to {}", done.from, done.to)
            });
        }
        Vote::Refund { referendum } => {
            let tx = market.refund_deposit(&context.signer()?, referendum).await?;
            print::data(context.json, &tx, || {
                format!(
                    "what was held for referendum {referendum} is back with those who placed it"
                )
            });
        }
    }
    Ok(0)
}

/// Lists the governed numbers.
pub async fn params(context: &Context, args: Params) -> Result<u8> {
    let mut numbers = context.market()?.numbers().await?;
    if let Some(part) = &args.name {
        let part = part.to_ascii_lowercase();
        numbers.retain(|number| number.name.contains(&part));
        if numbers.is_empty() {
            let why = format!("no number has {part:?} in its name; `dbc params` lists all");
            return Err(coded(ErrorCode::InvalidInput, why));
        }
    }
    print::data(context.json, &numbers, || list_numbers(&numbers));
    Ok(0)
}

/// An account by its address, the name of a wallet, or a secret address of development.
pub fn account(context: &Context, text: &str) -> Result<AccountId> {
    if text.starts_with("//") {
        return Ok(Signer::from_uri(text)?.account());
    }
    match text.parse::<AccountId>() {
        Ok(account) => Ok(account),
        Err(_) => Ok(Wallets::at(&context.home).load(text)?.address().parse()?),
    }
}

async fn propose(context: &Context, market: &Market, args: &Propose) -> Result<()> {
    let draft = draft(market, args).await?;
    let signer = context.signer()?;
    let mut step = print::Step::begin("propose", context.quiet());
    step.say(&format!("track {}: {}", draft.track.name, draft.call));
    let id = market.propose(&signer, &draft).await?;
    step.say(&format!("referendum {id} is there"));
    if !args.no_deposit {
        let placed = market.place_deposit(&signer, id).await;
        placed.map_err(|error| {
            let again =
                format!("referendum {id} is asked; `dbc vote deposit {id}` lets it be decided");
            anyhow::Error::from(error).context(again)
        })?;
    }
    step.done(&format!("referendum {id}"));
    let found = market.referendum(id).await?;
    print::data(context.json, &found, || show(&found));
    Ok(())
}

/// The bytes of a call as typed.
pub fn call_bytes(text: &str) -> Result<Vec<u8>> {
    let text = text.trim();
    hex::decode(text.strip_prefix("0x").unwrap_or(text))
        .map_err(|_| coded(ErrorCode::InvalidInput, "--call: is no hexadecimal"))
}

/// The code of a runtime, from its file.
fn code(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|error| {
        coded(ErrorCode::InvalidInput, format!("{} cannot be read: {error}", file.display()))
    })
}

async fn draft(market: &Market, args: &Propose) -> Result<DraftView> {
    if let Some(runtime) = &args.upgrade {
        return Ok(market.draft_upgrade(&code(runtime)?).await?);
    }
    if let (Some(call), Some(track)) = (&args.call, &args.track) {
        return Ok(market.draft_call(track, call_bytes(call)?).await?);
    }
    let mut sets = Vec::with_capacity(args.set.len());
    for pair in &args.set {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            coded(ErrorCode::InvalidInput, format!("--set: {pair:?} is not PARAMETER=VALUE"))
        })?;
        sets.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(market.draft_numbers(&sets).await?)
}

async fn cast_vote(context: &Context, market: &Market, cast: &Cast, aye: bool) -> Result<()> {
    let amount = money(&cast.weight.amount, "--amount")?;
    let signer = context.signer()?;
    market.vote(&signer, cast.referendum, aye, amount, cast.weight.conviction).await?;
    let found = market.referendum(cast.referendum).await?;
    print::data(context.json, &found, || show(&found));
    Ok(())
}

async fn show_mine(context: &Context, market: &Market, account: AccountId) -> Result<()> {
    let votes = market.votes(account).await?;
    print::data(context.json, &votes, || mine(&votes));
    Ok(())
}

fn word(state: ReferendumState) -> &'static str {
    match state {
        ReferendumState::Preparing => "preparing",
        ReferendumState::Queued => "queued",
        ReferendumState::Deciding => "deciding",
        ReferendumState::Confirming => "confirming",
        ReferendumState::Approved => "approved",
        ReferendumState::Rejected => "rejected",
        ReferendumState::Cancelled => "cancelled",
        ReferendumState::TimedOut => "timed out",
        ReferendumState::Killed => "killed",
    }
}

fn list(all: &[ReferendumView]) -> String {
    if all.is_empty() {
        return "no referendum is open; `dbc vote list --all` shows those that are over".into();
    }
    let rows = all.iter().map(|found| {
        let id = found.id.to_string();
        match &found.open {
            Some(open) => vec![
                id,
                open.track.clone(),
                word(found.state).into(),
                does(open).chars().take(CALL_CHARS).collect(),
                format!("{} of {}", round(open.approval), round(open.approval_needed)),
                format!("{} of {}", round(open.turnout), round(open.turnout_needed)),
                next(open),
            ],
            None => {
                let at = found.over_at.map(|at| format!("in block {at}")).unwrap_or_default();
                vec![
                    id,
                    String::new(),
                    word(found.state).into(),
                    String::new(),
                    String::new(),
                    String::new(),
                    at,
                ]
            }
        }
    });
    let head = ["ID", "TRACK", "STATE", "DOES", "AYES", "SUPPORT", "NEXT"];
    print::table(&head, &rows.collect::<Vec<_>>())
}

fn show(found: &ReferendumView) -> String {
    let Some(open) = &found.open else {
        let at = found.over_at.map(|at| format!(" in block {at}")).unwrap_or_default();
        return format!("referendum {} is {}{at}", found.id, word(found.state));
    };
    format!(
        "referendum {}\ntrack      {}\nstate      {}\ndoes       {}\nasked by   {}\nayes       {} of {} needed now ({} against {})\nsupport    {} of {} needed now ({})\nmissing    {}\nnext       {}",
        found.id,
        open.track,
        word(found.state),
        does(open),
        open.proposer,
        open.approval,
        open.approval_needed,
        open.ayes,
        open.nays,
        open.turnout,
        open.turnout_needed,
        open.support,
        missing(&open.missing),
        next(open),
    )
}

fn does(open: &OpenReferendumView) -> String {
    if !open.sets.is_empty() {
        let all = open.sets.iter().map(|set| format!("{} to {}", set.name, set.value));
        return format!("sets {}", all.collect::<Vec<_>>().join(", "));
    }
    let unknown = || "nobody can say: its call is not noted on the chain".into();
    open.call.clone().unwrap_or_else(unknown)
}

fn missing(missing: &MissingView) -> String {
    let mut words = Vec::new();
    if let Some(deposit) = missing.deposit {
        words.push(format!("a deposit of {deposit}"));
    }
    if let Some(ayes) = missing.ayes {
        words.push(format!("{ayes} of votes for it"));
    }
    if let Some(support) = missing.support {
        words.push(format!("{support} behind votes for it"));
    }
    if words.is_empty() { "nothing".into() } else { words.join(", ") }
}

fn next(open: &OpenReferendumView) -> String {
    let next = &open.next;
    match (next.block, next.in_s) {
        (Some(block), Some(seconds)) => {
            format!("{} in block {block}, in about {}", next.what, print::duration(seconds))
        }
        _ => next.what.clone(),
    }
}

/// A share to a tenth of a hundredth, for lists.
fn round(share: dbc_sdk::Share) -> dbc_sdk::Share {
    const TENTH: u64 = 1_000_000;
    dbc_sdk::Share((share.0 + TENTH / 2) / TENTH * TENTH)
}

fn list_tracks(tracks: &[TrackView]) -> String {
    let rows = tracks.iter().map(|track| {
        vec![
            track.name.clone(),
            track.deposit.to_string(),
            print::duration(track.prepare_s),
            print::duration(track.decide_s),
            print::duration(track.confirm_s),
            print::duration(track.enact_s),
        ]
    });
    let head = ["TRACK", "DEPOSIT", "BEGINS AFTER", "VOTE UP TO", "CONFIRMED FOR", "THEN WAITS"];
    print::table(&head, &rows.collect::<Vec<_>>())
}

fn list_numbers(numbers: &[NumberView]) -> String {
    let rows = numbers.iter().map(|number| {
        vec![
            number.name.clone(),
            number.value.to_string(),
            number.default.to_string(),
            number.least.to_string(),
            number.most.to_string(),
            format!("{} to {}", number.next_least, number.next_most),
        ]
    });
    let head = ["NUMBER", "VALUE", "DEFAULT", "LEAST", "MOST", "NEXT"];
    print::table(&head, &rows.collect::<Vec<_>>())
}

fn mine(votes: &VotesView) -> String {
    if votes.tracks.is_empty() {
        return format!("{} has no votes, and none lock anything", votes.account);
    }
    let mut text = format!("account    {}\n", votes.account);
    for track in &votes.tracks {
        text += &format!("{:<10} {} locked", track.track, track.locked);
        if let Some(until) = track.locked_until {
            text += &format!(", of votes that are gone until block {until}");
        }
        text += "\n";
        for vote in &track.votes {
            let side = match vote.aye {
                Some(true) => "aye",
                Some(false) => "nay",
                None => "split",
            };
            text += &format!(
                "  {side} on {} with {}, conviction {}\n",
                vote.referendum, vote.amount, vote.conviction
            );
        }
        if let Some(to) = &track.delegated {
            text += &format!(
                "  handed to {} with {}, conviction {}\n",
                to.to, to.amount, to.conviction
            );
        }
    }
    text
}
