//! What the chain knows of a machine. Facts are claims of its provider until an audit proves them.

use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{Slot, Text};

/// GPUs that one machine may register.
pub const GPUS_MAX: u32 = 16;

/// A machine: its ed25519 public key, which is also a legal account.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MachineId(pub [u8; 32]);

/// Place of a machine in bitmaps. Given by the chain; a freed index returns with the next generation.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DenseIndex {
    /// Position, without gaps but for machines that left.
    pub index: u32,
    /// How often the position was given out before.
    pub generation: u32,
}

/// Where a card sits.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PciAddress {
    /// Domain.
    pub domain: u32,
    /// Bus.
    pub bus: u8,
    /// Device.
    pub device: u8,
    /// Function.
    pub function: u8,
}

/// Stable name of a card, whatever the order in which a driver lists it.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GpuId {
    /// UUID that the driver reports; a hint, not a proof (mechanisms rule 36).
    pub uuid: [u8; 16],
    /// Place on the bus.
    pub pci: PciAddress,
}

/// A card.
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Gpu {
    /// Stable name.
    pub id: GpuId,
    /// Model as its driver names it.
    pub model: Text<64>,
    /// Memory in MiB.
    pub memory_mib: u32,
}

/// Hardware of a machine.
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HardwareFacts {
    /// Cards; calls name them by their position here.
    pub gpus: BoundedVec<Gpu, ConstU32<GPUS_MAX>>,
    /// Model of the processor.
    pub cpu_model: Text<64>,
    /// Cores (threads that the system schedules).
    pub cpu_cores: u16,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Disk of the data pool in GiB.
    pub disk_gib: u32,
}

/// Where a machine stands.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Location {
    /// ISO 3166-1 numeric code of the country, 0 when untold.
    pub region: u16,
    /// The provider's own number of the room.
    pub site: u32,
}

/// How to reach a machine. Current addresses travel elsewhere; this changes rarely (mechanisms rule 34).
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NetworkFacts {
    /// Public key of the tunnel's endpoint.
    pub endpoint: [u8; 32],
    /// URLs of its home relays.
    pub relays: BoundedVec<Text<128>, ConstU32<4>>,
    /// Upstream in Mbit/s, as the provider says.
    pub up_mbps: u32,
    /// Downstream in Mbit/s, as the provider says.
    pub down_mbps: u32,
}

/// What a machine is meant for; each class has its minimum hardware and reward weight.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
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
pub enum MachineClass {
    /// Streams games.
    CloudGame,
    /// Simulation, double precision.
    Hpc,
    /// Serves models.
    Inference,
    /// Trains models.
    Training,
    /// Renders pictures.
    Rendering,
    /// No GPU; leased by CPU shares.
    #[default]
    Cpu,
}

/// State of a machine; `pallet-machines` is its only writer and draws the transitions.
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
pub enum MachineStatus {
    /// Bonded, its facts not proven.
    Registered,
    /// Facts proven, not for rent.
    Verified,
    /// For rent.
    Listed,
    /// Leaves; its stake is free after a while.
    Retiring {
        /// Slot at which it was retired.
        since: Slot,
    },
}
