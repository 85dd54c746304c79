//! Prices and what follows from them. Pure; every rounding is said and tested. What a renter may
//! have to pay is rounded up once, when the rate is fixed; everything later is exact.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{Balance, Profile, SLOTS_PER_HOUR, Slot};

/// Longest leg in slots: thirty days, for which a rate in DBC is fixed.
pub const LEG_MAX: Slot = 30 * 24 * SLOTS_PER_HOUR;
/// Longest of shortest terms: ten minutes, which is also what a visit by auditors takes. Renters may end at any
/// time; a longer one would only ask for deposits that visitors do not have (docs/design/013-visits.md).
pub const MIN_TERM_MAX: Slot = SLOTS_PER_HOUR / 6;

/// An amount, in the currency in which a provider asks.
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
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Amount {
    /// Units of 10⁻¹⁵ DBC.
    Dbc(Balance),
    /// Millionths of a US dollar; in DBC by the price at the start of a leg (mechanisms rule 13).
    UsdMicro(u128),
}

/// What a machine costs.
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Price {
    /// For a GPU and hour.
    pub gpu_hour: Amount,
    /// For a CPU share and hour.
    pub cpu_hour: Amount,
}

/// What a machine can be leased for. Each change has a new version, which an order names.
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Offer {
    /// Price.
    pub price: Price,
    /// Shortest term in slots, [`MIN_TERM_MAX`] at most.
    pub min_term: Slot,
    /// Longest term in slots.
    pub max_term: Slot,
    /// CPU shares for rent: each is one part of the machine like the part of each of its cards (mechanisms
    /// rule 31). 0 when the CPU profile is not offered; what is fixed here the chain never sells beyond.
    pub cpu_shares: u16,
}

impl Offer {
    /// Whether its amounts are in one currency and its terms are in order: whoever comes for a visit must be
    /// able to put the deposit of the shortest term down.
    pub fn is_sound(&self) -> bool {
        let dollars = |amount| matches!(amount, Amount::UsdMicro(_));
        let in_dollars = dollars(self.price.gpu_hour);
        in_dollars == dollars(self.price.cpu_hour)
            && 0 < self.min_term
            && self.min_term <= self.max_term.min(MIN_TERM_MAX)
    }

    /// Whether its price is in dollars.
    pub fn is_in_dollars(&self) -> bool {
        matches!(self.price.gpu_hour, Amount::UsdMicro(_))
    }

    /// Millionths of a dollar for `count` cards or CPU shares and an hour; `None` when the price is in DBC,
    /// or when a product leaves the number range.
    pub fn dollars_hour(&self, profile: Profile, count: u32) -> Option<u128> {
        match self.hourly(profile) {
            Amount::Dbc(_) => None,
            Amount::UsdMicro(micro) => micro.checked_mul(count.into()),
        }
    }

    fn hourly(&self, profile: Profile) -> Amount {
        match profile {
            Profile::Gpu => self.price.gpu_hour,
            Profile::Cpu => self.price.cpu_hour,
        }
    }

    /// Rate in units per slot for `count` cards or CPU shares, rounded up to the next unit; `to_dbc`
    /// says what millionths of a dollar are in units. `None` when the price is in dollars and nobody knows
    /// what a DBC costs, or when a product leaves the number range.
    pub fn rate_per_slot(
        &self,
        profile: Profile,
        count: u32,
        to_dbc: impl FnOnce(u128) -> Option<Balance>,
    ) -> Option<Balance> {
        let hourly = match self.hourly(profile) {
            Amount::Dbc(units) => units.checked_mul(count.into())?,
            Amount::UsdMicro(micro) => to_dbc(micro.checked_mul(count.into())?)?,
        };
        Some(per_slot(hourly))
    }
}

/// What an hourly price is for a slot, rounded up to the next unit.
pub fn per_slot(hourly: Balance) -> Balance {
    hourly.div_ceil(Balance::from(SLOTS_PER_HOUR))
}

/// Deposit for `slots` at `rate`; `None` when it leaves the number range.
pub fn deposit(rate: Balance, slots: Slot) -> Option<Balance> {
    rate.checked_mul(Balance::from(slots))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DBC;

    fn none(_: u128) -> Option<Balance> {
        None
    }

    fn offer(gpu: Balance, cpu: Balance) -> Offer {
        Offer {
            price: Price { gpu_hour: Amount::Dbc(gpu), cpu_hour: Amount::Dbc(cpu) },
            min_term: 1,
            max_term: 2,
            cpu_shares: 3,
        }
    }

    #[test]
    fn an_hour_at_the_rate_costs_the_hourly_price_and_less_than_a_slot_more() {
        for (hourly, gpus) in [(12 * DBC, 1), (1, 1), (1_199, 3), (7 * DBC + 1, 8), (0, 4)] {
            let rate = offer(hourly, 0).rate_per_slot(Profile::Gpu, gpus, none).unwrap();
            let hour = deposit(rate, SLOTS_PER_HOUR).unwrap();
            let asked = hourly * Balance::from(gpus);
            assert!(asked <= hour && hour < asked + Balance::from(SLOTS_PER_HOUR));
        }
    }

    #[test]
    fn the_cpu_profile_has_its_own_price_for_each_share() {
        assert_eq!(offer(5, 1_200).rate_per_slot(Profile::Cpu, 1, none), Some(1));
        assert_eq!(offer(5, 1_200).rate_per_slot(Profile::Cpu, 3, none), Some(3));
        // Rounded up once, over all of them.
        assert_eq!(offer(5, 400).rate_per_slot(Profile::Cpu, 3, none), Some(1));
    }

    #[test]
    fn no_product_wraps() {
        assert_eq!(offer(Balance::MAX, 0).rate_per_slot(Profile::Gpu, 2, none), None);
        assert_eq!(deposit(Balance::MAX, 2), None);
    }

    #[test]
    fn rule_13_dollars_are_units_by_the_price_of_the_moment_for_one_leg() {
        let mut offer = offer(1, 1);
        assert!(offer.is_sound());
        offer.price.gpu_hour = Amount::UsdMicro(2_400_000);
        assert!(!offer.is_sound(), "two currencies");
        offer.price.cpu_hour = Amount::UsdMicro(1);
        assert!(offer.is_sound() && offer.is_in_dollars());
        // A DBC at two cents: 2.40 dollars are 120 DBC.
        let two_cents = |micro: u128| Some(micro * DBC / 20_000);
        let rate = offer.rate_per_slot(Profile::Gpu, 2, two_cents);
        assert_eq!(rate, Some(240 * DBC / Balance::from(SLOTS_PER_HOUR)));
        assert_eq!(offer.rate_per_slot(Profile::Gpu, 1, none), None, "nobody knows the price");
        offer.max_term = LEG_MAX + 1;
        assert!(offer.is_sound(), "longer than a leg is several legs");
    }
}
