//! Names of our things on a host, in one place: what is ours must be recognisable by name alone
//! after a crash, and two networks on one host must not meet. No I/O.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Label that says which network a container, image or bridge belongs to.
pub const LABEL_NETWORK: &str = "dbc.network";
/// Label with the number of the lease.
pub const LABEL_LEASE: &str = "dbc.lease";
/// Label with the number of the workload inside the lease.
pub const LABEL_WORKLOAD: &str = "dbc.workload";
/// Label with the hash of the plan that a container was made from.
pub const LABEL_PLAN: &str = "dbc.plan";
/// Label that says what a thing is for when it is no workload, e.g. `unpack`.
pub const LABEL_ROLE: &str = "dbc.role";

/// Short name of a chain: the first eight hex digits of its genesis hash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NetworkId(String);

/// The text is no short network name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network id: eight lower-case hex digits of the genesis hash are expected")]
pub struct BadNetworkId(String);

impl NetworkId {
    /// The id of the chain with this genesis hash.
    pub fn of_genesis(genesis: &[u8; 32]) -> Self {
        Self(hex::encode(&genesis[..4]))
    }

    /// The eight hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Name of the container of a workload.
    pub fn container_name(&self, key: WorkloadKey) -> String {
        format!("dbc-{}-{}-{}", self.0, key.lease, key.workload)
    }

    /// Name of the lease's network as Docker knows it.
    pub fn lease_network_name(&self, lease: u64) -> String {
        format!("dbc-{}-{lease}", self.0)
    }

    /// Name of the lease's bridge. The kernel allows 15 bytes, so only the low 24 bits of the lease
    /// number fit; leases of one machine that far apart are not alive together, and were they,
    /// Docker refuses the second bridge.
    pub fn bridge_name(&self, lease: u64) -> String {
        format!("{}{:06x}", self.bridge_prefix(), lease & 0x00ff_ffff)
    }

    /// What the name of each bridge of this network starts with; the firewall matches on it.
    pub fn bridge_prefix(&self) -> String {
        format!("dbc{}", &self.0[..6])
    }

    /// Name of this network's nftables table (family `inet`).
    pub fn table_name(&self) -> String {
        format!("dbc_{}", self.0)
    }

    /// Directory name of a workload's root in the pool.
    pub fn root_name(&self, key: WorkloadKey) -> String {
        format!("{}-{}-{}", self.0, key.lease, key.workload)
    }

    /// Reads a name made by [`Self::root_name`]; `None` when it is not ours or of another network.
    pub fn parse_root_name(&self, name: &str) -> Option<WorkloadKey> {
        let rest = name.strip_prefix(&self.0)?.strip_prefix('-')?;
        let (lease, workload) = rest.split_once('-')?;
        let key = WorkloadKey { lease: lease.parse().ok()?, workload: workload.parse().ok()? };
        (self.root_name(key) == name).then_some(key)
    }
}

impl fmt::Display for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for NetworkId {
    type Err = BadNetworkId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fine = text.len() == 8
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if fine {
            return Ok(Self(text.to_owned()));
        }
        Err(BadNetworkId(text.chars().take(32).collect()))
    }
}

impl TryFrom<String> for NetworkId {
    type Error = BadNetworkId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<NetworkId> for String {
    fn from(id: NetworkId) -> Self {
        id.0
    }
}

/// A workload on this machine: the lease on the chain and the number inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkloadKey {
    /// Lease on the chain.
    pub lease: u64,
    /// Number inside the lease; starts with 0.
    pub workload: u32,
}

impl WorkloadKey {
    /// The workload `workload` of lease `lease`.
    pub fn new(lease: u64, workload: u32) -> Self {
        Self { lease, workload }
    }
}

impl fmt::Display for WorkloadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.lease, self.workload)
    }
}

/// Id of a container as the engine gave it: 64 lower-case hex digits with Docker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContainerId(pub String);

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.get(..12).unwrap_or(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_their_bounds_and_read_back() {
        let network = NetworkId::of_genesis(&[0xab; 32]);
        assert_eq!(network.as_str(), "abababab");
        for lease in [0, 1, 0x00ff_ffff, u64::MAX] {
            assert!(network.bridge_name(lease).len() <= 15);
            assert!(network.bridge_name(lease).starts_with(&network.bridge_prefix()));
            let key = WorkloadKey::new(lease, u32::MAX);
            assert_eq!(network.parse_root_name(&network.root_name(key)), Some(key));
        }
    }

    #[test]
    fn foreign_names_are_not_ours() {
        let network = NetworkId::of_genesis(&[0xab; 32]);
        for name in ["cdcdcdcd-1-0", "abababab-1", "abababab-01-0", "abababab-1-0-2", "", "x"] {
            assert_eq!(network.parse_root_name(name), None, "{name}");
        }
    }

    #[test]
    fn only_eight_hex_digits_are_an_id() {
        for text in ["", "abc", "ABABABAB", "ababababa", "../../aa"] {
            assert!(text.parse::<NetworkId>().is_err(), "{text}");
        }
    }
}
