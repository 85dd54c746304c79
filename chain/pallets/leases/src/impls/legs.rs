//! Legs: stretches of a lease with one rate, fixed when they begin together with everything that is
//! taken out of it (mechanisms rules 13, 24, 26). An order in DBC is one leg, and all of it is on hold from
//! the first; one in dollars runs in legs of thirty days, each held when it begins.

use dbc_primitives::{
    Balance, CloseReason, LeaseId, LeaseState, Leg, Slot,
    discount::{ONE, Progress},
    price::{self, LEG_MAX},
};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _};
use pallet_machines::DollarPrice as _;
use sp_runtime::DispatchError;

use crate::{BurnStep, Config, Error, Event, Expiry, LeaseOf, Meter as _, Pallet, Platforms};

/// What is fixed with a leg beside its time.
pub(crate) struct Terms<AccountId> {
    /// Of the provider's price, to the platform on top: millionths.
    share: u32,
    /// Who gets it.
    pub beneficiary: Option<AccountId>,
}

impl<T: Config> Pallet<T> {
    /// What a platform takes now; nothing when there is none, or none any more.
    pub(crate) fn terms(platform: Option<u32>) -> Terms<T::AccountId> {
        match platform.and_then(Platforms::<T>::get) {
            Some(found) => Terms { share: found.fee, beneficiary: Some(found.beneficiary) },
            None => Terms { share: 0, beneficiary: None },
        }
    }

    /// A leg at a provider's price, with what is taken out of it now; `None` beyond the number range.
    pub(crate) fn leg(terms: &Terms<T::AccountId>, price: Balance) -> Option<Leg> {
        let platform = price.checked_mul(terms.share.into())?.div_ceil(ONE.into());
        let rate = price.checked_add(platform)?;
        let (fee, burn) = Self::dues();
        Some(Leg { index: 0, from: 0, until: 0, rate, platform, fee, burn, plain: false })
    }

    /// What of the rent goes to the treasury and what is burned now: millionths. While nothing is burned,
    /// the protocol's fee stands in (mechanisms rule 2).
    pub(crate) fn dues() -> (u32, u32) {
        match T::BurnTable::get().share(BurnStep::<T>::get()) {
            0 => (T::ProtocolFee::get().deconstruct(), 0),
            burn => (0, burn),
        }
    }

    /// First slot after a leg that begins at `from`: the end of the lease, or thirty days later in dollars.
    pub(crate) fn leg_end(record: &LeaseOf<T>, from: Slot) -> Slot {
        match record.dollars_hour {
            Some(_) => from.saturating_add(LEG_MAX).min(record.ends_at),
            None => record.ends_at,
        }
    }

    /// What the time from the last settlement to `stop` can cost at most; `None` beyond the number range.
    pub(crate) fn price_until(record: &LeaseOf<T>, stop: Slot) -> Option<Balance> {
        Self::ahead(record, stop).map(|(price, _)| price)
    }

    /// The same, and how far the lease comes by then.
    pub(crate) fn ahead(record: &LeaseOf<T>, stop: Slot) -> Option<(Balance, Progress)> {
        let mut progress = record.progress;
        let mut from = record.settled_to;
        let mut sum: Balance = 0;
        for leg in [Some(record.leg), record.next].into_iter().flatten() {
            let to = stop.min(leg.until);
            let slots = to.saturating_sub(from);
            let part = if leg.plain {
                price::deposit(leg.rate, slots)?
            } else {
                progress.advance(&record.tiers, record.term, leg.rate, slots)?
            };
            sum = sum.checked_add(part)?;
            from = from.max(to);
        }
        Some((sum, progress))
    }

    /// Puts on hold what all that has a price can cost beyond what is; gives what was added.
    pub(crate) fn cover(record: &mut LeaseOf<T>) -> Result<Balance, DispatchError> {
        let most = Self::price_until(record, record.priced_until()).ok_or(Error::<T>::Overflow)?;
        let missing = most.saturating_sub(record.free());
        Self::put_on_hold(record, missing)?;
        Ok(missing)
    }

    /// Puts `amount` more on hold for a lease, within its cap.
    pub(crate) fn put_on_hold(record: &mut LeaseOf<T>, amount: Balance) -> DispatchResult {
        let deposited = record.deposited.checked_add(amount).ok_or(Error::<T>::Overflow)?;
        ensure!(record.cap.is_none_or(|cap| deposited <= cap), Error::<T>::AboveCap);
        Self::hold_of(&record.payer, record.voucher, amount)?;
        record.deposited = deposited;
        record.deposit = record.deposit.saturating_add(amount);
        Ok(())
    }

