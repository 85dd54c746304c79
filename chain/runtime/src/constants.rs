//! Units of money and time. Time is counted in slots everywhere; blocks may be missing, slots not.

use crate::Balance;

pub use dbc_primitives::DBC;

/// A thousandth of a DBC.
pub const MILLI_DBC: Balance = DBC / 1_000;

/// Length of a slot in milliseconds. Fixed at genesis: BABE cannot change it on a running chain.
pub const SLOT_MS: u64 = 1_000 * dbc_primitives::SLOT_SECONDS;
/// Slots in a minute.
pub const MINUTES: u64 = 60_000 / SLOT_MS;
/// Slots in an hour.
pub const HOURS: u64 = 60 * MINUTES;
/// Slots in a day.
pub const DAYS: u64 = 24 * HOURS;

/// Blocks in a minute, when no slot stays empty. Only governance counts blocks.
pub const MINUTES_BLOCKS: u32 = MINUTES as u32;
/// Blocks in an hour, likewise.
pub const HOURS_BLOCKS: u32 = HOURS as u32;
/// Blocks in a day, likewise.
pub const DAYS_BLOCKS: u32 = DAYS as u32;

/// Length of an epoch (and session) in slots. Fixed at genesis as well.
pub const EPOCH_SLOTS: u64 = 20 * MINUTES;

/// How BABE picks authors: a quarter of the slots by lottery, every slot by a fallback whose
/// author is secret until it authors.
pub const BABE_EPOCH_CONFIG: sp_consensus_babe::BabeEpochConfiguration =
    sp_consensus_babe::BabeEpochConfiguration {
        c: (1, 4),
        allowed_slots: sp_consensus_babe::AllowedSlots::PrimaryAndSecondaryVRFSlots,
    };

/// Price of keeping `items` entries of `bytes` bytes in storage, held while they are there.
pub const fn deposit(items: u32, bytes: u32) -> Balance {
    items as Balance * DBC + bytes as Balance * 10 * MILLI_DBC
}
