//! Booking.

use dbc_primitives::{BoundedVec, MachineId};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get as _};

use crate::{
    AttemptsOf, Audit, AuditId, AuditedMachines as _, Audits, Config, Due, Error, Event, HeldBack,
    NextAudit, OpenOf, Outcome, Pallet, Phase, Proofs, Purpose, Queue,
};

impl<T: Config> Pallet<T> {
    /// Books an audit; everything that decides it is drawn later. A check does not wait for another that
    /// was not drawn yet, and takes its place (mechanisms rule 7).
    pub fn book(machine: MachineId, purpose: Purpose) -> DispatchResult {
        let now = T::Clock::get();
        if let Some(id) = OpenOf::<T>::get(machine) {
            let waits = matches!(purpose, Purpose::Check(_)) && Self::take_back(id, |_| true);
            ensure!(waits, Error::<T>::AuditOpen);
        }
        if matches!(purpose, Purpose::First | Purpose::Renewal) {
            let waits = AttemptsOf::<T>::get(machine).is_some_and(|a| now < a.not_before);
            ensure!(!waits, Error::<T>::BackingOff);
            let proof = Proofs::<T>::get(machine);
            // A silence is over when auditors reach it, however fresh the last proof is.
            let fresh = proof.is_some_and(|proof| proof.is_fresh(now));
            ensure!(!fresh || T::Machines::is_silent(machine), Error::<T>::ProofFresh);
        }
        let starts = Self::window_after(now.saturating_add(Self::pace().draw_delay));
        let id = Self::next_id();
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

    /// Numbers are given once.
    pub(crate) fn next_id() -> AuditId {
        NextAudit::<T>::mutate(|next| {
            let id = *next;
            *next = next.saturating_add(1);
            id
        })
    }

    /// A machine retires: what its provider asked for himself and was not drawn yet is dropped.
    pub fn drop_request(machine: MachineId) {
        let Some(id) = OpenOf::<T>::get(machine) else { return };
        let own = |purpose| matches!(purpose, Purpose::First | Purpose::Renewal);
        if Self::take_back(id, own) {
            HeldBack::<T>::remove(machine);
        }
    }

    /// Whether an audit of a machine is booked or under way that does not merely wait for a lease to end.
    pub fn is_open(machine: MachineId) -> bool {
        let audit = OpenOf::<T>::get(machine).and_then(Audits::<T>::get);
        let waits = audit.as_ref().is_some_and(|audit| {
            let check = matches!(audit.purpose, Purpose::Check(_));
            audit.phase == Phase::Booked && !check && T::Machines::is_leased(machine)
        });
        audit.is_some() && !waits
    }

    /// Forgets an audit that was not drawn yet, is no check, and whose purpose `may` go; gives whether.
    fn take_back(id: AuditId, may: impl FnOnce(Purpose) -> bool) -> bool {
        let Some(audit) = Audits::<T>::get(id) else { return false };
        let check = matches!(audit.purpose, Purpose::Check(_));
        let waits = audit.phase == Phase::Booked && !check && may(audit.purpose);
        // Not while it is due: the queue is about to come to it.
        if !waits || Queue::<T>::take(audit.next, (id, Due::Phase)).is_none() {
            return false;
        }
        Audits::<T>::remove(id);
        OpenOf::<T>::remove(audit.machine);
        let (machine, outcome) = (audit.machine, Outcome::Undecided);
        Self::deposit_event(Event::Closed { audit: id, machine, outcome });
        true
    }
}
