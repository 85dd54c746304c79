//! The border to leases: what they may ask of machines, and nothing else.

use alloc::vec::Vec;

use dbc_primitives::{Balance, DenseIndex, MachineId, MachineStatus, Profile, Slot};
use frame_support::{dispatch::DispatchResult, ensure};
use sp_runtime::DispatchError;

use crate::{Config, Error, Machine, MachineOf, Machines, Operators, Pallet};

/// What a machine costs right now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quote<AccountId> {
    /// Who is paid.
    pub provider: AccountId,
    /// The machine's place.
    pub index: DenseIndex,
    /// Units per slot for all that was asked about.
    pub rate: Balance,
    /// Shortest term in slots.
    pub min_term: Slot,
    /// Longest term in slots.
    pub max_term: Slot,
    /// Whether it is asked for in dollars, and the rate that of the moment.
    pub in_dollars: bool,
}

/// What of a machine is leased.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Occupied {
    /// The machine.
    pub machine: MachineId,
    /// Bit `n` is set while the GPU at position `n` is leased.
    pub gpus: u16,
    /// Whether the CPU profile is leased.
    pub cpu: bool,
}

/// What a dollar is.
pub trait DollarPrice {
    /// Units for so many millionths of a dollar, rounded up; `None` while nobody knows, or beyond the
    /// number range.
    fn to_dbc(micro: u128) -> Option<Balance>;
}

impl DollarPrice for () {
    fn to_dbc(_: u128) -> Option<Balance> {
        None
    }
}

/// Whoever follows machines' comings and goings.
pub trait Presence {
    /// A machine was bonded: it may be heard.
    fn bonded(machine: MachineId);

    /// It can be leased from now on: its presence counts. Told again when it is verified again.
    fn verified(index: u32, machine: MachineId);

    /// It is on its way out: it takes no orders, and nobody waits for it.
    fn retired(machine: MachineId);

    /// It left; its index is free.
    fn left(index: u32, machine: MachineId);

    /// So much of it is leased now, in parts of 10,000.
    fn rented(machine: MachineId, parts: u32);

    /// Its rent paid so many units to the treasury.
    fn fee_paid(machine: MachineId, amount: Balance);

    /// Whether its stake may leave: nothing of it is in dispute.
    fn is_clear(machine: MachineId) -> bool;
}

impl Presence for () {
    fn bonded(_: MachineId) {}
    fn verified(_: u32, _: MachineId) {}
    fn retired(_: MachineId) {}
    fn left(_: u32, _: MachineId) {}
    fn rented(_: MachineId, _: u32) {}
    fn fee_paid(_: MachineId, _: Balance) {}
    fn is_clear(_: MachineId) -> bool {
        true
    }
}

/// Machines, as leases see them.
pub trait Fleet<AccountId> {
    /// Price of a listed machine's GPUs or CPU profile under the offer of that version.
    ///
    /// # Errors
    /// When the machine is not listed, the version is old, or a position is out of range.
    fn quote(
        machine: MachineId,
        profile: Profile,
        gpus: &[u8],
        offer_version: u32,
    ) -> Result<Quote<AccountId>, DispatchError>;

    /// Marks what was quoted as leased.
    ///
    /// # Errors
    /// When some of it is leased already.
    fn occupy(machine: MachineId, profile: Profile, gpus: &[u8]) -> DispatchResult;

    /// Marks it as free; of a machine that left, nothing happens.
    fn vacate(machine: MachineId, profile: Profile, gpus: &[u8]);

    /// Whether the account may speak for the machine: its provider or his operator.
    fn may_run(machine: MachineId, who: &AccountId) -> bool;

    /// Counts a lease that the machine did not start.
    fn strike(machine: MachineId);

    /// Notes what the machine's rent paid to the treasury.
    fn fee_paid(machine: MachineId, amount: Balance);

    /// Every machine with what of it is leased. Walks over all of them: for checks of invariants, and
    /// never in a block.
    fn occupied() -> Vec<Occupied>;
}

