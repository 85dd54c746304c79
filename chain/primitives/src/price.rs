//! Prices and what follows from them. Pure; every rounding is said and tested. What a renter may
//! have to pay is rounded up once, when the rate is fixed; everything later is exact.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{Balance, Profile, SLOTS_PER_HOUR, Slot};

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
    /// Millionths of a US dollar; refused while there is no price feed.
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
    /// For the machine's CPU profile and hour.
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
    /// Shortest term in slots.
    pub min_term: Slot,
    /// Longest term in slots.
    pub max_term: Slot,
}

impl Offer {
    /// Whether its amounts are in a currency that can be settled today and its terms are in order.
    pub fn is_sound(&self) -> bool {
        let fixed = |amount| matches!(amount, Amount::Dbc(_));
        fixed(self.price.gpu_hour)
            && fixed(self.price.cpu_hour)
            && 0 < self.min_term
            && self.min_term <= self.max_term
    }

    /// Rate in units per slot for `gpus` cards or the CPU profile, rounded up to the next unit.
    /// `None` when the price is in dollars or the product leaves the number range.
    pub fn rate_per_slot(&self, profile: Profile, gpus: u32) -> Option<Balance> {
        let (hourly, count) = match profile {
            Profile::Gpu => (self.price.gpu_hour, Balance::from(gpus)),
            Profile::Cpu => (self.price.cpu_hour, 1),
        };
        let Amount::Dbc(hourly) = hourly else { return None };
        Some(hourly.checked_mul(count)?.div_ceil(Balance::from(SLOTS_PER_HOUR)))
    }
}

/// Deposit for `slots` at `rate`; `None` when it leaves the number range.
pub fn deposit(rate: Balance, slots: Slot) -> Option<Balance> {
    rate.checked_mul(Balance::from(slots))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DBC;

    fn offer(gpu: Balance, cpu: Balance) -> Offer {
        Offer {
            price: Price { gpu_hour: Amount::Dbc(gpu), cpu_hour: Amount::Dbc(cpu) },
            min_term: 1,
            max_term: 2,
        }
    }

    #[test]
    fn an_hour_at_the_rate_costs_the_hourly_price_and_less_than_a_slot_more() {
        for (hourly, gpus) in [(12 * DBC, 1), (1, 1), (1_199, 3), (7 * DBC + 1, 8), (0, 4)] {
            let rate = offer(hourly, 0).rate_per_slot(Profile::Gpu, gpus).unwrap();
            let hour = deposit(rate, SLOTS_PER_HOUR).unwrap();
            let asked = hourly * Balance::from(gpus);
            assert!(asked <= hour && hour < asked + Balance::from(SLOTS_PER_HOUR));
        }
    }

    #[test]
    fn the_cpu_profile_has_its_own_price_whatever_the_cards() {
        assert_eq!(offer(5, 1_200).rate_per_slot(Profile::Cpu, 0), Some(1));
        assert_eq!(offer(5, 1_200).rate_per_slot(Profile::Cpu, 9), Some(1));
    }

    #[test]
    fn no_product_wraps() {
        assert_eq!(offer(Balance::MAX, 0).rate_per_slot(Profile::Gpu, 2), None);
        assert_eq!(deposit(Balance::MAX, 2), None);
    }

    #[test]
    fn dollars_are_refused_while_there_is_no_feed() {
        let mut offer = offer(1, 1);
        assert!(offer.is_sound());
        offer.price.gpu_hour = Amount::UsdMicro(1);
        assert!(!offer.is_sound());
        assert_eq!(offer.rate_per_slot(Profile::Gpu, 1), None);
    }
}
