//! What watchers tell, and what is remembered of machines.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use dbc_primitives::{
    MachineId, SLOTS_PER_HOUR, Slot,
    liveness::{Bitmap, Epoch, Interval},
};
use scale_info::TypeInfo;

/// Proven reports in a row that make up for a strike.
pub const STREAK: u32 = 100;
/// Outages of a machine that are remembered.
pub const HISTORY: u32 = 16;
/// Intervals of very many silent machines that are remembered.
pub const MASSES_MAX: u32 = 64;
/// Days over which a machine's silence is summed up.
pub const DAYS: usize = 30;
/// Slots of a day.
pub const DAY: Slot = 24 * SLOTS_PER_HOUR;
/// All of it, in the parts in which live time is told.
pub const WHOLE: u32 = 10_000;

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
    /// He heard too few to say anything of anybody: his word does not count.
    pub abstains: bool,
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
    /// The region that it is counted in.
    pub region: u16,
    /// Slots of outages that are over and count against the provider.
    pub blamed: Slot,
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
    /// Whether it counts against the provider: not when very many fell silent at once, nor when nobody
    /// waited for the machine.
    pub blamed: bool,
}

/// Machines of a region, and how many fell silent in one interval.
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
pub struct Region {
    /// Machines that are counted.
    pub machines: u32,
    /// The last interval in which any fell silent.
    pub interval: Interval,
    /// How many did in it.
    pub lost: u32,
}

/// An interval in which very many fell silent at once: nobody is blamed for it (mechanisms rule 11).
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
pub struct Mass {
    /// The interval.
    pub interval: Interval,
    /// Where; everywhere without any.
    pub region: Option<u16>,
}

/// Silent slots of a machine that count against its provider, by day: a ring of thirty days, written when
/// an outage is over.
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
pub struct Downtime {
    /// The last day that was written, counted from slot 0.
    pub day: u64,
    /// Slots of day `d` are at `d % 30`.
    pub slots: [u32; DAYS],
}

impl Downtime {
    /// Forgets what is older than thirty days on this day.
    pub fn pass_to(&mut self, day: u64) {
        let days = day.saturating_sub(self.day).min(DAYS as u64);
        for step in 1..=days {
            self.slots[Self::at(self.day.saturating_add(step))] = 0;
        }
        if days == DAYS as u64 {
            self.slots = [0; DAYS];
        }
        self.day = self.day.max(day);
    }

    /// Adds a silence, as far as it lies in the thirty days that end with it.
    pub fn add(&mut self, since: Slot, until: Slot) {
        let last = until.saturating_sub(1) / DAY;
        self.pass_to(last);
        let first = (since / DAY).max(self.day.saturating_sub(DAYS as u64 - 1));
        for day in first..=last {
            let from = since.max(day * DAY);
            let to = until.min((day + 1) * DAY);
            self.slots[Self::at(day)] += to.saturating_sub(from) as u32;
        }
    }

    /// Silent slots of the thirty days that end with this one.
    pub fn sum(mut self, day: u64) -> Slot {
        self.pass_to(day);
        self.slots.iter().map(|slots| Slot::from(*slots)).sum()
    }

    fn at(day: u64) -> usize {
        (day % DAYS as u64) as usize
    }
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
pub struct Closing {
    /// The cohort at hand.
    pub cohort: u32,
    /// Who is heard no longer, or again; empty until the cohort was tallied, and when nobody knows.
    pub changed: Bitmap,
    /// The next bit to look at; all were when it is [`COHORT`](crate::COHORT).
    pub bit: u16,
    /// Whether so many fell silent that nobody is to be blamed.
    pub mass: bool,
    /// Machines of this cohort and those before that fell silent.
    pub lost: u32,
    /// Of how many that were heard before.
    pub heard: u32,
    /// Whether enough was told of any of these cohorts.
    pub known: bool,
}

/// Machines, as liveness sees them.
pub trait MachineIndexes {
    /// Indexes that were ever given out.
    fn count() -> u32;

    /// Who stands at an index, and how often it was given out before.
    fn at(index: u32) -> Option<(MachineId, u32)>;

    /// The region that a machine is counted in.
    fn region(machine: MachineId) -> u16;
}

/// Whoever acts on outages and on unknown time.
pub trait OutageSink {
    /// A machine is silent since the slot; `blamed` unless so many fell silent at once. Gives whether it
    /// counts against its provider.
    fn silent(machine: MachineId, since: Slot, blamed: bool) -> bool;

    /// It is heard again, from the slot on.
    fn back(machine: MachineId, slot: Slot);

    /// Time between two slots is closed; `told` unless nothing is known of anybody. Every transition of it
    /// was said before.
    fn closed(from: Slot, to: Slot, told: bool);

    /// Nobody knows who of a cohort was there, from the interval that is being closed on; or again it is
    /// known.
    fn unknown(cohort: u32, unknown: bool);
}

impl OutageSink for () {
    fn silent(_: MachineId, _: Slot, blamed: bool) -> bool {
        blamed
    }
    fn back(_: MachineId, _: Slot) {}
    fn closed(_: Slot, _: Slot, _: bool) {}
    fn unknown(_: u32, _: bool) {}
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

    /// Slots before `slot`, and before the horizon, in which a machine was silent and its provider is to
    /// blame: neither time that is charged to nobody, nor an outage that is excused. Falls where that
    /// very many were silent comes out later.
    fn blamed_by(index: u32, slot: Slot) -> Slot;

    /// Whether it was heard in the last closed interval.
    fn is_live(index: u32) -> bool;

    /// Begins to count a machine at an index, from the next interval on; up to three intervals later
    /// when nobody tells anything just then and that time is charged to nobody.
    fn admit(index: u32, machine: MachineId);

    /// Forgets the machine at an index.
    fn remove(index: u32);

    /// A machine is counted in another region from now on.
    fn moved(index: u32);

    /// Live part of the thirty days up to the horizon, in parts of [`WHOLE`]: outages that count against
    /// the provider are missing in it, and nothing else.
    fn live_share(index: u32) -> u32;

    /// Whether nobody is to be blamed for a silence that began at a slot: very many fell silent at once, of
    /// all machines or of its region (mechanisms rule 11).
    fn is_excused(index: u32, since: Slot) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d66_thirty_days_of_silence_by_day() {
        let mut ring = Downtime::default();
        ring.add(100 * DAY + 10, 100 * DAY + 30);
        assert_eq!((ring.sum(100), ring.sum(129), ring.sum(130)), (20, 20, 0));
        // Over midnight.
        ring.add(111 * DAY - 5, 111 * DAY + 5);
        assert_eq!((ring.sum(111), ring.sum(130), ring.sum(140), ring.sum(141)), (30, 10, 5, 0));
        // Longer than the ring: thirty whole days, less what is still to come of the last.
        let mut ring = Downtime::default();
        ring.add(0, 200 * DAY + 7);
        assert_eq!(ring.sum(200), 29 * DAY + 7);
        ring.add(1_000 * DAY, 1_000 * DAY + 1);
        assert_eq!(ring.sum(1_000), 1);
    }
}
