//! Second looks: audits that nobody asked for, of machines that blocks nobody knew drew (mechanisms rules 1,
//! 22). Machines of one provider are looked at together, so that one card cannot answer for two of them
//! (rule 36).

use alloc::vec::Vec;

use dbc_primitives::{MachineId, SLOTS_PER_HOUR};
use frame_support::{traits::Get as _, weights::WeightMeter};
use sp_io::hashing::blake2_256;

use crate::{
    AuditedMachines as _, Config, LastWindow, Mix, Owners, Pallet, Proofs, ProvenOf, Purpose,
    WeightInfo as _, impls::clock::number,
};

/// Most second looks of one window.
const SECOND_LOOKS_MAX: u32 = 64;
/// Most machines of one provider that are looked at together.
const SET_MAX: usize = 16;

impl<T: Config> Pallet<T> {
    /// Books second looks, once in each window: how many follows from how many machines there are.
    pub(crate) fn second_looks(meter: &mut WeightMeter) {
        if meter.try_consume(T::DbWeight::get().reads_writes(4, 1)).is_err() {
            return;
        }
        let length = Self::pace().window.max(1);
        let window = T::Clock::get() / length;
        if window <= LastWindow::<T>::get() {
            return;
        }
        LastWindow::<T>::put(window);
        let machines = T::Machines::count();
        let seed = blake2_256(&[&Mix::<T>::get()[..], b"second looks"].concat());
        let hourly = u64::from(machines) * u64::from(T::SecondLooks::get().deconstruct());
        let share = hourly.saturating_mul(length) / SLOTS_PER_HOUR;
        // The rest of the share is a chance.
        let more = number(&seed) % 1_000_000 < share % 1_000_000;
        let looks = (share / 1_000_000) as u32 + u32::from(more);
        let mut luck = seed;
        let mut booked = 0;
        for _ in 0..looks.min(SECOND_LOOKS_MAX) {
            luck = blake2_256(&luck);
            let at = (number(&luck) % u64::from(machines.max(1))) as u32;
            if meter.try_consume(T::WeightInfo::draw_set()).is_err() {
                return;
            }
            let proven = T::Machines::at(at).filter(|machine| Proofs::<T>::contains_key(machine));
            let Some(machine) = proven else { continue };
            let set = Self::set_of(machine);
            luck = blake2_256(&luck);
            // Each of a set draws all of it: so that it is not looked at as many times more often.
            if number(&luck) % (set.len() as u64) != 0 {
                continue;
            }
            for machine in set {
                let room = booked < SECOND_LOOKS_MAX
                    && meter.try_consume(T::WeightInfo::request()).is_ok();
                if !room {
                    return;
                }
                // Of one that is leased in part, the cards that are free (rule 3).
                let free = !T::Machines::is_leased(machine) || T::Machines::free_cards(machine) > 0;
                if free && T::Machines::terms(machine).is_ok() {
                    // It may be booked already, and then it is looked at anyway.
                    booked += u32::from(Self::book(machine, Purpose::Random).is_ok());
                }
            }
        }
    }

    /// A machine that is proven, and others of its provider that are.
    fn set_of(machine: MachineId) -> Vec<MachineId> {
        let mut set = Vec::from([machine]);
        let Some(owner) = Owners::<T>::get(machine) else { return set };
        // From its own place on and around, so that of a large fleet each has its turn.
        let here = ProvenOf::<T>::hashed_key_for(&owner, machine);
        set.extend(ProvenOf::<T>::iter_key_prefix_from(&owner, here).take(SET_MAX - 1));
        let room = SET_MAX - set.len();
        let first: Vec<_> = ProvenOf::<T>::iter_key_prefix(&owner)
            .take(room)
            .take_while(|other| *other != machine)
            .collect();
        set.extend(first);
        set
    }
}
