//! Brakes: the technical committee may pause the chain's calls or some of them, and nothing else. What a
//! renter needs to leave, what meters need to be right and what finds a way out always works (mechanisms
//! rule 14).

use frame_support::{
    parameter_types,
    traits::{
        ConstU32, Contains, EitherOf, EitherOfDiverse, GetCallMetadata as _, InsideBoth, MapSuccess,
    },
    weights::Weight,
};
use frame_system::{EnsureRoot, EnsureRootWithSuccess};
use sp_runtime::{Perbill, traits::Replace};

use super::{governance::TwoThirdsOfTechnicalCommittee, parameters::Limits, system::BlockWeights};
use crate::{
    AccountId, Balance, Balances, Runtime, RuntimeCall, RuntimeEvent, RuntimeHoldReason, SafeMode,
    TxPause, constants::HOURS_BLOCKS,
};

/// What calls may be dispatched at all.
pub type BaseCallFilter = InsideBoth<InsideBoth<SafeMode, TxPause>, Limits>;

/// Blocks for which one decision stops calls.
pub type Pause = ConstU32<{ 4 * HOURS_BLOCKS }>;

parameter_types! {
    /// Nobody buys a pause.
    pub const NoDeposit: Option<Balance> = None;
    pub const NoRelease: Option<u32> = None;
    pub MaxMigrationWeight: Weight = Perbill::from_percent(80) * BlockWeights::get().max_block;
}

type Brake = EitherOf<
    EnsureRootWithSuccess<AccountId, Pause>,
    MapSuccess<TwoThirdsOfTechnicalCommittee, Replace<Pause>>,
>;
type Release = EitherOfDiverse<EnsureRoot<AccountId>, TwoThirdsOfTechnicalCommittee>;

impl pallet_safe_mode::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WhitelistedCalls = AlwaysPasses;
    type EnterDuration = Pause;
    type ExtendDuration = Pause;
    type EnterDepositAmount = NoDeposit;
    type ExtendDepositAmount = NoDeposit;
    type ForceEnterOrigin = Brake;
    type ForceExtendOrigin = Brake;
    type ForceExitOrigin = Release;
    type ForceDepositOrigin = EnsureRoot<AccountId>;
    type Notify = ();
    type ReleaseDelay = NoRelease;
    type WeightInfo = pallet_safe_mode::weights::SubstrateWeight<Runtime>;
}

impl pallet_tx_pause::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type PauseOrigin = Release;
    type UnpauseOrigin = Release;
    type WhitelistedCalls = AlwaysPasses;
    type MaxNameLen = ConstU32<64>;
    type WeightInfo = pallet_tx_pause::weights::SubstrateWeight<Runtime>;
}

impl pallet_migrations::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type Migrations = crate::migrations::All;
    type CursorMaxLen = ConstU32<65_536>;
    type IdentifierMaxLen = ConstU32<256>;
    type MigrationStatusHandler = ();
    type FailedMigrationHandler = frame_support::migrations::EnterSafeModeOnFailedMigration<
        SafeMode,
        frame_support::migrations::FreezeChainOnFailedMigration,
    >;
    type MaxServiceWeight = MaxMigrationWeight;
    type WeightInfo = pallet_migrations::weights::SubstrateWeight<Runtime>;
}

/// Pallets of which every call passes: what makes blocks, what decides, and what carries other calls,
/// which are looked at again by themselves.
const PALLETS: [&str; 17] = [
    "System",
    "Timestamp",
    "Babe",
    "Grandpa",
    "Session",
    "Utility",
    "Multisig",
    "Proxy",
    "Sudo",
    "Preimage",
    "Referenda",
    "ConvictionVoting",
    "Council",
    "TechnicalCommittee",
    "Parameters",
    "SafeMode",
    "TxPause",
];

/// And these calls of others.
pub const CALLS: [(&str, &str); 14] = [
    ("Leases", "started"),
    ("Leases", "settle"),
    ("Leases", "end"),
    ("Leases", "terminate"),
    ("Audits", "commit"),
    ("Audits", "reveal"),
    ("Audits", "show"),
    ("Audits", "set_duty_key"),
    ("Disputes", "hand_evidence"),
    ("Liveness", "report"),
    ("Liveness", "open"),
    ("Liveness", "abstain"),
    ("Machines", "retire"),
    ("Prices", "feed"),
];

fn passes(pallet: &[u8], call: &[u8]) -> bool {
    PALLETS.iter().any(|name| name.as_bytes() == pallet)
        || CALLS.iter().any(|(of, name)| of.as_bytes() == pallet && name.as_bytes() == call)
}

/// What no pause stops.
pub struct AlwaysPasses;

impl Contains<RuntimeCall> for AlwaysPasses {
    fn contains(call: &RuntimeCall) -> bool {
        let name = call.get_call_metadata();
        passes(name.pallet_name.as_bytes(), name.function_name.as_bytes())
    }
}

impl Contains<pallet_tx_pause::RuntimeCallNameOf<Runtime>> for AlwaysPasses {
    fn contains((pallet, call): &pallet_tx_pause::RuntimeCallNameOf<Runtime>) -> bool {
        passes(pallet, call)
    }
}
