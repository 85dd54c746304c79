//! Weights of the calls and of a block's work, **declared by count, not measured**: the storage items
//! that the longest path reads and writes, plus an allowance for execution.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights.
pub trait WeightInfo {
    /// Weight of `report`.
    fn report() -> Weight;
    /// Weight of `appeal`.
    fn appeal() -> Weight;
    /// Weight of `cancel`.
    fn cancel() -> Weight;
    /// Weight of `hand_evidence`.
    fn hand_evidence() -> Weight;
    /// One entry of the queue.
    fn step() -> Weight;
}

/// Picoseconds of execution beside the database.
const EXECUTION: u64 = 40_000_000;

/// Weights by counted database accesses.
#[derive(Debug)]
pub struct CountedWeight<T>(PhantomData<T>);

impl<T: crate::Config> CountedWeight<T> {
    fn counted(reads: u64, writes: u64) -> Weight {
        Weight::from_parts(EXECUTION, 0)
            .saturating_add(T::DbWeight::get().reads_writes(reads, writes))
    }
}

impl<T: crate::Config> WeightInfo for CountedWeight<T> {
    // The machine, the lease twice, account and holds, `NextOffence`, `Reports`, `Queue`, `Evidence`, what
    // books a check, in the place of an audit that waits.
    fn report() -> Weight {
        Self::counted(17, 15)
    }

    // `Offences`, `Queue` twice, account and holds.
    fn appeal() -> Weight {
        Self::counted(4, 5)
    }

    // `Offences`, `Queue`, `OpenOf`, `RunningOf`, two accounts and holds.
    fn cancel() -> Weight {
        Self::counted(8, 8)
    }

    // `Reports`, `Evidence`, the audit, `Handed`.
    fn hand_evidence() -> Weight {
        Self::counted(5, 1)
    }

    // As `cancel`, with the machine's stake to three accounts and the provider's rewards; or a report with
    // its lease and what was handed.
    fn step() -> Weight {
        Self::counted(24, 36)
    }
}
