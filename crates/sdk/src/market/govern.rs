//! Decisions: governed numbers, referenda, votes. What is missing for a referendum to pass is reckoned here, by
//! the chain's own curves, so that nobody has to.

mod council;
mod need;
mod number;
mod upgrade;

use dbc_chain_client::{
    At, BATCH_MAX, Conviction, DueDeposits, Proposal, ReferendumRecord, ReferendumStage, SetNumber,
    TrackRecord, View,
};

use self::{
    need::{Need, next, parts},
    number::{find_number, number_view, pascal, set_views, within},
};
use super::network::{finish, tx_view};
use crate::{
    Market, MarketError,
    account::{AccountId, Signer},
    convert::{self, Calendar},
    money::Money,
    view::{
        DelegationView, DraftView, NumberView, OpenReferendumView, ReferendumState, ReferendumView,
        Share, TrackView, TrackVotesView, TxView, VoteView, VotesView,
    },
};

/// Newest referenda that are looked at.
const REFERENDA_MAX: u32 = 200;
/// The track of governed numbers.
const NUMBERS_TRACK: &str = "parameters";

impl Market {
    /// Every number that referenda set, by name.
    pub async fn numbers(&self) -> Result<Vec<NumberView>, MarketError> {
        let calendar = self.calendar().await?;
        let numbers = self.chain().await?.at(At::Best).await?.numbers().await?;
        let mut all: Vec<_> = numbers.iter().map(|number| number_view(number, calendar)).collect();
        all.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(all)
    }

    /// The tracks of referenda.
    pub async fn tracks(&self) -> Result<Vec<TrackView>, MarketError> {
        let calendar = self.calendar().await?;
        let tracks = self.chain().await?.at(At::Best).await?.tracks()?;
        Ok(tracks.iter().map(|track| track_view(track, calendar)).collect())
    }

