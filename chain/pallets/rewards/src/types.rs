//! Sums, and who shares in them.

use alloc::vec::Vec;

use codec::{Decode, Encode, MaxEncodedLen};
use dbc_primitives::{Balance, BoundedVec, ConstU32, MachineId, Slot};
use frame_support::weights::Weight;
use scale_info::TypeInfo;

use crate::{Facts, Version};

/// Eras over which what is not paid at once is released.
pub const RELEASE_ERAS: u32 = 150;
/// Parts of a sum that one of these eras releases: 0.5 %.
pub const RELEASE_PART: Balance = 200;
/// Binary digits behind the point of accumulators.
pub const SCALE: u32 = 40;
/// What a provider without a fleet counts per point.
pub const ONE: u64 = 10_000;

/// Providers before the present one whose rewards can wait for a machine's next proof.
pub const EARLIER_MAX: u32 = 8;

/// Number of an era since slot 0.
pub type Era = u64;

/// All points, and what one of them has earned since the beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Global {
    /// Σ of providers' points × (1 + fleet bonus) and of their flat bonuses, in parts of [`ONE`].
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
    /// Σ of points × flat bonus of his machines that count now, in parts of [`ONE`].
    pub flat: u64,
}

impl Fleet {
    /// What a point of his counts, in parts of [`ONE`]: 0.01 % more for each GPU, at most 10 %
    /// (predecessor §2.3).
    pub fn weight(&self) -> u64 {
        ONE + u64::from(self.gpus.min(1_000))
    }

    /// What he counts of all points, in parts of [`ONE`]. Bonuses add up, they do not multiply.
    pub fn counted(&self) -> u64 {
        self.points.saturating_mul(self.weight()).saturating_add(self.flat)
    }
}

/// Time of a cohort in which nobody knew who was there: its machines earn nothing then (mechanisms rule 9).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Pause {
    /// What the global accumulator grew in such times that are over.
    pub acc: u128,
    /// The global accumulator when the present one began.
    pub since: Option<u128>,
}

impl Pause {
    /// What the global accumulator grew in all such times.
    pub fn total(&self, acc: u128) -> u128 {
        let now = self.since.map_or(0, |since| acc.saturating_sub(since));
        self.acc.saturating_add(now)
    }
}

/// Providers before the present one, with what waits for the machine's next proof.
pub type Earlier<AccountId> = BoundedVec<(AccountId, Balance), ConstU32<EARLIER_MAX>>;

/// A machine.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Share<AccountId> {
    /// Who earns.
    pub provider: AccountId,
    /// Its points: model, region, class and uptime.
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
    /// What its points count more, beside its provider's fleet: fixed address and stability, in parts of
    /// [`ONE`].
    pub bonus: u32,
    /// Version of the model that its points follow.
    pub model: Version,
    /// Where it is watched.
    pub cohort: u32,
    /// The global accumulator when it was settled last.
    pub seen: u128,
    /// Its cohort's unknown time when it was settled last.
    pub paused: u128,
    /// What those earned with it who handed it over since its last proof.
    pub earlier: Earlier<AccountId>,
}

impl<AccountId: PartialEq> Share<AccountId> {
    /// Sum of what waits for earlier providers.
    pub fn earlier_sum(&self) -> Balance {
        self.earlier.iter().fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    /// Lets a sum wait for an earlier provider. Gives what finds no place.
    pub fn keep_for(&mut self, who: AccountId, amount: Balance) -> Balance {
        if let Some((_, kept)) = self.earlier.iter_mut().find(|(earlier, _)| *earlier == who) {
            *kept = kept.saturating_add(amount);
            return 0;
        }
        match amount == 0 || self.earlier.try_push((who, amount)).is_ok() {
            true => 0,
            false => amount,
        }
    }
}

/// What a machine counts from now on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Weighed {
    /// Its points.
    pub points: u64,
    /// Its cards.
    pub gpus: u32,
    /// Its flat bonus in parts of [`ONE`].
    pub bonus: u32,
    /// Version of the model.
    pub model: Version,
    /// Where it is watched.
    pub cohort: u32,
}

/// What decides a machine's points.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rating<AccountId> {
    /// Who earns.
    pub provider: AccountId,
    /// What the model looks at.
    pub facts: Facts,
    /// Flat bonus in parts of [`ONE`]: fixed address, stability.
    pub bonus: u32,
    /// Where it is watched.
    pub cohort: u32,
}

/// Machines, as points see them.
pub trait Rated<AccountId> {
    /// Indexes that were ever given out.
    fn count() -> u32;

    /// The machine at an index.
    fn at(index: u32) -> Option<MachineId>;

    /// What decides a machine's points; `None` when it is not there.
    fn rating(machine: MachineId) -> Option<Rating<AccountId>>;
}

/// A stretch of releases, each of the same amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct Stretch {
    /// The first era that releases it.
    pub from: Era,
    /// How many eras do.
    pub eras: u32,
    /// Units in each.
    pub each: Balance,
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

    /// What eras to come release, eras of one amount together, those without any left out.
    pub fn stretches(&self) -> Vec<Stretch> {
        let mut all: Vec<Stretch> = Vec::new();
        for from in self.era + 1..=self.era + u64::from(RELEASE_ERAS) {
            let each = self.buckets[Self::at(from)];
            match all.last_mut() {
                _ if each == 0 => {}
                Some(last) if last.each == each && last.from + u64::from(last.eras) == from => {
                    last.eras += 1;
                }
                _ => all.push(Stretch { from, eras: 1, each }),
            }
        }
        all
    }

    fn at(era: Era) -> usize {
        (era % u64::from(RELEASE_ERAS)) as usize
    }
}

/// What others say of machines.
pub trait Rewards<AccountId> {
    /// A machine's points follow what is known of it now; one that is new counts when it is resumed.
    fn rate(machine: MachineId);

    /// It counts from now on, or no more: silent, unproven, retired.
    fn count(machine: MachineId, counts: bool);

    /// It passed a proof: what was earned with it since the last one belongs to whoever earned it.
    fn proven(machine: MachineId);

    /// It failed one: all that is lost (rule 1).
    fn failed(machine: MachineId);

    /// It has another provider. What was earned so far stays the old one's, and waits for the machine's next
    /// proof like all of it.
    fn handed_over(machine: MachineId, to: &AccountId);

    /// So much of it is rented, in parts of [`ONE`]. Gives what that took beyond settling its share.
    fn rented(machine: MachineId, parts: u32) -> Weight;

    /// Its rent paid so much to the treasury.
    fn fee_paid(machine: MachineId, amount: Balance);

    /// It left. What was not proven is lost.
    fn remove(machine: MachineId);

    /// Takes from what a provider has not been released yet, also after he left (rules 5, 23); gives what
    /// was taken, to the treasury.
    fn forfeit(provider: &AccountId, most: Balance) -> Balance;

    /// Time up to a slot is closed. Of what was told of it is shared out; time of which nobody told anything
    /// is shared to nobody, and the schedule waits (rules 9, 14).
    fn closed(from: Slot, to: Slot, told: bool);

    /// Nobody knows who of a cohort was there, from the interval that is being closed on; or again it is
    /// known.
    fn pause(cohort: u32, unknown: bool);
}
