//! Proof of stake: who validates is elected once a day from those who bond, alone or in pools. Nothing
//! of ours names the staking pallet outside this file: it is the one that will be replaced.

use frame_election_provider_support::{
    ScoreProvider, SequentialPhragmen,
    bounds::{ElectionBounds, ElectionBoundsBuilder},
    onchain,
};
use frame_support::{
    PalletId, parameter_types,
    traits::{
        ConstBool, ConstU8, ConstU32, EitherOfDiverse, Get as _, Nothing,
        tokens::imbalance::ResolveTo,
    },
};
use frame_system::EnsureRoot;
use sp_core::U256;
use sp_runtime::{FixedU128, Perbill, traits::Convert};
use sp_staking::{EraIndex, SessionIndex};

use super::{
    governance::{TwoThirdsOfCouncil, origins},
    market::CurrentSlot,
    money::TreasuryAccount,
};
use crate::{
    AccountId, Babe, Balance, Balances, DelegatedStaking, NominationPools, Runtime, RuntimeEvent,
    RuntimeFreezeReason, RuntimeHoldReason, Session, Staking, System, Timestamp, VoterList,
    constants::{DAYS, DBC, EPOCH_SLOTS},
};

/// Slots of a year.
const YEAR: u64 = 365 * DAYS;

parameter_types! {
    /// An era is a day.
    pub const SessionsPerEra: SessionIndex = (DAYS / EPOCH_SLOTS) as SessionIndex;
    pub const BondingDuration: EraIndex = dbc_primitives::BONDING_DAYS;
    pub const SlashDeferDuration: EraIndex = 13;
    pub const HistoryDepth: u32 = 84;
    pub const MaxExposurePageSize: u32 = 256;
    pub const MaxNominations: u32 = 16;
    /// Seats that a referendum as root can open; a network of value begins with 21.
    pub const MaxValidators: u32 = 41;
    pub const MaxBackers: u32 = 2_000;
    /// The largest voters of the sorted list are counted, so that an election always fits a block.
    pub Bounds: ElectionBounds =
        ElectionBoundsBuilder::default().voters_count(2_000.into()).targets_count(300.into()).build();
    pub const BagThresholds: &'static [u64] = &BAGS;
    pub const PoolsPalletId: PalletId = PalletId(*b"dbc/pool");
    pub const DelegationsPalletId: PalletId = PalletId(*b"dbc/dele");
    pub const SlashRewardFraction: Perbill = Perbill::from_percent(1);
}

/// Bounds of the bags by which voters are sorted: each a quarter above the one before, over all amounts
/// that can be bonded.
const BAGS: [u64; 105] = {
    let mut bags = [0u64; 105];
    let mut bound: u64 = 1 << 30;
    let mut at = 0;
    while at < 104 {
        bags[at] = bound;
        bound += bound / 4;
        at += 1;
    }
    bags[104] = u64::MAX;
    bags
};

impl pallet_bags_list::Config<pallet_bags_list::Instance1> for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_bags_list::weights::SubstrateWeight<Runtime>;
    type ScoreProvider = Voters;
    type BagThresholds = BagThresholds;
    type MaxAutoRebagPerBlock = ConstU32<5>;
    type Score = u64;
}

/// What voters weigh. Staking itself says so of everybody who bonded, and the list takes in whom it hears of when anybody
/// asks for it (`rebag`): without this, the list would have voters who vote for nobody.
pub struct Voters;

impl ScoreProvider<AccountId> for Voters {
    type Score = u64;

    fn score(who: &AccountId) -> Option<u64> {
        let votes = pallet_staking::Nominators::<Runtime>::contains_key(who)
            || pallet_staking::Validators::<Runtime>::contains_key(who);
        votes.then(|| Staking::score(who)).flatten()
    }
}

/// The election, in the block that ends an era.
pub struct Election;

impl onchain::Config for Election {
    type Sort = ConstBool<true>;
    type System = Runtime;
    type Solver = SequentialPhragmen<AccountId, Perbill>;
    type MaxBackersPerWinner = MaxBackers;
    type MaxWinnersPerPage = MaxValidators;
    type DataProvider = Staking;
    type WeightInfo = frame_election_provider_support::weights::SubstrateWeight<Runtime>;
    type Bounds = Bounds;
}

/// Bounds for benchmarks.
pub struct Benchmarks;

impl pallet_staking::BenchmarkingConfig for Benchmarks {
    type MaxValidators = ConstU32<300>;
    type MaxNominators = ConstU32<1_000>;
}

