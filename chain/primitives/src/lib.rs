//! Records, price maths and signed messages that the pallets and every program beside the chain
//! share. Only codecs: no FRAME, no I/O, so that both sides of the border mean the same bytes.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod audit;
pub mod classes;
pub mod discount;
pub mod lease;
pub mod liveness;
pub mod machine;
pub mod parameter;
pub mod price;
pub mod proof;

pub use bounded_collections::{BoundedVec, ConstU32};
pub use lease::{AccessKey, CloseReason, LeaseId, LeaseState, Leg, Order, Profile};
pub use machine::{
    DenseIndex, Gpu, GpuId, HardwareFacts, Location, MachineClass, MachineId, MachineStatus,
    NetworkFacts, PciAddress,
};
pub use price::{Amount, Offer, Price};

/// Money, in units of 10⁻¹⁵ DBC.
pub type Balance = u128;

/// A point in time: number of a BABE slot of three seconds. Money, terms and deadlines count slots,
/// never blocks: an absent author leaves a slot without a block (mechanisms rule 14).
pub type Slot = u64;

/// One DBC.
pub const DBC: Balance = 1_000_000_000_000_000;
/// Length of a slot in seconds.
pub const SLOT_SECONDS: u64 = 3;
/// Slots of an hour.
pub const SLOTS_PER_HOUR: Slot = 3_600 / SLOT_SECONDS;
/// Days for which a validator's stake stays bound after he left: for so long a forged past costs its forgers
/// their stake. Light clients trust no older start (mechanisms rule 33).
pub const BONDING_DAYS: u32 = 14;

/// Text of at most `N` bytes, UTF-8 by convention; whoever shows it replaces what is not.
pub type Text<const N: u32> = BoundedVec<u8, ConstU32<N>>;
