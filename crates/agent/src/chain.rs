//! What the agent needs of the chain, as two small traits and plain records. Here and not in the
//! chain client, so that everything else in this crate is tested against [`fake::FakeChain`] and
//! never names subxt. Money is no part of it: an agent evaluates entitlement, never balances.

pub mod clock;
pub mod fake;
pub mod live;
pub mod source;

use async_trait::async_trait;
pub use clock::{ChainClock, ChainNow, StoredHead};
pub use dbc_primitives::{CloseReason, Slot, audit::Terms};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

/// A block, as far as the agent cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Head {
    /// Height.
    pub number: u64,
    /// Slot in which it was made; 0 when no block is known yet.
    pub slot: Slot,
    /// Start of that slot in seconds since 1970.
    pub unix_s: u64,
}

/// Which state is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    /// The newest block; may be taken back.
    Best,
    /// The newest block that cannot.
    Finalized,
}

/// A lease as the agent sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRecord {
    /// Its number.
    pub id: u64,
    /// The machine's key.
    pub machine: [u8; 32],
    /// Positions of its GPUs in the machine's list; empty for a CPU lease.
    pub gpus: Vec<u8>,
    /// CPU shares of a lease without GPUs.
    #[serde(default)]
    pub cpu_shares: u16,
    /// When the meter started; `None` also while another machine has to start it.
    pub started_at: Option<Slot>,
    /// Its end in calendar slots.
    pub ends_at: Slot,
    /// The ed25519 key that roots its grants.
    pub access_key: [u8; 32],
    /// Grants of another epoch are void.
    pub grant_epoch: u32,
    /// Hash that the workload's spec must have, when the renter fixed it.
    pub spec_hash: Option<[u8; 32]>,
    /// Whether the chain was told that its workload does not run.
    #[serde(default)]
    pub down: bool,
    /// Set when it is over.
    pub closed: Option<Closed>,
    /// Another machine has taken it over: what was here of it ends, its data is kept.
    #[serde(default)]
    pub moved: bool,
}

/// The end of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When.
    pub at: Slot,
    /// Why.
    pub reason: CloseReason,
    /// The first slot in which its data may be destroyed; `None` keeps it for good.
    pub retain_until: Option<Slot>,
}

/// A sentence on why a lease ended.
pub fn why_closed(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::EndedByRenter => "ended by the renter",
        CloseReason::Expired => "its term is over",
        CloseReason::NotStarted => "not started in time",
        CloseReason::ProviderFault => "ended by the provider",
        CloseReason::MachineRetired => "the machine was retired",
        CloseReason::CapReached => "its spending cap is reached",
        CloseReason::DisputeUpheld => "a report of its renter was upheld",
        CloseReason::LegTooDear => "its next thirty days cost more than the renter agreed to",
        CloseReason::LegUnpaid => "its next thirty days could not be paid",
    }
}

/// Whether a lease ended by the machine's fault.
pub fn is_strike(reason: CloseReason) -> bool {
    matches!(reason, CloseReason::NotStarted | CloseReason::ProviderFault)
}

/// The machine as it was offered; shares of leases are cut from these figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineRecord {
    /// UUIDs of its GPUs in the driver's form (`GPU-…`), by position.
    pub gpus: Vec<String>,
    /// CPU shares that it offers; they do not change while anything of it is leased.
    #[serde(default)]
    pub cpu_shares: u16,
    /// CPU cores.
    pub cpu_cores: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Disk for workloads in GiB.
    pub disk_gib: u32,
    /// Relays that it announced.
    pub relays: Vec<String>,
}

/// An auditor who is drawn for an open audit of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// His account.
    pub auditor: [u8; 32],
    /// What he may ask the machine to compute.
    pub terms: Terms,
    /// UUIDs of the cards that nobody leases; those that he asks are among them.
    pub cards: Vec<[u8; 16]>,
}

/// Something on the chain may concern this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A block touched this lease.
    Lease {
        /// Number of the lease.
        id: u64,
        /// How final the block is.
        at: At,
    },
    /// Something may have been missed; everything is to be read anew.
    Resync,
}

/// Why the chain gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// No node answers.
    #[error("no node of the chain answers: {0}")]
    Away(String),
    /// The chain refused a call.
    #[error("the chain refused the call: {0}")]
    Refused(String),
    /// The answer cannot be used.
    #[error("the chain's answer cannot be used: {0}")]
    Malformed(String),
}

impl ChainError {
    /// Whether the same call may succeed later.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

/// Reads the chain. Calls may fail while it is away; the channels heal by themselves.
#[async_trait]
pub trait ChainView: Send + Sync {
    /// Length of a slot in milliseconds; at least 1.
    fn slot_ms(&self) -> u64;

    /// The newest finalized head; [`Head::default`] until one is known.
    fn finalized(&self) -> watch::Receiver<Head>;

    /// What may have changed. The first is always [`Change::Resync`]; a receiver that lags gets one
    /// again instead of what it missed. Bounded.
    fn changes(&self) -> mpsc::Receiver<Change>;

    /// A lease; `None` when there is none of that number.
    async fn lease(&self, id: u64, at: At) -> Result<Option<LeaseRecord>, ChainError>;

    /// The leases of a machine that are not closed, and the closed ones whose records are still there.
    async fn leases_of_machine(
        &self,
        machine: [u8; 32],
        at: At,
    ) -> Result<Vec<LeaseRecord>, ChainError>;

    /// The auditor whose connections have this key; `None` when he is not drawn for this audit of this
    /// machine, or it is not open.
    async fn drawn(
        &self,
        audit: u64,
        machine: [u8; 32],
        key: [u8; 32],
    ) -> Result<Option<Drawn>, ChainError>;

    /// The machine's finalized record; `None` when it is not registered.
    async fn machine(&self, machine: [u8; 32]) -> Result<Option<MachineRecord>, ChainError>;
}

/// Signs calls as the machine's operator.
#[async_trait]
pub trait ChainActions: Send + Sync {
    /// Says that the workload of a lease is healthy: its meter starts. Returns when the call is in a
    /// finalized block. Callers look at [`LeaseRecord::started_at`] first.
    async fn started(&self, lease: u64) -> Result<(), ChainError>;

    /// Says that the workload of a lease does not run by this machine's fault: it is not paid for. Nothing happens
    /// when that is known.
    async fn report_down(&self, lease: u64) -> Result<(), ChainError>;

    /// Says that it runs again.
    async fn report_up(&self, lease: u64) -> Result<(), ChainError>;

    /// Collects the rent of a lease up to now.
    async fn settle(&self, lease: u64) -> Result<(), ChainError>;
}
