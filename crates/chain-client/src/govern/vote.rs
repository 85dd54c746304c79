//! Votes: what an account has cast or handed on, what that locks, and the calls.

use serde::{Deserialize, Serialize};
use subxt::utils::MultiAddress;

use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    generated::{
        self,
        runtime_types::{
            dbc_runtime::RuntimeCall,
            pallet_conviction_voting::{
                conviction::Conviction as Generated,
                pallet::Call,
                vote::{AccountVote, Vote, Voting},
            },
        },
    },
    read::View,
    tx::Submission,
};

/// For how long a vote's money is locked after it was on the winning side, in multiples of the lock period, and
/// how much it counts for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Conviction(u8);

impl Conviction {
    /// A tenth of a vote, never locked.
    pub const NONE: Self = Self(0);

    /// 0 to 6.
    pub fn new(times: u8) -> Option<Self> {
        (times <= 6).then_some(Self(times))
    }

    /// As the caller gave it.
    pub fn times(self) -> u8 {
        self.0
    }

    /// Votes of so much money.
    pub fn votes(self, money: u128) -> u128 {
        match self.0 {
            0 => money / 10,
            times => money.saturating_mul(u128::from(times)),
        }
    }

    /// Lock periods: one, two, four, … thirty-two.
    pub fn periods(self) -> u32 {
        match self.0 {
            0 => 0,
            times => 1 << (times - 1),
        }
    }

    fn generated(self) -> Generated {
        match self.0 {
            0 => Generated::None,
            1 => Generated::Locked1x,
            2 => Generated::Locked2x,
            3 => Generated::Locked3x,
            4 => Generated::Locked4x,
            5 => Generated::Locked5x,
            _ => Generated::Locked6x,
        }
    }

    fn of(from: &Generated) -> Self {
        Self(match from {
            Generated::None => 0,
            Generated::Locked1x => 1,
            Generated::Locked2x => 2,
            Generated::Locked3x => 3,
            Generated::Locked4x => 4,
            Generated::Locked5x => 5,
            Generated::Locked6x => 6,
        })
    }
}

/// A vote of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoteRecord {
    /// The referendum.
    pub referendum: u32,
    /// For or against; `None` for one that is split.
    pub aye: Option<bool>,
    /// Money behind it.
    pub amount: u128,
    /// How long it stays locked.
    pub conviction: Conviction,
}

/// Votes of a track that an account handed to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelegationRecord {
    /// Who votes.
    pub to: AccountId,
    /// Money behind it.
    pub amount: u128,
    /// How long it stays locked.
    pub conviction: Conviction,
}

/// What an account does with its votes on a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VotingRecord {
    /// The track.
    pub track: u16,
    /// What it cast itself.
    pub votes: Vec<VoteRecord>,
    /// Whom it handed them to.
    pub delegated: Option<DelegationRecord>,
    /// What stays locked of votes that are gone: until this height, so much.
    pub locked: (u32, u128),
}

impl View {
    /// What an account does with its votes on a track.
    pub async fn voting(&self, who: AccountId, track: u16) -> Result<VotingRecord, ChainError> {
        let entry = generated::storage().conviction_voting().voting_for();
        let found = self.get("votes", entry, (who.to_subxt(), track)).await?;
        Ok(match found {
            None | Some(Voting::__Ignore(_)) => {
                VotingRecord { track, votes: vec![], delegated: None, locked: (0, 0) }
            }
            Some(Voting::Casting(casting)) => VotingRecord {
                track,
                votes: casting.votes.0.iter().map(|(index, vote)| record(*index, vote)).collect(),
                delegated: None,
                locked: (casting.prior.0, casting.prior.1),
            },
            Some(Voting::Delegating(to)) => VotingRecord {
                track,
                votes: vec![],
                delegated: Some(DelegationRecord {
                    to: AccountId(to.target.0),
                    amount: to.balance,
                    conviction: Conviction::of(&to.conviction),
                }),
                locked: (to.prior.0, to.prior.1),
            },
        })
    }

