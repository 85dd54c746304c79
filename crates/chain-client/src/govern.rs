//! Referenda and governed numbers: reads, and the calls that ask and answer. What a proposal does is read from
//! its bytes by the node's own metadata, so that a voter sees what is done and not what is said of it.

mod council;
mod curve;
mod proposal;
mod upgrade;
mod vote;

use dbc_primitives::parameter::Number;
use subxt::utils::H256;

use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    events::TxEvents,
    generated::{
        self,
        runtime_types::{
            frame_support::traits::preimages::Bounded,
            pallet_preimage::RequestStatus,
            pallet_referenda::types::{Deposit, ReferendumInfo, TrackDetails},
        },
    },
    read::{ITEMS_MAX, View},
    tx::Submission,
};

pub use council::{Body, MotionRecord};
pub use curve::{Curve, PARTS};
pub use proposal::{Proposal, SetNumber};
pub use vote::{Conviction, DelegationRecord, VoteRecord, VotingRecord};

/// A track of referenda: what its questions cost and how long they take. Periods count blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackRecord {
    /// Its number.
    pub id: u16,
    /// Its name, e.g. `parameters`.
    pub name: String,
    /// Held from whoever lets a referendum be decided.
    pub deposit: u128,
    /// Blocks before deciding can begin.
    pub prepare: u32,
    /// Blocks for which votes are looked at.
    pub decide: u32,
    /// Blocks for which it must pass without a break.
    pub confirm: u32,
    /// Blocks between passing and being done, at least.
    pub enact: u32,
    /// The share of ayes that it needs as time goes by.
    pub approval: Curve,
    /// The share of all money that must stand behind its ayes as time goes by.
    pub support: Curve,
}

/// Where a referendum stands. Points in time are heights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferendumStage {
    /// Nothing is decided before this block, and not without the deposit.
    Preparing {
        /// The block.
        until: u32,
    },
    /// Others of its track are decided first.
    Queued,
    /// Votes are looked at.
    Deciding {
        /// Since this block.
        since: u32,
        /// It passes in this block if nothing changes.
        confirming: Option<u32>,
    },
    /// It passed in this block.
    Approved(u32),
    /// It did not.
    Rejected(u32),
    /// It was taken away, and its deposits returned.
    Cancelled(u32),
    /// Nobody placed its deposit.
    TimedOut(u32),
    /// It was taken away, and its deposits burnt.
    Killed(u32),
}

/// A referendum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferendumRecord {
    /// Its number.
    pub index: u32,
    /// Where it stands.
    pub stage: ReferendumStage,
    /// What only one that is not over has.
    pub open: Option<OpenReferendum>,
    /// What of its deposits can be returned.
    pub due: DueDeposits,
}

/// Deposits of a referendum that can be returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DueDeposits {
    /// Of whoever asked: when it was approved or taken away.
    pub submission: bool,
    /// Of whoever let it be decided.
    pub decision: bool,
}

/// A referendum that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReferendum {
    /// Number of its track.
    pub track: u16,
    /// Who asked.
    pub proposer: AccountId,
    /// Whether the deposit without which nothing is decided is there.
    pub deposited: bool,
    /// Height at which it was submitted.
    pub submitted: u32,
    /// Votes for it: money times conviction.
    pub ayes: u128,
    /// Votes against it.
    pub nays: u128,
    /// Money behind the ayes, without conviction.
    pub support: u128,
    /// What it does; `None` when its bytes are nowhere to be found.
    pub proposal: Option<Proposal>,
    /// Hash of its call where that is noted beside it.
    pub noted: Option<[u8; 32]>,
}

/// Longest call that stands in a referendum itself; longer ones are noted beside it.
const INLINE_BYTES_MAX: usize = 128;

impl View {
    /// The tracks, with periods as this network has them.
    pub fn tracks(&self) -> Result<Vec<TrackRecord>, ChainError> {
        let tracks = self.constant(generated::constants().referenda().tracks())?;
        Ok(tracks.into_iter().map(|(id, details)| track(id, details)).collect())
    }

    /// How many referenda there ever were; the numbers are below it.
    pub async fn referendum_count(&self) -> Result<u32, ChainError> {
        let entry = generated::storage().referenda().referendum_count();
        Ok(self.get("referenda", entry, ()).await?.unwrap_or_default())
    }

