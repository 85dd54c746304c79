//! The border to leases: what they may ask of machines, and nothing else.

use alloc::vec::Vec;

use dbc_primitives::{
    Balance, DenseIndex, MachineClass, MachineId, MachineStatus, Profile, Slot, Text,
    lease::GpuSlots,
};
use frame_support::{ensure, weights::Weight};
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
    /// Longest term in slots: over before an announced maintenance begins.
    pub max_term: Slot,
    /// Whether it is asked for in dollars, and the rate that of the moment.
    pub in_dollars: bool,
    /// Then, millionths of a dollar an hour for all that was asked about.
    pub dollars_hour: Option<u128>,
    /// What the machine is meant for.
    pub class: MachineClass,
}

/// What of a machine is leased.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Occupied {
    /// The machine.
    pub machine: MachineId,
    /// Bit `n` is set while the GPU at position `n` is leased.
    pub gpus: u16,
    /// CPU shares that are leased.
    pub cpu: u16,
}

/// What of a machine an order or a lease names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part<'a> {
    /// Cards, or the CPU alone.
    pub profile: Profile,
    /// Positions of the cards, rising; none in the CPU profile.
    pub gpus: &'a [u8],
    /// CPU shares; none with cards.
    pub cpu_shares: u16,
}

impl<'a> Part<'a> {
    /// These cards.
    pub fn gpus(gpus: &'a [u8]) -> Self {
        Self { profile: Profile::Gpu, gpus, cpu_shares: 0 }
    }

    /// So many CPU shares.
    pub fn cpu(cpu_shares: u16) -> Self {
        Self { profile: Profile::Cpu, gpus: &[], cpu_shares }
    }

    /// How many cards or shares it is.
    fn count(&self) -> u32 {
        match self.profile {
            Profile::Gpu => self.gpus.len() as u32,
            Profile::Cpu => self.cpu_shares.into(),
        }
    }
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
pub trait Presence<AccountId> {
    /// A machine was bonded: it may be heard.
    fn bonded(machine: MachineId);

    /// It can be leased from now on: its presence counts. Told again when it is verified again.
    fn verified(index: u32, machine: MachineId);

    /// It is on its way out: it takes no orders, and nobody waits for it.
    fn retired(machine: MachineId);

    /// It left; its index is free.
    fn left(index: u32, machine: MachineId);

    /// So much of it is leased now, in parts of 10,000. Gives what following that took beyond the usual.
    fn rented(machine: MachineId, parts: u32) -> Weight;

    /// Its rent paid so many units to the treasury.
    fn fee_paid(machine: MachineId, amount: Balance);

    /// Whether its stake may leave: nothing of it is in dispute.
    fn is_clear(machine: MachineId) -> bool;

    /// Whether an audit of it is booked or under way: nothing that auditors look at changes then.
    fn is_audited(_machine: MachineId) -> bool {
        false
    }

    /// Whether it takes no orders now: its proof is old, and it is audited first (mechanisms rule 3).
    fn is_held_back(_machine: MachineId) -> bool {
        false
    }

    /// Its hardware, class or location changed. With `void` no proof of it counts any more, and it is to be
    /// audited again; what was earned stays.
    fn changed(_machine: MachineId, _void: bool) {}

    /// It joined the high-stability tier, left it, or lost it.
    fn tier_changed(_machine: MachineId) {}

    /// It has another provider: what it earns from now on is his, what it earned until now is not.
    fn handed_over(_machine: MachineId, _from: &AccountId, _to: &AccountId) {}
}

impl<AccountId> Presence<AccountId> for () {
    fn bonded(_: MachineId) {}
    fn verified(_: u32, _: MachineId) {}
    fn retired(_: MachineId) {}
    fn left(_: u32, _: MachineId) {}
    fn rented(_: MachineId, _: u32) -> Weight {
        Weight::zero()
    }
    fn fee_paid(_: MachineId, _: Balance) {}
    fn is_clear(_: MachineId) -> bool {
        true
    }
}

/// Machines, as leases see them.
pub trait Fleet<AccountId> {
    /// Price of a listed machine's GPUs or CPU shares under the offer of that version.
    ///
    /// # Errors
    /// When the machine is not listed, the version is old, a position is out of range, or more shares are
    /// asked for than it offers.
    fn quote(
        machine: MachineId,
        part: Part,
        offer_version: u32,
    ) -> Result<Quote<AccountId>, DispatchError>;

