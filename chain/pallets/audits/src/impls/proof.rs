//! Proofs: what is kept of them, by machine and by provider, and when they end.

use dbc_primitives::{MachineId, Slot};
use frame_support::{traits::Get as _, weights::Weight};

use crate::{
    AttemptsOf, AuditId, AuditSink as _, AuditedMachines as _, Config, Event, HeldBack, OpenOf,
    Owners, Pallet, Proof, Proofs, ProvenOf, Purpose,
};

impl<T: Config> Pallet<T> {
    /// Writes a proof down, and whose machine it is of.
    pub(crate) fn keep_proof(machine: MachineId, proof: Proof) {
        Proofs::<T>::insert(machine, proof);
        if let Some(owner) = T::Machines::provider(machine) {
            Self::set_owner(machine, Some(owner));
        }
    }

    /// Forgets a proof; gives whether there was one.
    pub(crate) fn drop_proof(machine: MachineId) -> bool {
        Self::set_owner(machine, None);
        Proofs::<T>::take(machine).is_some()
    }

    fn set_owner(machine: MachineId, owner: Option<T::AccountId>) {
        if let Some(before) = Owners::<T>::take(machine) {
            ProvenOf::<T>::remove(before, machine);
        }
        if let Some(owner) = owner {
            ProvenOf::<T>::insert(&owner, machine, ());
            Owners::<T>::insert(machine, owner);
        }
    }

    pub(crate) fn expire(id: AuditId, machine: MachineId) {
        // A later proof has its own entry.
        if Proofs::<T>::get(machine).is_some_and(|proof| proof.audit == id) {
            Self::doubt(machine);
        }
    }

    /// A machine's proof counts no more, and nothing is counted against it: what it earned waits for the next.
    pub(crate) fn doubt(machine: MachineId) {
        if Self::drop_proof(machine) {
            T::Sink::expired(machine);
            Self::deposit_event(Event::Expired { machine });
        }
    }

    /// A machine is no longer what was proven: it is to be audited again, and nothing is counted against it.
    /// How often it failed stays (rule 4).
    pub fn void(machine: MachineId) {
        if Self::drop_proof(machine) {
            Self::deposit_event(Event::Voided { machine });
        }
    }

    /// A machine has another provider; what was proven of it still is.
    pub fn handed_over(machine: MachineId, to: &T::AccountId) {
        if Owners::<T>::contains_key(machine) {
            Self::set_owner(machine, Some(to.clone()));
        }
    }

    /// Forgets a machine that left.
    pub fn forget(machine: MachineId) {
        Self::drop_proof(machine);
        AttemptsOf::<T>::remove(machine);
        HeldBack::<T>::remove(machine);
        Self::forget_impressions(machine);
    }

    /// Nothing of a machine is leased any more. With an old proof it is audited before it takes orders
    /// again, so that nobody escapes audits by renting from himself (mechanisms rule 3). Gives what that
    /// took beyond a look at its proof.
    pub fn given_back(machine: MachineId) -> Weight {
        let now = T::Clock::get();
        let proof = Proofs::<T>::get(machine);
        let old = proof.is_some_and(|proof| !proof.is_fresh(now));
        if !old || T::Machines::terms(machine).is_err() {
            return Weight::zero();
        }
        // One may be booked already; then that is the one that it waits for.
        let booked =
            OpenOf::<T>::contains_key(machine) || Self::book(machine, Purpose::Renewal).is_ok();
        if booked {
            let until = Self::longest_from(now);
            HeldBack::<T>::insert(machine, until);
            Self::deposit_event(Event::HeldBackFor { machine, until });
        }
        // Whether one is open, its attempts, the pace, the next number, the queue; the audit, its number, that it
        // is open, its entry in the queue, that the machine is held back.
        T::DbWeight::get().reads_writes(5, 5)
    }

    /// Whether a machine takes no orders now because it is audited first; ends by itself.
    pub fn is_held_back(machine: MachineId) -> bool {
        HeldBack::<T>::get(machine).is_some_and(|until| T::Clock::get() < until)
    }

    /// When an audit that is booked now is over at the latest, if its auditors agree.
    fn longest_from(now: Slot) -> Slot {
        let pace = Self::pace();
        Self::window_after(now.saturating_add(pace.draw_delay))
            .saturating_add(pace.commit)
            .saturating_add(pace.reveal)
    }
}

impl Proof {
    /// Whether two thirds of its life are not over.
    pub fn is_fresh(&self, now: Slot) -> bool {
        let life = self.until.saturating_sub(self.at);
        now < self.until.saturating_sub(life / 3)
    }
}
