//! What a DBC costs in dollars, as bonded feeders say.

use dbc_primitives::Balance;
use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, EitherOfDiverse},
};
use frame_system::EnsureRoot;
use pallet_prices::DbcPrice as _;
use sp_runtime::Permill;

use super::{governance::origins::Operations, market::CurrentSlot};
use crate::{
    AccountId, Balances, Prices, Runtime, RuntimeHoldReason,
    constants::{DBC, HOURS, MINUTES},
};

parameter_types! {
    /// From one interval to the next.
    pub const StepMax: Permill = Permill::from_percent(5);
    pub const Outlier: Permill = Permill::from_percent(20);
}

impl pallet_prices::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type GovernOrigin = EitherOfDiverse<EnsureRoot<AccountId>, Operations>;
    type Clock = CurrentSlot;
    type Bond = ConstU128<{ 1_000 * DBC }>;
    type SeatsMax = ConstU32<15>;
    type FeedersMin = ConstU32<3>;
    type Interval = ConstU64<{ 2 * MINUTES }>;
    type Fresh = ConstU64<{ 5 * MINUTES }>;
    type Stale = ConstU64<{ 20 * MINUTES }>;
    type Window = ConstU64<HOURS>;
    type BucketsMax = ConstU32<32>;
    type StepMax = StepMax;
    type Outlier = Outlier;
    type StrikesMax = ConstU32<10>;
    type WeightInfo = pallet_prices::weights::CountedWeight<Runtime>;
}

/// The hour's average, as offers in dollars ask for it.
pub struct Average;

impl pallet_machines::DollarPrice for Average {
    fn to_dbc(micro: u128) -> Option<Balance> {
        Prices::to_dbc(micro)
    }
}
