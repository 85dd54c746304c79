//! Motions of the council and of the technical committee: reads and calls, the same for both.

use subxt::{
    dynamic::{self, Value},
    ext::scale_value::Composite,
    storage::Address,
    utils::H256,
};

use super::Proposal;
use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    generated::{self, runtime_types::pallet_collective::Votes},
    read::View,
    tx::Submission,
};

/// What a motion may weigh when it is closed: a tenth of a second, more than any that can pass.
const WEIGHT: (u128, u128) = (100_000_000_000, 1_000_000);

/// Whose motion it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// The council: cancelled slashes, appeals, seats of auditors.
    Council,
    /// The technical committee: pauses.
    Technical,
}

impl Body {
    fn pallet(self) -> &'static str {
        match self {
            Self::Council => "Council",
            Self::Technical => "TechnicalCommittee",
        }
    }
}

/// A motion that is not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MotionRecord {
    /// Its number.
    pub index: u32,
    /// Hash of its call.
    pub hash: [u8; 32],
    /// Ayes that it needs.
    pub threshold: u32,
    /// Who is for it.
    pub ayes: Vec<AccountId>,
    /// Who is against it.
    pub nays: Vec<AccountId>,
    /// Nobody votes after this height.
    pub ends: u32,
    /// What it does.
    pub proposal: Proposal,
}

impl View {
    /// Who has a seat.
    pub async fn seats(&self, body: Body) -> Result<Vec<AccountId>, ChainError> {
        let of = generated::storage();
        let found = match body {
            Body::Council => self.get("seats", of.council().members(), ()).await?,
            Body::Technical => self.get("seats", of.technical_committee().members(), ()).await?,
        };
        Ok(found.unwrap_or_default().into_iter().map(|who| AccountId(who.0)).collect())
    }

    /// Motions that are not closed, in the order in which they were made.
    pub async fn motions(&self, body: Body) -> Result<Vec<MotionRecord>, ChainError> {
        let of = generated::storage();
        let hashes = match body {
            Body::Council => self.get("motions", of.council().proposals(), ()).await?,
            Body::Technical => {
                self.get("motions", of.technical_committee().proposals(), ()).await?
            }
        };
        let mut motions = Vec::new();
        for hash in hashes.map(|hashes| hashes.0).unwrap_or_default() {
            let votes = match body {
                Body::Council => self.get("votes", of.council().voting(), (hash,)).await?,
                Body::Technical => {
                    self.get("votes", of.technical_committee().voting(), (hash,)).await?
                }
            };
            let call = match body {
                Body::Council => self.bytes(of.council().proposal_of(), (hash,)).await?,
                Body::Technical => {
                    self.bytes(of.technical_committee().proposal_of(), (hash,)).await?
                }
            };
            motions.extend(votes.map(|votes| motion(hash, votes, self.proposal(call))));
        }
        Ok(motions)
    }

    /// What is stored, as it is.
    async fn bytes<Entry: Address>(
        &self,
        entry: Entry,
        key: Entry::KeyParts,
    ) -> Result<Vec<u8>, ChainError> {
        let what = "motion";
        let storage = self.block.storage();
        let key = storage.entry(entry).and_then(|entry| entry.fetch_key(key));
        let key = key.map_err(|error| self.failed(what, error))?;
        self.shared.call(what, storage.fetch_raw(key)).await
    }
}

fn motion(
    hash: H256,
    votes: Votes<subxt::utils::AccountId32, u32>,
    proposal: Proposal,
) -> MotionRecord {
    let accounts =
        |all: Vec<subxt::utils::AccountId32>| all.into_iter().map(|who| AccountId(who.0)).collect();
    MotionRecord {
        index: votes.index,
        hash: hash.0,
        threshold: votes.threshold,
        ayes: accounts(votes.ayes),
        nays: accounts(votes.nays),
        ends: votes.end,
        proposal,
    }
}

impl ChainClient {
    /// Moves that a call be done when so many are for it.
    ///
    /// Errors: [`ChainError::Input`] when the bytes are no call.
    pub async fn council_propose(
        &self,
        signer: &Signer,
        view: &View,
        body: Body,
        threshold: u32,
        call: &[u8],
    ) -> Result<Submission, ChainError> {
        view.checked(call)?;
        let decoded = view.block.transactions().from_call_data_bytes(call);
        let value = decoded.map_err(|error| ChainError::malformed("call", error))?.into_value();
        let length = u128::try_from(call.len()).unwrap_or(u128::MAX);
        let arguments = [Value::u128(threshold.into()), value, Value::u128(length)];
        let motion = dynamic::tx(body.pallet(), "propose", Composite::unnamed(arguments));
        self.submit(signer, &motion).await
    }

    /// Votes on a motion; whoever voted before may change his mind.
    pub async fn council_vote(
        &self,
        signer: &Signer,
        body: Body,
        motion: &MotionRecord,
        aye: bool,
    ) -> Result<Submission, ChainError> {
        let hash = Value::from_bytes(motion.hash);
        let arguments = [hash, Value::u128(motion.index.into()), Value::bool(aye)];
        let vote = dynamic::tx(body.pallet(), "vote", Composite::unnamed(arguments));
        self.submit(signer, &vote).await
    }

    /// Closes a motion that is decided, or whose time is over; if it passed, its call is done.
    pub async fn council_close(
        &self,
        signer: &Signer,
        body: Body,
        motion: &MotionRecord,
    ) -> Result<Submission, ChainError> {
        let length = u128::try_from(motion.proposal.call.len()).unwrap_or(u128::MAX);
        let weight = Value::named_composite([
            ("ref_time", Value::u128(WEIGHT.0)),
            ("proof_size", Value::u128(WEIGHT.1)),
        ]);
        let hash = Value::from_bytes(motion.hash);
        let arguments = [hash, Value::u128(motion.index.into()), weight, Value::u128(length)];
        let close = dynamic::tx(body.pallet(), "close", Composite::unnamed(arguments));
        self.submit(signer, &close).await
    }
}
