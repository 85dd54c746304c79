//! Orders: a lease comes to be, starts, becomes longer.

use dbc_primitives::{
    Balance, LeaseId, LeaseState, Leg, Order, Slot,
    discount::Progress,
    price::{self, LEG_MAX},
};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _, weights::Weight};
use pallet_machines::{Fleet as _, Part, Quote};
use sp_runtime::DispatchError;

use crate::{
    ByMachine, Config, Error, Event, Expiry, Lease, LeaseOf, Leases, Meter as _, NextLease, Pallet,
    Running, Tags,
};

impl<T: Config> Pallet<T> {
    /// Gives the weight that it took.
    pub(crate) fn do_create(
        renter: T::AccountId,
        order: Order<T::AccountId>,
    ) -> Result<Weight, DispatchError> {
        ensure!(!Tags::<T>::contains_key(&renter, order.tag), Error::<T>::TagUsed);
        let Order { profile, ref gpus, cpu_shares, .. } = order;
        let part = Part { profile, gpus, cpu_shares };
        let quote = T::Fleet::quote(order.machine, part, order.offer_version)?;
        ensure!(T::Meter::is_live(quote.index.index), Error::<T>::MachineSilent);
        let another = order.standby.is_none_or(|standby| standby != order.machine);
        ensure!(another, Error::<T>::NoStandby);
        let mut record = Self::ordered(renter, order, quote)?;
        let deposit = Self::first_price(&record).ok_or(Error::<T>::Overflow)?;

        let beyond = T::Fleet::occupy(record.machine, record.part())?;
        let took = Self::order_took(&record, beyond);
        Self::put_on_hold(&mut record, deposit)?;
        Self::join_voucher(&record);
        let lease = NextLease::<T>::mutate(|next| {
            let lease = *next;
            *next = next.saturating_add(1);
            lease
        });
        Tags::<T>::insert(&record.renter, record.tag, lease);
        ByMachine::<T>::insert(record.machine, lease, ());
        Expiry::<T>::insert(record.due_at, lease, ());
        Self::deposit_event(Event::Created {
            lease,
            renter: record.renter.clone(),
            machine: record.machine,
            rate: record.leg.rate,
            deposit,
            start_by: record.ends_at,
        });
        Leases::<T>::insert(lease, record);
        Ok(took)
    }

    /// The record of an order at this quote, before anything of it is on hold.
    fn ordered(
        renter: T::AccountId,
        order: Order<T::AccountId>,
        quote: Quote<T::AccountId>,
    ) -> Result<LeaseOf<T>, DispatchError> {
        let known = order.platform.is_none_or(crate::Platforms::<T>::contains_key);
        ensure!(known, Error::<T>::PlatformNotFound);
        let terms = Self::terms(order.platform);
        let leg = Self::leg(&terms, quote.rate).ok_or(Error::<T>::Overflow)?;
        ensure!(leg.rate <= order.max_rate, Error::<T>::RateTooHigh);
        let term_fits = quote.min_term <= order.term && order.term <= quote.max_term;
        ensure!(term_fits, Error::<T>::BadTerm);
        let payer = Self::payer_of(&renter, &order, quote.class)?;
        let now = T::Clock::get();
        let start_by = now.saturating_add(T::StartWindow::get());
        Ok(Lease {
            renter,
            payer,
            provider: quote.provider,
            machine: order.machine,
            machine_index: quote.index,
            gpus: order.gpus,
            profile: order.profile,
            cpu_shares: order.cpu_shares,
            created_at: now,
            started_at: None,
            term: order.term,
            ends_at: start_by,
            due_at: start_by,
            leg,
            next: None,
            dollars_hour: quote.dollars_hour,
            tiers: T::Tiers::get(),
            progress: Progress::default(),
            deposited: 0,
            deposit: 0,
            due: 0,
            due_fees: 0,
            due_platform: 0,
            paid: 0,
            fees: 0,
            platform_fees: 0,
            burned: 0,
            refunded: 0,
            settled_to: now,
            live_mark: 0,
            charged: 0,
            metered_from: now,
            blamed_mark: 0,
            rent: 0,
            list: 0,
            at_fault: false,
            held_back: None,
            suspended: None,
            down: None,
            down_for: 0,
            moving: None,
            standby: order.standby,
            tail: None,
            max_rate: order.max_rate,
            cap: order.cap,
            access_key: order.access_key,
            grant_epoch: 0,
            generation: 0,
            platform: order.platform,
            beneficiary: terms.beneficiary,
            voucher: order.voucher,
            receiver: order.receiver,
            spec_hash: order.spec_hash,
            tag: order.tag,
            state: LeaseState::Pending,
            retain_until: None,
            retained_by_pledge: false,
            storage_price: 0,
        })
    }

