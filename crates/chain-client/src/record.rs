//! Machines, leases and accounts as this crate hands them out: the chain's records in the types of
//! `dbc-primitives`, without subxt's generated ones.

use dbc_primitives::{
    AccessKey, Balance, CloseReason, DenseIndex, HardwareFacts, LeaseId, LeaseState, Leg, Location,
    MachineClass, MachineId, MachineStatus, NetworkFacts, Offer, Profile, Slot,
};

use crate::account::AccountId;

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its key.
    pub id: MachineId,
    /// Who owns it.
    pub provider: AccountId,
    /// Its short number.
    pub index: DenseIndex,
    /// Where it stands.
    pub status: MachineStatus,
    /// What it is for.
    pub class: MachineClass,
    /// What it has.
    pub facts: HardwareFacts,
    /// Where it is.
    pub location: Location,
    /// How it is reached.
    pub network: NetworkFacts,
    /// Held from the provider, in units.
    pub stake: Balance,
    /// What it asks.
    pub offer: Option<Offer>,
    /// Version of the offer.
    pub offer_version: u32,
    /// Positions of the GPUs that are leased, rising.
    pub gpus_leased: Vec<u8>,
    /// Whether the CPU profile is leased.
    pub cpu_leased: bool,
    /// Leases that it did not start in time.
    pub strikes: u32,
    /// When it registered.
    pub registered_at: Slot,
}

/// A lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its number.
    pub id: LeaseId,
    /// Who pays.
    pub renter: AccountId,
    /// Who is paid.
    pub provider: AccountId,
    /// The machine.
    pub machine: MachineId,
    /// The machine's short number when the lease was made.
    pub machine_index: DenseIndex,
    /// Positions of its GPUs.
    pub gpus: Vec<u8>,
    /// GPUs or the CPU profile.
    pub profile: Profile,
    /// When it was made.
    pub created_at: Slot,
    /// When the meter started.
    pub started_at: Option<Slot>,
    /// Length of the term in slots.
    pub term: Slot,
    /// While pending, the slot by which the machine must start it; then the slot after which it is
    /// over.
    pub ends_at: Slot,
    /// The present leg with its rate.
    pub leg: Leg,
    /// Held now, in units; what is due included.
    pub deposit: Balance,
    /// Due to the provider but not credited yet, in units.
    pub due: Balance,
    /// Due to the treasury but not credited yet, in units.
    pub due_fees: Balance,
    /// Paid to the provider, in units.
    pub paid: Balance,
    /// Paid to the treasury, in units.
    pub fees: Balance,
    /// Returned, in units.
    pub refunded: Balance,
    /// Up to when it is settled.
    pub settled_to: Slot,
    /// Slots that were charged.
    pub charged: Slot,
    /// Where the meter of a closed lease stopped, while its last minutes are not settled.
    pub tail_until: Option<Slot>,
    /// The most per slot at the next leg.
    pub max_rate: Balance,
    /// The most altogether.
    pub cap: Option<Balance>,
    /// Root of its grants.
    pub access_key: AccessKey,
    /// Grants of another epoch are void.
    pub grant_epoch: u32,
    /// Counts up with each fail-over.
    pub generation: u32,
    /// Platform that mediated it.
    pub platform: Option<u32>,
    /// Who gets unused money instead of the renter.
    pub receiver: Option<AccountId>,
    /// Hash of the only spec that may run.
    pub spec_hash: Option<[u8; 32]>,
    /// The renter's own number of the order.
    pub tag: u64,
    /// Where it stands.
    pub state: LeaseState,
    /// Until when the data of a closed lease is kept.
    pub retain_until: Option<Slot>,
}

/// An account's money, in units.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// Not held; includes the existential deposit.
    pub free: Balance,
    /// What can be spent now without ending the account.
    pub spendable: Balance,
    /// Held, by reason, e.g. `Leases.Deposit`.
    pub held: Vec<(String, Balance)>,
    /// Extrinsics signed so far.
    pub nonce: u32,
}

/// All that registers a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The machine's key.
    pub machine: MachineId,
    /// Its signature over [`dbc_primitives::proof::register_message`].
    pub proof: [u8; 64],
    /// What it is for.
    pub class: MachineClass,
    /// What it has.
    pub facts: HardwareFacts,
    /// Where it is.
    pub location: Location,
    /// How it is reached.
    pub network: NetworkFacts,
}

/// How a lease was closed, as its event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseClosed {
    /// Its number.
    pub lease: LeaseId,
    /// Why.
    pub reason: CloseReason,
    /// Paid to the provider over its life, in units.
    pub paid: Balance,
    /// Paid to the treasury over its life, in units.
    pub fees: Balance,
    /// Returned over its life, in units.
    pub refund: Balance,
    /// Still on hold until the horizon has passed the close, in units.
    pub open: Balance,
    /// Until when its data is kept.
    pub retain_until: Slot,
}

/// Figures that the runtime fixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Constants {
    /// Stake per GPU, and once for a machine without any, in units.
    pub stake_per_gpu: Balance,
    /// Below this an account ends, in units.
    pub existential_deposit: Balance,
    /// Slots between retiring a machine and the release of its stake.
    pub retirement_delay: Slot,
    /// Longest term of an offer in slots.
    pub max_term: Slot,
    /// Slots within which a lease must be started.
    pub start_window: Slot,
    /// Slots that are charged at least once a lease started.
    pub minimum_charge: Slot,
}
