//! Weights of the calls, **declared by count, not measured**: the storage items that the longest path
//! of each call reads and writes, each counted once, plus an allowance for execution.
//!
//! Not counted: what every call touches (the block's number, its events).

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of the calls.
pub trait WeightInfo {
    /// Weight of `seat` and `reinstate`.
    fn seat() -> Weight;
    /// Weight of `join`.
    fn join() -> Weight;
    /// Weight of `leave` and `dismiss`.
    fn leave() -> Weight;
    /// Weight of `feed`.
    fn feed() -> Weight;
}

/// Picoseconds of execution beside the database: all seats and a window of prices, a few KiB.
const EXECUTION: u64 = 40_000_000;

/// Weights by counted database accesses.
#[derive(Debug)]
pub struct CountedWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> CountedWeight<T> {
    fn counted(reads: u64, writes: u64) -> Weight {
        Weight::from_parts(EXECUTION, 0)
            .saturating_add(T::DbWeight::get().reads_writes(reads, writes))
    }
}

impl<T: frame_system::Config> WeightInfo for CountedWeight<T> {
    // Reads and writes: `Seats`.
    fn seat() -> Weight {
        Self::counted(1, 1)
    }

    // Reads and writes: `Seats`, account and holds of the feeder.
    fn join() -> Weight {
        Self::counted(3, 3)
    }

    // As `join`.
    fn leave() -> Weight {
        Self::counted(3, 3)
    }

    // Reads: `Seats`, `Buckets`, the slot. Writes: `Seats`, `Buckets`.
    fn feed() -> Weight {
        Self::counted(3, 2)
    }
}
