//! A machine changes hands while it is online, by consent of both (requirement D71). Its leases go on, and
//! whoever is its provider when they are settled is paid; what it earned before stays the old one's.

use dbc_primitives::{MachineId, MachineStatus};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{fungible::MutateHold as _, tokens::Precision},
};

use crate::{
    ByProvider, Config, Error, Event, HoldReason, MachineOf, Machines, Operators, Pallet,
    Presence as _,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_offer_handover(
        provider: T::AccountId,
        machine: MachineId,
        to: T::AccountId,
    ) -> DispatchResult {
        let mut record = Self::owned(&provider, machine)?;
        let leaving = matches!(record.status, MachineStatus::Retiring { .. });
        ensure!(!leaving, Error::<T>::WrongStatus);
        ensure!(to != provider, Error::<T>::NoHandover);
        record.handover = Some(to.clone());
        Machines::<T>::insert(machine, record);
        Self::deposit_event(Event::HandoverOffered { machine, to });
        Ok(())
    }

    pub(crate) fn do_withdraw_handover(
        provider: T::AccountId,
        machine: MachineId,
    ) -> DispatchResult {
        let mut record = Self::owned(&provider, machine)?;
        ensure!(record.handover.take().is_some(), Error::<T>::NoHandover);
        Machines::<T>::insert(machine, record);
        Self::deposit_event(Event::HandoverWithdrawn { machine });
        Ok(())
    }

    /// Withdraws a machine from whomever it is offered to: what he looked at changes.
    pub(crate) fn withdraw_offered(machine: MachineId, record: &mut MachineOf<T>) {
        if record.handover.take().is_some() {
            Self::deposit_event(Event::HandoverWithdrawn { machine });
        }
    }

    pub(crate) fn do_accept_handover(to: T::AccountId, machine: MachineId) -> DispatchResult {
        let mut record = Machines::<T>::get(machine).ok_or(Error::<T>::MachineNotFound)?;
        ensure!(record.handover.as_ref() == Some(&to), Error::<T>::NoHandover);
        // Somebody has to run it from now on.
        ensure!(Operators::<T>::contains_key(&to), Error::<T>::NotProvider);
        ensure!(T::Presence::is_clear(machine), Error::<T>::InDispute);
        ensure!(!T::Presence::is_audited(machine), Error::<T>::UnderAudit);

        let hold = HoldReason::Stake.into();
        let stake = Self::kept(&record);
        T::Currency::hold(&hold, &to, stake)?;
        let from = core::mem::replace(&mut record.provider, to.clone());
        let before = core::mem::replace(&mut record.stake, stake);
        if before > 0 {
            T::Currency::release(&hold, &from, before, Precision::Exact)?;
        }
        record.handover = None;
        Machines::<T>::insert(machine, record);
        ByProvider::<T>::remove(&from, machine);
        ByProvider::<T>::insert(&to, machine, ());
        T::Presence::handed_over(machine, &from, &to);
        Self::deposit_event(Event::HandedOver { machine, from, to, stake });
        Ok(())
    }
}
