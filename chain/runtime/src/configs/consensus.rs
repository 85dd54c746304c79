//! Who authors and finalizes. The validators of genesis stand until staking elects others; whoever
//! equivocates is disabled until the set changes. Nothing is slashed yet.

use alloc::vec::Vec;

use frame_support::{parameter_types, traits::ConstU32, weights::Weight};
use pallet_session::historical::{self, IdentificationTuple, NoteHistoricalRoot};
use sp_runtime::{
    Perbill,
    traits::{Convert, ConvertInto, OpaqueKeys},
};
use sp_staking::{
    SessionIndex,
    offence::{OffenceDetails, OffenceSeverity, OnOffenceHandler},
};

use crate::{
    AccountId, Babe, Balances, Historical, Offences, Runtime, RuntimeEvent, Session, SessionKeys,
    constants::{DAYS, EPOCH_SLOTS, SLOT_MS},
};

parameter_types! {
    pub const EpochDuration: u64 = EPOCH_SLOTS;
    pub const ExpectedBlockTime: u64 = SLOT_MS;
    pub const MaxAuthorities: u32 = 1_000;
    /// How long a report of an equivocation is taken, in slots.
    pub const ReportLongevity: u64 = 7 * DAYS;
    /// Authority sets that GRANDPA keeps, to judge reports of that age.
    pub const MaxSetIdSessionEntries: u64 = 7 * DAYS / EPOCH_SLOTS;
}

impl pallet_babe::Config for Runtime {
    type EpochDuration = EpochDuration;
    type ExpectedBlockTime = ExpectedBlockTime;
    type EpochChangeTrigger = pallet_babe::ExternalTrigger;
    type DisabledValidators = Session;
    type WeightInfo = ();
    type MaxAuthorities = MaxAuthorities;
    type MaxNominators = ConstU32<0>;
    type KeyOwnerProof = sp_session::MembershipProof;
    type EquivocationReportSystem =
        pallet_babe::EquivocationReportSystem<Self, Offences, Historical, ReportLongevity>;
}

impl pallet_grandpa::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
    type MaxAuthorities = MaxAuthorities;
    type MaxNominators = ConstU32<0>;
    type MaxSetIdSessionEntries = MaxSetIdSessionEntries;
    type KeyOwnerProof = sp_session::MembershipProof;
    type EquivocationReportSystem =
        pallet_grandpa::EquivocationReportSystem<Self, Offences, Historical, ReportLongevity>;
}

impl pallet_authorship::Config for Runtime {
    type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Self, Babe>;
    type EventHandler = ();
}

impl pallet_session::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type ValidatorId = AccountId;
    type ValidatorIdOf = ConvertInto;
    type ShouldEndSession = Babe;
    type NextSessionRotation = Babe;
    type SessionManager = NoteHistoricalRoot<Self, StandingValidators>;
    type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
    type Keys = SessionKeys;
    type DisablingStrategy = pallet_session::disabling::UpToLimitWithReEnablingDisablingStrategy;
    type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type KeyDeposit = ();
}

impl historical::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type FullIdentification = ();
    type FullIdentificationOf = NothingMore;
}

impl pallet_offences::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type IdentificationTuple = IdentificationTuple<Self>;
    type OnOffenceHandler = DisableOffenders;
}

/// A validator is identified by its account alone: there is no stake behind it yet.
pub struct NothingMore;

impl Convert<AccountId, Option<()>> for NothingMore {
    fn convert(_: AccountId) -> Option<()> {
        Some(())
    }
}

/// Keeps the set as it is. It names the set once, because only a named set gets the historical root
/// that reports about past sessions are checked against; naming it each session would change
/// GRANDPA's authority set each session.
pub struct StandingValidators;

impl pallet_session::SessionManager<AccountId> for StandingValidators {
    fn new_session(index: SessionIndex) -> Option<Vec<AccountId>> {
        let rooted =
            historical::HistoricalSessions::<Runtime>::contains_key(index.saturating_sub(1));
        (!rooted).then(Session::validators)
    }

    // The set of genesis comes from the session keys of genesis.
    fn new_session_genesis(_: SessionIndex) -> Option<Vec<AccountId>> {
        None
    }

    fn start_session(_: SessionIndex) {}
    fn end_session(_: SessionIndex) {}
}

impl historical::SessionManager<AccountId, ()> for StandingValidators {
    fn new_session(index: SessionIndex) -> Option<Vec<(AccountId, ())>> {
        let validators = <Self as pallet_session::SessionManager<_>>::new_session(index)?;
        Some(validators.into_iter().map(|validator| (validator, ())).collect())
    }

    fn new_session_genesis(_: SessionIndex) -> Option<Vec<(AccountId, ())>> {
        None
    }

    fn start_session(_: SessionIndex) {}
    fn end_session(_: SessionIndex) {}
}

/// Takes the duties of whoever equivocated.
pub struct DisableOffenders;

impl OnOffenceHandler<AccountId, IdentificationTuple<Runtime>, Weight> for DisableOffenders {
    fn on_offence(
        offenders: &[OffenceDetails<AccountId, IdentificationTuple<Runtime>>],
        slash_fraction: &[Perbill],
        _: SessionIndex,
    ) -> Weight {
        for (offence, fraction) in offenders.iter().zip(slash_fraction) {
            let (validator, ()) = &offence.offender;
            Session::report_offence(validator.clone(), OffenceSeverity(*fraction));
        }
        // Disabling reads and writes two lists, an offender.
        <Runtime as frame_system::Config>::DbWeight::get()
            .reads_writes(2, 1)
            .saturating_mul(offenders.len() as u64)
    }
}
