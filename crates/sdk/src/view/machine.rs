//! Machines: what they are, what they ask, what of them is free; and what registers one.

use std::fmt;

use dbc_chain_client::{Fact, Tier};
use serde::{Deserialize, Serialize};

use super::Moment;
use crate::{
    account::AccountId,
    id::{HolderId, MachineId},
    money::{Dollars, Money},
};

/// A machine as the chain knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MachineView {
    /// Its key.
    pub id: MachineId,
    /// Short number given by the chain; reused after a machine is gone, never while it is here.
    pub index: u32,
    /// Who owns it.
    pub provider: AccountId,
    /// Where it stands.
    pub status: MachineStatus,
    /// What it is for.
    pub class: MachineClass,
    /// Its GPUs; the position is the number that orders name.
    pub gpus: Vec<GpuView>,
    /// Model name of the processor.
    pub cpu_model: String,
    /// Processor cores.
    pub cpu_cores: u16,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Disk for workloads in GiB.
    pub disk_gib: u32,
    /// Region and site that the provider declared.
    pub location: Location,
    /// How it is reached.
    pub network: NetworkFacts,
    /// Money that the provider has at stake for it.
    pub stake: Money,
    /// What it asks; `None` before the first offer.
    pub offer: Option<OfferView>,
    /// CPU shares of it that are leased.
    pub cpu_leased: u16,
    /// Leases that it did not start in time.
    pub strikes: u32,
    /// Whether an order can succeed now: listed and something of it is free.
    pub rentable: bool,
    /// When it registered.
    pub registered_at: Moment,
    /// The time that its provider announced last for maintenance.
    pub maintenance: Option<MaintenanceView>,
    /// Whether it is in the high-stability tier.
    pub tier: Tier,
    /// Of the stake, what is pledged for that tier.
    pub pledge: Money,
    /// What changed since its last proof without voiding that.
    pub unproven: Vec<Fact>,
    /// Whom its provider offers it to.
    pub offered_to: Option<AccountId>,
}

/// A time for which its provider said that a machine may be away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MaintenanceView {
    /// Its begin.
    pub from: Moment,
    /// Its end.
    pub until: Moment,
}

impl MachineView {
    /// CPU shares that are free.
    pub fn cpu_free(&self) -> u16 {
        let shares = self.offer.as_ref().map_or(0, |offer| offer.cpu_shares);
        shares.saturating_sub(self.cpu_leased)
    }

    /// What so many of its GPUs or CPU shares bring of `all`: each is an equal part (mechanisms rule 31).
    pub fn cut(&self, all: u64, count: u64) -> u64 {
        let shares = self.offer.as_ref().map_or(0, |offer| offer.cpu_shares);
        let parts = u64::from(shares).saturating_add(self.gpus.len() as u64).max(1);
        all.saturating_mul(count.min(parts)) / parts
    }
}

/// A GPU of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GpuView {
    /// Position in the machine's list; what orders name.
    pub slot: u8,
    /// What it is.
    #[serde(flatten)]
    pub facts: GpuFacts,
    /// Whether a lease holds it.
    pub leased: bool,
}

/// What a GPU is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuFacts {
    /// UUID, 32 hexadecimal digits.
    pub uuid: String,
    /// PCI address, e.g. `0000:3b:00.0`.
    pub pci: String,
    /// Model name, at most 64 bytes.
    pub model: String,
    /// Memory in MiB.
    pub memory_mib: u32,
}

/// States of a machine: `registered → verified → listed ⇄ verified → retiring`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineStatus {
    /// Known, not yet verified.
    Registered,
    /// Verified; takes no orders.
    Verified,
    /// Takes orders.
    Listed,
    /// Leaving; the stake returns after the retirement delay.
    Retiring {
        /// When it retired.
        since: Moment,
    },
}

impl fmt::Display for MachineStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Registered => "registered",
            Self::Verified => "verified",
            Self::Listed => "listed",
            Self::Retiring { .. } => "retiring",
        })
    }
}

/// What a machine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineClass {
    /// Cloud games.
    CloudGame,
    /// High-performance computing.
    Hpc,
    /// Inference.
    Inference,
    /// Training.
    Training,
    /// Rendering.
    Rendering,
    /// No GPU.
    Cpu,
}

impl fmt::Display for MachineClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CloudGame => "cloud_game",
            Self::Hpc => "hpc",
            Self::Inference => "inference",
            Self::Training => "training",
            Self::Rendering => "rendering",
            Self::Cpu => "cpu",
        })
    }
}

/// Where a machine stands, as declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// Region number.
    pub region: u16,
    /// Site number of the provider.
    pub site: u32,
}

/// How a machine is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkFacts {
    /// Key of its tunnel endpoint.
    pub endpoint: HolderId,
    /// Addresses of its home relays, at most four of at most 128 bytes.
    pub relays: Vec<String>,
    /// Upstream in Mbit/s, as declared.
    pub up_mbps: u32,
    /// Downstream in Mbit/s, as declared.
    pub down_mbps: u32,
}

/// What a machine asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfferView {
    /// Counts up with each change; orders name the version that they were made for.
    pub version: u32,
    /// The price; of an offer in dollars what it is in DBC now.
    pub price: Price,
    /// What is asked for in dollars. A lease has the rate of its start for its whole term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<UsdPrice>,
    /// Shortest term in seconds.
    pub min_term_s: u64,
    /// Longest term in seconds.
    pub max_term_s: u64,
    /// CPU shares, leased ones included: GPUs and shares are equal parts of cores, memory and disk. 0 when
    /// the CPU profile is not offered.
    pub cpu_shares: u16,
}

/// A price in DBC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// One GPU for one hour.
    pub gpu_hour: Money,
    /// One CPU share for one hour.
    pub cpu_hour: Money,
}

/// A price in dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsdPrice {
    /// One GPU for one hour.
    pub gpu_hour: Dollars,
    /// One CPU share for one hour.
    pub cpu_hour: Dollars,
}

/// What a provider asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// In DBC.
    Dbc(Price),
    /// In dollars, while feeders say what a DBC costs: leases convert them anew each thirty days.
    Usd(UsdPrice),
}

impl OfferView {
    /// What the provider asks for, in his own currency.
    pub fn ask(&self) -> Ask {
        self.usd.map_or(Ask::Dbc(self.price), Ask::Usd)
    }
}

/// What hardware a machine has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HardwareFacts {
    /// At most 16.
    pub gpus: Vec<GpuFacts>,
    /// Model name of the processor, at most 64 bytes.
    pub cpu_model: String,
    /// Processor cores.
    pub cpu_cores: u16,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Disk for workloads in GiB.
    pub disk_gib: u32,
}

/// All that registers a machine. The agent writes it (it alone has the machine's key), the provider
/// or the operator sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The machine's key.
    pub machine: MachineId,
    /// Hex of the machine key's signature that binds it to this network and provider.
    pub proof: String,
    /// What it is for.
    pub class: MachineClass,
    /// What it has.
    pub hardware: HardwareFacts,
    /// Where it stands.
    pub location: Location,
    /// How it is reached.
    pub network: NetworkFacts,
}