    /// What is held when a lease is ordered: the price of its term, or of its first leg in dollars. `None`
    /// when that of the term is beyond the number range.
    fn first_price(record: &LeaseOf<T>) -> Option<Balance> {
        let price = |slots| {
            let mut progress = record.progress;
            progress.advance(&record.tiers, record.term, record.leg.rate, slots)
        };
        let whole = price(record.term)?;
        match record.dollars_hour {
            Some(_) => price(record.term.min(LEG_MAX)),
            None => Some(whole),
        }
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
        record.state = LeaseState::Running;
        record.started_at.get_or_insert(now);
        record.settled_to = now;
        record.metered_from = now;
        record.live_mark = T::Meter::live_by(record.machine_index.index, now);
        record.blamed_mark = T::Meter::blamed_by(record.machine_index.index, now);
        // Another machine goes on until the calendar end that the first one had.
        record.ends_at = record.moving.take().unwrap_or(now.saturating_add(record.term));
        record.leg.from = now;
        record.leg.until = Self::leg_end(&record, now);
        Self::schedule_next(lease, &mut record);
        Running::<T>::insert(record.machine, lease, ());
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
        ensure!(record.suspended.is_none(), Error::<T>::NoCards);
        ensure!(record.down.is_none(), Error::<T>::LeaseDown);
        let quote = T::Fleet::quote(record.machine, record.part(), offer_version)?;
        ensure!(T::Meter::is_live(quote.index.index), Error::<T>::MachineSilent);
        let last = record.next.unwrap_or(record.leg);
        ensure!(quote.rate <= max_rate && last.rate <= max_rate, Error::<T>::RateTooHigh);
        // One leg, one rate: a lease at another rate is another lease. In dollars the leg's rate stays while
        // it is no less than what is asked for now, so that nobody waits for a better moment (rule 13).
        let asked = last.rate - last.platform;
        let stays = quote.in_dollars && quote.rate < asked;
        let same = quote.in_dollars == record.dollars_hour.is_some();
        ensure!(same && (quote.rate == asked || stays), Error::<T>::RateChanged);
        let term = record.term.checked_add(slots).ok_or(Error::<T>::Overflow)?;
        ensure!(slots > 0 && term <= quote.max_term, Error::<T>::BadTerm);
        let ends_at = record.ends_at.checked_add(slots).ok_or(Error::<T>::Overflow)?;
        price::deposit(last.rate, term).ok_or(Error::<T>::Overflow)?;

        let was_last = last.until == record.ends_at;
        record.term = term;
        record.ends_at = ends_at;
        record.max_rate = max_rate;
        record.dollars_hour = quote.dollars_hour;
        if was_last {
            let until = Self::leg_end(&record, last.from);
            let leg = Leg { until, ..last };
            match record.next.as_mut() {
                Some(next) => *next = leg,
                None => record.leg = leg,
            }
        }
        let added = Self::cover(&mut record)?;
        Self::schedule_next(lease, &mut record);
        Self::deposit_event(Event::Extended { lease, ends_at, added });
        Leases::<T>::insert(lease, record);
        Ok(())
    }
}
