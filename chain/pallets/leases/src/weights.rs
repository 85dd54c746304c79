//! Weights of the calls: database accesses counted from the code (transfers and holds included, the
//! longest path), and a generous constant for execution, to be replaced by measured ones.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of the calls.
pub trait WeightInfo {
    /// Weight of `create`.
    fn create() -> Weight;
    /// Weight of `started`.
    fn started() -> Weight;
    /// Weight of `settle`, which may close.
    fn settle() -> Weight;
    /// Weight of `extend`.
    fn extend() -> Weight;
    /// Weight of `end`, `terminate`, `close_expired` and of an entry of the queue.
    fn end() -> Weight;
    /// Weight of `set_access` and `revoke_grants`.
    fn set_access() -> Weight;
}

/// Picoseconds of execution beside the database.
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
    fn create() -> Weight {
        Self::counted(6, 8)
    }
    fn started() -> Weight {
        Self::counted(4, 3)
    }
    fn settle() -> Weight {
        Self::counted(7, 10)
    }
    fn extend() -> Weight {
        Self::counted(5, 5)
    }
    fn end() -> Weight {
        Self::counted(7, 10)
    }
    fn set_access() -> Weight {
        Self::counted(2, 1)
    }
}
