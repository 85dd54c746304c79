//! Balances and fees. A plain transfer costs about 0.01 DBC; fees go to the treasury's account.

use frame_support::{
    PalletId, parameter_types,
    traits::{ConstU8, ConstU32, VariantCountOf, tokens::imbalance::ResolveTo},
    weights::ConstantMultiplier,
};
use pallet_transaction_payment::{FungibleAdapter, Multiplier, TargetedFeeAdjustment};
use sp_runtime::{
    FixedPointNumber, Perquintill,
    traits::{AccountIdConversion, Bounded, One},
};

use crate::{
    AccountId, Balance, Balances, Runtime, RuntimeEvent, RuntimeFreezeReason, RuntimeHoldReason,
    System,
    constants::{DBC, MILLI_DBC},
};

parameter_types! {
    /// Accounts below it do not exist.
    pub const ExistentialDeposit: Balance = MILLI_DBC;
    /// For a picosecond of execution: 15 DBC for the second that a full block gives to normal calls.
    pub const WeightFee: Balance = 15 * DBC / 1_000_000_000_000;
    /// For a byte of a transaction.
    pub const ByteFee: Balance = MILLI_DBC / 50;

    /// Fees rise while blocks are fuller than this and sink back, never below their base.
    pub const TargetBlockFullness: Perquintill = Perquintill::from_percent(25);
    pub AdjustmentVariable: Multiplier = Multiplier::saturating_from_rational(75, 1_000_000);
    pub MinimumMultiplier: Multiplier = Multiplier::one();
    pub MaximumMultiplier: Multiplier = Bounded::max_value();

    /// Nobody has its key; governance spends from it.
    pub TreasuryAccount: AccountId = PalletId(*b"dbc/trsy").into_account_truncating();
}

impl pallet_balances::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
    type Balance = Balance;
    type DustRemoval = ResolveTo<TreasuryAccount, Balances>;
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
    type ReserveIdentifier = [u8; 8];
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxLocks = ConstU32<50>;
    type MaxReserves = ConstU32<50>;
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
    type DoneSlashHandler = ();
}

impl pallet_transaction_payment::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type OnChargeTransaction = FungibleAdapter<Balances, ResolveTo<TreasuryAccount, Balances>>;
    type OperationalFeeMultiplier = ConstU8<5>;
    type WeightToFee = ConstantMultiplier<Balance, WeightFee>;
    type LengthToFee = ConstantMultiplier<Balance, ByteFee>;
    type FeeMultiplierUpdate = TargetedFeeAdjustment<
        Self,
        TargetBlockFullness,
        AdjustmentVariable,
        MinimumMultiplier,
        MaximumMultiplier,
    >;
    type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
}
