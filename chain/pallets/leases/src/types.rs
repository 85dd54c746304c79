//! The record of a lease.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use dbc_primitives::{
    AccessKey, Balance, DenseIndex, LeaseState, Leg, MachineId, Profile, Slot, lease::GpuSlots,
};
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
}

/// What the chain knows of a lease.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Lease<AccountId> {
    /// Who pays.
    pub renter: AccountId,
    /// Who is paid.
    pub provider: AccountId,
    /// The machine.
    pub machine: MachineId,
    /// Its place at the time of the order.
    pub machine_index: DenseIndex,
    /// Positions of its GPUs; empty for the CPU profile.
    pub gpus: GpuSlots,
    /// What is leased.
    pub profile: Profile,
    /// When it was ordered.
    pub created_at: Slot,
    /// When the meter started.
    pub started_at: Option<Slot>,
    /// Length of the term in slots.
    pub term: Slot,
    /// While pending, the slot by which the machine must start it; then the slot after which it is over.
    pub ends_at: Slot,
    /// The stretch that runs, with its rate.
    pub leg: Leg,
    /// Units still on hold for it, those due included.
    pub deposit: Balance,
    /// Units due to the provider that could not be credited yet.
    pub due: Balance,
    /// Units due to the treasury that could not be credited yet.
    pub due_fees: Balance,
    /// Units paid to the provider.
    pub paid: Balance,
    /// Units paid to the treasury.
    pub fees: Balance,
    /// Units that returned.
    pub refunded: Balance,
    /// Slot up to which rent is settled.
    pub settled_to: Slot,
    /// What the meter's counter said at that slot.
    pub live_mark: Slot,
    /// Slots that were charged.
    pub charged: Slot,
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
}

impl<AccountId> Lease<AccountId> {
    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, LeaseState::Closed { .. })
    }
}
