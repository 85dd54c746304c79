//! The record of a machine.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use dbc_primitives::{
    Balance, BoundedVec, ConstU32, DenseIndex, HardwareFacts, Location, MachineClass,
    MachineStatus, NetworkFacts, Offer, Slot, Text,
};
use scale_info::TypeInfo;

use crate::Config;

/// The governed relays.
pub type RelayList = BoundedVec<Text<128>, ConstU32<16>>;

/// A machine's record in a runtime.
pub type MachineOf<T> = Machine<<T as frame_system::Config>::AccountId>;

/// What the chain knows of a machine.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Machine<AccountId> {
    /// Who owns its stake and earns.
    pub provider: AccountId,
    /// Its place in bitmaps.
    pub index: DenseIndex,
    /// Where it stands in the pallet's diagram.
    pub status: MachineStatus,
    /// What it is meant for.
    pub class: MachineClass,
    /// Its hardware.
    pub facts: HardwareFacts,
    /// Where it stands.
    pub location: Location,
    /// How it is reached.
    pub network: NetworkFacts,
    /// Stake held for it.
    pub stake: Balance,
    /// What it can be leased for.
    pub offer: Option<Offer>,
    /// Rises with each change of the offer; 0 before the first.
    pub offer_version: u32,
    /// Bit `n` is set while the GPU at position `n` is leased.
    pub gpus_leased: u16,
    /// Whether the CPU profile is leased.
    pub cpu_leased: bool,
    /// Leases that it did not start in time.
    pub strikes: u32,
    /// When it was registered.
    pub registered_at: Slot,
}

impl<AccountId> Machine<AccountId> {
    /// Whether anything of it is leased.
    pub fn is_leased(&self) -> bool {
        self.gpus_leased != 0 || self.cpu_leased
    }

    /// How much of it is leased, in parts of 10,000.
    pub fn leased_parts(&self) -> u32 {
        match self.facts.gpus.len() as u32 {
            0 if self.cpu_leased => 10_000,
            0 => 0,
            gpus => self.gpus_leased.count_ones() * 10_000 / gpus,
        }
    }

    /// Stake for a machine with these GPUs: per GPU, and once without any.
    pub fn stake_for<T: Config>(gpus: usize) -> Balance {
        use frame_support::traits::Get as _;
        T::StakePerGpu::get().saturating_mul(gpus.max(1) as Balance)
    }
}
