//! What a long term saves, and what of the rent is burned: tables that referenda set, and the sums that
//! follow from them. Pure and exact; shares are millionths, so that no rounding hides in them.

use alloc::vec;

use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{Balance, SLOTS_PER_HOUR, Slot};

/// The whole, in millionths.
pub const ONE: u32 = 1_000_000;
/// Most that a discount may be: half.
pub const OFF_MAX: u32 = 500_000;
/// Most that may ever be burned of a rent: 30 % (mechanisms rule 24).
pub const BURN_MAX: u32 = 300_000;
/// Slots of a day.
pub const SLOTS_PER_DAY: Slot = 24 * SLOTS_PER_HOUR;

/// A length of time from which on a lease is cheaper.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Tier {
    /// Slots that must have been paid for.
    pub from: Slot,
    /// Millionths off the price of all of them.
    pub off: u32,
}

/// The discounts, rising.
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Tiers(pub BoundedVec<Tier, ConstU32<4>>);

impl Tiers {
    /// 5 % from a month on, 10 % from a quarter, 20 % from a year.
    pub fn usual() -> Self {
        let tier = |days: Slot, off| Tier { from: days * SLOTS_PER_DAY, off };
        Self(BoundedVec::truncate_from(vec![
            tier(30, 50_000),
            tier(90, 100_000),
            tier(365, 200_000),
        ]))
    }

    /// Those of these tiers that are sound after the ones before.
    pub fn of(tiers: impl IntoIterator<Item = Tier>) -> Self {
        let mut kept = Self::default();
        for tier in tiers {
            let mut longer = kept.clone();
            if longer.0.try_push(tier).is_ok() && longer.is_sound() {
                kept = longer;
            }
        }
        kept
    }

    /// Whether lengths, discounts and the prices of whole tiers rise, within the bounds: then nobody pays
    /// less for more, and what is billed only rises.
    pub fn is_sound(&self) -> bool {
        let bounded = self.0.iter().all(|tier| tier.from > 0 && tier.off <= OFF_MAX);
        let rising = self.0.windows(2).all(|pair| {
            pair[0].from < pair[1].from
                && pair[0].off < pair[1].off
                && full(pair[0]) < full(pair[1])
        });
        bounded && rising
    }

    /// Millionths off that `slots` have earned of those which `term` can reach.
    pub fn off(&self, term: Slot, slots: Slot) -> u32 {
        let reached = self.0.iter().rev().find(|tier| tier.from <= slots.min(term));
        reached.map_or(0, |tier| tier.off.min(OFF_MAX))
    }

    /// What `slots` cost of a term of `term`, in millionths of a slot's price: the slots at the discount
    /// that they have reached, but never more than the next discount's whole time costs (mechanisms
    /// rule 6). Rises with `slots`, never faster than the list price, and is the whole term's price at
    /// its end.
    pub fn billed(&self, term: Slot, slots: Slot) -> u128 {
        let own = full(Tier { from: slots, off: self.off(term, slots) });
        let next = self.0.iter().find(|tier| slots < tier.from && tier.from <= term);
        next.map_or(own, |tier| own.min(full(*tier)))
    }
}

/// Price of a tier's time at its discount, in millionths of a slot's.
fn full(tier: Tier) -> u128 {
    u128::from(tier.from) * u128::from(ONE - tier.off.min(OFF_MAX))
}

/// How far a lease has come in its discounts.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Progress {
    /// Slots that count.
    pub counted: Slot,
    /// What they were billed as, in millionths of a slot's price.
    pub billed: u128,
    /// Millionths of a unit that were billed and not charged yet.
    pub fraction: u32,
}