impl pallet_staking::Config for Runtime {
    type OldCurrency = Balances;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type CurrencyBalance = Balance;
    type UnixTime = Timestamp;
    type CurrencyToVote = sp_staking::currency_to_vote::U128CurrencyToVote;
    type ElectionProvider = onchain::OnChainExecution<Election>;
    type GenesisElectionProvider = onchain::OnChainExecution<Election>;
    type NominationsQuota = pallet_staking::FixedNominationsQuota<{ MaxNominations::get() }>;
    type HistoryDepth = HistoryDepth;
    type RewardRemainder = ResolveTo<TreasuryAccount, Balances>;
    type RuntimeEvent = RuntimeEvent;
    type Slash = ResolveTo<TreasuryAccount, Balances>;
    type Reward = ();
    type SessionsPerEra = SessionsPerEra;
    type BondingDuration = BondingDuration;
    type SlashDeferDuration = SlashDeferDuration;
    // Cancels slashes; what else staking asks it for is root's (`parameters::Limits`).
    type AdminOrigin = EitherOfDiverse<
        EnsureRoot<AccountId>,
        EitherOfDiverse<
            origins::StakingAdmin,
            EitherOfDiverse<origins::SlashCanceller, TwoThirdsOfCouncil>,
        >,
    >;
    type SessionInterface = Self;
    type EraPayout = Emission;
    type NextNewSession = Session;
    type MaxExposurePageSize = MaxExposurePageSize;
    type MaxValidatorSet = MaxValidators;
    type VoterList = VoterList;
    type TargetList = pallet_staking::UseValidatorsMap<Runtime>;
    type MaxUnlockingChunks = ConstU32<32>;
    type MaxControllersInDeprecationBatch = ConstU32<100>;
    type EventListeners = (NominationPools, DelegatedStaking);
    type Filter = Nothing;
    type BenchmarkingConfig = Benchmarks;
    type WeightInfo = pallet_staking::weights::SubstrateWeight<Runtime>;
}

/// What validators earn: 100 million DBC a year for three years, then 50 for five, then 25; of an era its
/// share of the year, in full whatever is bonded (predecessor §6.3 as its genesis has it).
pub struct Emission;

impl Emission {
    /// DBC a year at the age of a chain in slots.
    pub fn yearly(age: u64) -> Balance {
        DBC * match age / YEAR {
            0..3 => 100_000_000,
            3..8 => 50_000_000,
            _ => 25_000_000,
        }
    }
}

impl sp_staking::EraPayout<Balance> for Emission {
    fn era_payout(_: Balance, _: Balance, millis: u64) -> (Balance, Balance) {
        let age = CurrentSlot::get().saturating_sub(*Babe::genesis_slot());
        // An era that lasted longer, for a stall, earns no more than two.
        let millis = millis.min(2 * DAYS * crate::constants::SLOT_MS);
        let year = u128::from(YEAR * crate::constants::SLOT_MS);
        (Emission::yearly(age) * u128::from(millis) / year, 0)
    }
}

/// Balances as wide numbers.
pub struct ToU256;

impl Convert<Balance, U256> for ToU256 {
    fn convert(value: Balance) -> U256 {
        value.into()
    }
}

/// And back; more than there can be becomes the most there can be.
pub struct FromU256;

impl Convert<U256, Balance> for FromU256 {
    fn convert(value: U256) -> Balance {
        value.try_into().unwrap_or(Balance::MAX)
    }
}

impl pallet_nomination_pools::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_nomination_pools::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type RewardCounter = FixedU128;
    type PalletId = PoolsPalletId;
    type MaxPointsToBalance = ConstU8<10>;
    type MaxUnbonding = ConstU32<8>;
    type BalanceToU256 = ToU256;
    type U256ToBalance = FromU256;
    type StakeAdapter =
        pallet_nomination_pools::adapter::DelegateStake<Runtime, Staking, DelegatedStaking>;
    type MaxUnbondingPools = ConstU32<16>;
    type MaxMetadataLen = ConstU32<256>;
    type AdminOrigin = EitherOfDiverse<EnsureRoot<AccountId>, origins::StakingAdmin>;
    type BlockNumberProvider = System;
    type Filter = Nothing;
}

impl pallet_delegated_staking::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type PalletId = DelegationsPalletId;
    type Currency = Balances;
    type OnSlash = ResolveTo<TreasuryAccount, Balances>;
    type SlashRewardFraction = SlashRewardFraction;
    type RuntimeHoldReason = RuntimeHoldReason;
    type CoreStaking = Staking;
}

impl pallet_authority_discovery::Config for Runtime {
    type MaxAuthorities = super::consensus::MaxAuthorities;
}
