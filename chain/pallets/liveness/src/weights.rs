//! Weights of the calls and of a block's work, **declared by count, not measured**: the storage items
//! that the longest path reads and writes, plus an allowance for execution.
//!
//! Not counted: what every call touches (the block's number, its events).

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights.
pub trait WeightInfo {
    /// Weight of `join`.
    fn join() -> Weight;
    /// Weight of `leave`.
    fn leave() -> Weight;
    /// Weight of `withdraw`.
    fn withdraw() -> Weight;
    /// Weight of `report`.
    fn report() -> Weight;
    /// Weight of `open`.
    fn open() -> Weight;
    /// What each block does in any case.
    fn tick() -> Weight;
    /// A step of closing a cohort, with all the transitions that it may write.
    fn close_cohort() -> Weight;
}

/// Picoseconds of execution beside the database.
const EXECUTION: u64 = 40_000_000;
/// Picoseconds of an ed25519 verification.
const SIGNATURE: u64 = 60_000_000;
/// Picoseconds of a vote over seven maps of 512 bytes.
const TALLY: u64 = 300_000_000;

/// Weights by counted database accesses.
#[derive(Debug)]
pub struct CountedWeight<T>(PhantomData<T>);

impl<T: crate::Config> CountedWeight<T> {
    fn counted(picoseconds: u64, reads: u64, writes: u64) -> Weight {
        Weight::from_parts(picoseconds, 0)
            .saturating_add(T::DbWeight::get().reads_writes(reads, writes))
    }
}

impl<T: crate::Config> WeightInfo for CountedWeight<T> {
    // Reads and writes: `Watchers`, `Members`, account and holds.
    fn join() -> Weight {
        Self::counted(EXECUTION, 4, 4)
    }

    // Reads and writes: `Watchers`, `Members`.
    fn leave() -> Weight {
        Self::counted(EXECUTION, 3, 2)
    }

    // Reads and writes: `Watchers`, account and holds.
    fn withdraw() -> Weight {
        Self::counted(EXECUTION, 4, 3)
    }

    // Reads: the slot, `NextInterval`, `Watchers`, `Draws`, `Heard`, `Reports`, and those of `open`.
    // Writes: `Reports`, `LastReported`, and those of `open`.
    fn report() -> Weight {
        Self::open().saturating_add(Self::counted(EXECUTION, 4, 2))
    }

    // Reads: `NextInterval`, `Watchers`, `Pendings`, `Seeds`, `Present`, `Presences`, `Machines` and its
    // index, the genesis hash; the bond is lost: the slot, holds, two accounts, `Members`.
    // Writes: `Watchers`, `Pendings`; holds, two accounts, `Members`.
    fn open() -> Weight {
        Self::counted(2 * EXECUTION + SIGNATURE, 14, 6)
    }

    // Reads: the slot, `Mix`, randomness, `TurnedTo`, `NextInterval`, `Frozen`, `Members`.
    // Writes: `Mix`, `TurnedTo`, `Draws`, `Frozen`.
    fn tick() -> Weight {
        Self::counted(EXECUTION, 7, 4)
    }

    // `Reports`, `Present`, `Cohorts`, `Heard`, `ClosingAt`, `Seeds`, `Network`, `NextInterval`, `Masses`, and
    // what whoever hears of closed and unknown time writes, counted as ten. Each transition its `Presences`,
    // `Heard`, `Outages`, `Downtimes`, `Regions`, and what the outage's listeners write: the machine, its
    // share of rewards, an offence with its deadline.
    fn close_cohort() -> Weight {
        let transitions = u64::from(T::TransitionsPerStep::get());
        Self::counted(TALLY, 19 + 14 * transitions, 18 + 12 * transitions)
    }
}