    /// The newest referenda, newest first; without `all` only those that are not over.
    pub async fn referenda(&self, all: bool) -> Result<Vec<ReferendumView>, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        let count = view.referendum_count().await?;
        let mut found = Vec::new();
        for index in (count.saturating_sub(REFERENDA_MAX)..count).rev() {
            let Some(record) = view.referendum(index).await? else { continue };
            if all || record.open.is_some() {
                found.push(self.referendum_view(&view, record).await?);
            }
        }
        Ok(found)
    }

    /// A referendum.
    ///
    /// Errors: `invalid_input` when there never was one of this number.
    pub async fn referendum(&self, id: u32) -> Result<ReferendumView, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        let record = view.referendum(id).await?.ok_or_else(|| MarketError::Input {
            field: "referendum",
            why: format!("there is none of number {id}; `dbc vote list --all` shows them"),
        })?;
        self.referendum_view(&view, record).await
    }

    /// Writes the question that sets governed numbers (`NAME`, `VALUE`), several together or none of them.
    ///
    /// Errors: `invalid_input` when there is no such number, or the value is beyond what one decision can do.
    pub async fn draft_numbers(&self, sets: &[(String, String)]) -> Result<DraftView, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        let calendar = self.calendar().await?;
        let numbers = view.numbers().await?;
        let mut wanted = Vec::with_capacity(sets.len());
        for (name, value) in sets {
            let number = find_number(&numbers, name)?;
            wanted.push(SetNumber {
                group: pascal(&number.group),
                name: number.name.clone(),
                value: within(number, value, calendar)?,
            });
        }
        let call = view.set_numbers(&wanted)?;
        self.draft_on(&view, NUMBERS_TRACK, call).await
    }

    /// Writes the question whether a call shall be done, by its bytes.
    ///
    /// Errors: `invalid_input` when there is no such track or the bytes are no call.
    pub async fn draft_call(&self, track: &str, call: Vec<u8>) -> Result<DraftView, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        self.draft_on(&view, track, call).await
    }

    async fn draft_on(
        &self,
        view: &View,
        track: &str,
        call: Vec<u8>,
    ) -> Result<DraftView, MarketError> {
        let Proposal { call: bytes, text, .. } = view.checked(&call)?;
        let tracks = view.tracks()?;
        let found = find_track(&tracks, track)?;
        let track = track_view(found, self.calendar().await?);
        let submission_deposit = Money(view.submission_deposit()?);
        Ok(DraftView { track, call: convert::line(&text), bytes, submission_deposit })
    }

    /// Asks a question; its number is told when the transaction is final. It is not decided without
    /// [`Market::place_deposit`].
    pub async fn propose(&self, signer: &Signer, draft: &DraftView) -> Result<u32, MarketError> {
        let chain = self.chain().await?;
        let view = chain.at(At::Best).await?;
        let sent = chain.propose(signer, &view, &draft.track.name, draft.bytes.clone()).await?;
        let included = sent.finalized().await?;
        included.events.referendum()?.ok_or_else(|| {
            MarketError::Internal("the chain took the question but told no number".into())
        })
    }

    /// Holds the deposit without which a referendum is not decided. Anybody may place it.
    ///
    /// Errors: `chain_refused` when it is there, or the referendum is over.
    pub async fn place_deposit(&self, signer: &Signer, id: u32) -> Result<TxView, MarketError> {
        finish(self.chain().await?.place_deposit(signer, id).await?).await
    }

    /// Returns the deposits of a referendum that is over to those who placed them: to whoever let it be decided,
    /// and, unless it was refused or killed, to whoever asked. Calls that the signer noted and no open
    /// referendum names are taken back with it, for their deposits.
    ///
    /// Errors: `invalid_input` while it is not over, and when nothing is due.
    pub async fn refund_deposit(&self, signer: &Signer, id: u32) -> Result<TxView, MarketError> {
        let chain = self.chain().await?;
        let view = chain.at(At::Best).await?;
        let refused = |why: &str| {
            Err(MarketError::Input { field: "referendum", why: format!("number {id} {why}") })
        };
        let due = match view.referendum(id).await? {
            Some(record) if record.open.is_none() => record.due,
            Some(_) => return refused("is not over"),
            None => return refused("never was; `dbc vote list --all` shows them"),
        };
        let noted = spare(&view, signer.account()).await?;
        if due == DueDeposits::default() && noted.is_empty() {
            return refused("has no deposit that returns");
        }
        finish(chain.refund_deposits(signer, id, due, &noted).await?).await
    }

    /// Votes. `times` is the conviction: 0 counts a tenth and locks nothing, 1 to 6 count as often and lock
    /// for 1, 2, 4, 8, 16, 32 lock periods if the vote was on the winning side.
    ///
    /// Errors: `invalid_input` for another conviction, `chain_refused` when the referendum is over or the
    /// account's votes on its track are handed to somebody.
    pub async fn vote(
        &self,
        signer: &Signer,
        referendum: u32,
        aye: bool,
        amount: Money,
        times: u8,
    ) -> Result<TxView, MarketError> {
        let conviction = conviction(times)?;
        let chain = self.chain().await?;
        finish(chain.vote(signer, referendum, aye, amount.0, conviction).await?).await
    }

    /// Hands the votes of a track to somebody.
    pub async fn delegate(
        &self,
        signer: &Signer,
        track: &str,
        to: AccountId,
        amount: Money,
        times: u8,
    ) -> Result<TxView, MarketError> {
        let conviction = conviction(times)?;
        let chain = self.chain().await?;
        let track = find_track(&chain.at(At::Best).await?.tracks()?, track)?.id;
        finish(chain.delegate(signer, track, to, amount.0, conviction).await?).await
    }

    /// Takes the votes of a track back; what they locked stays locked for its time.
    pub async fn undelegate(&self, signer: &Signer, track: &str) -> Result<TxView, MarketError> {
        let chain = self.chain().await?;
        let track = find_track(&chain.at(At::Best).await?.tracks()?, track)?.id;
        finish(chain.undelegate(signer, track).await?).await
    }

    /// What an account does with its votes.
    pub async fn votes(&self, account: AccountId) -> Result<VotesView, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        let locks = view.vote_locks(account).await?;
        let mut tracks = Vec::new();
        for track in view.tracks()? {
            let found = view.voting(account, track.id).await?;
            let locked = locks.iter().find(|(id, _)| *id == track.id).map_or(0, |(_, sum)| *sum);
            if found.votes.is_empty() && found.delegated.is_none() && locked == 0 {
                continue;
            }
            let vote = |vote: &dbc_chain_client::VoteRecord| VoteView {
                referendum: vote.referendum,
                aye: vote.aye,
                amount: Money(vote.amount),
                conviction: vote.conviction.times(),
            };
            tracks.push(TrackVotesView {
                track: track.name,
                votes: found.votes.iter().map(vote).collect(),
                delegated: found.delegated.map(|to| DelegationView {
                    to: to.to,
                    amount: Money(to.amount),
                    conviction: to.conviction.times(),
                }),
                locked: Money(locked),
                locked_until: (found.locked.1 > 0).then_some(found.locked.0),
            });
        }
        Ok(VotesView { account, tracks })
    }

    /// Removes the signer's votes on referenda that are over and frees what is free; `None` when there is
    /// nothing to do.
    pub async fn unlock_votes(&self, signer: &Signer) -> Result<Option<TxView>, MarketError> {
        let chain = self.chain().await?;
        let view = chain.at(At::Best).await?;
        let tracks: Vec<u16> =
            view.vote_locks(signer.account()).await?.iter().map(|(track, _)| *track).collect();
        let mut over = Vec::new();
        for track in &tracks {
            for vote in view.voting(signer.account(), *track).await?.votes {
                let record = view.referendum(vote.referendum).await?;
                if record.is_none_or(|record| record.open.is_none()) {
                    over.push((*track, vote.referendum));
                }
            }
        }
        if tracks.is_empty() {
            return Ok(None);
        }
        let sent = chain.unlock_votes(signer, &over, &tracks).await?;
        Ok(Some(tx_view(&sent.finalized().await?, true)))
    }

    async fn referendum_view(
        &self,
        view: &View,
        record: ReferendumRecord,
    ) -> Result<ReferendumView, MarketError> {
        let state = state(record.stage);
        let over_at = over_at(record.stage);
        let id = record.index;
        let Some(open) = record.open else {
            return Ok(ReferendumView { id, state, open: None, over_at });
        };
        let tracks = view.tracks()?;
        let track = tracks.iter().find(|track| track.id == open.track).ok_or_else(|| {
            MarketError::Internal(format!("referendum {id} has no track of this network"))
        })?;
        let calendar = self.calendar().await?;
        let now = u32::try_from(view.number()).unwrap_or(u32::MAX);
        let sets = match open.proposal.as_ref().map(|proposal| &proposal.sets[..]) {
            Some(sets @ [_, ..]) => set_views(&view.numbers().await?, sets, calendar),
            _ => vec![],
        };
        let electorate = view.electorate().await?;
        let need = Need::of(track, record.stage, now);
        Ok(ReferendumView {
            id,
            state,
            over_at,
            open: Some(OpenReferendumView {
                track: track.name.clone(),
                proposer: open.proposer,
                call: open.proposal.as_ref().map(|proposal| convert::line(&proposal.text)),
                sets,
                ayes: Money(open.ayes),
                nays: Money(open.nays),
                support: Money(open.support),
                approval: Share(parts(open.ayes, open.ayes.saturating_add(open.nays))),
                approval_needed: Share(need.approval),
                turnout: Share(parts(open.support, electorate)),
                turnout_needed: Share(need.support),
                missing: need.missing(&open, electorate, Money(track.deposit)),
                next: next(track, record.stage, &open, now, calendar),
            }),
        })
    }
}

