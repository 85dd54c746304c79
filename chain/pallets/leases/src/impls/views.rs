//! What programs ask instead of computing it themselves.

use alloc::vec::Vec;

use dbc_primitives::{LeaseId, MachineId, Profile, Slot, lease::GpuSlots, price::LEG_MAX};
use frame_support::traits::Get as _;
use pallet_machines::{Fleet as _, Part};

use crate::{Config, EndView, Leases, Pallet, Platforms, QuoteView, Tags};

/// Orders of a renter that one answer has at most.
const PAGE: usize = 64;

impl<T: Config> Pallet<T> {
    pub(crate) fn quote_of(
        machine: MachineId,
        gpus: &GpuSlots,
        cpu_shares: u16,
        term: Slot,
        platform: Option<u32>,
    ) -> Option<QuoteView> {
        let profile = if gpus.is_empty() { Profile::Cpu } else { Profile::Gpu };
        let offer_version = T::Fleet::offer_version(machine)?;
        let part = Part { profile, gpus, cpu_shares };
        let quote = T::Fleet::quote(machine, part, offer_version).ok()?;
        let sold = platform.is_none_or(Platforms::<T>::contains_key);
        if !sold || term < quote.min_term || quote.max_term < term {
            return None;
        }
        let leg = Self::leg(&Self::terms(platform), quote.rate)?;
        let tiers = T::Tiers::get();
        let held = if quote.in_dollars { term.min(LEG_MAX) } else { term };
        let mut progress = dbc_primitives::discount::Progress::default();
        let deposit = progress.advance(&tiers, term, leg.rate, held)?;
        Some(QuoteView {
            rate: leg.rate,
            platform: leg.platform,
            deposit,
            fee: leg.fee,
            burn: leg.burn,
            off: tiers.off(term, term),
            offer_version,
            in_dollars: quote.in_dollars,
        })
    }

    pub(crate) fn if_ended_now(lease: LeaseId) -> Option<EndView> {
        let record = Leases::<T>::get(lease).filter(|record| !record.is_closed())?;
        let spent = record.deposited.saturating_sub(record.free());
        let now = T::Clock::get();
        let (open, progress) = match record.started_at {
            Some(started_at) if record.moving.is_none() => {
                let least = started_at.saturating_add(T::MinimumCharge::get());
                Self::ahead(&record, now.max(least).min(record.priced_until()))?
            }
            _ => (0, record.progress),
        };
        let open = open.min(record.free());
        Some(EndView {
            cost: spent.saturating_add(open),
            refund: record.free().saturating_sub(open),
            off: record.tiers.off(record.term, progress.counted),
        })
    }

    pub(crate) fn tags_page(renter: &T::AccountId, after: Option<u64>) -> Vec<(u64, LeaseId)> {
        match after {
            None => Tags::<T>::iter_prefix(renter).take(PAGE).collect(),
            Some(tag) => {
                let key = Tags::<T>::hashed_key_for(renter, tag);
                Tags::<T>::iter_prefix_from(renter, key).take(PAGE).collect()
            }
        }
    }
}
