//! From a wish to an order: what is looked for, what it costs, what is ordered, what happens then.

use serde::{Deserialize, Serialize};

use dbc_agent_api::{WorkloadSpec, control::WorkloadStatus};

use crate::{
    account::AccountId,
    id::{Hash, MachineId},
    money::Money,
    view::{MachineClass, Profile, Rate},
};

/// Which machines are looked for. The default is: every one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those that can be rented now.
    pub rentable: bool,
    /// Only this class.
    pub class: Option<MachineClass>,
    /// Only this provider.
    pub provider: Option<AccountId>,
    /// Part of the GPU's model name, in any case.
    pub gpu_model: Option<String>,
    /// At least so many free GPUs.
    pub gpus_min: u8,
    /// At least this memory per GPU, MiB.
    pub gpu_memory_mib_min: u32,
    /// At least so many cores.
    pub cpu_cores_min: u16,
    /// At least this memory, MiB.
    pub memory_mib_min: u32,
    /// At least this disk, GiB.
    pub disk_gib_min: u32,
    /// Only this region.
    pub region: Option<u16>,
}

/// What a renter needs. Without a machine the cheapest that fits is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// This machine and no other.
    pub machine: Option<MachineId>,
    /// How many GPUs; 0 asks for the CPU profile.
    pub gpus: u8,
    /// How many CPU shares when no GPU is asked for.
    pub cpu_shares: u16,
    /// A whole machine instead: all of its GPUs, or all of its CPU shares where it has none (D58).
    pub whole: bool,
    /// What the machine must have beside that.
    pub filter: Filter,
    /// For how long, in seconds; rounded up to slots.
    pub term_s: u64,
    /// The most per hour; dearer machines are left out.
    pub max_per_hour: Option<Money>,
}

impl Need {
    /// A CPU share of any machine for `term_s` seconds.
    pub fn cpu(term_s: u64) -> Self {
        let (machine, filter, max_per_hour) = (None, Filter::default(), None);
        Self { machine, gpus: 0, cpu_shares: 1, whole: false, filter, term_s, max_per_hour }
    }
}

/// What an order would cost, as of one block. An order made from it fails with `offer_changed` when
/// the provider changed the offer meanwhile; nothing is rented dearer than quoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The machine.
    pub machine: MachineId,
    /// Its short number.
    pub machine_index: u32,
    /// Positions of the GPUs.
    pub gpus: Vec<u8>,
    /// GPUs or the CPU profile.
    pub profile: Profile,
    /// CPU shares; none with GPUs.
    pub cpu_shares: u16,
    /// Term in slots.
    pub term_slots: u64,
    /// Term in seconds, at least what was asked for.
    pub term_s: u64,
    /// What it costs.
    pub rate: Rate,
    /// What is held: the price of the term, its discount taken off, or of its first thirty days in dollars.
    /// What is not used returns.
    pub deposit: Money,
    /// Version of the offer.
    pub offer_version: u32,
    /// Whether it is asked for in dollars, so that the rate is that of the moment at which the lease is made.
    #[serde(default)]
    pub in_dollars: bool,
    /// Millionths off in the deposit; whoever ends earlier pays what his time has earned.
    #[serde(default)]
    pub off: u32,
    /// Of the rate, to the platform that sells it, per slot.
    #[serde(default)]
    pub platform: Money,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RentOrder {
    /// What and at which price.
    pub quote: Quote,
    /// What to run; without one the lease stays empty until [`crate::Agent::put`].
    pub spec: Option<WorkloadSpec>,
    /// Whether the hash of `spec` stands on the lease for all to see.
    pub publish_spec_hash: bool,
    /// The most that the lease may cost, extensions included.
    pub cap: Option<Money>,
    /// The most per slot at the next leg; the quoted rate when `None`.
    pub max_rate: Option<Money>,
    /// How far to go before returning.
    pub until: RentUntil,
    /// How long to wait for the workload to run, in seconds; until the machine must have started it when `None`.
    #[serde(default)]
    pub wait_s: Option<u64>,
    /// Account that receives refunds; the renter when `None`.
    pub receiver: Option<AccountId>,
    /// Number of the platform that mediates, if any.
    pub platform: Option<u32>,
    /// Voucher that pays, if any.
    #[serde(default)]
    pub voucher: Option<u32>,
    /// Machine that takes over when the first is silent for long.
    #[serde(default)]
    pub standby: Option<MachineId>,
    /// A number that makes the order idempotent: with the tag of an earlier order that broke off, that
    /// order goes on. Random when `None`.
    pub tag: Option<u64>,
}

impl RentOrder {
    /// An order that waits until the workload runs.
    pub fn new(quote: Quote, spec: WorkloadSpec) -> Self {
        Self {
            quote,
            spec: Some(spec),
            publish_spec_hash: true,
            cap: None,
            max_rate: None,
            until: RentUntil::Running,
            wait_s: None,
            receiver: None,
            platform: None,
            voucher: None,
            standby: None,
            tag: None,
        }
    }
}

/// How far an order goes before [`crate::Market::rent`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RentUntil {
    /// The lease is in a block.
    InBlock,
    /// The lease is final and the spec, if any, is with the agent.
    Final,
    /// The workload runs, or cannot: what the agent tries again by itself is waited for.
    Running,
}

/// What happened with an order, in this order; steps of a resumed order that were done are skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "step")]
#[non_exhaustive]
pub enum RentStep {
    /// The order and its access key are on disk; from here on it can be resumed.
    Prepared {
        /// What to pass as [`RentOrder::tag`] to go on after a crash.
        tag: u64,
    },
    /// The extrinsic went to the node.
    Submitted {
        /// Its hash.
        tx: Hash,
    },
    /// The lease exists in the best block.
    InBlock {
        /// Its number.
        lease: u64,
    },
    /// The agent stored the spec.
    SpecAccepted,
    /// The lease is final.
    Final,
    /// The workload's state changed.
    Workload {
        /// Its state.
        status: Box<WorkloadStatus>,
    },
    /// The agent reported the start; the meter runs.
    Started,
}

/// An order as it is kept until its lease runs, so that a crash between loses nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredOrder {
    /// Identifies it on the chain, together with the renter.
    pub tag: u64,
    /// Who pays.
    pub renter: AccountId,
    /// When it was stored, seconds since 1970.
    pub stored_at: u64,
    /// The lease, once it is known.
    pub lease: Option<u64>,
    /// The order.
    pub order: RentOrder,
}
