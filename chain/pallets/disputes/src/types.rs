//! Offences, reports, appeals.

use alloc::vec::Vec;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use dbc_primitives::{Balance, BoundedVec, ConstU32, LeaseId, MachineId, Slot};
use scale_info::TypeInfo;
use sp_runtime::DispatchResult;

/// Bytes of evidence that one auditor can be handed.
pub const EVIDENCE_MAX: u32 = 2_048;
/// Auditors of one check, with those of its second draw.
pub const HANDED_MAX: u32 = 16;
/// All of a machine's time, in the parts in which live time is told.
pub const WHOLE: u32 = 10_000;

/// Evidence, sealed to the key of one auditor's duty.
pub type Sealed = BoundedVec<u8, ConstU32<EVIDENCE_MAX>>;

/// Number of an offence, given by the chain, never reused.
pub type OffenceId = u64;

/// What was done.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Kind {
    /// The machine, or a lease on it, could not be reached.
    Unreachable {
        /// Whether it was rented.
        rented: bool,
    },
    /// Hardware out of order.
    #[codec(index = 2)]
    Malfunction,
    /// Hardware other than it says.
    #[codec(index = 3)]
    Counterfeit,
    /// It is offered and cannot be rented.
    #[codec(index = 4)]
    NotRentable,
}

/// Where an offence stands.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Stage {
    /// It goes on; each band that it reaches is recorded at its deadline, whoever sleeps.
    Running,
    /// It is over, or at its last band: the slash can be appealed against until `until`.
    Recorded {
        /// First slot at which it is executed.
        until: Slot,
    },
    /// Its provider appealed; who may cancel decides until `until`.
    Appealed {
        /// First slot at which it stands.
        until: Slot,
    },
}

/// An offence.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Offence<AccountId> {
    /// The machine.
    pub machine: MachineId,
    /// Its provider when it began.
    pub provider: AccountId,
    /// What.
    pub kind: Kind,
    /// When it began.
    pub since: Slot,
    /// When it ended.
    pub ended: Option<Slot>,
    /// The machine's stake when it began: the slash is a part of it.
    pub stake: Balance,
    /// Bands that it reached.
    pub band: u8,
    /// Where it stands.
    pub stage: Stage,
    /// When it is looked at next.
    pub next: Slot,
    /// The lease that it concerns.
    pub lease: Option<LeaseId>,
    /// Who reported it, with his bond.
    pub reporter: Option<(AccountId, Balance)>,
    /// The bond of its appeal.
    pub appeal: Balance,
}

/// Machines and their stake, as disputes see them.
pub trait Stakes<AccountId> {
    /// Provider and stake of a machine.
    fn of(machine: MachineId) -> Option<(AccountId, Balance)>;

    /// Whether somebody may expect it to be there: it is on offer or leased, and in no maintenance.
    fn is_expected(machine: MachineId) -> bool;

    /// Takes up to `most` of a machine's stake, also when it retires, to an account; gives what was taken.
    fn slash(machine: MachineId, most: Balance, to: &AccountId) -> Balance;
}

/// Rewards that were not released, taken before the stake (mechanisms rule 5).
pub trait Unreleased<AccountId> {
    /// Takes up to `most`, to the treasury; gives what was taken.
    fn forfeit(provider: &AccountId, most: Balance) -> Balance;
}

impl<AccountId> Unreleased<AccountId> for () {
    fn forfeit(_: &AccountId, _: Balance) -> Balance {
        0
    }
}

/// Leases, as disputes see them.
pub trait Leased<AccountId> {
    /// Renter of a lease on the machine, and what he has paid in it.
    fn renter(machine: MachineId, lease: LeaseId) -> Option<(AccountId, Balance)>;

    /// Whether a lease ran on the machine at a slot that is not ahead: only then its renter rents.
    fn ran(machine: MachineId, lease: LeaseId, at: Slot) -> bool;

    /// Rent of a lease since a slot waits until it is let go or ended (mechanisms rule 7).
    fn hold_back(lease: LeaseId, since: Slot);

    /// It is paid as if nothing had been held back.
    fn let_go(lease: LeaseId);

    /// The lease is over since the slot from which it was held back, by its provider's fault.
    fn end_for_fault(lease: LeaseId);
}

/// Who looks at a machine that was reported.
#[derive(Clone, PartialEq, Eq, Debug, frame_support::DefaultNoBound)]
pub struct Drawn<AccountId> {
    /// The auditors who named a key to which evidence for them is sealed.
    pub auditors: Vec<AccountId>,
    /// Whether they still look: evidence can be handed to them.
    pub open: bool,
}

/// Whoever looks at a machine that was reported: drawn auditors, as for an audit.
pub trait Checks<AccountId> {
    /// Books a check; `Pallet::checked` is called with its outcome.
    ///
    /// # Errors
    /// When none can be booked now.
    fn book(machine: MachineId, offence: OffenceId) -> DispatchResult;

    /// Who was drawn for it and can be handed evidence; nobody before the draw.
    fn drawn(machine: MachineId, offence: OffenceId) -> Drawn<AccountId>;
}

/// How machines were heard.
pub trait History {
    /// Whether nobody is to be blamed for a silence that began at a slot: very many fell silent at once
    /// (mechanisms rule 11).
    fn is_excused(machine: MachineId, since: Slot) -> bool;

    /// Live part of the last thirty days, in parts of [`WHOLE`].
    fn live_share(machine: MachineId) -> u32;
}

/// What the running offence of a machine costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct Preview {
    /// The offence.
    pub offence: OffenceId,
    /// What.
    pub kind: Kind,
    /// Since when.
    pub since: Slot,
    /// Units, were it over now.
    pub now: Balance,
    /// When it costs more, and how much.
    pub next: Option<(Slot, Balance)>,
}

/// A report whose check is not over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct Open {
    /// The report.
    pub offence: OffenceId,
    /// The machine.
    pub machine: MachineId,
    /// What.
    pub kind: Kind,
    /// The lease that it concerns.
    pub lease: Option<LeaseId>,
    /// Since when.
    pub since: Slot,
    /// Until when it is checked; then nobody can say.
    pub until: Slot,
    /// Hash of the evidence that was promised.
    pub evidence: Option<[u8; 32]>,
}
