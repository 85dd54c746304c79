//! What is decided, by whom, and what is missing.

use dbc_chain_client::Body;
use serde::Serialize;

use super::figure::{Figure, Share};
use crate::{account::AccountId, money::Money};

/// A governed number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NumberView {
    /// E.g. `leases.protocol_fee`.
    pub name: String,
    /// What it is.
    pub value: Figure,
    /// What it was before anybody decided.
    pub default: Figure,
    /// Never less.
    pub least: Figure,
    /// Never more.
    pub most: Figure,
    /// The least that the next decision can make of it.
    pub next_least: Figure,
    /// The most that the next decision can make of it.
    pub next_most: Figure,
}

/// A track of referenda.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrackView {
    /// Its number.
    pub id: u16,
    /// Its name.
    pub name: String,
    /// Held from whoever lets a referendum be decided.
    pub deposit: Money,
    /// Seconds before deciding can begin.
    pub prepare_s: u64,
    /// Seconds for which votes are looked at.
    pub decide_s: u64,
    /// Seconds for which it must pass without a break.
    pub confirm_s: u64,
    /// Seconds between passing and being done.
    pub enact_s: u64,
}

/// Where a referendum stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferendumState {
    /// Nothing is decided yet.
    Preparing,
    /// Others of its track are decided first.
    Queued,
    /// Votes are looked at.
    Deciding,
    /// It passes if nothing changes.
    Confirming,
    /// It passed.
    Approved,
    /// It did not.
    Rejected,
    /// It was taken away.
    Cancelled,
    /// Nobody placed its deposit.
    TimedOut,
    /// It was taken away, and its deposits burnt.
    Killed,
}

/// A referendum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReferendumView {
    /// Its number.
    pub id: u32,
    /// Where it stands.
    pub state: ReferendumState,
    /// What only one that is not over has.
    pub open: Option<OpenReferendumView>,
    /// The block in which the state began that it is in for good.
    pub over_at: Option<u32>,
}

/// A referendum that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenReferendumView {
    /// Name of its track.
    pub track: String,
    /// Who asked.
    pub proposer: AccountId,
    /// What it does, in the runtime's words.
    pub call: Option<String>,
    /// The numbers that it sets, if that is all that it does.
    pub sets: Vec<SetView>,
    /// Votes for it: money times conviction.
    pub ayes: Money,
    /// Votes against it.
    pub nays: Money,
    /// Money behind the ayes.
    pub support: Money,
    /// Ayes among the votes.
    pub approval: Share,
    /// What it needs of them now.
    pub approval_needed: Share,
    /// Money behind the ayes, of all that can vote.
    pub turnout: Share,
    /// What it needs of it now.
    pub turnout_needed: Share,
    /// What is missing for it to pass; nothing when all fields are empty.
    pub missing: MissingView,
    /// What comes next.
    pub next: NextView,
}

/// A governed number and what it shall be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetView {
    /// E.g. `leases.protocol_fee`.
    pub name: String,
    /// What it shall be.
    pub value: Figure,
}

/// What is missing for a referendum to pass now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MissingView {
    /// The deposit without which nothing is decided.
    pub deposit: Option<Money>,
    /// Votes for it.
    pub ayes: Option<Money>,
    /// Money behind votes for it.
    pub support: Option<Money>,
}

/// What comes next of a referendum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextView {
    /// In a few words.
    pub what: String,
    /// In this block.
    pub block: Option<u32>,
    /// In about so many seconds.
    pub in_s: Option<u64>,
}

/// A question that was not asked yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DraftView {
    /// The track.
    pub track: TrackView,
    /// What it does, in the runtime's words.
    pub call: String,
    /// Its bytes.
    #[serde(skip)]
    pub bytes: Vec<u8>,
    /// Held from whoever asks, beside the track's deposit.
    pub submission_deposit: Money,
}

/// The network goes on with another runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpgradeView {
    /// Hash of its code.
    pub code_hash: String,
    /// Version of the one before.
    pub from: u32,
    /// Its version.
    pub to: u32,
}

/// What an account does with its votes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VotesView {
    /// The account.
    pub account: AccountId,
    /// On each track where there is anything.
    pub tracks: Vec<TrackVotesView>,
}

/// What an account does with its votes on a track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrackVotesView {
    /// Name of the track.
    pub track: String,
    /// What it cast.
    pub votes: Vec<VoteView>,
    /// Whom it handed them to.
    pub delegated: Option<DelegationView>,
    /// What votes on this track lock of the account.
    pub locked: Money,
    /// Until this block, of votes that are gone.
    pub locked_until: Option<u32>,
}

/// A vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct VoteView {
    /// The referendum.
    pub referendum: u32,
    /// For or against; nothing for one that is split.
    pub aye: Option<bool>,
    /// Money behind it.
    pub amount: Money,
    /// How long it stays locked, 0 to 6.
    pub conviction: u8,
}

/// Votes that were handed to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DelegationView {
    /// Who votes.
    pub to: AccountId,
    /// Money behind it.
    pub amount: Money,
    /// How long it stays locked, 0 to 6.
    pub conviction: u8,
}

/// The council, or the technical committee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CouncilView {
    /// Which.
    pub body: Body,
    /// Who has a seat.
    pub seats: Vec<AccountId>,
    /// Motions that are not closed.
    pub motions: Vec<MotionView>,
}

/// A motion that is not closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MotionView {
    /// Its number.
    pub id: u32,
    /// The numbers that it sets, if that is all that it does.
    pub sets: Vec<SetView>,
    /// What it does, in the runtime's words.
    pub call: String,
    /// Ayes that it needs.
    pub threshold: u32,
    /// Who is for it.
    pub ayes: Vec<AccountId>,
    /// Who is against it.
    pub nays: Vec<AccountId>,
    /// Nobody votes after this block.
    pub ends: u32,
    /// In about so many seconds.
    pub ends_in_s: u64,
}
