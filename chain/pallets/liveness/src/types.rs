//! What watchers tell, and what is remembered of machines.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use dbc_primitives::{BoundedVec, ConstU32, MachineId, Slot};
use scale_info::TypeInfo;

/// Machines of a cohort: consecutive dense indexes (mechanisms rule 10).
pub const COHORT: u32 = 4_096;
/// Bytes of a cohort's bitmap.
pub const MAP_BYTES: u32 = COHORT / 8;
/// Most watchers that one cohort can have.
pub const DUTIES_MAX: u32 = 7;
/// Levels of the tree over a cohort's beats.
pub const TREE_DEPTH: u32 = 12;

/// Number of an interval since slot 0.
pub type Interval = u64;
/// Number of a duty epoch since slot 0.
pub type Epoch = u64;
/// One bit per machine of a cohort, the first in the lowest bit of the first byte. Shorter ones end in
/// zeros.
pub type Bitmap = BoundedVec<u8, ConstU32<MAP_BYTES>>;

/// What a watcher heard of a cohort in an interval.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Report<AccountId> {
    /// Who.
    pub watcher: AccountId,
    /// Whom he heard.
    pub heard: Bitmap,
    /// How many watchers were drawn with him; the draw may be gone when the interval is closed late.
    pub drawn: u8,
}

/// A report whose proof is still to come, with the next one.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Pending {
    /// Of which interval.
    pub interval: Interval,
    /// Root over what was heard.
    pub root: [u8; 32],
    /// Whom he says he heard.
    pub heard: Bitmap,
}

/// What shows that a machine was heard: its signed beat, and the way to the root.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Opening {
    /// The beat's digest of the machine's leases.
    pub digest: [u8; 32],
    /// The machine's ed25519 signature over the beat.
    pub signature: [u8; 64],
    /// Neighbours on the way up, the lowest first.
    pub path: [[u8; 32]; TREE_DEPTH as usize],
}

/// A watcher.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Watcher {
    /// On hold from him.
    pub bond: u128,
    /// Reports that he could not prove.
    pub strikes: u32,
    /// When he asked to leave.
    pub leaving: Option<Slot>,
    /// Reports that he has yet to prove, one per cohort.
    pub unproven: u32,
}

/// Since when and how long a machine was there.
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
pub struct Presence {
    /// Which machine; an index is given out again.
    pub machine: MachineId,
    /// First slot that counts.
    pub admitted: Slot,
    /// The free slots before it was admitted.
    pub free_before: Slot,
    /// Slots of outages that are over.
    pub offline: Slot,
    /// Since when it is silent.
    pub silent: Option<Silence>,
}

/// An outage that goes on.
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
pub struct Silence {
    /// First slot of the first interval that was missed.
    pub since: Slot,
    /// The free slots before it.
    pub free_before: Slot,
}

/// Time in which too few reports came to say anything.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Unknown {
    /// Unknown intervals in a row, up to now.
    pub run: u64,
    /// Slots that were charged to nobody.
    pub free: Slot,
    /// The last unknown interval.
    pub last: Interval,
    /// What of `free` is that interval's: it counts once the interval is closed for all cohorts.
    pub last_free: Slot,
}

/// Who can be drawn in an epoch, and by what.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Draw<Members> {
    /// The epoch.
    pub epoch: Epoch,
    /// Randomness of the epoch before.
    pub seed: [u8; 32],
    /// The watchers, frozen before that epoch began.
    pub members: Members,
}

/// A cohort's transitions, on their way into the machines' records.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Closing {
    /// The cohort at hand.
    pub cohort: u32,
    /// Who is heard no longer, or again; empty until the cohort was tallied.
    pub changed: Bitmap,
    /// The next bit to look at.
    pub bit: u16,
    /// Whether so many fell silent that nobody is to be blamed.
    pub mass: bool,
}

/// Machines, as liveness sees them.
pub trait MachineIndexes {
    /// Indexes that were ever given out.
    fn count() -> u32;

    /// Who stands at an index, and how often it was given out before.
    fn at(index: u32) -> Option<(MachineId, u32)>;
}

/// Whoever acts on outages.
pub trait OutageSink {
    /// A machine is silent since the slot; `blamed` unless so many fell silent at once.
    fn silent(machine: MachineId, since: Slot, blamed: bool);

    /// It is heard again, from the slot on.
    fn back(machine: MachineId, slot: Slot);
}

impl OutageSink for () {
    fn silent(_: MachineId, _: Slot, _: bool) {}
    fn back(_: MachineId, _: Slot) {}
}

/// Pays watchers.
pub trait DutyPay<AccountId> {
    /// One duty was done and proven, whatever it found.
    fn pay(watcher: &AccountId);
}

/// What settlement asks.
pub trait Liveness {
    /// First slot that is not settled: nothing is ever paid past it (mechanisms rule 5).
    fn horizon() -> Slot;

    /// Slots up to the horizon in which a machine was there, counted from its admission. Only rises.
    fn live_slots(index: u32) -> Slot;

    /// Whether it was heard in the last closed interval.
    fn is_live(index: u32) -> bool;

    /// Begins to count a machine at an index, from the next interval on; up to three intervals later
    /// when nobody tells anything just then and that time is charged to nobody.
    fn admit(index: u32, machine: MachineId);

    /// Forgets the machine at an index.
    fn remove(index: u32);
}
