//! A lease whose workload does not run although its machine is there (mechanisms rule 35): a card fell off
//! the bus, a container does not come back. Its machine says so and is not paid meanwhile, and nothing else
//! comes of it; what a renter's report finds instead costs stake.

use dbc_primitives::{LeaseId, LeaseState, Leg};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _};
use pallet_machines::Fleet as _;
use sp_runtime::DispatchError;

use crate::{Config, Down, Error, Event, LeaseOf, Leases, Pallet};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_report_down(who: T::AccountId, lease: LeaseId) -> DispatchResult {
        let mut record = Self::run_by(&who, lease)?;
        ensure!(record.state == LeaseState::Running, Error::<T>::NotStarted);
        ensure!(record.suspended.is_none(), Error::<T>::NoCards);
        ensure!(record.down.is_none(), Error::<T>::DownAlready);
        Self::settle_record(lease, &mut record);
        Self::ensure_settled(&record)?;
        let (now, leg) = (T::Clock::get(), record.leg);
        record.down = Some(Down { since: now, leg });
        // Time that is not paid for counts for no discount.
        let free = Leg { rate: 0, platform: 0, plain: true, ..leg };
        Self::turn_until(&mut record, free, now, leg.until);
        Self::deposit_event(Event::Down { lease });
        Self::schedule_next(lease, &mut record);
        Leases::<T>::insert(lease, record);
        Ok(())
    }

    pub(crate) fn do_report_up(who: T::AccountId, lease: LeaseId) -> DispatchResult {
        let mut record = Self::run_by(&who, lease)?;
        ensure!(record.down.is_some(), Error::<T>::NotDown);
        Self::settle_record(lease, &mut record);
        Self::ensure_settled(&record)?;
        let Some(down) = record.down.take() else { return Err(Error::<T>::NotDown.into()) };
        let now = T::Clock::get();
        record.down_for = record.down_for.saturating_add(now.saturating_sub(down.since));
        Self::deposit_event(Event::Up { lease });
        if now < down.leg.until {
            Self::turn_until(&mut record, down.leg, now, down.leg.until);
        } else {
            // What was agreed is over: the next leg begins now.
            record.leg.until = now;
            if let Err(reason) = Self::renew(lease, &mut record) {
                Self::close(lease, record, reason);
                return Ok(());
            }
        }
        Self::cover(&mut record)?;
        Self::tell_leg(lease, &record);
        Self::settle_record(lease, &mut record);
        Self::schedule_next(lease, &mut record);
        Leases::<T>::insert(lease, record);
        Ok(())
    }

    /// An open lease whose machine the account runs.
    fn run_by(who: &T::AccountId, lease: LeaseId) -> Result<LeaseOf<T>, DispatchError> {
        let record = Leases::<T>::get(lease).ok_or(Error::<T>::LeaseNotFound)?;
        ensure!(T::Fleet::may_run(record.machine, who), Error::<T>::NotProvider);
        ensure!(!record.is_closed() && !Self::is_over(&record), Error::<T>::LeaseOver);
        Ok(record)
    }
}
