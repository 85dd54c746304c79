//! Weights of the calls and of a block's work, **declared by count, not measured**: the storage items
//! that the longest path reads and writes, plus an allowance for execution.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights.
pub trait WeightInfo {
    /// Weight of `seat`.
    fn seat() -> Weight;
    /// Weight of `join`.
    fn join() -> Weight;
    /// Weight of `leave`.
    fn leave() -> Weight;
    /// Weight of `withdraw`.
    fn withdraw() -> Weight;
    /// Weight of `request`.
    fn request() -> Weight;
    /// What drawing one second look costs, with its provider's other machines.
    fn draw_set() -> Weight;
    /// Weight of `commit`.
    fn commit() -> Weight;
    /// Weight of `reveal`.
    fn reveal() -> Weight;
    /// Weight of `demand`.
    fn demand() -> Weight;
    /// Weight of `convict` with a transcript of so many bytes.
    fn convict(bytes: u32) -> Weight;
    /// Weight of `plan_visit`.
    fn plan_visit() -> Weight;
    /// Weight of `reveal_visit`.
    fn reveal_visit() -> Weight;
    /// Weight of `give_up_visit`.
    fn give_up_visit() -> Weight;
    /// What each block does in any case.
    fn mix() -> Weight;
    /// One entry of the queue.
    fn step() -> Weight;
}

/// Picoseconds of execution beside the database.
const EXECUTION: u64 = 40_000_000;
/// Picoseconds of checking a byte of a transcript: 27 ms for the 63 KiB of a processor's and 45 ms for the 159 KiB of
/// a card's, as measured natively; three times that as WebAssembly, and half as much again.
const TRANSCRIPT_BYTE: u64 = 2_000_000;

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
    // `Seats`, `Members`, `Auditors`.
    fn seat() -> Weight {
        Self::counted(EXECUTION, 2, 3)
    }

    // `Seats`, `Auditors`, `Members`, account and holds.
    fn join() -> Weight {
        Self::counted(EXECUTION, 5, 4)
    }

    // `Auditors`, `Members`, two of `MembersAt`.
    fn leave() -> Weight {
        Self::counted(EXECUTION, 5, 4)
    }

    // `Auditors`, account and holds.
    fn withdraw() -> Weight {
        Self::counted(EXECUTION, 3, 3)
    }

    // The machine and its operator, its running offence, `OpenOf`, `AttemptsOf`, `Proofs`, `NextAudit`,
    // `Audits`, `Queue`.
    fn request() -> Weight {
        Self::counted(EXECUTION, 9, 4)
    }

    // The machine at an index, `Proofs`, `Owners`, seventeen of `ProvenOf`.
    fn draw_set() -> Weight {
        Self::counted(EXECUTION, 20, 0)
    }

    // `Audits`.
    fn commit() -> Weight {
        Self::counted(EXECUTION, 1, 1)
    }

    // `Audits`.
    fn reveal() -> Weight {
        Self::counted(EXECUTION, 1, 1)
    }

    // `Audits`, `Demands`, `Queue`, account and holds.
    fn demand() -> Weight {
        Self::counted(EXECUTION, 5, 4)
    }

    // `Audits`, `Demands`, `Auditors`, `Seats`, `Members`, three accounts with holds.
    fn convict(bytes: u32) -> Weight {
        Self::counted(EXECUTION + TRANSCRIPT_BYTE * u64::from(bytes), 14, 14)
    }

    // `Auditors`, `Visits`, `NextAudit`, `VisitorOf`, `Queue`.
    fn plan_visit() -> Weight {
        Self::counted(EXECUTION, 5, 5)
    }

    // `Visits`, the machine at an index with its operator, the lease, `VisitOf`, `VisitorOf`, two of `Queue`, the
    // pots and the auditor's account, `Auditors`, `Audits`, `Impressions`, `Members`, `Suspects`, and of a machine
    // that fails its proof with `Owners`, `ProvenOf` and `AttemptsOf`, and the sink's records.
    fn reveal_visit() -> Weight {
        Self::counted(3 * EXECUTION, 40, 36)
    }

    // `Visits`, `VisitorOf`, `Queue`; of eight machines the index, the record, its operator, presence and proof.
    fn give_up_visit() -> Weight {
        Self::counted(2 * EXECUTION, 3 + 8 * 8, 3)
    }

    // `Mix`.
    fn mix() -> Weight {
        Self::counted(EXECUTION, 2, 1)
    }

    // `Queue`, `Audits`, `Members`, `MembersAt`, seven of `Auditors` and `Assigned` with payments and strikes,
    // `Owners`, `ProvenOf`, `HeldBack`, the machine and its running offence, the sink's records. A visit's draw reads
    // the suspects with their proofs and impressions, which is less.
    fn step() -> Weight {
        Self::counted(5 * EXECUTION, 58, 58)
    }
}
