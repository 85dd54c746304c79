//! Weights of the calls: database accesses counted from the code, and a generous constant for
//! execution (a signature check where one is made), to be replaced by measured ones.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of the calls.
pub trait WeightInfo {
    /// Weight of `set_operator`.
    fn set_operator() -> Weight;
    /// Weight of `register`.
    fn register() -> Weight;
    /// Weight of `set_network`.
    fn set_network() -> Weight;
    /// Weight of `set_offer`.
    fn set_offer() -> Weight;
    /// Weight of `list`.
    fn list() -> Weight;
    /// Weight of `unlist`.
    fn unlist() -> Weight;
    /// Weight of `retire`.
    fn retire() -> Weight;
    /// Weight of `withdraw_stake`.
    fn withdraw_stake() -> Weight;
    /// Weight of `set_relays`.
    fn set_relays() -> Weight;
}

/// Picoseconds of execution beside the database.
const EXECUTION: u64 = 20_000_000;
/// Picoseconds of an ed25519 verification.
const SIGNATURE: u64 = 60_000_000;

/// Weights by counted database accesses.
#[derive(Debug)]
pub struct CountedWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> CountedWeight<T> {
    fn counted(picoseconds: u64, reads: u64, writes: u64) -> Weight {
        Weight::from_parts(picoseconds, 0)
            .saturating_add(T::DbWeight::get().reads_writes(reads, writes))
    }
}

impl<T: frame_system::Config> WeightInfo for CountedWeight<T> {
    fn set_operator() -> Weight {
        Self::counted(EXECUTION, 3, 3)
    }
    fn register() -> Weight {
        Self::counted(EXECUTION + SIGNATURE, 9, 7)
    }
    fn set_network() -> Weight {
        Self::counted(EXECUTION, 3, 1)
    }
    fn set_offer() -> Weight {
        Self::counted(EXECUTION, 3, 1)
    }
    fn list() -> Weight {
        Self::counted(EXECUTION, 3, 1)
    }
    fn unlist() -> Weight {
        Self::counted(EXECUTION, 3, 1)
    }
    fn retire() -> Weight {
        Self::counted(EXECUTION, 3, 1)
    }
    fn withdraw_stake() -> Weight {
        Self::counted(EXECUTION, 7, 7)
    }
    fn set_relays() -> Weight {
        Self::counted(EXECUTION, 0, 1)
    }
}