    /// Marks what was quoted as leased. Gives what that took beyond the usual.
    ///
    /// # Errors
    /// When some of it is leased already.
    fn occupy(machine: MachineId, part: Part) -> Result<Weight, DispatchError>;

    /// Marks it as free; of a machine that left, nothing happens. Gives what that took beyond the usual.
    fn vacate(machine: MachineId, part: Part) -> Weight;

    /// Who owns the machine's stake and earns now: it may have changed hands since an order.
    fn provider_of(machine: MachineId) -> Option<AccountId>;

    /// Whether the account may speak for the machine: its provider or his operator.
    fn may_run(machine: MachineId, who: &AccountId) -> bool;

    /// Counts a lease that the machine did not start.
    fn strike(machine: MachineId);

    /// Notes what the machine's rent paid to the treasury.
    fn fee_paid(machine: MachineId, amount: Balance);

    /// Version of the machine's present offer.
    fn offer_version(machine: MachineId) -> Option<u32>;

    /// Whether some cards of a machine are of the same models as some of another, and as many.
    fn are_alike(machine: MachineId, gpus: &[u8], other: MachineId, of_other: &[u8]) -> bool;

    /// Free cards of a machine like those of another; `None` when there are not enough.
    fn free_like(machine: MachineId, other: MachineId, of_other: &[u8]) -> Option<GpuSlots>;

    /// Pays up to `most` out of the machine's stake for its provider's fault; gives what was paid.
    fn compensate(machine: MachineId, to: &AccountId, most: Balance) -> Balance;

    /// Every machine with what of it is leased. Walks over all of them: for checks of invariants, and
    /// never in a block.
    fn occupied() -> Vec<Occupied>;
}

impl<T: Config> Fleet<T::AccountId> for Pallet<T> {
    fn quote(
        machine: MachineId,
        part: Part,
        offer_version: u32,
    ) -> Result<Quote<T::AccountId>, DispatchError> {
        let record = Machines::<T>::get(machine).ok_or(Error::<T>::MachineNotFound)?;
        ensure!(record.status == MachineStatus::Listed, Error::<T>::WrongStatus);
        ensure!(record.offer_version == offer_version, Error::<T>::OfferChanged);
        ensure!(!T::Presence::is_held_back(machine), Error::<T>::UnderAudit);
        let offer = record.offer.ok_or(Error::<T>::NoOffer)?;
        mask::<T>(&record, part)?;
        let rate = offer.rate_per_slot(part.profile, part.count(), T::Price::to_dbc);
        let refusal = if offer.is_in_dollars() { Error::NoPrice } else { Error::<T>::BadOffer };
        let rate = rate.ok_or(refusal)?;
        let max_term = Self::longest_term(&record, offer.min_term, offer.max_term)?;
        Ok(Quote {
            provider: record.provider,
            index: record.index,
            rate,
            min_term: offer.min_term,
            max_term,
            in_dollars: offer.is_in_dollars(),
            dollars_hour: offer.dollars_hour(part.profile, part.count()),
            class: record.class,
        })
    }

    fn occupy(machine: MachineId, part: Part) -> Result<Weight, DispatchError> {
        let parts = Machines::<T>::try_mutate(machine, |record| {
            let record = record.as_mut().ok_or(Error::<T>::MachineNotFound)?;
            let wanted = mask::<T>(record, part)?;
            match part.profile {
                Profile::Cpu => {
                    let leased = record.cpu_leased.saturating_add(part.cpu_shares);
                    ensure!(leased <= record.cpu_shares(), Error::<T>::CpuUnavailable);
                    record.cpu_leased = leased;
                }
                Profile::Gpu => {
                    ensure!(record.gpus_leased & wanted == 0, Error::<T>::GpuUnavailable);
                    record.gpus_leased |= wanted;
                }
            }
            Ok::<_, DispatchError>(record.leased_parts())
        })?;
        Ok(T::Presence::rented(machine, parts))
    }

