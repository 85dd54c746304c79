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
    /// The same of an order in DBC, without a platform and a voucher, where no reward moves.
    fn create_usual() -> Weight;
    /// Weight of `started`.
    fn started() -> Weight;
    /// Weight of `settle`, which may close.
    fn settle() -> Weight;
    /// Weight of `extend`.
    fn extend() -> Weight;
    /// Weight of `end`, `terminate`, `close_expired` and of an entry of the queue.
    fn end() -> Weight;
    /// The same of a lease that nothing is paid for, where no reward moves and no audit is booked.
    fn end_usual() -> Weight;
    /// Weight of `set_access` and `revoke_grants`.
    fn set_access() -> Weight;
    /// Weight of `suspend`.
    fn suspend() -> Weight;
    /// Weight of `resume`.
    fn resume() -> Weight;
    /// Weight of `fail_over`.
    fn fail_over() -> Weight;
    /// Weight of `pledge` and `release_pledge`.
    fn pledge() -> Weight;
    /// Weight of `register_platform`, `set_platform` and `close_platform`.
    fn platform() -> Weight;
    /// Weight of `issue_voucher` and `revoke_voucher`.
    fn voucher() -> Weight;
    /// Weight of `raise_burn`.
    fn raise_burn() -> Weight;
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
    // Reads: `Tags`, `Machines`, presence, the slot, the step of burning and five parameters, `Platforms`,
    // `Vouchers`, account and holds of the payer, `NextLease`, the price of a dollar; whether it is held
    // back for an audit; of its rewards the machine's share, its provider's and all, pauses, two parameters,
    // the pot and the treasury.
    // Writes: `Machines`, account and holds, `Vouchers`, `NextLease`, `Tags`, `ByMachine`, `Expiry`,
    // `Leases`; of its rewards the machine's share, the pot and the treasury.
    fn create() -> Weight {
        Self::counted(25, 12)
    }

    // Without `Platforms`, `Vouchers`, the price of a dollar, the pot and the treasury.
    fn create_usual() -> Weight {
        Self::counted(20, 9)
    }

    // Reads: `Leases`, `Machines`, `Operators`, the slot, presence and horizon, what is known of a silence
    // (outages, those of many, unknown time of the network and of the cohort). Writes: `Expiry` twice,
    // `Leases`, `Running`.
    fn started() -> Weight {
        Self::counted(10, 4)
    }

    // Closing is the longest path, as for `end`.
    fn settle() -> Weight {
        Self::end()
    }

    // Reads: `Leases`, the slot, `Machines`, `Vouchers`, account and holds of the payer.
    // Writes: account and holds, `Vouchers`, `Expiry` twice, `Leases`.
    fn extend() -> Weight {
        Self::counted(6, 6)
    }

    // Reads: the queue's next entry, `Leases`, the slot, presence, horizon, `Machines`, `Operators` (to
    // terminate), four parameters, `Vouchers`, `Pledges`, holds and account of the payer, accounts of
    // provider, treasury, platform and receiver, the issuance; of rewards the machine's share, its
    // provider's and all, pauses, two parameters and the pot; what is known of a silence; for an audit of a
    // machine that is given back its proof, the one that is open, its attempts, the pace, the next number,
    // the queue.
    // Writes: holds and account of the payer, accounts of provider, treasury, platform and receiver, holds
    // of the provider (to make good), the issuance, `Machines`, the three of rewards and the pot, `Vouchers`,
    // `Pledges`, `Expiry` twice, `Leases`, `Running`; the audit, its number, that it is open, its entry in
    // the queue, that the machine is held back. Removing a record is shorter, and so is the next leg.
    fn end() -> Weight {
        Self::counted(38, 25)
    }

    // Reads: the queue's next entry, `Leases`, the slot, presence, horizon, `Machines`, four parameters, holds
    // and account of the payer; of rewards the machine's share, its provider's and all, pauses, two parameters;
    // the machine's proof. Writes: holds and account of the payer, `Machines`, the share, `Expiry` twice,
    // `Leases`, `Running`. What comes on top of it is counted where it is done.
    fn end_usual() -> Weight {
        Self::counted(19, 8)
    }

    // Reads: `Leases`, the slot. Writes: `Leases`.
    fn set_access() -> Weight {
        Self::counted(2, 1)
    }

    // As settling, with `Platforms`, the step of burning and two parameters, and more put on hold.
    fn suspend() -> Weight {
        Self::end().saturating_add(Self::counted(4, 0))
    }

    fn resume() -> Weight {
        Self::suspend()
    }

    // As `suspend`, with the other machine, its presence, whether it is held back, its share of rewards and its
    // provider's, and `ByMachine` twice. What runs no more counts as it does at an end.
    fn fail_over() -> Weight {
        Self::suspend().saturating_add(Self::counted(5, 5))
    }

    // Reads: `Pledges`, a parameter, account and holds. Writes: `Pledges`, account and holds.
    fn pledge() -> Weight {
        Self::counted(4, 3)
    }

    // Reads: `Platforms`, `NextPlatform`, a parameter, account and holds.
    // Writes: `Platforms`, `NextPlatform`, account and holds.
    fn platform() -> Weight {
        Self::counted(5, 4)
    }

    // Reads: `Vouchers`, `NextVoucher`, the slot, account and holds.
    // Writes: `Vouchers`, `NextVoucher`, account and holds.
    fn voucher() -> Weight {
        Self::counted(5, 4)
    }

    // Reads: `BurnStep`, the table, the GPUs of seven days. Writes: `BurnStep`.
    fn raise_burn() -> Weight {
        Self::counted(3, 1)
    }
}