impl Progress {
    /// Goes `slots` further at `rate`; gives the units that are due for them. In how many steps one goes
    /// makes no difference. `None`, and no step, when a product leaves the number range.
    pub fn advance(
        &mut self,
        tiers: &Tiers,
        term: Slot,
        rate: Balance,
        slots: Slot,
    ) -> Option<Balance> {
        let counted = self.counted.checked_add(slots)?;
        // A term that was made longer may have brought a tier nearer than what was billed before it.
        let billed = tiers.billed(term, counted).max(self.billed);
        let product = rate.checked_mul(billed - self.billed)?;
        let millionths = product.checked_add(self.fraction.into())?;
        let one = u128::from(ONE);
        let fraction = u32::try_from(millionths % one).ok()?;
        *self = Self { counted, billed, fraction };
        Some(millionths / one)
    }
}

/// A number of GPUs from which on more of the rent may be burned.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct BurnStep {
    /// GPUs that are proven and there, in the mean of seven days.
    pub gpus: u32,
    /// Millionths of the rent.
    pub share: u32,
}

/// The steps of burning, rising.
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct BurnTable(pub BoundedVec<BurnStep, ConstU32<4>>);

impl BurnTable {
    /// 5, 10, 20 and 30 % from 5,000, 10,000, 20,000 and 50,000 GPUs on.
    pub fn usual() -> Self {
        let step = |gpus, share| BurnStep { gpus, share };
        Self(BoundedVec::truncate_from(vec![
            step(5_000, 50_000),
            step(10_000, 100_000),
            step(20_000, 200_000),
            step(50_000, 300_000),
        ]))
    }

    /// Whether GPUs and shares rise, from the first step that the tokenomics name, within the bound.
    pub fn is_sound(&self) -> bool {
        let bounded = self.0.iter().all(|step| step.gpus >= 5_000 && step.share <= BURN_MAX);
        let rises =
            |pair: &[BurnStep]| pair[0].gpus < pair[1].gpus && pair[0].share < pair[1].share;
        bounded && self.0.windows(2).all(rises)
    }

    /// Millionths of the rent that are burned after so many steps; none before the first.
    pub fn share(&self, steps: u8) -> u32 {
        let step = usize::from(steps).checked_sub(1).and_then(|place| self.0.get(place));
        step.map_or(0, |step| step.share.min(BURN_MAX))
    }

