//! Which GPUs the machine has, and which it has lost. The trait and its data; [`NvmlGpus`] is the real one, the fake
//! is [`crate::fake::FakeGpus`]. Inventory only: no clocks, no resets, no benchmarks.

mod nvml;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

pub use nvml::NvmlGpus;
use serde::{Deserialize, Serialize};

/// Lists GPUs. A driver may hang for as long as it likes: call it where that holds up nobody.
pub trait Gpus: Send + Sync {
    /// All GPUs, in the driver's order. A machine without driver or GPU gives an empty list.
    fn list(&self) -> Result<Vec<Gpu>, GpuError>;

    /// Those of the `wanted` UUIDs that cannot be computed with. An error says nothing of any.
    fn lost(&self, wanted: &BTreeSet<String>) -> Result<BTreeMap<String, Loss>, GpuError>;
}

/// Why a GPU cannot be computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// It is not among those that the driver can tell the name of.
    Gone,
    /// The driver has it and cannot reach it.
    Unreachable,
    /// It had a fault after which it works only when it was reset, or its host was (a fatal Xid).
    ResetNeeded,
    /// The driver does not answer at all, within the time of whoever asked.
    Hung,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "its driver does not list it",
            Self::Unreachable => "its driver cannot reach it",
            Self::ResetNeeded => "it must be reset",
            Self::Hung => "its driver does not answer",
        })
    }
}

/// A GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// UUID as the driver gives it, e.g. `GPU-…`.
    pub uuid: String,
    /// Marketing name, e.g. `NVIDIA H100 80GB HBM3`.
    pub name: String,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// PCI address, e.g. `00000000:3B:00.0`.
    pub pci: String,
    /// Version of the driver.
    pub driver: String,
    /// How it is connected.
    #[serde(default)]
    pub links: Links,
}

/// Connections of a GPU, as far as its driver tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// Newest PCI Express generation that card and slot both have.
    pub pcie_generation: Option<u32>,
    /// Most PCI Express lanes that card and slot both have.
    pub pcie_lanes: Option<u32>,
    /// `NVLink` connections that are up.
    pub nvlinks: u32,
}

/// The driver is there but does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the GPU driver failed to {action}")]
pub struct GpuError {
    /// What was asked.
    pub action: &'static str,
    /// Cause.
    #[source]
    pub source: crate::Cause,
}