impl<T: Config> Fleet<T::AccountId> for Pallet<T> {
    fn quote(
        machine: MachineId,
        profile: Profile,
        gpus: &[u8],
        offer_version: u32,
    ) -> Result<Quote<T::AccountId>, DispatchError> {
        let record = Machines::<T>::get(machine).ok_or(Error::<T>::MachineNotFound)?;
        ensure!(record.status == MachineStatus::Listed, Error::<T>::WrongStatus);
        ensure!(record.offer_version == offer_version, Error::<T>::OfferChanged);
        let offer = record.offer.ok_or(Error::<T>::NoOffer)?;
        mask::<T>(&record, profile, gpus)?;
        let rate = offer.rate_per_slot(profile, gpus.len() as u32, T::Price::to_dbc);
        let refusal = if offer.is_in_dollars() { Error::NoPrice } else { Error::<T>::BadOffer };
        let rate = rate.ok_or(refusal)?;
        Ok(Quote {
            provider: record.provider,
            index: record.index,
            rate,
            min_term: offer.min_term,
            max_term: offer.max_term,
            in_dollars: offer.is_in_dollars(),
        })
    }

    fn occupy(machine: MachineId, profile: Profile, gpus: &[u8]) -> DispatchResult {
        let parts = Machines::<T>::try_mutate(machine, |record| {
            let record = record.as_mut().ok_or(Error::<T>::MachineNotFound)?;
            let wanted = mask::<T>(record, profile, gpus)?;
            match profile {
                Profile::Cpu => {
                    ensure!(!record.cpu_leased, Error::<T>::CpuUnavailable);
                    record.cpu_leased = true;
                }
                Profile::Gpu => {
                    ensure!(record.gpus_leased & wanted == 0, Error::<T>::GpuUnavailable);
                    record.gpus_leased |= wanted;
                }
            }
            Ok::<_, DispatchError>(record.leased_parts())
        })?;
        T::Presence::rented(machine, parts);
        Ok(())
    }

    fn vacate(machine: MachineId, profile: Profile, gpus: &[u8]) {
        let parts = Machines::<T>::mutate(machine, |record| {
            let record = record.as_mut()?;
            match profile {
                Profile::Cpu => record.cpu_leased = false,
                Profile::Gpu => {
                    let taken = gpus.iter().fold(0u16, |bits, gpu| bits | bit(*gpu));
                    record.gpus_leased &= !taken;
                }
            }
            Some(record.leased_parts())
        });
        if let Some(parts) = parts {
            T::Presence::rented(machine, parts);
        }
    }

    fn may_run(machine: MachineId, who: &T::AccountId) -> bool {
        Machines::<T>::get(machine).is_some_and(|record| {
            record.provider == *who || Operators::<T>::get(&record.provider).as_ref() == Some(who)
        })
    }

    fn strike(machine: MachineId) {
        Machines::<T>::mutate(machine, |record| {
            if let Some(record) = record.as_mut() {
                record.strikes = record.strikes.saturating_add(1);
            }
        });
    }

    fn fee_paid(machine: MachineId, amount: Balance) {
        T::Presence::fee_paid(machine, amount);
    }

    fn occupied() -> Vec<Occupied> {
        Machines::<T>::iter()
            .map(|(machine, Machine { gpus_leased: gpus, cpu_leased: cpu, .. })| Occupied {
                machine,
                gpus,
                cpu,
            })
            .collect()
    }
}

/// The GPUs asked about as bits; refuses what the machine does not have or lease.
fn mask<T: Config>(
    record: &MachineOf<T>,
    profile: Profile,
    gpus: &[u8],
) -> Result<u16, DispatchError> {
    let Machine { facts, .. } = record;
    match profile {
        // A machine with GPUs leases its CPU profile once suspended leases exist; until then only a
        // machine without GPUs is leased in that profile, whole.
        Profile::Cpu => {
            ensure!(facts.gpus.is_empty() && gpus.is_empty(), Error::<T>::CpuUnavailable);
            Ok(0)
        }
        Profile::Gpu => {
            let rising = gpus.windows(2).all(|pair| pair[0] < pair[1]);
            let in_range = gpus.iter().all(|gpu| usize::from(*gpu) < facts.gpus.len());
            ensure!(!gpus.is_empty() && rising && in_range, Error::<T>::GpuUnavailable);
            Ok(gpus.iter().fold(0, |bits, gpu| bits | bit(*gpu)))
        }
    }
}

fn bit(gpu: u8) -> u16 {
    1u16.checked_shl(u32::from(gpu)).unwrap_or(0)
}
