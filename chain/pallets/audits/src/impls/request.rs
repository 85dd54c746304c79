//! Booking.

use dbc_primitives::{BoundedVec, MachineId};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _};

use crate::{
    AttemptsOf, Audit, Audits, Config, Due, Error, Event, NextAudit, OpenOf, Pallet, Phase, Proofs,
    Purpose,
};

impl<T: Config> Pallet<T> {
    /// Books an audit; everything that decides it is drawn later.
    pub fn book(machine: MachineId, purpose: Purpose) -> DispatchResult {
        let now = T::Clock::get();
        ensure!(!OpenOf::<T>::contains_key(machine), Error::<T>::AuditOpen);
        if matches!(purpose, Purpose::First | Purpose::Renewal) {
            let waits = AttemptsOf::<T>::get(machine).is_some_and(|a| now < a.not_before);
            ensure!(!waits, Error::<T>::BackingOff);
            let fresh = Proofs::<T>::get(machine).is_some_and(|proof| proof.is_fresh(now));
            ensure!(!fresh, Error::<T>::ProofFresh);
        }
        let starts = Self::window_after(now.saturating_add(Self::pace().draw_delay));
        let id = NextAudit::<T>::mutate(|next| {
            let id = *next;
            *next = next.saturating_add(1);
            id
        });
        let audit = Audit {
            machine,
            purpose,
            booked: now,
            starts,
            next: starts,
            phase: Phase::Booked,
            duties: BoundedVec::default(),
            seed: [0; 32],
            terms: None,
            again: false,
        };
        OpenOf::<T>::insert(machine, id);
        Self::look_at(starts, id, machine, Due::Phase);
        Audits::<T>::insert(id, audit);
        Self::deposit_event(Event::Booked { audit: id, machine, starts });
        Ok(())
    }
}
