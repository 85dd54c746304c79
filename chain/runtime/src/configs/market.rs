//! Machines and leases. Every number is the design's default; governance will own them.

use dbc_primitives::{MachineId, Slot};
use frame_support::{
    parameter_types,
    traits::{ConstU32, Get},
};
use sp_runtime::Permill;

use crate::{
    Balance, Balances, Machines, Runtime, RuntimeHoldReason,
    configs::money::TreasuryAccount,
    constants::{DAYS, DBC, MINUTES},
};

parameter_types! {
    /// What a provider bonds for each GPU when its machine starts.
    pub const StakePerGpu: Balance = 10_000 * DBC;
    /// Between retiring and the release of the stake, longer than any dispute.
    pub const RetirementDelay: Slot = 10 * DAYS;
    /// Longest term of an offer.
    pub const MaxTerm: Slot = 366 * DAYS;
    /// A machine starts a lease within it, or everything returns.
    pub const StartWindow: Slot = 15 * MINUTES;
    /// Charged at least once a lease has started.
    pub const MinimumCharge: Slot = 5 * MINUTES;
    /// Data is kept for it after a close.
    pub const Retention: Slot = 7 * DAYS;
    /// In place of the burn while the network is small.
    pub const ProtocolFee: Permill = Permill::from_percent(5);
}

/// The slot of the block that is executed.
pub struct CurrentSlot;

impl Get<Slot> for CurrentSlot {
    fn get() -> Slot {
        pallet_babe::CurrentSlot::<Runtime>::get().into()
    }
}

impl pallet_leases::Horizon for CurrentSlot {
    // Until liveness exists, every machine counts as live up to now.
    fn settled_until(_: MachineId) -> Slot {
        Self::get()
    }
}

impl pallet_machines::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Clock = CurrentSlot;
    type StakePerGpu = StakePerGpu;
    type RetirementDelay = RetirementDelay;
    type MaxTerm = MaxTerm;
    type WeightInfo = pallet_machines::weights::CountedWeight<Runtime>;
}

impl pallet_leases::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Fleet = Machines;
    type Clock = CurrentSlot;
    type Horizon = CurrentSlot;
    type Treasury = TreasuryAccount;
    type ProtocolFee = ProtocolFee;
    type StartWindow = StartWindow;
    type MinimumCharge = MinimumCharge;
    type Retention = Retention;
    type ExpiriesPerBlock = ConstU32<200>;
    type WeightInfo = pallet_leases::weights::CountedWeight<Runtime>;
}
