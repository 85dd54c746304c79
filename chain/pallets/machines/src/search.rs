//! What programs look machines up by: pages over dense indexes and over a provider's, bounded whatever they find.

use alloc::vec::Vec;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use dbc_primitives::{
    Amount, BoundedVec, ConstU32, MachineClass, MachineId, MachineStatus, Offer, Slot,
};
use frame_support::traits::Get as _;
use scale_info::TypeInfo;

use crate::{
    ByProvider, Config, DollarPrice as _, MachineAt, MachineOf, Machines, NextIndex, Pallet,
};

/// Indexes that one page looks at.
pub const PAGE: u32 = 256;
/// Machines of a provider that one page has at most.
pub const FLEET_PAGE: u32 = 100;

/// What is looked for; what is `None` or 0 is anything.
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
pub struct Filter {
    /// What it is meant for.
    pub class: Option<MachineClass>,
    /// ISO 3166-1 numeric code of its country.
    pub region: Option<u16>,
    /// Cards that are free at least.
    pub free_gpus: u8,
    /// Most that a card, or a CPU share of a machine without cards, may cost an hour. In the other currency than
    /// the offer's by the price of the moment; while there is none, such an offer is not found.
    pub max_price: Option<Amount>,
}

/// What was found.
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
pub struct Page {
    /// Listed machines that fit and take orders, by rising index.
    pub machines: BoundedVec<MachineId, ConstU32<PAGE>>,
    /// The index to go on with; `None` when this was the last page.
    pub next: Option<u32>,
}

impl<T: Config> Pallet<T> {
    /// The machine at an index, with its record.
    pub(crate) fn record_at(index: u32) -> Option<(MachineId, MachineOf<T>)> {
        let machine = MachineAt::<T>::get(index)?;
        Some((machine, Machines::<T>::get(machine)?))
    }

    /// Looks at [`PAGE`] indexes from `from` on.
    pub(crate) fn page(from: u32, filter: &Filter) -> Page {
        let now = T::Clock::get();
        let end = NextIndex::<T>::get();
        let until = from.saturating_add(PAGE).min(end);
        let fits = (from..until).filter_map(|index| {
            let (machine, record) = Self::record_at(index)?;
            Self::fits(&record, filter, now).then_some(machine)
        });
        let machines = BoundedVec::truncate_from(fits.take(PAGE as usize).collect());
        Page { machines, next: (until < end).then_some(until) }
    }

    /// Machines of a provider after one of them.
    pub(crate) fn page_of(
        provider: &T::AccountId,
        after: Option<MachineId>,
        limit: u32,
    ) -> Vec<MachineId> {
        let most = limit.min(FLEET_PAGE) as usize;
        match after {
            None => ByProvider::<T>::iter_key_prefix(provider).take(most).collect(),
            Some(machine) => {
                let key = ByProvider::<T>::hashed_key_for(provider, machine);
                ByProvider::<T>::iter_key_prefix_from(provider, key).take(most).collect()
            }
        }
    }

    fn fits(record: &MachineOf<T>, filter: &Filter, now: Slot) -> bool {
        let Some(offer) = record.offer.filter(|_| record.status == MachineStatus::Listed) else {
            return false;
        };
        filter.class.is_none_or(|class| class == record.class)
            && filter.region.is_none_or(|region| region == record.location.region)
            && record.free_gpus().count_ones() >= u32::from(filter.free_gpus)
            && !record.maintenance.is_some_and(|announced| announced.covers(now))
            && filter.max_price.is_none_or(|most| Self::costs_at_most(record, &offer, most))
    }

    fn costs_at_most(record: &MachineOf<T>, offer: &Offer, most: Amount) -> bool {
        let asked = match record.facts.gpus.is_empty() {
            true => offer.price.cpu_hour,
            false => offer.price.gpu_hour,
        };
        match (asked, most) {
            (Amount::Dbc(asked), Amount::Dbc(most)) => asked <= most,
            (Amount::UsdMicro(asked), Amount::UsdMicro(most)) => asked <= most,
            (Amount::UsdMicro(asked), Amount::Dbc(most)) => {
                T::Price::to_dbc(asked).is_some_and(|asked| asked <= most)
            }
            (Amount::Dbc(asked), Amount::UsdMicro(most)) => {
                T::Price::to_dbc(most).is_some_and(|most| asked <= most)
            }
        }
    }
}
