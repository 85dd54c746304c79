//! The record of a lease.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use dbc_primitives::{
    AccessKey, Balance, DenseIndex, LeaseState, Leg, MachineClass, MachineId, Profile, Slot,
    discount::{Progress, Tiers},
    lease::GpuSlots,
};
use pallet_machines::Part;
use scale_info::TypeInfo;

/// A lease's record in a runtime.
pub type LeaseOf<T> = Lease<<T as frame_system::Config>::AccountId>;

/// What of a closed lease is not settled yet (mechanisms rule 5).
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Tail {
    /// Where the meter stopped.
    pub until: Slot,
    /// When the queue looks whether the horizon has passed that.
    pub look_at: Slot,
    /// What the meter's counter says there, once it is known: no later silence is taken from it.
    pub live: Option<Slot>,
}

/// Time that the renter complains of: it is not charged before the verdict (mechanisms rule 7).
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct HeldBack {
    /// First slot that is not charged.
    pub since: Slot,
    /// When it is charged without a verdict.
    pub until: Slot,
}

/// A lease without its cards (mechanisms rule 31).
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Suspended {
    /// When it was suspended.
    pub since: Slot,
    /// The cards that it had; it comes back to others of these models.
    pub gpus: GpuSlots,
    /// Whether the renter's pledge makes it free.
    pub pledged: bool,
}

/// A workload that does not run although its machine is there (mechanisms rule 35).
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Down {
    /// Since when nothing is charged.
    pub since: Slot,
    /// The leg that goes on when it runs again.
    pub leg: Leg,
}

/// What a renter set aside for what he leaves on machines (requirements D2, D3).
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Pledge {
    /// Units on hold.
    pub amount: Balance,
    /// Suspended leases and closed ones in their retention that rely on it.
    pub relied: u32,
}

/// Somebody who sells the network's machines under his own name (requirement D77).
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Platform<AccountId> {
    /// Who registered it.
    pub owner: AccountId,
    /// Who gets its fees.
    pub beneficiary: AccountId,
    /// On top of a provider's price: millionths.
    pub fee: u32,
    /// Units on hold from its owner.
    pub deposit: Balance,
}

/// Money that pays somebody else's leases (requirement G11).
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Voucher<AccountId> {
    /// Whose money it is.
    pub issuer: AccountId,
    /// Whose leases it pays.
    pub holder: AccountId,
    /// Units on hold from the issuer that no lease has.
    pub budget: Balance,
    /// Only machines of this class.
    pub class: Option<MachineClass>,
    /// First slot in which it pays nothing more.
    pub expires: Slot,
    /// Whether its issuer took it back.
    pub revoked: bool,
    /// Leases that still have some of its money.
    pub leases: u32,
}

/// What a lease would cost now.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct QuoteView {
    /// Units per slot, the platform's included.
    pub rate: Balance,
    /// Of the rate, to the platform.
    pub platform: Balance,
    /// Units that are put on hold: the price of the whole term, or of its first leg.
    pub deposit: Balance,
    /// Of the provider's price, to the treasury: millionths.
    pub fee: u32,
    /// Of the provider's price, burned: millionths.
    pub burn: u32,
    /// Millionths off when the term is used up.
    pub off: u32,
    /// Version of the offer.
    pub offer_version: u32,
    /// Whether it is asked for in dollars, so that it runs in legs.
    pub in_dollars: bool,
}

/// What of a lease's money would go where if its renter ended it now and its machine was there.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct EndView {
    /// Units that the lease would have cost altogether.
    pub cost: Balance,
    /// Units that would return.
    pub refund: Balance,
    /// Millionths off that its time has earned.
    pub off: u32,
}

