//! Offences, reports, appeals.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use dbc_primitives::{Balance, LeaseId, MachineId, Slot};
use scale_info::TypeInfo;
use sp_runtime::DispatchResult;

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
    /// Its provider took it away without notice while it was rented.
    Left,
    /// Hardware out of order.
    Malfunction,
    /// Hardware other than it says.
    Counterfeit,
    /// It is offered and cannot be rented.
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
}

/// Whoever looks at a machine that was reported: drawn auditors, as for an audit.
pub trait Checks {
    /// Books a check; `Pallet::checked` is called with its outcome.
    ///
    /// # Errors
    /// When none can be booked now.
    fn book(machine: MachineId, offence: OffenceId) -> DispatchResult;
}
