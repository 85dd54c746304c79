//! Who decides what: holders by referendum on tracks, a council and a technical committee whose seats
//! referenda fill, and the treasury they spend from. Nobody has a key to everything.

pub mod origins;
pub mod tracks;

use frame_support::{
    PalletId, parameter_types,
    traits::{
        ConstU8, ConstU32, ConstU128, EitherOf, EitherOfDiverse, EqualPrivilegeOnly, Get,
        LinearStoragePrice, TypedGet,
        fungible::HoldConsideration,
        tokens::{UnityAssetBalanceConversion, currency::ActiveIssuanceOf, pay::PayFromAccount},
    },
    weights::Weight,
};
use frame_system::{EnsureRoot, EnsureRootWithSuccess, EnsureSigned};
use sp_runtime::{Perbill, Permill, traits::IdentityLookup};

use super::{
    money::TreasuryAccount, parameters::dynamic_params::governance::Haste, system::BlockWeights,
};
use crate::{
    AccountId, Balance, Balances, Bounties, OriginCaller, Preimage, Referenda, Runtime,
    RuntimeCall, RuntimeEvent, RuntimeHoldReason, RuntimeOrigin, Scheduler, System, Treasury,
    constants::{DAYS_BLOCKS, DBC, HOURS_BLOCKS, MILLI_DBC, deposit},
};
use origins::{Operations, ReferendumCanceller, ReferendumKiller, Treasurer};

/// The council: economy, cancelled slashes, the seats of auditors.
pub type CouncilCollective = pallet_collective::Instance1;
/// The technical committee: may pause, never moves funds.
pub type TechnicalCollective = pallet_collective::Instance2;
/// At least two thirds of the council.
pub type TwoThirdsOfCouncil =
    pallet_collective::EnsureProportionAtLeast<AccountId, CouncilCollective, 2, 3>;
/// At least two thirds of the technical committee.
pub type TwoThirdsOfTechnicalCommittee =
    pallet_collective::EnsureProportionAtLeast<AccountId, TechnicalCollective, 2, 3>;

/// Whoever gives auditors their seats.
pub type AuditorSeats =
    EitherOfDiverse<EitherOfDiverse<EnsureRoot<AccountId>, Operations>, TwoThirdsOfCouncil>;

/// A period of governance in blocks, as the network's haste has it: at least one.
pub fn period(blocks: u32) -> u32 {
    (blocks / Haste::get().max(1)).max(1)
}

/// A period of so many hours.
pub struct Hours<const N: u32>;

impl<const N: u32> Get<u32> for Hours<N> {
    fn get() -> u32 {
        period(N * HOURS_BLOCKS)
    }
}

parameter_types! {
    pub MaximumSchedulerWeight: Weight = Perbill::from_percent(50) * BlockWeights::get().max_block;
    pub MaxCollectiveProposalWeight: Weight = MaximumSchedulerWeight::get();
    pub const PreimageBaseDeposit: Balance = deposit(2, 64);
    pub const PreimageByteDeposit: Balance = deposit(0, 1);
    pub const PreimageHoldReason: RuntimeHoldReason =
        RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);
    pub const AlarmInterval: u32 = 1;
    pub const VoteLock: u32 = 7 * DAYS_BLOCKS;
    pub const TreasuryPalletId: PalletId = PalletId(*b"dbc/trsy");
    /// Of what a period left unspent: 0.5 %, as in the predecessor.
    pub const TreasuryBurn: Permill = Permill::from_perthousand(5);
    pub const MaxSpend: Balance = Balance::MAX;
    pub const CuratorDepositMultiplier: Permill = Permill::from_percent(50);
    pub const CuratorDepositMin: Option<Balance> = Some(10 * DBC);
    pub const CuratorDepositMax: Option<Balance> = Some(10_000 * DBC);
    pub const NoDeposit: () = ();
}

impl pallet_scheduler::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeOrigin = RuntimeOrigin;
    type PalletsOrigin = OriginCaller;
    type RuntimeCall = RuntimeCall;
    type MaximumWeight = MaximumSchedulerWeight;
    type ScheduleOrigin = EnsureRoot<AccountId>;
    type OriginPrivilegeCmp = EqualPrivilegeOnly;
    type MaxScheduledPerBlock = ConstU32<50>;
    type WeightInfo = pallet_scheduler::weights::SubstrateWeight<Runtime>;
    type Preimages = Preimage;
    type BlockNumberProvider = System;
}

impl pallet_preimage::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_preimage::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type ManagerOrigin = EnsureRoot<AccountId>;
    type Consideration = HoldConsideration<
        AccountId,
        Balances,
        PreimageHoldReason,
        LinearStoragePrice<PreimageBaseDeposit, PreimageByteDeposit, Balance>,
    >;
}

