//! Weights of the calls, **declared by count, not measured**: the storage items that the longest path
//! of each call reads and writes, each counted once (the overlay answers the second time) at the
//! runtime's `DbWeight`, which is ParityDB's (8 µs a read, 50 µs a write), plus an allowance for
//! execution. `benchmarking.rs` measures the same paths; its figures replace these.
//!
//! Not counted: what every call touches (the block's number, its events).

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

/// Picoseconds of execution beside the database: records of a lease and of a machine are decoded and
/// encoded, and up to four transfers tried.
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
    // Reads: `Tags`, `Machines`, the slot, account and holds of the renter, `NextLease`.
    // Writes: `Machines`, account and holds, `NextLease`, `Tags`, `ByMachine`, `Expiry`, `Leases`.
    fn create() -> Weight {
        Self::counted(6, 8)
    }

    // Reads: `Leases`, `Machines`, `Operators`, the slot. Writes: `Expiry` twice, `Leases`.
    fn started() -> Weight {
        Self::counted(4, 3)
    }

    // Closing is the longest path, as for `end`.
    fn settle() -> Weight {
        Self::end()
    }

    // Reads: `Leases`, the slot, `Machines`, account and holds of the renter.
    // Writes: account and holds, `Expiry` twice, `Leases`.
    fn extend() -> Weight {
        Self::counted(5, 5)
    }

    // Reads: the queue's next entry, `Leases`, the slot, `Machines`, `Operators` (to terminate), holds
    // and account of the renter, accounts of provider, treasury and receiver.
    // Writes: holds and account of the renter, accounts of provider, treasury and receiver (or the
    // issuance), `Machines`, `Expiry` twice, `Leases`. Removing a record is shorter.
    fn end() -> Weight {
        Self::counted(10, 9)
    }

    // Reads: `Leases`, the slot. Writes: `Leases`.
    fn set_access() -> Weight {
        Self::counted(2, 1)
    }
}