    fn vacate(machine: MachineId, part: Part) -> Weight {
        let parts = Machines::<T>::mutate(machine, |record| {
            let record = record.as_mut()?;
            match part.profile {
                Profile::Cpu => {
                    record.cpu_leased = record.cpu_leased.saturating_sub(part.cpu_shares);
                }
                Profile::Gpu => record.gpus_leased &= !bits(part.gpus),
            }
            Some(record.leased_parts())
        });
        parts.map_or(Weight::zero(), |parts| T::Presence::rented(machine, parts))
    }

    fn provider_of(machine: MachineId) -> Option<T::AccountId> {
        Machines::<T>::get(machine).map(|record| record.provider)
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

    fn offer_version(machine: MachineId) -> Option<u32> {
        Machines::<T>::get(machine).map(|record| record.offer_version)
    }

    fn are_alike(machine: MachineId, gpus: &[u8], other: MachineId, of_other: &[u8]) -> bool {
        let (Some(first), Some(second)) =
            (models::<T>(machine, gpus), models::<T>(other, of_other))
        else {
            return false;
        };
        first == second
    }

    fn free_like(machine: MachineId, other: MachineId, of_other: &[u8]) -> Option<GpuSlots> {
        let record = Machines::<T>::get(machine)?;
        let mut wanted = models::<T>(other, of_other)?;
        let mut found = GpuSlots::new();
        for (slot, card) in (0u8..).zip(&record.facts.gpus) {
            let leased = record.gpus_leased & bits(&[slot]) != 0;
            let place = wanted.iter().position(|model| *model == card.model);
            if let (false, Some(place)) = (leased, place) {
                wanted.swap_remove(place);
                found.try_push(slot).ok()?;
            }
        }
        (wanted.is_empty() && !found.is_empty()).then_some(found)
    }

    fn compensate(machine: MachineId, to: &T::AccountId, most: Balance) -> Balance {
        Self::make_good(machine, to, most)
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

/// The GPUs asked about as bits; refuses what the machine does not have or offer.
fn mask<T: Config>(record: &MachineOf<T>, part: Part) -> Result<u16, DispatchError> {
    let Part { profile, gpus, cpu_shares } = part;
    match profile {
        Profile::Cpu => {
            let offered = 0 < cpu_shares && cpu_shares <= record.cpu_shares();
            ensure!(offered && gpus.is_empty(), Error::<T>::CpuUnavailable);
            Ok(0)
        }
        Profile::Gpu => {
            let rising = gpus.windows(2).all(|pair| pair[0] < pair[1]);
            let in_range = gpus.iter().all(|gpu| usize::from(*gpu) < record.facts.gpus.len());
            ensure!(!gpus.is_empty() && rising && in_range, Error::<T>::GpuUnavailable);
            ensure!(cpu_shares == 0, Error::<T>::CpuUnavailable);
            Ok(bits(gpus))
        }
    }
}

/// Models of cards in order; `None` where there is no such card.
fn models<T: Config>(machine: MachineId, gpus: &[u8]) -> Option<Vec<Text<64>>> {
    let record = Machines::<T>::get(machine)?;
    let model = |gpu: &u8| Some(record.facts.gpus.get(usize::from(*gpu))?.model.clone());
    let mut models = gpus.iter().map(model).collect::<Option<Vec<_>>>()?;
    models.sort_unstable();
    Some(models)
}

fn bits(gpus: &[u8]) -> u16 {
    let bit = |gpu: &u8| 1u16.checked_shl(u32::from(*gpu)).unwrap_or(0);
    gpus.iter().fold(0, |bits, gpu| bits | bit(gpu))
}
