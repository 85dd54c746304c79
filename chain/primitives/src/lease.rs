//! What the chain knows of a lease, but for accounts, whose type belongs to the runtime.

use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{Balance, MachineId, Slot, machine::GPUS_MAX};

/// Number of a lease, given by the chain, never reused.
pub type LeaseId = u64;

/// The ed25519 key in which the grants of a lease are rooted.
pub type AccessKey = [u8; 32];

/// Positions of cards in a machine's facts, rising, each once.
pub type GpuSlots = BoundedVec<u8, ConstU32<GPUS_MAX>>;

/// What a lease may use of a machine.
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
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Profile {
    /// GPUs and their share of the rest.
    Gpu,
    /// No GPU.
    Cpu,
}

/// A stretch of at most 30 days with one rate (mechanisms rule 13).
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Leg {
    /// Number of the leg, from 0.
    pub index: u32,
    /// First slot; 0 while the lease has not started.
    pub from: Slot,
    /// Units per slot, the platform's included.
    pub rate: Balance,
    /// First slot after it; 0 while the lease has not started.
    pub until: Slot,
    /// Of the rate, to the platform: units per slot.
    pub platform: Balance,
    /// Of the rest, to the treasury: millionths.
    pub fee: u32,
    /// Of the rest, burned: millionths.
    pub burn: u32,
    /// Whether its slots neither count for discounts nor get any: the lease is suspended.
    pub plain: bool,
}

/// What a renter orders.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Order<AccountId> {
    /// The machine.
    pub machine: MachineId,
    /// Cards; empty for the CPU profile.
    pub gpus: GpuSlots,
    /// What is leased.
    pub profile: Profile,
    /// CPU shares: one or more in the CPU profile, none with cards.
    pub cpu_shares: u16,
    /// Term in slots, counted from the start of the meter.
    pub term: Slot,
    /// Version of the offer that the renter saw.
    pub offer_version: u32,
    /// Highest rate in units per slot that he agrees to.
    pub max_rate: Balance,
    /// Highest sum that the lease may ever cost, over extensions too.
    pub cap: Option<Balance>,
    /// Root of the lease's grants.
    pub access_key: AccessKey,
    /// SHA-256 of the only workload spec that the agent shall accept.
    pub spec_hash: Option<[u8; 32]>,
    /// The cloud platform that sold it; its fee comes on top of the provider's price.
    pub platform: Option<u32>,
    /// The voucher that pays; its money returns to it, so there is no receiver.
    pub voucher: Option<u32>,
    /// The machine that takes over when the first is silent for long (mechanisms rule 15).
    pub standby: Option<MachineId>,
    /// Who gets unused money instead of the renter.
    pub receiver: Option<AccountId>,
    /// The renter's own number of the order: a second one with the same tag is refused, so that an
    /// order sent twice is one lease (requirement D25).
    pub tag: u64,
}

/// State of a lease.
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
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum LeaseState {
    /// Paid for; the machine has not said that the workload runs.
    Pending,
    /// The meter runs.
    Running,
    /// Over.
    Closed {
        /// Why.
        reason: CloseReason,
        /// Slot at which it was recorded.
        at: Slot,
    },
}

/// Why a lease is over.
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
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum CloseReason {
    /// The renter ended it.
    EndedByRenter,
    /// Its term is over.
    Expired,
    /// The machine did not start it in time; everything went back.
    NotStarted,
    /// The provider ended it.
    ProviderFault,
    /// The machine left.
    MachineRetired,
    /// It reached the renter's cap.
    CapReached,
    /// A report of the renter was upheld.
    DisputeUpheld,
    /// The next leg would cost more than the renter's highest rate, or nobody knew what.
    LegTooDear,
    /// The next leg's price could not be held.
    LegUnpaid,
}
