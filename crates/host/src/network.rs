//! One bridge per lease, and the rules that keep a lease from everything but the public internet.
//! The trait, its data and its errors; [`BridgeNetwork`] is the real one, the fake is
//! [`crate::fake::FakeNetwork`].

mod bridge;
mod rules;
mod subnet;

use async_trait::async_trait;

pub use bridge::{BridgeNetwork, NetworkConfig};
pub use subnet::{BadSubnet, Subnet};

use crate::Cause;

/// Lease networks. An instance belongs to one network id; every method is idempotent.
#[async_trait]
pub trait Network: Send + Sync {
    /// The lease's network, made when missing, always behind the firewall: the rules are in force
    /// before the bridge exists.
    async fn ensure(&self, lease: u64) -> Result<LeaseNetwork, NetworkError>;

    /// Removes it. Its containers must be gone. A no-op when it is gone.
    async fn remove(&self, lease: u64) -> Result<(), NetworkError>;

    /// All lease networks of this network id.
    async fn list(&self) -> Result<Vec<LeaseNetwork>, NetworkError>;

    /// Writes the whole set of rules again, in one transaction; to be called at start and now and
    /// then, since others may flush tables.
    async fn ensure_firewall(&self) -> Result<(), NetworkError>;
}

/// A lease's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseNetwork {
    /// The lease.
    pub lease: u64,
    /// Name for the engine.
    pub name: String,
    /// Name of the bridge on the host.
    pub bridge: String,
    /// Its IPv4 subnet, e.g. `10.200.0.64/26`.
    pub subnet: String,
}

/// Why a lease's network is not as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// No answer from the container engine.
    #[error("the container engine cannot be reached")]
    Unreachable {
        /// Cause.
        #[source]
        source: Cause,
    },
    /// All subnets of the configured range are taken.
    #[error("no free subnet in {range}")]
    NoSubnet {
        /// The range.
        range: String,
    },
    /// Containers are still attached.
    #[error("the network of lease {lease} is in use")]
    InUse {
        /// The lease.
        lease: u64,
    },
    /// The firewall could not be set; the bridge was not made.
    #[error("cannot set the firewall rules")]
    Firewall {
        /// Cause.
        #[source]
        source: Cause,
    },
    /// The engine refused.
    #[error("the container engine failed to {action} the network of lease {lease}")]
    Engine {
        /// What was asked.
        action: &'static str,
        /// The lease.
        lease: u64,
        /// Cause.
        #[source]
        source: Cause,
    },
}

impl NetworkError {
    /// Whether the same call may succeed later with nothing changed by us.
    pub fn is_retryable(&self) -> bool {
        true
    }
}
