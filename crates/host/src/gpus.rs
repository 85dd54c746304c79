//! Which GPUs the machine has. The trait and its data; [`NvmlGpus`] is the real one, the fake is
//! [`crate::fake::FakeGpus`]. Inventory only: no clocks, no resets, no benchmarks.

mod nvml;

pub use nvml::NvmlGpus;
use serde::{Deserialize, Serialize};

/// Lists GPUs.
pub trait Gpus: Send + Sync {
    /// All GPUs, in the driver's order. A machine without driver or GPU gives an empty list.
    fn list(&self) -> Result<Vec<Gpu>, GpuError>;
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
