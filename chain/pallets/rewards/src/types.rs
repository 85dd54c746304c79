//! Sums, and who shares in them.

use codec::{Decode, Encode, MaxEncodedLen};
use dbc_primitives::{Balance, MachineId};
use scale_info::TypeInfo;

/// Eras over which what is not paid at once is released.
pub const RELEASE_ERAS: u32 = 150;
/// Parts of a sum that one of these eras releases: 0.5 %.
pub const RELEASE_PART: Balance = 200;
/// Binary digits behind the point of accumulators.
pub const SCALE: u32 = 40;
/// What a provider without a fleet counts per point.
pub const ONE: u64 = 10_000;

/// Number of an era since slot 0.
pub type Era = u64;

/// All points, and what one of them has earned since the beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Global {
    /// Σ of providers' points × (1 + fleet bonus), in parts of [`ONE`].
    pub points: u64,
    /// Units per such part, times 2^[`SCALE`]. Only rises.
    pub acc: u128,
    /// GPUs of machines that count.
    pub gpus: u32,
}

/// A provider.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Fleet {
    /// Points of his machines that count now.
    pub points: u64,
    /// GPUs of those machines: they make the fleet's bonus.
    pub gpus: u32,
    /// Units per point of his, times 2^[`SCALE`]. Only rises.
    pub acc: u128,
    /// The global accumulator when his was brought up to it.
    pub mark: u128,
    /// Machines of his, whether they count or not.
    pub machines: u32,
}

impl Fleet {
    /// What a point of his counts, in parts of [`ONE`]: 0.01 % more for each GPU, at most 10 %
    /// (predecessor §2.3).
    pub fn weight(&self) -> u64 {
        ONE + u64::from(self.gpus.min(1_000))
    }
}

/// A machine.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Share<AccountId> {
    /// Who earns.
    pub provider: AccountId,
    /// Its points: model, region, class and uptime, all by whoever sets them.
    pub points: u64,
    /// Its cards.
    pub gpus: u32,
    /// Whether it counts now: proven and live.
    pub counts: bool,
    /// Its provider's accumulator when it was settled last.
    pub mark: u128,
    /// Units earned since its last proof; lost if the next one fails (mechanisms rule 1).
    pub provisional: Balance,
    /// Part of it that is rented, in parts of [`ONE`].
    pub rented: u32,
    /// Units that its rent paid to the treasury and that no bonus was given for yet.
    pub fees: Balance,
}

/// What a provider gets in the eras to come. By era of release, so that a claim at any time is the same
/// (mechanisms rule 38).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Release {
    /// Free to be claimed.
    pub claimable: Balance,
    /// The era up to which buckets were released.
    pub era: Era,
    /// What era `era + 1 + n` releases is at `(era + 1 + n) % 150`.
    pub buckets: [Balance; RELEASE_ERAS as usize],
}

impl Release {
    /// Nothing yet.
    pub fn new(era: Era) -> Self {
        Self { claimable: 0, era, buckets: [0; RELEASE_ERAS as usize] }
    }

    /// Frees what the eras up to this one release.
    pub fn pass_to(&mut self, era: Era) {
        let eras = era.saturating_sub(self.era).min(u64::from(RELEASE_ERAS));
        for step in 1..=eras {
            let bucket = &mut self.buckets[Self::at(self.era + step)];
            self.claimable += core::mem::take(bucket);
        }
        self.era = self.era.max(era);
    }

    /// Takes a sum up: a quarter at once, and one part in two hundred in each of the next 150 eras; what
    /// does not divide comes with the last.
    pub fn add(&mut self, amount: Balance) {
        let part = amount / RELEASE_PART;
        let now = amount / 4;
        let last = amount - now - part * Balance::from(RELEASE_ERAS - 1);
        self.claimable += now;
        for step in 1..u64::from(RELEASE_ERAS) {
            self.buckets[Self::at(self.era + step)] += part;
        }
        self.buckets[Self::at(self.era + u64::from(RELEASE_ERAS))] += last;
    }

    /// Takes up to `most` of what is not released, the farthest first; gives what was taken.
    pub fn forfeit(&mut self, most: Balance) -> Balance {
        let mut taken = 0;
        for step in (1..=u64::from(RELEASE_ERAS)).rev() {
            let bucket = &mut self.buckets[Self::at(self.era + step)];
            let part = (*bucket).min(most - taken);
            *bucket -= part;
            taken += part;
        }
        taken
    }

    /// All that is not released.
    pub fn locked(&self) -> Balance {
        self.buckets.iter().sum()
    }

    fn at(era: Era) -> usize {
        (era % u64::from(RELEASE_ERAS)) as usize
    }
}

/// What others say of machines.
pub trait Rewards<AccountId> {
    /// A machine has these points and cards from now on; it counts when it is resumed.
    fn set(machine: MachineId, provider: &AccountId, points: u64, gpus: u32);

    /// It counts from now on, or no more: silent, unproven, retired.
    fn count(machine: MachineId, counts: bool);

    /// It passed a proof: what it earned since the last one is its provider's.
    fn proven(machine: MachineId);

    /// It failed one: all that is lost (rule 1).
    fn failed(machine: MachineId);

    /// So much of it is rented, in parts of [`ONE`].
    fn rented(machine: MachineId, parts: u32);

    /// Its rent paid so much to the treasury.
    fn fee_paid(machine: MachineId, amount: Balance);

    /// It left. What was not proven is lost.
    fn remove(machine: MachineId);

    /// Takes from what a provider has not been released yet, also after he left (rules 5, 23); gives what
    /// was taken, to the treasury.
    fn forfeit(provider: &AccountId, most: Balance) -> Balance;
}