    /// A referendum; `None` when there never was one of this number.
    pub async fn referendum(&self, index: u32) -> Result<Option<ReferendumRecord>, ChainError> {
        let entry = generated::storage().referenda().referendum_info_for();
        let Some(found) = self.get("referendum", entry, (index,)).await? else { return Ok(None) };
        let status = match found {
            ReferendumInfo::Ongoing(status) => status,
            ReferendumInfo::Approved(at, asked, placed) => {
                return Ok(over(index, ReferendumStage::Approved(at), &asked, &placed));
            }
            ReferendumInfo::Rejected(at, _, placed) => {
                return Ok(over(index, ReferendumStage::Rejected(at), &None, &placed));
            }
            ReferendumInfo::Cancelled(at, asked, placed) => {
                return Ok(over(index, ReferendumStage::Cancelled(at), &asked, &placed));
            }
            ReferendumInfo::TimedOut(at, _, placed) => {
                return Ok(over(index, ReferendumStage::TimedOut(at), &None, &placed));
            }
            ReferendumInfo::Killed(at) => {
                return Ok(over(index, ReferendumStage::Killed(at), &None, &None));
            }
        };
        let (proposal, noted) = match status.proposal {
            Bounded::Inline(bytes) => (Some(self.proposal(bytes.0)), None),
            Bounded::Lookup { hash, len } => (self.noted_call(hash, len).await?, Some(hash.0)),
            _ => (None, None),
        };
        let prepare = self.tracks()?.into_iter().find(|track| track.id == status.track);
        let stage = match status.deciding {
            Some(deciding) => {
                ReferendumStage::Deciding { since: deciding.since, confirming: deciding.confirming }
            }
            None if status.in_queue => ReferendumStage::Queued,
            None => ReferendumStage::Preparing {
                until: status.submitted.saturating_add(prepare.map_or(0, |track| track.prepare)),
            },
        };
        let open = OpenReferendum {
            track: status.track,
            proposer: AccountId(status.submission_deposit.who.0),
            deposited: status.decision_deposit.is_some(),
            submitted: status.submitted,
            ayes: status.tally.ayes,
            nays: status.tally.nays,
            support: status.tally.support,
            proposal,
            noted,
        };
        Ok(Some(ReferendumRecord { index, stage, open: Some(open), due: DueDeposits::default() }))
    }

    /// All money that can vote.
    pub async fn electorate(&self) -> Result<u128, ChainError> {
        let of = generated::storage().balances();
        let all = self.get("issuance", of.total_issuance(), ()).await?.unwrap_or_default();
        let idle = self.get("issuance", of.inactive_issuance(), ()).await?.unwrap_or_default();
        Ok(all.saturating_sub(idle))
    }

    /// Every number that referenda set, with its default and limits.
    pub async fn numbers(&self) -> Result<Vec<Number>, ChainError> {
        self.view("Origins", "numbers", ()).await
    }

    /// Deposit of whoever asks, beside the track's.
    pub fn submission_deposit(&self) -> Result<u128, ChainError> {
        self.constant(generated::constants().referenda().submission_deposit())
    }

    /// Hashes of the calls that an account noted and has a deposit for, of the first 10,000 of all.
    pub async fn noted_by(&self, who: AccountId) -> Result<Vec<[u8; 32]>, ChainError> {
        let what = "noted calls";
        let entry = self
            .block
            .storage()
            .entry(generated::storage().preimage().request_status_for())
            .map_err(|error| self.failed(what, error))?;
        let mut items = self.shared.call(what, entry.iter(())).await?;
        let (mut seen, mut found) = (0, Vec::new());
        while let Some(item) = self.next(what, items.next()).await? {
            let key = item.key().map_err(|error| self.failed(what, error))?;
            let (hash,) = key.decode().map_err(|error| self.failed(what, error))?;
            let status = item.value().decode().map_err(|error| self.failed(what, error))?;
            let owner = match status {
                RequestStatus::Unrequested { ticket: (owner, _), .. } => Some(owner),
                RequestStatus::Requested { maybe_ticket, .. } => maybe_ticket.map(|(of, _)| of),
            };
            if owner.is_some_and(|owner| owner.0 == who.0) {
                found.push(hash.0);
            }
            seen += 1;
            if seen >= ITEMS_MAX {
                break;
            }
        }
        Ok(found)
    }

    /// What a noted call does; one that is too long to be shown is not even fetched.
    async fn noted_call(&self, hash: H256, len: u32) -> Result<Option<Proposal>, ChainError> {
        let length = len as usize;
        if length > proposal::CALL_BYTES_MAX {
            let there = self.noted(hash).await? == Some(len);
            let text = proposal::too_long(hash, length);
            return Ok(there.then(|| Proposal { call: vec![], text, sets: vec![] }));
        }
        let entry = generated::storage().preimage().preimage_for();
        let found = self.get("preimage", entry, ((hash, len),)).await?;
        Ok(found.map(|bytes| self.proposal(bytes.0)))
    }