/// What the chain knows of a lease.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Lease<AccountId> {
    /// Whose lease it is.
    pub renter: AccountId,
    /// Whose money is on hold for it: the renter's, or that of his voucher's issuer.
    pub payer: AccountId,
    /// Who was paid last; whoever owns the machine is paid next.
    pub provider: AccountId,
    /// The machine.
    pub machine: MachineId,
    /// Its place at the time of the order.
    pub machine_index: DenseIndex,
    /// Positions of its GPUs; empty for the CPU profile.
    pub gpus: GpuSlots,
    /// What is leased.
    pub profile: Profile,
    /// CPU shares; none with cards.
    pub cpu_shares: u16,
    /// When it was ordered.
    pub created_at: Slot,
    /// When the meter started.
    pub started_at: Option<Slot>,
    /// Length of the term in slots.
    pub term: Slot,
    /// While pending, the slot by which the machine must start it; then the slot after which it is over.
    pub ends_at: Slot,
    /// The slot of its entry in the queue.
    pub due_at: Slot,
    /// The stretch that is settled, with its rate.
    pub leg: Leg,
    /// The stretch after it, which has begun while the horizon is still in the one before.
    pub next: Option<Leg>,
    /// Of an order in dollars, millionths an hour for what is leased.
    pub dollars_hour: Option<u128>,
    /// The discounts at the time of the order (mechanisms rule 6).
    pub tiers: Tiers,
    /// How far it has come in them.
    pub progress: Progress,
    /// Units ever put on hold for it.
    pub deposited: Balance,
    /// Units still on hold for it, those due included.
    pub deposit: Balance,
    /// Units due to the provider that could not be credited yet.
    pub due: Balance,
    /// Units due to the treasury that could not be credited yet.
    pub due_fees: Balance,
    /// Units due to the platform that could not be credited yet.
    pub due_platform: Balance,
    /// Units paid to the provider.
    pub paid: Balance,
    /// Units paid to the treasury.
    pub fees: Balance,
    /// Units paid to the platform.
    pub platform_fees: Balance,
    /// Units that were burned.
    pub burned: Balance,
    /// Units that returned.
    pub refunded: Balance,
    /// Slot up to which rent is settled.
    pub settled_to: Slot,
    /// What the meter's counter said at that slot.
    pub live_mark: Slot,
    /// Slots that were charged.
    pub charged: Slot,
    /// When the meter began on this machine.
    pub metered_from: Slot,
    /// What the meter said then of silence that its provider is to blame for.
    pub blamed_mark: Slot,
    /// Units charged since then for slots that count for discounts.
    pub rent: Balance,
    /// What those cost at list price.
    pub list: Balance,
    /// Whether its provider is to blame for its end, so that the discount of the whole term stays.
    pub at_fault: bool,
    /// Time that is not charged before a verdict.
    pub held_back: Option<HeldBack>,
    /// Set while it has no cards.
    pub suspended: Option<Suspended>,
    /// Set while its workload does not run, as its machine says.
    pub down: Option<Down>,
    /// Slots for which it did not run so, on this machine.
    pub down_for: Slot,
    /// Set while another machine has to start it: its end in calendar slots.
    pub moving: Option<Slot>,
    /// The machine that takes over.
    pub standby: Option<MachineId>,
    /// The last minutes of a closed lease, while the horizon is still before them.
    pub tail: Option<Tail>,
    /// The renter's highest rate.
    pub max_rate: Balance,
    /// The renter's highest sum over the lease's life.
    pub cap: Option<Balance>,
    /// Root of the lease's grants.
    pub access_key: AccessKey,
    /// Grants of earlier epochs are void.
    pub grant_epoch: u32,
    /// Rises when another machine takes the lease over (mechanisms rule 15).
    pub generation: u32,
    /// The platform that sold it.
    pub platform: Option<u32>,
    /// Who gets the platform's share.
    pub beneficiary: Option<AccountId>,
    /// The voucher that pays.
    pub voucher: Option<u32>,
    /// Who gets unused money instead of the renter.
    pub receiver: Option<AccountId>,
    /// The only workload spec that the agent shall accept.
    pub spec_hash: Option<[u8; 32]>,
    /// The renter's own number of the order.
    pub tag: u64,
    /// Where it stands.
    pub state: LeaseState,
    /// Slot until which data is kept; set at the close.
    pub retain_until: Option<Slot>,
    /// Whether the pledge pays for that.
    pub retained_by_pledge: bool,
    /// Units for each day of it.
    pub storage_price: Balance,
}

impl<AccountId> Lease<AccountId> {
    /// What it has of its machine.
    pub fn part(&self) -> Part<'_> {
        Part { profile: self.profile, gpus: &self.gpus, cpu_shares: self.cpu_shares }
    }

    /// Units on hold that are not due to anybody.
    pub fn free(&self) -> Balance {
        self.deposit
            .saturating_sub(self.due)
            .saturating_sub(self.due_fees)
            .saturating_sub(self.due_platform)
    }

    /// First slot for which no price is fixed.
    pub fn priced_until(&self) -> Slot {
        self.next.map_or(self.leg.until, |next| next.until).min(self.ends_at)
    }

    /// Whether it ran at a slot that is not ahead, on the machine that it is on now.
    pub fn ran(&self, slot: Slot) -> bool {
        let started = self.started_at.is_some() && self.moving.is_none();
        let within = started && self.metered_from <= slot && slot < self.ends_at;
        within
            && match self.state {
                LeaseState::Pending => false,
                LeaseState::Running => true,
                LeaseState::Closed { at, .. } => slot <= at,
            }
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, LeaseState::Closed { .. })
    }
}
