//! Feeders, prices, and what leases ask for.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use dbc_primitives::{Balance, Slot};
use scale_info::TypeInfo;

/// Millionths of a US dollar.
pub type MicroUsd = u128;

/// Highest price of a DBC that is believed: a million dollars.
pub const PRICE_MAX: MicroUsd = 1_000_000_000_000;

/// A feeder.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Seat<AccountId> {
    /// Who.
    pub feeder: AccountId,
    /// On hold from him; 0 until he joins.
    pub bond: Balance,
    /// What he told last.
    pub value: Option<Value>,
    /// Values in a row, more or less, that lay far from the median.
    pub strikes: u32,
    /// Whether his values no longer count.
    pub suspended: bool,
}

/// What a feeder told.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Value {
    /// Millionths of a dollar per DBC.
    pub price: MicroUsd,
    /// When.
    pub at: Slot,
}

/// The price from one slot until the next bucket's.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Bucket {
    /// First slot of its interval.
    pub from: Slot,
    /// Last slot in which it was told.
    pub told: Slot,
    /// Millionths of a dollar per DBC.
    pub price: MicroUsd,
}

/// The price, as leases ask for it.
pub trait DbcPrice {
    /// Average over the last hour in millionths of a dollar per DBC; `None` while there is no price.
    fn twap() -> Option<MicroUsd>;

    /// What a sum of millionths of a dollar is in units of DBC, rounded up; `None` while there is no
    /// price, or beyond the number range.
    fn to_dbc(usd: MicroUsd) -> Option<Balance>;
}
