//! Another machine takes a lease over when the first was silent for long (mechanisms rule 15): by a call
//! on the chain, so that names, pushes and the first machine itself know which of the two is meant. The
//! lease's generation rises; its calendar end stays.

use codec::Encode as _;
use dbc_primitives::{LeaseId, LeaseState, Leg, Profile, discount::Progress};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _};
use pallet_machines::{Fleet as _, Part};

use crate::{ByMachine, Config, Error, Event, LeaseOf, Leases, Meter as _, Pallet, Running};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_fail_over(who: T::AccountId, lease: LeaseId) -> DispatchResult {
        let mut record = Leases::<T>::get(lease).ok_or(Error::<T>::LeaseNotFound)?;
        let over = record.is_closed() || Self::is_over(&record);
        ensure!(!over, Error::<T>::LeaseOver);
        ensure!(record.state == LeaseState::Running, Error::<T>::NotStarted);
        ensure!(record.suspended.is_none(), Error::<T>::NoCards);
        ensure!(record.held_back.is_none(), Error::<T>::InDispute);
        let standby = record.standby.ok_or(Error::<T>::NoStandby)?;
        ensure!(Self::may_fail_over(&record, &who), Error::<T>::NotRenter);
        let now = T::Clock::get();
        let since = T::Meter::silent_since(record.machine_index.index);
        let long = since.is_some_and(|since| now >= since.saturating_add(T::FailOverAfter::get()));
        ensure!(long, Error::<T>::NotSilent);
        let like = T::Fleet::free_like(standby, record.machine, &record.gpus);
        let gpus = match record.profile {
            Profile::Gpu => like.ok_or(Error::<T>::OtherCards)?,
            Profile::Cpu => record.gpus.clone(),
        };
        let part = Part { gpus: &gpus, ..record.part() };
        let version = T::Fleet::offer_version(standby).unwrap_or_default();
        let quote = T::Fleet::quote(standby, part, version)?;
        ensure!(T::Meter::is_live(quote.index.index), Error::<T>::MachineSilent);
        let terms = Self::terms(record.platform);
        let leg = Self::leg(&terms, quote.rate).ok_or(Error::<T>::Overflow)?;
        ensure!(leg.rate <= record.max_rate, Error::<T>::RateTooHigh);
        let term = record.ends_at.saturating_sub(now);
        ensure!(term <= quote.max_term, Error::<T>::BadTerm);
        ensure!(Self::is_for_class(record.voucher, quote.class), Error::<T>::VoucherUnfit);

        T::Fleet::occupy(standby, part)?;
        // Nothing was charged since it fell silent, and nothing will be.
        Self::settle_record(lease, &mut record);
        T::Fleet::vacate(record.machine, record.part());
        ByMachine::<T>::remove(record.machine, lease);
        Running::<T>::remove(record.machine, lease);
        ByMachine::<T>::insert(standby, lease, ());
        let from = core::mem::replace(&mut record.machine, standby);
        record.machine_index = quote.index;
        record.provider = quote.provider;
        record.gpus = gpus;
        record.dollars_hour = quote.dollars_hour;
        record.standby = None;
        record.generation = record.generation.saturating_add(1);
        record.beneficiary = terms.beneficiary.or(record.beneficiary.take());
        // What the first machine was paid is not the second's to answer for, nor is it paid less for it: its
        // discounts begin anew, over what is left of the time.
        (record.rent, record.list, record.settled_to) = (0, 0, now);
        (record.down, record.down_for) = (None, 0);
        (record.term, record.progress) = (term, Progress::default());
        let index = record.next.take().map_or(record.leg.index, |next| next.index);
        let until = Self::leg_end(&record, now);
        record.leg = Leg { index: index.saturating_add(1), from: now, until, ..leg };
        Self::cover(&mut record)?;
        let start_by = now.saturating_add(T::StartWindow::get()).min(record.ends_at);
        record.moving = Some(record.ends_at);
        record.ends_at = start_by;
        record.state = LeaseState::Pending;
        Self::schedule_next(lease, &mut record);
        let generation = record.generation;
        Self::deposit_event(Event::FailedOver { lease, from, to: standby, generation, start_by });
        Leases::<T>::insert(lease, record);
        Ok(())
    }

    /// Its renter, whoever has its access key, which is an account too, and the people of the standby,
    /// who notice while the renter sleeps.
    fn may_fail_over(record: &LeaseOf<T>, who: &T::AccountId) -> bool {
        let by_key = who.encode().as_slice() == record.access_key;
        let by_standby = record.standby.is_some_and(|machine| T::Fleet::may_run(machine, who));
        record.renter == *who || by_key || by_standby
    }
}
