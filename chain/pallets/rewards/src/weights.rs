//! Weights of the calls and of a block's work, **declared by count, not measured**: the storage items
//! that the longest path reads and writes, plus an allowance for execution.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights.
pub trait WeightInfo {
    /// Weight of `claim`.
    fn claim() -> Weight;
    /// Weight of `poke`.
    fn poke() -> Weight;
    /// What each block does.
    fn tick() -> Weight;
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
    // `Releases`, the pot, the provider.
    fn claim() -> Weight {
        Self::counted(3, 3)
    }

    // `Shares`, `Fleets`, `All`, the pot, the treasury.
    fn poke() -> Weight {
        Self::counted(5, 4)
    }

    // `EmittedTo`, `FirstEra`, `Galaxy`, `All`, `GpuHistory`, the pot, the duties' pot.
    fn tick() -> Weight {
        Self::counted(8, 6)
    }
}
