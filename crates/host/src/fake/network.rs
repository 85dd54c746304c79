//! Lease networks that exist in memory alone.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;

use super::{Faults, lock};
use crate::network::{LeaseNetwork, Network, NetworkError};

/// A [`Network`] in memory. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct FakeNetwork {
    faults: Faults<NetworkError>,
    leases: Arc<Mutex<BTreeSet<u64>>>,
}

impl FakeNetwork {
    /// What fails next, and what was called. Names of operations are those of the trait's methods.
    pub fn faults(&self) -> &Faults<NetworkError> {
        &self.faults
    }

    fn describe(lease: u64) -> LeaseNetwork {
        LeaseNetwork {
            lease,
            name: format!("dbc-fake-{lease}"),
            bridge: format!("dbcfake{:06x}", lease & 0x00ff_ffff),
            subnet: format!("10.200.{}.0/26", lease & 0xff),
        }
    }
}

#[async_trait]
impl Network for FakeNetwork {
    async fn ensure(&self, lease: u64) -> Result<LeaseNetwork, NetworkError> {
        self.faults.enter("ensure", lease)?;
        lock(&self.leases).insert(lease);
        Ok(Self::describe(lease))
    }

    async fn remove(&self, lease: u64) -> Result<(), NetworkError> {
        self.faults.enter("remove", lease)?;
        lock(&self.leases).remove(&lease);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<LeaseNetwork>, NetworkError> {
        self.faults.enter("list", "")?;
        Ok(lock(&self.leases).iter().copied().map(Self::describe).collect())
    }

    async fn ensure_firewall(&self) -> Result<(), NetworkError> {
        self.faults.enter("ensure_firewall", "")
    }
}
