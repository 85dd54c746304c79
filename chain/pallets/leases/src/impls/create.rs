//! Orders: a lease comes to be, starts, becomes longer.

use dbc_primitives::{Balance, LeaseId, LeaseState, Leg, Order, Slot, price};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{Get as _, fungible::MutateHold as _},
};
use pallet_machines::Fleet as _;

use crate::{
    ByMachine, Config, Error, Event, HoldReason, Lease, Leases, Meter as _, NextLease, Pallet, Tags,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_create(renter: T::AccountId, order: Order<T::AccountId>) -> DispatchResult {
        ensure!(!Tags::<T>::contains_key(&renter, order.tag), Error::<T>::TagUsed);
        let quote =
            T::Fleet::quote(order.machine, order.profile, &order.gpus, order.offer_version)?;
        ensure!(T::Meter::is_live(quote.index.index), Error::<T>::MachineSilent);
        ensure!(quote.rate <= order.max_rate, Error::<T>::RateTooHigh);
        let term_fits = quote.min_term <= order.term && order.term <= quote.max_term;
        ensure!(term_fits, Error::<T>::BadTerm);
        let deposit = price::deposit(quote.rate, order.term).ok_or(Error::<T>::Overflow)?;
        ensure!(order.cap.is_none_or(|cap| deposit <= cap), Error::<T>::AboveCap);

        T::Fleet::occupy(order.machine, order.profile, &order.gpus)?;
        T::Currency::hold(&HoldReason::Deposit.into(), &renter, deposit)?;

        let now = T::Clock::get();
        let start_by = now.saturating_add(T::StartWindow::get());
        let lease = NextLease::<T>::mutate(|next| {
            let lease = *next;
            *next = next.saturating_add(1);
            lease
        });
        Tags::<T>::insert(&renter, order.tag, lease);
        ByMachine::<T>::insert(order.machine, lease, ());
        Self::expire_at(start_by, lease);
        Self::deposit_event(Event::Created {
            lease,
            renter: renter.clone(),
            machine: order.machine,
            rate: quote.rate,
            deposit,
            start_by,
        });
        let record = Lease {
            renter,
            provider: quote.provider,
            machine: order.machine,
            machine_index: quote.index,
            gpus: order.gpus,
            profile: order.profile,
            created_at: now,
            started_at: None,
            term: order.term,
            ends_at: start_by,
            leg: Leg { index: 0, from: 0, rate: quote.rate },
            deposit,
            due: 0,
            due_fees: 0,
            paid: 0,
            fees: 0,
            refunded: 0,
            settled_to: now,
            live_mark: 0,
            charged: 0,
            tail: None,
            max_rate: order.max_rate,
            cap: order.cap,
            access_key: order.access_key,
            grant_epoch: 0,
            generation: 0,
            platform: order.platform,
            receiver: order.receiver,
            spec_hash: order.spec_hash,
            tag: order.tag,
            state: LeaseState::Pending,
            retain_until: None,
        };
        Leases::<T>::insert(lease, record);
        Ok(())
    }

    pub(crate) fn do_started(who: T::AccountId, lease: LeaseId) -> DispatchResult {
        let mut record = Leases::<T>::get(lease).ok_or(Error::<T>::LeaseNotFound)?;
        ensure!(T::Fleet::may_run(record.machine, &who), Error::<T>::NotProvider);
        match record.state {
            LeaseState::Pending => {}
            LeaseState::Running => return Err(Error::<T>::AlreadyStarted.into()),
            LeaseState::Closed { .. } => return Err(Error::<T>::LeaseOver.into()),
        }
        let now = T::Clock::get();
        ensure!(now < record.ends_at, Error::<T>::LeaseOver);
        Self::forget_expiry(record.ends_at, lease);
        record.state = LeaseState::Running;
        record.started_at = Some(now);
        record.settled_to = now;
        record.live_mark = T::Meter::live_by(record.machine_index.index, now);
        record.leg.from = now;
        record.ends_at = now.saturating_add(record.term);
        Self::expire_at(record.ends_at, lease);
        Self::deposit_event(Event::Started { lease, ends_at: record.ends_at });
        Leases::<T>::insert(lease, record);
        Ok(())
    }

    pub(crate) fn do_extend(
        renter: T::AccountId,
        lease: LeaseId,
        slots: Slot,
        offer_version: u32,
        max_rate: Balance,
    ) -> DispatchResult {
        let mut record = Self::own_open_lease(&renter, lease)?;
        ensure!(record.state == LeaseState::Running, Error::<T>::NotStarted);
        let quote = T::Fleet::quote(record.machine, record.profile, &record.gpus, offer_version)?;
        ensure!(quote.rate <= max_rate, Error::<T>::RateTooHigh);
        // One leg, one rate: a lease at another rate is another lease. In dollars the leg's rate stays while
        // it is no less than what is asked for now, so that nobody waits for a better moment (rule 13).
        let stays = quote.in_dollars && quote.rate < record.leg.rate;
        ensure!(quote.rate == record.leg.rate || stays, Error::<T>::RateChanged);
        let term = record.term.checked_add(slots).ok_or(Error::<T>::Overflow)?;
        ensure!(slots > 0 && term <= quote.max_term, Error::<T>::BadTerm);
        let added = price::deposit(record.leg.rate, slots).ok_or(Error::<T>::Overflow)?;
        let total = price::deposit(record.leg.rate, term).ok_or(Error::<T>::Overflow)?;
        ensure!(record.cap.is_none_or(|cap| total <= cap), Error::<T>::AboveCap);
        let ends_at = record.ends_at.checked_add(slots).ok_or(Error::<T>::Overflow)?;

        T::Currency::hold(&HoldReason::Deposit.into(), &renter, added)?;
        Self::forget_expiry(record.ends_at, lease);
        Self::expire_at(ends_at, lease);
        record.deposit = record.deposit.saturating_add(added);
        record.term = term;
        record.ends_at = ends_at;
        record.max_rate = max_rate;
        Self::deposit_event(Event::Extended { lease, ends_at, added });
        Leases::<T>::insert(lease, record);
        Ok(())
    }
}
