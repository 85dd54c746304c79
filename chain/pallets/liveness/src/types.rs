//! What watchers tell, and what is remembered of machines.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use dbc_primitives::{
    MachineId, Slot,
    liveness::{Bitmap, Epoch, Interval},
};
use scale_info::TypeInfo;

/// Proven reports in a row that make up for a strike.
pub const STREAK: u32 = 100;
/// Outages of a machine that are remembered.
pub const HISTORY: u32 = 16;

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

/// A watcher.
#[derive(
    Clone,
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
pub struct Watcher {
    /// On hold from him.
    pub bond: u128,
    /// Reports that he could not prove, less one for each [`STREAK`] that he could.
    pub strikes: u32,
    /// Reports that he proved since the last strike came or went.
    pub streak: u32,
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

/// A time in which a machine was silent.
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
pub struct Outage {
    /// First slot of the first interval that was missed.
    pub since: Slot,
    /// First slot of the interval in which it was heard again; open while it is silent.
    pub until: Option<Slot>,
    /// Whether it counts against the provider: not when very many fell silent at once.
    pub blamed: bool,
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

    /// Like `live_slots`, at another slot than the horizon. Past it the machine counts as there; before
    /// it as far back as the horizon's own lag the answer is exact but for an outage that began and
    /// ended within. Never falls as `slot` rises, and rises no faster.
    fn live_by(index: u32, slot: Slot) -> Slot;

    /// Whether it was heard in the last closed interval.
    fn is_live(index: u32) -> bool;

    /// Begins to count a machine at an index, from the next interval on; up to three intervals later
    /// when nobody tells anything just then and that time is charged to nobody.
    fn admit(index: u32, machine: MachineId);

    /// Forgets the machine at an index.
    fn remove(index: u32);
}