/// Calls that an account noted and no open referendum names.
async fn spare(view: &View, who: AccountId) -> Result<Vec<[u8; 32]>, MarketError> {
    let mut noted = view.noted_by(who).await?;
    if noted.is_empty() {
        return Ok(noted);
    }
    let count = view.referendum_count().await?;
    for index in count.saturating_sub(REFERENDA_MAX)..count {
        let named = view.referendum(index).await?.and_then(|record| record.open?.noted);
        noted.retain(|hash| named != Some(*hash));
    }
    noted.truncate(BATCH_MAX);
    Ok(noted)
}

fn state(stage: ReferendumStage) -> ReferendumState {
    match stage {
        ReferendumStage::Preparing { .. } => ReferendumState::Preparing,
        ReferendumStage::Queued => ReferendumState::Queued,
        ReferendumStage::Deciding { confirming: None, .. } => ReferendumState::Deciding,
        ReferendumStage::Deciding { .. } => ReferendumState::Confirming,
        ReferendumStage::Approved(_) => ReferendumState::Approved,
        ReferendumStage::Rejected(_) => ReferendumState::Rejected,
        ReferendumStage::Cancelled(_) => ReferendumState::Cancelled,
        ReferendumStage::TimedOut(_) => ReferendumState::TimedOut,
        ReferendumStage::Killed(_) => ReferendumState::Killed,
    }
}

fn over_at(stage: ReferendumStage) -> Option<u32> {
    match stage {
        ReferendumStage::Approved(at)
        | ReferendumStage::Rejected(at)
        | ReferendumStage::Cancelled(at)
        | ReferendumStage::TimedOut(at)
        | ReferendumStage::Killed(at) => Some(at),
        _ => None,
    }
}

fn conviction(times: u8) -> Result<Conviction, MarketError> {
    Conviction::new(times).ok_or_else(|| MarketError::Input {
        field: "conviction",
        why: "must be between 0 and 6".into(),
    })
}

fn find_track<'a>(tracks: &'a [TrackRecord], name: &str) -> Result<&'a TrackRecord, MarketError> {
    let found = tracks.iter().find(|track| track.name == name || track.id.to_string() == name);
    found.ok_or_else(|| {
        let all: Vec<&str> = tracks.iter().map(|track| track.name.as_str()).collect();
        let why = format!("{name:?} is none; there are {}", all.join(", "));
        MarketError::Input { field: "track", why }
    })
}

fn track_view(track: &TrackRecord, calendar: Calendar) -> TrackView {
    let seconds = |blocks: u32| calendar.seconds(blocks.into());
    TrackView {
        id: track.id,
        name: track.name.clone(),
        deposit: Money(track.deposit),
        prepare_s: seconds(track.prepare),
        decide_s: seconds(track.decide),
        confirm_s: seconds(track.confirm),
        enact_s: seconds(track.enact),
    }
}
