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
    /// Weight of `top_up`.
    fn top_up() -> Weight;
    /// Weight of `announce_maintenance`.
    fn announce_maintenance() -> Weight;
    /// Weight of `cancel_maintenance`.
    fn cancel_maintenance() -> Weight;
    /// Weight of `join_tier`.
    fn join_tier() -> Weight;
    /// Weight of `leave_tier`.
    fn leave_tier() -> Weight;
    /// Weight of `change_hardware`.
    fn change_hardware() -> Weight;
    /// Weight of `release_stake`.
    fn release_stake() -> Weight;
    /// Weight of `offer_handover`.
    fn offer_handover() -> Weight;
    /// Weight of `accept_handover`.
    fn accept_handover() -> Weight;
    /// Weight of `withdraw_handover`.
    fn withdraw_handover() -> Weight;
}

/// Picoseconds of execution beside the database: decoding and encoding a record of at most 3 KiB.
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

    /// A provider changes the record of a machine of his.
    /// Reads: `Operators` and `ProviderOf` of the caller, `Machines`. Writes: `Machines`.
    fn change() -> Weight {
        Self::counted(EXECUTION, 3, 1)
    }
}

impl<T: frame_system::Config> WeightInfo for CountedWeight<T> {
    // Reads: `ProviderOf`, `Serves` and `Operators` of the operator, `Operators` of the provider.
    // Writes: `ProviderOf` of the operator before, `Operators`, `ProviderOf`. `serve` does no more.
    fn set_operator() -> Weight {
        Self::counted(EXECUTION, 4, 3)
    }

    // Reads: `Operators` and `ProviderOf` of the caller, `Machines` and its counter,
    // `VerifiedAtGenesis`, the genesis hash, the slot, account and holds of the provider, `FreeCount`,
    // `FreeIndexes` (or `NextIndex`), its allowance for beats; of one that genesis vouches for also what liveness
    // and rewards begin with: presence, cohort, model, points of the machine, its provider and all.
    // Writes: `Machines` and its counter, `MachineAt`, `ByProvider`, account and holds, `FreeCount`,
    // `FreeIndexes`, the allowance; presence, counts of the cohort, points.
    fn register() -> Weight {
        Self::counted(EXECUTION + SIGNATURE, 30, 15)
    }

    fn set_network() -> Weight {
        Self::change()
    }

    fn set_offer() -> Weight {
        Self::change()
    }

    fn list() -> Weight {
        Self::change()
    }

    fn unlist() -> Weight {
        Self::change()
    }

    // As each change, and the slot; points of the machine, its provider and all, pauses, two parameters, the pot
    // and the treasury; the audit that is open, its place in the queue, that it holds the machine back; the
    // offence that runs, its place in the queue, four parameters, what was charged, the reporter's bond.
    fn retire() -> Weight {
        Self::counted(2 * EXECUTION, 23, 18)
    }

    // Reads: `Operators` and `ProviderOf` of the caller, `Machines` and its counter, the slot, account
    // and holds of the provider, `FreeCount`; all that others keep of a machine, as they forget it.
    // Writes: `Machines` and its counter, `MachineAt`, `ByProvider`, account and holds, `FreeCount`,
    // `FreeIndexes`; presence, outages and counts of its cohort, proof, owner, attempts, impressions, suspicion,
    // points of the machine, its provider and all, the pot and the treasury, the allowance for beats.
    fn withdraw_stake() -> Weight {
        Self::counted(2 * EXECUTION, 26, 26)
    }

    // Writes: `Relays`.
    fn set_relays() -> Weight {
        Self::counted(EXECUTION, 0, 1)
    }

    // Reads: as a change, account and holds of the provider. Writes: `Machines`, account, holds.
    fn top_up() -> Weight {
        Self::counted(EXECUTION, 5, 3)
    }

    // Reads: as a change, the slot, three parameters, the audit that is open. Writes: `Machines`.
    fn announce_maintenance() -> Weight {
        Self::counted(EXECUTION, 8, 1)
    }

    // As each change, and the slot.
    fn cancel_maintenance() -> Weight {
        Self::counted(EXECUTION, 4, 1)
    }

    // Reads: as a change, disputes, presence and outages by liveness, the slot, three parameters, account and
    // holds of the provider; for its points those of the machine, its provider and all.
    // Writes: `Machines`, account, holds; points of the machine, its provider and all.
    fn join_tier() -> Weight {
        Self::counted(2 * EXECUTION, 15, 6)
    }

    // Reads: as a change, disputes, a parameter, account and holds; points. Writes: as `join_tier`.
    fn leave_tier() -> Weight {
        Self::counted(2 * EXECUTION, 10, 6)
    }

    // Reads: as a change, the open audit, disputes, the slot, two parameters, account and holds; the proof and its
    // owner; points, pauses, two parameters, the pot and the treasury; presence and its cohort. Writes: as
    // `join_tier`, the proof, its owner twice, the pot and the treasury, the cohort.
    fn change_hardware() -> Weight {
        Self::counted(2 * EXECUTION, 22, 12)
    }

    // Reads: as a change, disputes, a parameter, account and holds. Writes: `Machines`, account, holds.
    fn release_stake() -> Weight {
        Self::counted(EXECUTION, 7, 3)
    }

    // Reads: `Machines`. Writes: `Machines`.
    fn offer_handover() -> Weight {
        Self::counted(EXECUTION, 1, 1)
    }

    // Reads: `Machines`, `Operators`, disputes, the open audit, a parameter, accounts and holds of both; points
    // of the machine, both providers and all, what both are owed. Writes: `Machines`, `ByProvider` twice,
    // accounts and holds of both, the points, what both are owed.
    fn accept_handover() -> Weight {
        Self::counted(2 * EXECUTION, 15, 13)
    }

    fn withdraw_handover() -> Weight {
        Self::counted(EXECUTION, 1, 1)
    }
}
