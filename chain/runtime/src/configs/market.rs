//! Machines and leases. Their numbers are parameters, each with the design's default.

use dbc_primitives::Slot;
use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU64, Get},
};

use crate::{
    Balances, Machines, Runtime, RuntimeHoldReason,
    configs::{
        liveness::{Followers, Meters},
        money::TreasuryAccount,
        parameters::dynamic_params::{leases, machines},
        prices::Average,
    },
    constants::DAYS,
};

parameter_types! {
    /// Longest term of an offer.
    pub const MaxTerm: Slot = 366 * DAYS;
}

/// The slot of the block that is executed.
pub struct CurrentSlot;

impl Get<Slot> for CurrentSlot {
    fn get() -> Slot {
        pallet_babe::CurrentSlot::<Runtime>::get().into()
    }
}

impl pallet_machines::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Clock = CurrentSlot;
    type StakePerGpu = machines::StakePerGpu;
    type RetirementDelay = machines::RetirementDelay;
    type MaxTerm = MaxTerm;
    type Price = Average;
    type Presence = Followers;
    type WeightInfo = pallet_machines::weights::CountedWeight<Runtime>;
}

impl pallet_leases::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Fleet = Machines;
    type Clock = CurrentSlot;
    type Meter = Meters;
    type Treasury = TreasuryAccount;
    type ProtocolFee = leases::ProtocolFee;
    type StartWindow = leases::StartWindow;
    type MinimumCharge = leases::MinimumCharge;
    type TailWait = ConstU64<25>;
    type Retention = leases::Retention;
    type ExpiriesPerBlock = ConstU32<200>;
    type WeightInfo = pallet_leases::weights::CountedWeight<Runtime>;
}