    /// What votes lock of an account, by track.
    pub async fn vote_locks(&self, who: AccountId) -> Result<Vec<(u16, u128)>, ChainError> {
        let entry = generated::storage().conviction_voting().class_locks_for();
        let found = self.get("locks", entry, (who.to_subxt(),)).await?;
        Ok(found.map(|locks| locks.0).unwrap_or_default())
    }

    /// Blocks of one lock period.
    pub fn vote_lock_period(&self) -> Result<u32, ChainError> {
        self.constant(generated::constants().conviction_voting().vote_locking_period())
    }
}

fn record(referendum: u32, vote: &AccountVote<u128>) -> VoteRecord {
    let split =
        |amount: u128| VoteRecord { referendum, aye: None, amount, conviction: Conviction::NONE };
    match vote {
        AccountVote::Standard { vote: Vote(bits), balance } => VoteRecord {
            referendum,
            aye: Some(bits & AYE != 0),
            amount: *balance,
            conviction: Conviction((bits & !AYE).min(6)),
        },
        AccountVote::Split { aye, nay } => split(aye.saturating_add(*nay)),
        AccountVote::SplitAbstain { aye, nay, abstain } => {
            split(aye.saturating_add(*nay).saturating_add(*abstain))
        }
    }
}

/// The bit of a vote that says yes; the others are its conviction.
const AYE: u8 = 0b1000_0000;

impl ChainClient {
    /// Votes; a vote on the same referendum before is replaced.
    pub async fn vote(
        &self,
        signer: &Signer,
        referendum: u32,
        aye: bool,
        amount: u128,
        conviction: Conviction,
    ) -> Result<Submission, ChainError> {
        let bits = conviction.0 | if aye { AYE } else { 0 };
        let vote = AccountVote::Standard { vote: Vote(bits), balance: amount };
        let call = generated::transactions().conviction_voting().vote(referendum, vote);
        self.submit(signer, &call).await
    }

    /// Hands the votes of a track to somebody else.
    pub async fn delegate(
        &self,
        signer: &Signer,
        track: u16,
        to: AccountId,
        amount: u128,
        conviction: Conviction,
    ) -> Result<Submission, ChainError> {
        let to = MultiAddress::Id(to.to_subxt());
        let conviction = conviction.generated();
        let call = generated::transactions().conviction_voting();
        self.submit(signer, &call.delegate(track, to, conviction, amount)).await
    }

    /// Takes the votes of a track back.
    pub async fn undelegate(&self, signer: &Signer, track: u16) -> Result<Submission, ChainError> {
        let call = generated::transactions().conviction_voting().undelegate(track);
        self.submit(signer, &call).await
    }

    /// Removes votes on referenda that are over and frees what they locked on these tracks, in one transaction.
    pub async fn unlock_votes(
        &self,
        signer: &Signer,
        over: &[(u16, u32)],
        tracks: &[u16],
    ) -> Result<Submission, ChainError> {
        let removed = over
            .iter()
            .map(|(track, index)| Call::remove_vote { class: Some(*track), index: *index });
        let unlocked = tracks.iter().map(|track| Call::unlock {
            class: *track,
            target: MultiAddress::Id(signer.account().to_subxt()),
        });
        let calls = removed.chain(unlocked).map(RuntimeCall::ConvictionVoting).collect();
        self.submit(signer, &generated::transactions().utility().batch_all(calls)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conviction_buys_votes_with_time() {
        let all: Vec<_> = (0..=7).filter_map(Conviction::new).collect();
        assert_eq!(all.len(), 7, "none and one to six");
        assert_eq!(
            all.iter().map(|c| c.votes(10)).collect::<Vec<_>>(),
            [1, 10, 20, 30, 40, 50, 60]
        );
        assert_eq!(all.iter().map(|c| c.periods()).collect::<Vec<_>>(), [0, 1, 2, 4, 8, 16, 32]);
        for conviction in all {
            assert_eq!(Conviction::of(&conviction.generated()), conviction);
        }
    }
}
