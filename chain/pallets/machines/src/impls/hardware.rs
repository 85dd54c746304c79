//! Hardware that changed. Only what the change touches has to be proven again: cards, processor and
//! memory are what the proof is of; of the rest the record says that nobody looked at it yet.

use dbc_primitives::{HardwareFacts, Location, MachineClass, MachineId, MachineStatus, classes};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{Get as _, fungible::MutateHold as _},
};
use sp_runtime::DispatchError;

use crate::{
    Config, Error, Event, HoldReason, MachineOf, Machines, Pallet, Presence as _, Tier, Unproven,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_change_hardware(
        provider: T::AccountId,
        machine: MachineId,
        class: MachineClass,
        facts: HardwareFacts,
        location: Location,
    ) -> DispatchResult {
        let mut record = Self::owned(&provider, machine)?;
        let leaving = matches!(record.status, MachineStatus::Retiring { .. });
        ensure!(!leaving, Error::<T>::WrongStatus);
        ensure!(!record.is_leased(), Error::<T>::StillLeased);
        // What auditors are looking at stays as it is until they are done.
        ensure!(!T::Presence::is_audited(machine), Error::<T>::UnderAudit);
        Self::ensure_fits(class, &facts)?;
        let lost_tier = Self::void_if_touched(&mut record, &facts)?;
        record.unproven.add(Unproven::DISK, record.facts.disk_gib != facts.disk_gib);
        record.unproven.add(Unproven::LOCATION, record.location != location);
        record.facts = facts;
        record.location = location;
        record.class = class;
        Self::drop_offer_beyond(&mut record);
        Self::withdraw_offered(machine, &mut record);
        Self::adjust_stake(machine, &mut record)?;
        let (status, stake, extra) = (record.status, record.stake, record.extra);
        Machines::<T>::insert(machine, record);
        if lost_tier {
            Self::tell_lost(machine, extra);
        }
        T::Presence::changed(machine, status == MachineStatus::Registered);
        Self::deposit_event(Event::HardwareChanged { machine, status, stake });
        Ok(())
    }

    /// Refuses facts that are not a machine of the class.
    pub(crate) fn ensure_fits(
        class: MachineClass,
        facts: &HardwareFacts,
    ) -> Result<(), DispatchError> {
        let without_gpu = facts.gpus.is_empty();
        ensure!(class == MachineClass::Cpu || !without_gpu, Error::<T>::ClassNeedsGpu);
        ensure!(class != MachineClass::Cpu || without_gpu, Error::<T>::ClassWithoutGpu);
        let filled = facts.cpu_cores > 0 && facts.memory_mib > 0 && facts.disk_gib > 0;
        ensure!(filled, Error::<T>::EmptyFacts);
        ensure!(classes::minimum(class).is_met(facts), Error::<T>::BelowClass);
        Ok(())
    }

    /// What was proven is proven no more if the proof's own facts differ; whether the tier went with it.
    /// Seldom: a proof of other hardware releases what was earned since the last one (rule 1).
    fn void_if_touched(
        record: &mut MachineOf<T>,
        facts: &HardwareFacts,
    ) -> Result<bool, DispatchError> {
        let proven = matches!(record.status, MachineStatus::Verified | MachineStatus::Listed);
        if !proven || is_proven_by_the_same(&record.facts, facts) {
            return Ok(false);
        }
        let now = T::Clock::get();
        let rested = record.changed_at == 0
            || now >= record.changed_at.saturating_add(T::ChangeSpacing::get());
        ensure!(rested, Error::<T>::ChangedLately);
        record.changed_at = now;
        record.status = MachineStatus::Registered;
        let lost = record.tier == Tier::Stable;
        if lost {
            record.tier = Tier::Lost;
        }
        Ok(lost)
    }

    /// An offer of more CPU shares than there are cores now is withdrawn: the machine is not listed then, since
    /// cores are proven anew.
    fn drop_offer_beyond(record: &mut MachineOf<T>) {
        if record.offer.is_some_and(|offer| !record.takes_shares(offer.cpu_shares)) {
            record.offer = None;
            record.offer_version = record.offer_version.wrapping_add(1);
        }
    }

    /// Holds what the new cards ask for, or gives back what they do not, as far as nothing is in dispute.
    fn adjust_stake(machine: MachineId, record: &mut MachineOf<T>) -> DispatchResult {
        let asked = Self::kept(record);
        let missing = asked.saturating_sub(record.stake);
        if missing > 0 {
            T::Currency::hold(&HoldReason::Stake.into(), &record.provider, missing)?;
            record.stake = record.stake.saturating_add(missing);
        }
        let surplus = record.stake.saturating_sub(asked);
        if surplus > 0 && T::Presence::is_clear(machine) {
            Self::give_back(record, surplus)?;
        }
        Ok(())
    }
}

/// Whether a proof of one set of facts is one of the other: the same cards in the same order, the same
/// processor, the same memory.
fn is_proven_by_the_same(one: &HardwareFacts, other: &HardwareFacts) -> bool {
    let HardwareFacts { gpus, cpu_model, cpu_cores, memory_mib, disk_gib: _ } = one;
    *gpus == other.gpus
        && *cpu_model == other.cpu_model
        && *cpu_cores == other.cpu_cores
        && *memory_mib == other.memory_mib
}