    /// GPUs that the step after so many needs; `None` when there is none.
    pub fn next(&self, steps: u8) -> Option<u32> {
        self.0.get(usize::from(steps)).map(|step| step.gpus)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MONTH: Slot = 30 * SLOTS_PER_DAY;
    const QUARTER: Slot = 90 * SLOTS_PER_DAY;
    const YEAR: Slot = 365 * SLOTS_PER_DAY;

    fn slots(billed: u128) -> u128 {
        billed / u128::from(ONE)
    }

    #[test]
    fn d57_the_usual_discounts() {
        let tiers = Tiers::usual();
        assert!(tiers.is_sound() && BurnTable::usual().is_sound() && Tiers::default().is_sound());
        for (term, percent) in
            [(MONTH - 1, 100), (MONTH, 95), (QUARTER - 1, 95), (QUARTER, 90), (YEAR, 80)]
        {
            let whole = u128::from(term) * percent / 100;
            assert_eq!(slots(tiers.billed(term, term)), whole, "{term}");
        }
    }

    #[test]
    fn rule_06_who_leaves_early_pays_the_tier_that_he_reached() {
        let tiers = Tiers::usual();
        assert_eq!(slots(tiers.billed(YEAR, 1_200)), 1_200, "an hour of a year costs an hour");
        assert_eq!(slots(tiers.billed(YEAR, 40 * SLOTS_PER_DAY)), 38 * 28_800);
        // At the end of a month nobody pays for waiting a day too few.
        assert_eq!(slots(tiers.billed(YEAR, MONTH - 1)), u128::from(MONTH) * 95 / 100);
        assert_eq!(slots(tiers.billed(MONTH - 1, MONTH - 1)), u128::from(MONTH) - 1);
    }

    #[test]
    fn tables_that_reward_less_time_are_not_sound() {
        let table = |all: &[(Slot, u32)]| {
            let tiers = all.iter().map(|(from, off)| Tier { from: *from, off: *off });
            Tiers(BoundedVec::truncate_from(tiers.collect()))
        };
        assert!(table(&[(10, 100_000), (20, 200_000)]).is_sound());
        for odd in [
            &[(0, 100_000)][..],
            &[(10, 500_001)],
            &[(20, 100_000), (10, 200_000)],
            &[(10, 200_000), (20, 100_000)],
            // Eleven slots at half price would cost less than ten.
            &[(10, 10_000), (11, 500_000)],
        ] {
            assert!(!table(odd).is_sound(), "{odd:?}");
        }
    }

    #[test]
    fn g1_what_is_burned_is_bounded_whatever_a_table_says() {
        let table = BurnTable::usual();
        let shares: vec::Vec<_> = (0..6).map(|steps| table.share(steps)).collect();
        assert_eq!(shares, [0, 50_000, 100_000, 200_000, 300_000, 0]);
        assert_eq!(
            (table.next(0), table.next(3), table.next(4)),
            (Some(5_000), Some(50_000), None)
        );
        let greedy = BurnStep { gpus: 5_000, share: ONE };
        let greedy = BurnTable(BoundedVec::truncate_from(vec![greedy]));
        assert!(!greedy.is_sound());
        assert_eq!(greedy.share(1), BURN_MAX);
    }

    fn sound() -> impl Strategy<Value = Tiers> {
        let tier = (1u64..2_000, 1u32..=OFF_MAX).prop_map(|(from, off)| Tier { from, off });
        prop::collection::vec(tier, 0..6).prop_map(|mut all| {
            all.sort_by_key(|tier| tier.from);
            Tiers::of(all)
        })
    }

    proptest! {
        #[test]
        fn rule_06_what_is_billed_rises_and_never_passes_list_price_or_deposit(
            tiers in sound(), term in 0u64..4_000, slots in 0u64..4_000, more in 0u64..500,
        ) {
            let (slots, later) = (slots.min(term), (slots + more).min(term));
            let billed = tiers.billed(term, slots);
            prop_assert!(billed <= tiers.billed(term, later.max(slots)));
            prop_assert!(billed <= u128::from(slots) * u128::from(ONE));
            prop_assert!(billed <= tiers.billed(term, term));
        }

        /// Nobody saves by booking more than he uses: some booking that he could have kept to the end
        /// costs no more.
        #[test]
        fn rule_06_an_early_leaver_pays_no_less_than_the_cheapest_booking_of_what_he_used(
            tiers in sound(), term in 1u64..2_500, slots in 0u64..2_500,
        ) {
            let slots = slots.min(term);
            let cheapest = (slots..=term).map(|booked| tiers.billed(booked, booked)).min();
            prop_assert!(Some(tiers.billed(term, slots)) >= cheapest);
            let exactly = tiers.billed(slots, slots);
            prop_assert!(tiers.billed(term, slots) <= exactly);
        }

        #[test]
        fn rule_06_in_how_many_steps_it_is_charged_makes_no_difference(
            tiers in sound(), rate in 0u128..1_000_000_000, steps in prop::collection::vec(0u64..400, 1..9),
        ) {
            let term = steps.iter().sum();
            let mut many = Progress::default();
            let mut sum = 0;
            for slots in steps {
                sum += many.advance(&tiers, term, rate, slots).unwrap();
            }
            let mut once = Progress::default();
            prop_assert_eq!(once.advance(&tiers, term, rate, term), Some(sum));
            prop_assert_eq!(once, many);
        }
    }

    #[test]
    fn no_product_wraps() {
        let mut progress = Progress::default();
        assert_eq!(progress.advance(&Tiers::usual(), 2, Balance::MAX, 2), None);
        assert_eq!(progress, Progress::default());
    }
}
