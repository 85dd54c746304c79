//! The record of a machine.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use dbc_primitives::{
    Balance, BoundedVec, ConstU32, DenseIndex, HardwareFacts, Location, MachineClass,
    MachineStatus, NetworkFacts, Offer, Slot, Text,
};
use scale_info::TypeInfo;

use crate::{Config, Maintenance, Tier, Unproven};

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
    /// CPU shares that are leased.
    pub cpu_leased: u16,
    /// Leases that it did not start in time.
    pub strikes: u32,
    /// When it was registered.
    pub registered_at: Slot,
    /// The time that its provider announced last.
    pub maintenance: Option<Maintenance>,
    /// First slot after the maintenance before that; 0 without any.
    pub maintained_until: Slot,
    /// Whether it is in the high-stability tier.
    pub tier: Tier,
    /// Of the stake, what is pledged for the tier.
    pub extra: Balance,
    /// What of its facts no proof is of.
    pub unproven: Unproven,
    /// When its provider last changed what a proof was of, or it got a proof after that; 0 if neither was.
    pub changed_at: Slot,
    /// Whom its provider offers it to.
    pub handover: Option<AccountId>,
}

impl<AccountId> Machine<AccountId> {
    /// Whether anything of it is leased.
    pub fn is_leased(&self) -> bool {
        self.gpus_leased != 0 || self.cpu_leased != 0
    }

    /// How much of it is leased, in parts of 10,000: of its cards, or of its CPU shares when it has none.
    pub fn leased_parts(&self) -> u32 {
        match self.facts.gpus.len() as u32 {
            0 => u32::from(self.cpu_leased) * 10_000 / u32::from(self.cpu_shares().max(1)),
            gpus => self.gpus_leased.count_ones() * 10_000 / gpus,
        }
    }

    /// Its cards that nobody leases, one bit each.
    pub fn free_gpus(&self) -> u16 {
        // At most 16 cards: the shift stays in range.
        let all = (1u32 << self.facts.gpus.len()) - 1;
        all as u16 & !self.gpus_leased
    }

    /// CPU shares that it offers, leased ones included.
    pub fn cpu_shares(&self) -> u16 {
        self.offer.map_or(0, |offer| offer.cpu_shares)
    }

    /// Whether it can offer so many CPU shares: one or more without cards, and no more than it has cores.
    pub fn takes_shares(&self, shares: u16) -> bool {
        let some = shares > 0 || !self.facts.gpus.is_empty();
        some && shares <= self.facts.cpu_cores
    }

    /// Stake for a machine with these GPUs: per GPU, and once without any.
    pub fn stake_for<T: Config>(gpus: usize) -> Balance {
        use frame_support::traits::Get as _;
        T::StakePerGpu::get().saturating_mul(gpus.max(1) as Balance)
    }
}