    /// Lets another leg begin now: what came before is still settled at the old rate.
    pub(crate) fn turn(record: &mut LeaseOf<T>, leg: Leg, at: Slot) {
        Self::turn_until(record, leg, at, Self::leg_end(record, at));
    }

    /// The same with another end than such a leg would have.
    pub(crate) fn turn_until(record: &mut LeaseOf<T>, leg: Leg, at: Slot, until: Slot) {
        let index = record.leg.index.saturating_add(1);
        record.leg.until = at;
        record.next = Some(Leg { index, from: at, until, ..leg });
    }

    /// Prices the leg after the one that is over and holds it.
    ///
    /// # Errors
    /// Why the lease ends instead.
    pub(crate) fn renew(lease: LeaseId, record: &mut LeaseOf<T>) -> Result<(), CloseReason> {
        let from = record.leg.until;
        let sleeps = record.suspended.as_ref().is_some_and(|suspended| suspended.pledged);
        let free = sleeps || record.down.is_some();
        let plain = record.suspended.is_some() || record.down.is_some();
        let price = match record.dollars_hour {
            _ if free => Some(0),
            Some(dollars) => T::Price::to_dbc(dollars).map(price::per_slot),
            None => None,
        };
        let terms = Self::terms(record.platform);
        let leg = price.and_then(|price| Self::leg(&terms, price));
        let leg = leg.filter(|leg| leg.rate <= record.max_rate).ok_or(CloseReason::LegTooDear)?;
        Self::turn(record, Leg { plain, ..leg }, from);
        if let Err(refused) = Self::cover(record) {
            record.next = None;
            let capped = refused == Error::<T>::AboveCap.into();
            return Err(if capped { CloseReason::CapReached } else { CloseReason::LegUnpaid });
        }
        record.beneficiary = terms.beneficiary.or(record.beneficiary.take());
        Self::tell_leg(lease, record);
        Ok(())
    }

    /// Says which leg begins.
    pub(crate) fn tell_leg(lease: LeaseId, record: &LeaseOf<T>) {
        let Leg { index, from, until, rate, .. } = record.next.unwrap_or(record.leg);
        Self::deposit_event(Event::LegBegan { lease, index, rate, from, until });
    }

    /// Moves the lease's entry in the queue to where it has to be looked at next.
    pub(crate) fn schedule_next(lease: LeaseId, record: &mut LeaseOf<T>) {
        let at = match (record.state, record.next, record.held_back) {
            (LeaseState::Running, Some(_), Some(held)) => held.until.min(record.ends_at),
            // The meter knows what was there at the turn only for a while.
            (LeaseState::Running, Some(_), None) => Self::look_at().min(record.ends_at),
            (LeaseState::Running, None, _) => record.leg.until.min(record.ends_at),
            _ => record.ends_at,
        };
        Self::schedule(lease, record, at);
    }

    /// Moves the lease's entry in the queue, never to a slot that the queue has passed.
    pub(crate) fn schedule(lease: LeaseId, record: &mut LeaseOf<T>, at: Slot) {
        let at = at.max(T::Clock::get().saturating_add(1));
        if at != record.due_at {
            Expiry::<T>::remove(record.due_at, lease);
            record.due_at = at;
        }
        Expiry::<T>::insert(at, lease, ());
    }

    /// When a closed lease's tail, or a turn, is looked at next.
    pub(crate) fn look_at() -> Slot {
        T::Clock::get().saturating_add(T::TailWait::get())
    }

    /// Whether nothing of the lease waits for the horizon or a verdict, so that another leg may begin.
    ///
    /// # Errors
    /// When something does.
    pub(crate) fn ensure_settled(record: &LeaseOf<T>) -> DispatchResult {
        ensure!(record.held_back.is_none(), Error::<T>::InDispute);
        let in_leg = record.next.is_none() && T::Clock::get() < record.leg.until;
        ensure!(in_leg, Error::<T>::Unsettled);
        Ok(())
    }

    /// Whether the machine was away for so much of the lease that its provider is to blame (mechanisms
    /// rules 6, 11).
    pub(crate) fn was_away(record: &LeaseOf<T>) -> bool {
        if record.started_at.is_none() || record.moving.is_some() {
            return false;
        }
        let blamed = T::Meter::blamed_by(record.machine_index.index, record.settled_to);
        let down = record.down.map_or(0, |down| T::Clock::get().saturating_sub(down.since));
        let down = record.down_for.saturating_add(down);
        let metered = record.settled_to.saturating_sub(record.metered_from);
        let most = T::MaxDowntime::get().mul_floor(metered).max(T::ForgivenDowntime::get());
        blamed.saturating_sub(record.blamed_mark).saturating_add(down) > most
    }
}
