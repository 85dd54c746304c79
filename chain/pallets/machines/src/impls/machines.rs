//! The life of a machine: bonded, offered, listed, retired.

use alloc::vec::Vec;

use codec::Encode as _;
use dbc_primitives::{
    DenseIndex, HardwareFacts, Location, MachineClass, MachineId, MachineStatus, NetworkFacts,
    Offer, proof::register_message,
};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{Get as _, fungible::MutateHold as _, tokens::Precision},
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{DispatchError, traits::Zero as _};

use crate::{
    ByProvider, Config, Error, Event, FreeCount, FreeIndexes, HoldReason, Machine, MachineAt,
    MachineOf, Machines, NextIndex, Pallet, Presence as _, Tier, Unproven, VerifiedAtGenesis,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_register(
        provider: T::AccountId,
        machine: MachineId,
        proof: [u8; 64],
        class: MachineClass,
        facts: HardwareFacts,
        location: Location,
        network: NetworkFacts,
    ) -> DispatchResult {
        ensure!(!Machines::<T>::contains_key(machine), Error::<T>::MachineExists);
        Self::ensure_fits(class, &facts)?;
        ensure!(Self::proof_holds(&provider, machine, &proof), Error::<T>::BadProof);

        let stake = Machine::<T::AccountId>::stake_for::<T>(facts.gpus.len());
        T::Currency::hold(&HoldReason::Stake.into(), &provider, stake)?;
        let index = Self::take_index();
        MachineAt::<T>::insert(index.index, machine);
        ByProvider::<T>::insert(&provider, machine, ());
        let status = match VerifiedAtGenesis::<T>::contains_key(machine) {
            true => MachineStatus::Verified,
            false => MachineStatus::Registered,
        };
        let record = Machine {
            provider: provider.clone(),
            index,
            status,
            class,
            facts,
            location,
            network,
            stake,
            offer: None,
            offer_version: 0,
            gpus_leased: 0,
            cpu_leased: 0,
            strikes: 0,
            registered_at: T::Clock::get(),
            maintenance: None,
            maintained_until: 0,
            tier: Tier::Normal,
            extra: 0,
            unproven: Unproven::CLAIMED,
            changed_at: 0,
            handover: None,
        };
        Machines::<T>::insert(machine, record);
        T::Presence::bonded(machine);
        if status == MachineStatus::Verified {
            T::Presence::verified(index.index, machine);
        }
        Self::deposit_event(Event::Registered { machine, provider, index, stake });
        Self::deposit_event(Event::StatusChanged { machine, status });
        Ok(())
    }

    pub(crate) fn do_set_network(
        provider: T::AccountId,
        machine: MachineId,
        network: NetworkFacts,
    ) -> DispatchResult {
        Self::change(&provider, machine, |record| {
            let speed = |facts: &NetworkFacts| (facts.up_mbps, facts.down_mbps);
            let changed = speed(&record.network) != speed(&network);
            // What auditors are looking at stays as it is until they are done.
            ensure!(!changed || !T::Presence::is_audited(machine), Error::<T>::UnderAudit);
            record.unproven.add(Unproven::BANDWIDTH, changed);
            record.network = network;
            Ok(())
        })?;
        Self::deposit_event(Event::NetworkChanged { machine });
        Ok(())
    }

    pub(crate) fn do_set_offer(
        provider: T::AccountId,
        machine: MachineId,
        offer: Offer,
    ) -> DispatchResult {
        let in_bounds = offer.is_sound() && offer.max_term <= T::MaxTerm::get();
        ensure!(in_bounds, Error::<T>::BadOffer);
        let version = Self::change(&provider, machine, |record| {
            let leaving = matches!(record.status, MachineStatus::Retiring { .. });
            ensure!(!leaving, Error::<T>::WrongStatus);
            ensure!(record.takes_shares(offer.cpu_shares), Error::<T>::BadOffer);
            // What a share is stays while anybody has a part of the machine (mechanisms rule 31).
            let same = offer.cpu_shares == record.cpu_shares();
            ensure!(same || !record.is_leased(), Error::<T>::StillLeased);
            record.offer = Some(offer);
            record.offer_version = record.offer_version.wrapping_add(1);
            Self::withdraw_offered(machine, record);
            Ok(record.offer_version)
        })?;
        Self::deposit_event(Event::OfferChanged { machine, version, offer });
        Ok(())
    }

    pub(crate) fn do_list(provider: T::AccountId, machine: MachineId) -> DispatchResult {
        Self::change(&provider, machine, |record| {
            ensure!(record.status == MachineStatus::Verified, Error::<T>::WrongStatus);
            ensure!(record.offer.is_some(), Error::<T>::NoOffer);
            ensure!(record.stake >= Self::required(record), Error::<T>::StakeTooLow);
            record.status = MachineStatus::Listed;
            Ok(())
        })?;
        Self::deposit_event(Event::StatusChanged { machine, status: MachineStatus::Listed });
        Ok(())
    }

    pub(crate) fn do_unlist(provider: T::AccountId, machine: MachineId) -> DispatchResult {
        Self::change(&provider, machine, |record| {
            ensure!(record.status == MachineStatus::Listed, Error::<T>::WrongStatus);
            record.status = MachineStatus::Verified;
            Ok(())
        })?;
        Self::deposit_event(Event::StatusChanged { machine, status: MachineStatus::Verified });
        Ok(())
    }

    pub(crate) fn do_retire(provider: T::AccountId, machine: MachineId) -> DispatchResult {
        let status = MachineStatus::Retiring { since: T::Clock::get() };
        Self::change(&provider, machine, |record| {
            let leaving = matches!(record.status, MachineStatus::Retiring { .. });
            ensure!(!leaving, Error::<T>::WrongStatus);
            ensure!(!record.is_leased(), Error::<T>::StillLeased);
            record.status = status;
            record.handover = None;
            Ok(())
        })?;
        T::Presence::retired(machine);
        // What its provider only asked for went with that; nobody gets away from other audits (rule 23).
        ensure!(!T::Presence::is_audited(machine), Error::<T>::UnderAudit);
        Self::deposit_event(Event::StatusChanged { machine, status });
        Ok(())
    }

    pub(crate) fn do_withdraw_stake(provider: T::AccountId, machine: MachineId) -> DispatchResult {
        let record = Self::owned(&provider, machine)?;
        let MachineStatus::Retiring { since } = record.status else {
            return Err(Error::<T>::WrongStatus.into());
        };
        let free_at = since.saturating_add(T::RetirementDelay::get());
        ensure!(T::Clock::get() >= free_at, Error::<T>::TooEarly);
        ensure!(T::Presence::is_clear(machine), Error::<T>::InDispute);
        let stake = match record.stake {
            0 => 0,
            stake => {
                let hold = HoldReason::Stake.into();
                T::Currency::release(&hold, &provider, stake, Precision::BestEffort)?
            }
        };
        Machines::<T>::remove(machine);
        MachineAt::<T>::remove(record.index.index);
        ByProvider::<T>::remove(&provider, machine);
        Self::return_index(record.index);
        T::Presence::left(record.index.index, machine);
        Self::deposit_event(Event::Withdrawn { machine, stake });
        Ok(())
    }

    /// A machine has a proof of its cards, processor and memory: from now on it can be listed. Disk, place and
    /// bandwidth stay its provider's word, since no challenge measures them.
    pub fn verify(machine: MachineId) {
        let Some(mut record) = Machines::<T>::get(machine) else { return };
        if record.status != MachineStatus::Registered {
            return;
        }
        record.status = MachineStatus::Verified;
        // A change that voids this proof waits for as long as one after another change (rule 1).
        record.changed_at = T::Clock::get();
        T::Presence::verified(record.index.index, machine);
        Machines::<T>::insert(machine, record);
        let status = MachineStatus::Verified;
        Self::deposit_event(Event::StatusChanged { machine, status });
    }

    /// A machine's proof is worth nothing any more: it takes no more orders. Its leases go on.
    pub fn unverify(machine: MachineId) {
        let Some(mut record) = Machines::<T>::get(machine) else { return };
        if !matches!(record.status, MachineStatus::Verified | MachineStatus::Listed) {
            return;
        }
        record.status = MachineStatus::Registered;
        Machines::<T>::insert(machine, record);
        let status = MachineStatus::Registered;
        Self::deposit_event(Event::StatusChanged { machine, status });
    }

    fn proof_holds(provider: &T::AccountId, machine: MachineId, proof: &[u8; 64]) -> bool {
        let message = Self::proof_message(provider);
        sp_io::crypto::ed25519_verify(&(*proof).into(), &message, &machine.0.into())
    }

    /// What a machine signs on this network to be registered by the provider.
    pub(crate) fn proof_message(provider: &T::AccountId) -> Vec<u8> {
        let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
        register_message(&bytes_32(&genesis.encode()), &bytes_32(&provider.encode()))
    }

    pub(crate) fn owned(
        provider: &T::AccountId,
        machine: MachineId,
    ) -> Result<MachineOf<T>, DispatchError> {
        let record = Machines::<T>::get(machine).ok_or(Error::<T>::MachineNotFound)?;
        ensure!(record.provider == *provider, Error::<T>::NotYours);
        Ok(record)
    }

    fn change<R>(
        provider: &T::AccountId,
        machine: MachineId,
        act: impl FnOnce(&mut MachineOf<T>) -> Result<R, DispatchError>,
    ) -> Result<R, DispatchError> {
        let mut record = Self::owned(provider, machine)?;
        let result = act(&mut record)?;
        Machines::<T>::insert(machine, record);
        Ok(result)
    }

    /// A freed index with its next generation, or a new one.
    fn take_index() -> DenseIndex {
        let free = FreeCount::<T>::get();
        if let Some(top) = free.checked_sub(1) {
            if let Some(index) = FreeIndexes::<T>::take(top) {
                FreeCount::<T>::put(top);
                return index;
            }
        }
        let index = NextIndex::<T>::mutate(|next| {
            let index = *next;
            *next = next.saturating_add(1);
            index
        });
        DenseIndex { index, generation: 0 }
    }

    fn return_index(index: DenseIndex) {
        let next = DenseIndex { generation: index.generation.wrapping_add(1), ..index };
        let top = FreeCount::<T>::get();
        FreeIndexes::<T>::insert(top, next);
        FreeCount::<T>::put(top.saturating_add(1));
    }
}

/// The first 32 bytes, filled up with zeros; accounts and hashes of every runtime of ours have 32.
fn bytes_32(encoded: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let length = encoded.len().min(32);
    bytes[..length].copy_from_slice(&encoded[..length]);
    bytes
}
