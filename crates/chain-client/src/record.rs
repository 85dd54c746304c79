//! Machines, leases and accounts as this crate hands them out: the chain's records in the types of
//! `dbc-primitives`, without subxt's generated ones.

use dbc_primitives::{
    AccessKey, Balance, CloseReason, DenseIndex, HardwareFacts, LeaseId, LeaseState, Leg, Location,
    MachineClass, MachineId, MachineStatus, NetworkFacts, Offer, Profile, Slot, discount::Tiers,
};

use crate::{
    account::AccountId,
    machine::{Fact, Tier},
};

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
    /// CPU shares that are leased.
    pub cpu_leased: u16,
    /// Leases that it did not start in time.
    pub strikes: u32,
    /// When it registered.
    pub registered_at: Slot,
    /// The maintenance that was announced last: its first slot, and the first after it.
    pub maintenance: Option<(Slot, Slot)>,
    /// Whether it is in the high-stability tier.
    pub tier: Tier,
    /// Of the stake, what is pledged for the tier, in units.
    pub pledge: Balance,
    /// What changed since its last proof without voiding that.
    pub unproven: Vec<Fact>,
    /// Whom its provider offers it to.
    pub offered_to: Option<AccountId>,
}

/// A lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its number.
    pub id: LeaseId,
    /// Whose lease it is.
    pub renter: AccountId,
    /// Whose money is on hold for it: the renter's, or that of his voucher's issuer.
    pub payer: AccountId,
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
    /// CPU shares; none with GPUs.
    pub cpu_shares: u16,
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
    /// The leg that has begun while the one before is still to be settled.
    pub next: Option<Leg>,
    /// Discounts that it can earn.
    pub tiers: Tiers,
    /// Slots that count for them.
    pub counted: Slot,
    /// Ever put on hold for it, in units.
    pub deposited: Balance,
    /// Held now, in units; what is due included.
    pub deposit: Balance,
    /// Due to the provider but not credited yet, in units.
    pub due: Balance,
    /// Due to the treasury but not credited yet, in units.
    pub due_fees: Balance,
    /// Due to the platform but not credited yet, in units.
    pub due_platform: Balance,
    /// Paid to the provider, in units.
    pub paid: Balance,
    /// Paid to the treasury, in units.
    pub fees: Balance,
    /// Paid to the platform, in units.
    pub platform_fees: Balance,
    /// Burned, in units.
    pub burned: Balance,
    /// Returned, in units.
    pub refunded: Balance,
    /// Up to when it is settled.
    pub settled_to: Slot,
    /// Slots that were charged.
    pub charged: Slot,
    /// Time that waits for the verdict on a report.
    pub held_back: Option<HeldBack>,
    /// Set while it has no cards.
    pub suspended: Option<Suspended>,
    /// Since when its machine says that its workload does not run; nothing is charged.
    pub down_since: Option<Slot>,
    /// While another machine has to start it, its end.
    pub moving: Option<Slot>,
    /// The machine that takes over when the first is silent for long.
    pub standby: Option<MachineId>,
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
    /// Voucher that pays for it.
    pub voucher: Option<u32>,
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

/// Time that a renter complains of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldBack {
    /// First slot that is not charged.
    pub since: Slot,
    /// When it is charged without a verdict.
    pub until: Slot,
}

/// A lease without its cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspended {
    /// Since when.
    pub since: Slot,
    /// Positions of the cards that it had.
    pub gpus: Vec<u8>,
    /// Whether the renter's pledge makes it free.
    pub pledged: bool,
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
    /// Burned over its life, in units.
    pub burned: Balance,
    /// Paid to the platform over its life, in units.
    pub platform_fees: Balance,
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
