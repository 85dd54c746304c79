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
    /// Weight of `set_model`.
    fn set_model() -> Weight;
    /// What each block does beside the machines that it brings to a new model.
    fn sweep() -> Weight;
    /// What an interval costs when it is closed.
    fn closed() -> Weight;
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

    // `CurrentModel`, `Models`, the machine with its index, presence and downtime, `Shares`, `Fleets`, `All`,
    // `Pauses`, the pot, the treasury; the machine's share twice.
    fn poke() -> Weight {
        Self::counted(13, 6)
    }

    // `NextModel`, `SweepAt`, `CurrentModel`, two of `Models`.
    fn set_model() -> Weight {
        Self::counted(5, 2)
    }

    // `NextModel`, `SweepAt`, `CurrentModel`, `Models`, how many machines there are.
    fn sweep() -> Weight {
        Self::counted(6, 4)
    }

    // `FirstEra`, `EmittedTo`, `Age`, `Galaxy`, `All`, `GpuHistory`, the pot, the duties' pot.
    fn closed() -> Weight {
        Self::counted(8, 7)
    }
}
