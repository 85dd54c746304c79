//! Weights of the calls and of a block's work, **declared by count, not measured**: the storage items
//! that the longest path reads and writes, plus an allowance for execution.
//!
//! Not counted: what every call touches (the block's number, its events). What all steps of closing in a block
//! touch is counted once, with the block's work; the rest of a step with the step.

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
    /// What a cohort's watchers say together, without the transitions that it means.
    fn tally() -> Weight;
    /// A machine falls silent, or is heard again.
    fn transition() -> Weight;
    /// The horizon moves when all cohorts of an interval are done, or nobody told anything.
    fn close_interval() -> Weight;
}

/// Picoseconds of execution beside the database.
const EXECUTION: u64 = 40_000_000;
/// Picoseconds of an ed25519 verification.
const SIGNATURE: u64 = 60_000_000;
/// Picoseconds of a vote over seven maps of 512 bytes, and of looking for the bits that changed.
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

    // Reads: the slot, `Mix`, randomness, `TurnedTo`, `NextInterval`, `Frozen`, `Members`, `LastReported`,
    // `ClosingAt`; for all steps of closing `Heard`, `Cohorts`, `Network`, `Masses`, how many machines there are, rewards'
    // sum, the cohort's pause, the points model and its number, eight parameters, the pot, the treasury, `NextOffence`.
    // Writes: `Mix`, `TurnedTo`, `Draws`, `Frozen`, `ClosingAt`; `Heard`, `Masses`, rewards' sum, the pot, the treasury,
    // `NextOffence`.
    fn tick() -> Weight {
        Self::counted(EXECUTION, 29, 11)
    }

    // Reads: `Reports`, `Present`, `Cohorts`, `Heard`, the cohort's pause. Writes: `Reports`, `Cohorts`, the pause.
    fn tally() -> Weight {
        Self::counted(TALLY, 5, 3)
    }

    // The longest way is that of a machine that falls silent, and whose provider answers for it.
    // Reads: `Presences`, `Outages`, `Downtimes`, `Regions`, the machine and its proof, its share and its provider's, the
    // lease that runs; `Charged`, the running offence and its number, how many are open, the bond and the account of
    // whoever reported it.
    // Writes: `Presences`, `Outages`, `Regions`, the machine, both shares; `Charged`, that offence with its number, two
    // deadlines and its evidence, how many are open, the bond and the account; another offence with its deadline.
    fn transition() -> Weight {
        Self::counted(EXECUTION, 15, 17)
    }

    // Reads: `Network`, and what whoever hears of closed time reads, counted as ten.
    // Writes: `Seeds`, `Network`, `NextInterval`, and what he writes, counted as ten.
    fn close_interval() -> Weight {
        Self::counted(EXECUTION, 11, 13)
    }
}
