//! The base: what an account and a block are, and how much fits into a block.

use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU32, ConstU64},
    weights::{Weight, constants::ParityDbWeight, constants::WEIGHT_REF_TIME_PER_MILLIS},
};
use sp_runtime::{Perbill, traits::AccountIdLookup};
use sp_version::RuntimeVersion;

use crate::{
    AccountId, Babe, Balance, Block, Hash, Nonce, PalletInfo, Runtime, RuntimeCall, RuntimeEvent,
    RuntimeOrigin, RuntimeTask, UncheckedExtrinsic, VERSION, constants::SLOT_MS,
};

/// Half of a slot goes to execution: the other half is for the block to reach everybody.
const BLOCK_COMPUTE: Weight =
    Weight::from_parts(SLOT_MS / 2 * WEIGHT_REF_TIME_PER_MILLIS, u64::MAX);

parameter_types! {
    pub const Version: RuntimeVersion = VERSION;
    /// A third stays free for operational calls, so that settling and voting work under load.
    pub BlockWeights: frame_system::limits::BlockWeights =
        frame_system::limits::BlockWeights::with_sensible_defaults(
            BLOCK_COMPUTE,
            Perbill::from_rational(2u32, 3u32),
        );
    pub const SS58Prefix: u16 = 42;
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type BaseCallFilter = super::safety::BaseCallFilter;
    type MultiBlockMigrator = crate::MultiBlockMigrations;
    type AccountId = AccountId;
    type Lookup = AccountIdLookup<AccountId, ()>;
    type Nonce = Nonce;
    type Hash = Hash;
    type Block = Block;
    // Two hours of transactions' mortality.
    type BlockHashCount = ConstU32<2400>;
    // The node has no other database.
    type DbWeight = ParityDbWeight;
    type Version = Version;
    type AccountData = pallet_balances::AccountData<Balance>;
    type BlockWeights = BlockWeights;
    type SS58Prefix = SS58Prefix;
    type MaxConsumers = ConstU32<128>;
    type SystemWeightInfo = frame_system::weights::SubstrateWeight<Runtime>;
    type ExtensionsWeightInfo = frame_system::SubstrateExtensionsWeight<Runtime>;
}

impl pallet_timestamp::Config for Runtime {
    type Moment = u64;
    type OnTimestampSet = Babe;
    type MinimumPeriod = ConstU64<{ SLOT_MS / 2 }>;
    type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Runtime>;
}

impl<C> frame_system::offchain::CreateTransactionBase<C> for Runtime
where
    RuntimeCall: From<C>,
{
    type Extrinsic = UncheckedExtrinsic;
    type RuntimeCall = RuntimeCall;
}

/// For reports of equivocations, which prove themselves and need no signature.
impl<C> frame_system::offchain::CreateBare<C> for Runtime
where
    RuntimeCall: From<C>,
{
    fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
        UncheckedExtrinsic::new_bare(call)
    }
}