impl pallet_referenda::Config for Runtime {
    type RuntimeCall = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_referenda::weights::SubstrateWeight<Runtime>;
    type Scheduler = Scheduler;
    type Currency = Balances;
    type SubmitOrigin = frame_support::traits::AsEnsureOriginWithArg<EnsureSigned<AccountId>>;
    type CancelOrigin = EitherOfDiverse<EnsureRoot<AccountId>, ReferendumCanceller>;
    type KillOrigin = EitherOfDiverse<EnsureRoot<AccountId>, ReferendumKiller>;
    type Slash = Treasury;
    type Votes = pallet_conviction_voting::VotesOf<Runtime>;
    type Tally = pallet_conviction_voting::TallyOf<Runtime>;
    type SubmissionDeposit = ConstU128<{ 10 * DBC }>;
    type MaxQueued = ConstU32<100>;
    type UndecidingTimeout = Hours<{ 14 * 24 }>;
    type AlarmInterval = AlarmInterval;
    type Tracks = tracks::Tracks;
    type Preimages = Preimage;
    type BlockNumberProvider = System;
}

impl pallet_conviction_voting::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_conviction_voting::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type Polls = Referenda;
    type MaxTurnout = ActiveIssuanceOf<Balances, AccountId>;
    type MaxVotes = ConstU32<512>;
    type VoteLockingPeriod = Hours<{ 7 * 24 }>;
    type BlockNumberProvider = System;
    type VotingHooks = ();
}

impl pallet_collective::Config<CouncilCollective> for Runtime {
    type RuntimeOrigin = RuntimeOrigin;
    type Proposal = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type MotionDuration = Hours<{ 5 * 24 }>;
    type MaxProposals = ConstU32<100>;
    type MaxMembers = ConstU32<21>;
    type DefaultVote = pallet_collective::PrimeDefaultVote;
    type WeightInfo = pallet_collective::weights::SubstrateWeight<Runtime>;
    type SetMembersOrigin = EitherOfDiverse<EnsureRoot<AccountId>, origins::Seats>;
    type MaxProposalWeight = MaxCollectiveProposalWeight;
    type DisapproveOrigin = EnsureRoot<AccountId>;
    type KillOrigin = EnsureRoot<AccountId>;
    type Consideration = ();
}

impl pallet_collective::Config<TechnicalCollective> for Runtime {
    type RuntimeOrigin = RuntimeOrigin;
    type Proposal = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type MotionDuration = Hours<24>;
    type MaxProposals = ConstU32<100>;
    type MaxMembers = ConstU32<21>;
    type DefaultVote = pallet_collective::PrimeDefaultVote;
    type WeightInfo = pallet_collective::weights::SubstrateWeight<Runtime>;
    type SetMembersOrigin = EitherOfDiverse<EnsureRoot<AccountId>, origins::Seats>;
    type MaxProposalWeight = MaxCollectiveProposalWeight;
    type DisapproveOrigin = EnsureRoot<AccountId>;
    type KillOrigin = EnsureRoot<AccountId>;
    type Consideration = ();
}

/// The treasury's account, with its type named as payments want it.
pub struct TreasuryPot;

impl TypedGet for TreasuryPot {
    type Type = AccountId;

    fn get() -> AccountId {
        TreasuryAccount::get()
    }
}

impl pallet_treasury::Config for Runtime {
    type Currency = Balances;
    type RejectOrigin = EitherOfDiverse<EnsureRoot<AccountId>, Treasurer>;
    type RuntimeEvent = RuntimeEvent;
    type SpendPeriod = Hours<{ 12 * 24 }>;
    type Burn = TreasuryBurn;
    type PalletId = TreasuryPalletId;
    type BurnDestination = ();
    type WeightInfo = pallet_treasury::weights::SubstrateWeight<Runtime>;
    type SpendFunds = Bounties;
    type MaxApprovals = ConstU32<100>;
    type SpendOrigin = EitherOf<EnsureRootWithSuccess<AccountId, MaxSpend>, origins::Spender>;
    type AssetKind = ();
    type Beneficiary = AccountId;
    type BeneficiaryLookup = IdentityLookup<AccountId>;
    type Paymaster = PayFromAccount<Balances, TreasuryPot>;
    type BalanceConverter = UnityAssetBalanceConversion;
    type PayoutPeriod = Hours<{ 30 * 24 }>;
    type BlockNumberProvider = System;
}

impl pallet_bounties::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type BountyDepositBase = ConstU128<{ 10 * DBC }>;
    type BountyDepositPayoutDelay = Hours<24>;
    type BountyUpdatePeriod = Hours<{ 14 * 24 }>;
    type CuratorDepositMultiplier = CuratorDepositMultiplier;
    type CuratorDepositMax = CuratorDepositMax;
    type CuratorDepositMin = CuratorDepositMin;
    type BountyValueMinimum = ConstU128<{ 100 * DBC }>;
    type DataDepositPerByte = ConstU128<MILLI_DBC>;
    type MaximumReasonLength = ConstU32<4_096>;
    type WeightInfo = pallet_bounties::weights::SubstrateWeight<Runtime>;
    type ChildBountyManager = ();
    type OnSlash = Treasury;
    type TransferAllAssets = ();
}

impl origins::Config for Runtime {
    type SmallSpend = ConstU128<{ 100_000 * DBC }>;
}

/// Seats of both collectives at most; one number for clients.
pub type SeatsMax = ConstU8<21>;