    /// Length of what is noted under a hash.
    async fn noted(&self, hash: H256) -> Result<Option<u32>, ChainError> {
        let entry = generated::storage().preimage().request_status_for();
        let found = self.get("preimage", entry, (hash,)).await?;
        Ok(found.and_then(|status| match status {
            RequestStatus::Unrequested { len, .. } => Some(len),
            RequestStatus::Requested { maybe_len, .. } => maybe_len,
        }))
    }
}

type Placed = Option<Deposit<subxt::utils::AccountId32, u128>>;

fn over(
    index: u32,
    stage: ReferendumStage,
    asked: &Placed,
    placed: &Placed,
) -> Option<ReferendumRecord> {
    let due = DueDeposits { submission: asked.is_some(), decision: placed.is_some() };
    Some(ReferendumRecord { index, stage, open: None, due })
}

fn track(id: u16, from: TrackDetails<u128, u32, String>) -> TrackRecord {
    TrackRecord {
        id,
        name: from.name.trim_end_matches('\0').to_owned(),
        deposit: from.decision_deposit,
        prepare: from.prepare_period,
        decide: from.decision_period,
        confirm: from.confirm_period,
        enact: from.min_enactment_period,
        approval: curve::of(&from.min_approval),
        support: curve::of(&from.min_support),
    }
}

impl ChainClient {
    /// Asks a question on a track; a call that is too long for the referendum itself is noted beside it, in the
    /// same transaction. [`TxEvents::referendum`] has the number.
    ///
    /// Errors: [`ChainError::Input`] when there is no such track or the bytes are no call.
    pub async fn propose(
        &self,
        signer: &Signer,
        view: &View,
        track: &str,
        call: Vec<u8>,
    ) -> Result<Submission, ChainError> {
        use generated::runtime_types::{
            bounded_collections::bounded_vec::BoundedVec, dbc_runtime::RuntimeCall,
            frame_support::traits::schedule::DispatchTime,
            pallet_preimage::pallet::Call as Preimage,
        };
        view.checked(&call)?;
        let origin = proposal::origin(track)?;
        let after = DispatchTime::After(0);
        if call.len() <= INLINE_BYTES_MAX {
            let inline = Bounded::Inline(BoundedVec(call));
            let submit = generated::transactions().referenda().submit(origin, inline, after);
            return self.submit(signer, &submit).await;
        }
        let len = u32::try_from(call.len())
            .map_err(|_| ChainError::Input { field: "call", why: "is too long".into() })?;
        let hash = view.hash_of(&call);
        let submit = generated::runtime_types::pallet_referenda::pallet::Call::submit {
            proposal_origin: Box::new(origin),
            proposal: Bounded::Lookup { hash, len },
            enactment_moment: after,
        };
        let mut calls = vec![RuntimeCall::Referenda(submit)];
        // Whoever noted it before, it is the same call.
        if view.noted(hash).await?.is_none() {
            calls.insert(0, RuntimeCall::Preimage(Preimage::note_preimage { bytes: call }));
        }
        self.submit(signer, &generated::transactions().utility().batch_all(calls)).await
    }

    /// Holds the deposit without which a referendum is not decided.
    pub async fn place_deposit(
        &self,
        signer: &Signer,
        index: u32,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().referenda().place_decision_deposit(index);
        self.submit(signer, &call).await
    }

    /// Returns deposits of a referendum that is over to those who placed them, and takes back calls that the
    /// signer noted, with their deposits; all or none.
    pub async fn refund_deposits(
        &self,
        signer: &Signer,
        index: u32,
        due: DueDeposits,
        noted: &[[u8; 32]],
    ) -> Result<Submission, ChainError> {
        use generated::runtime_types::{
            dbc_runtime::RuntimeCall, pallet_preimage::pallet::Call as Preimage,
            pallet_referenda::pallet::Call as Referenda,
        };
        let mut calls = Vec::new();
        if due.decision {
            calls.push(RuntimeCall::Referenda(Referenda::refund_decision_deposit { index }));
        }
        if due.submission {
            calls.push(RuntimeCall::Referenda(Referenda::refund_submission_deposit { index }));
        }
        calls.extend(
            noted
                .iter()
                .map(|hash| RuntimeCall::Preimage(Preimage::unnote_preimage { hash: H256(*hash) })),
        );
        self.submit(signer, &generated::transactions().utility().batch_all(calls)).await
    }
}

impl TxEvents {
    /// The referendum that was submitted.
    pub fn referendum(&self) -> Result<Option<u32>, ChainError> {
        let found = self.first::<generated::referenda::events::Submitted>()?;
        Ok(found.map(|event| event.index))
    }
}
