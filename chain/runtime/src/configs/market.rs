//! Machines and leases. Their numbers are parameters, each with the design's default.

use dbc_primitives::{
    Slot,
    discount::{BurnTable, Tier, Tiers},
};
use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU64, EitherOfDiverse, Get},
};
use frame_system::EnsureRoot;
use sp_runtime::Permill;

use crate::{
    AccountId, Balance, Balances, Liveness, Machines, Runtime, RuntimeHoldReason,
    configs::{
        governance::origins,
        liveness::{Followers, Meters},
        money::TreasuryAccount,
        parameters::dynamic_params::{leases, machines},
        prices::Average,
    },
    constants::{DAYS, DBC, MINUTES},
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

/// How long machines were there, by the outages that liveness remembers.
pub struct Uptime;

impl pallet_machines::Uptime for Uptime {
    fn since(index: u32) -> Option<Slot> {
        Liveness::steady_since(index)
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
    type Uptime = Uptime;
    type StartWindow = leases::StartWindow;
    type MaintenanceNotice = machines::MaintenanceNotice;
    type MaintenanceMax = machines::MaintenanceMax;
    type MaintenanceSpacing = machines::MaintenanceSpacing;
    type TierUptime = machines::TierUptime;
    type TierStake = machines::TierStake;
    type ChangeSpacing = machines::ChangeSpacing;
    type RelayOrigin = EitherOfDiverse<EnsureRoot<AccountId>, origins::Operations>;
    type WeightInfo = pallet_machines::weights::CountedWeight<Runtime>;
}

parameter_types! {
    /// Slots for which a report holds a lease's time back: longer than any verdict takes.
    pub const DisputeMax: Slot = 15 * DAYS;
    /// Least budget of a voucher.
    pub const VoucherMin: Balance = DBC;
}

/// What long terms save: lengths are fixed, how much is governed.
pub struct Discounts;

impl Get<Tiers> for Discounts {
    fn get() -> Tiers {
        let tier = |days: Slot, off: Permill| Tier { from: days * DAYS, off: off.deconstruct() };
        Tiers::of([
            tier(30, leases::MonthOff::get()),
            tier(90, leases::QuarterOff::get()),
            tier(365, leases::YearOff::get()),
        ])
    }
}

/// What is burned: how many GPUs a step takes is fixed, its share governed.
pub struct Burning;

impl Get<BurnTable> for Burning {
    fn get() -> BurnTable {
        let shares = [
            leases::BurnFirst::get(),
            leases::BurnSecond::get(),
            leases::BurnThird::get(),
            leases::BurnFourth::get(),
        ];
        let mut table = BurnTable::usual();
        table.0.iter_mut().zip(shares).for_each(|(step, share)| step.share = share.deconstruct());
        table
    }
}

/// Proven GPUs in the mean of seven days, as rewards count them.
pub struct MeanGpus;

impl Get<u32> for MeanGpus {
    fn get() -> u32 {
        let history = pallet_rewards::GpuHistory::<Runtime>::get();
        let sum: u64 = history.iter().map(|gpus| u64::from(*gpus)).sum();
        u32::try_from(sum / history.len() as u64).unwrap_or(u32::MAX)
    }
}

impl pallet_leases::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Fleet = Machines;
    type Clock = CurrentSlot;
    type Meter = Meters;
    type Treasury = TreasuryAccount;
    type ProtocolFee = leases::ProtocolFee;
    type BurnTable = Burning;
    type BurnOrigin = EitherOfDiverse<EnsureRoot<AccountId>, origins::Parameters>;
    type ProvenGpus = MeanGpus;
    type Tiers = Discounts;
    type MaxDowntime = leases::MaxDowntime;
    type ForgivenDowntime = ConstU64<{ 7 * MINUTES }>;
    type Price = Average;
    type DisputeMax = DisputeMax;
    type FailOverAfter = leases::FailOverAfter;
    type PlatformDeposit = leases::PlatformDeposit;
    type VoucherMin = VoucherMin;
    type PledgeAmount = leases::Pledge;
    type StoragePrice = leases::StoragePrice;
    type StartWindow = leases::StartWindow;
    type MinimumCharge = leases::MinimumCharge;
    type TailWait = ConstU64<25>;
    type Retention = leases::Retention;
    type BareRetention = leases::BareRetention;
    type ExpiriesPerBlock = ConstU32<200>;
    type WeightInfo = pallet_leases::weights::CountedWeight<Runtime>;
}
