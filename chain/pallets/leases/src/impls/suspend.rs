//! A lease without its cards: they are free for others, for good; its data stays, its calendar end too.
//! It comes back to any free cards of the same models (mechanisms rule 31, requirements D2, D3).

use dbc_primitives::{Balance, LeaseId, LeaseState, Leg, Profile, lease::GpuSlots};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _};
use pallet_machines::{Fleet as _, Part};

use crate::{Config, Error, Event, Leases, Meter as _, Pallet, Suspended};

/// CPU shares that a suspended lease has.
const SHARES: u16 = 1;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_suspend(renter: T::AccountId, lease: LeaseId) -> DispatchResult {
        let mut record = Self::own_open_lease(&renter, lease)?;
        ensure!(record.state == LeaseState::Running, Error::<T>::NotStarted);
        ensure!(record.profile == Profile::Gpu, Error::<T>::NoCards);
        ensure!(record.down.is_none(), Error::<T>::LeaseDown);
        // The least that is charged is charged for cards (mechanisms rule 7).
        let least = record.started_at.unwrap_or_default().saturating_add(T::MinimumCharge::get());
        ensure!(T::Clock::get() >= least, Error::<T>::TooSoon);
        Self::settle_record(lease, &mut record);
        Self::ensure_settled(&record)?;
        let pledged = Self::has_pledge(&renter);
        let terms = Self::terms(record.platform);
        let price = match pledged {
            true => 0,
            false => {
                let version = T::Fleet::offer_version(record.machine).unwrap_or_default();
                let quote = T::Fleet::quote(record.machine, Part::cpu(SHARES), version)?;
                record.dollars_hour = quote.dollars_hour;
                quote.rate
            }
        };
        let leg = Self::leg(&terms, price).ok_or(Error::<T>::Overflow)?;
        ensure!(leg.rate <= record.max_rate, Error::<T>::RateTooHigh);

        T::Fleet::vacate(record.machine, record.part());
        T::Fleet::occupy(record.machine, Part::cpu(SHARES))?;
        let now = T::Clock::get();
        let gpus = core::mem::replace(&mut record.gpus, GpuSlots::new());
        record.profile = Profile::Cpu;
        record.cpu_shares = SHARES;
        record.suspended = Some(Suspended { since: now, gpus, pledged });
        record.beneficiary = terms.beneficiary.or(record.beneficiary.take());
        Self::turn(&mut record, Leg { plain: true, ..leg }, now);
        Self::cover(&mut record)?;
        if pledged {
            Self::rely(&renter);
        }
        Self::deposit_event(Event::Suspended { lease, pledged });
        Self::tell_leg(lease, &record);
        Self::settle_record(lease, &mut record);
        Self::schedule_next(lease, &mut record);
        Leases::<T>::insert(lease, record);
        Ok(())
    }

    pub(crate) fn do_resume(
        renter: T::AccountId,
        lease: LeaseId,
        gpus: GpuSlots,
        offer_version: u32,
        max_rate: Balance,
    ) -> DispatchResult {
        let mut record = Self::own_open_lease(&renter, lease)?;
        let suspended = record.suspended.take().ok_or(Error::<T>::NotSuspended)?;
        Self::settle_record(lease, &mut record);
        Self::ensure_settled(&record)?;
        let machine = record.machine;
        let alike = T::Fleet::are_alike(machine, &gpus, machine, &suspended.gpus);
        ensure!(alike, Error::<T>::OtherCards);
        let quote = T::Fleet::quote(machine, Part::gpus(&gpus), offer_version)?;
        ensure!(T::Meter::is_live(record.machine_index.index), Error::<T>::MachineSilent);
        let terms = Self::terms(record.platform);
        let leg = Self::leg(&terms, quote.rate).ok_or(Error::<T>::Overflow)?;
        ensure!(leg.rate <= max_rate, Error::<T>::RateTooHigh);

        T::Fleet::vacate(machine, record.part());
        T::Fleet::occupy(machine, Part::gpus(&gpus))?;
        record.gpus = gpus;
        record.profile = Profile::Gpu;
        record.cpu_shares = 0;
        record.max_rate = max_rate;
        record.dollars_hour = quote.dollars_hour;
        record.beneficiary = terms.beneficiary.or(record.beneficiary.take());
        Self::turn(&mut record, leg, T::Clock::get());
        Self::cover(&mut record)?;
        if suspended.pledged {
            Self::rely_no_more(&renter);
        }
        Self::deposit_event(Event::Resumed { lease, gpus: record.gpus.clone() });
        Self::tell_leg(lease, &record);
        Self::settle_record(lease, &mut record);
        Self::schedule_next(lease, &mut record);
        Leases::<T>::insert(lease, record);
        Ok(())
    }
}
