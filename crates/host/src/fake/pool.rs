//! Image trees and roots that exist in memory alone. Paths it gives out do not exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;

use super::{Faults, lock};
use crate::{
    ids::WorkloadKey,
    image::Digest,
    pool::{
        FillTree, Pool, PoolError, PoolHealth, PoolListing, QuotaKind, Root, Usage,
        check_snapshot_name,
    },
};

/// A [`Pool`] in memory. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct FakePool {
    faults: Faults<PoolError>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    images: BTreeSet<Digest>,
    roots: BTreeMap<WorkloadKey, Usage>,
    snapshots: BTreeSet<(WorkloadKey, String)>,
    taken_bytes: u64,
}

const TOTAL_BYTES: u64 = 64 << 30;

impl FakePool {
    /// What fails next, and what was called. Names of operations are those of the trait's methods.
    pub fn faults(&self) -> &Faults<PoolError> {
        &self.faults
    }

    /// Sets what a workload has written.
    pub fn set_used(&self, key: WorkloadKey, used_bytes: u64) {
        if let Some(usage) = lock(&self.state).roots.get_mut(&key) {
            usage.used_bytes = used_bytes;
        }
    }

    /// Leaves so much room in the pool.
    pub fn set_free(&self, free_bytes: u64) {
        lock(&self.state).taken_bytes = TOTAL_BYTES.saturating_sub(free_bytes);
    }

    fn path(key: WorkloadKey) -> PathBuf {
        PathBuf::from(format!("/fake-pool/roots/{key}"))
    }
}

#[async_trait]
impl Pool for FakePool {
    async fn health(&self) -> Result<PoolHealth, PoolError> {
        self.faults.enter("health", "")?;
        let free_bytes = TOTAL_BYTES - lock(&self.state).taken_bytes;
        Ok(PoolHealth { total_bytes: TOTAL_BYTES, free_bytes, quotas: QuotaKind::Simple })
    }

    async fn ensure_image(&self, image: &Digest, fill: &dyn FillTree) -> Result<(), PoolError> {
        self.faults.enter("ensure_image", image)?;
        if lock(&self.state).images.contains(image) {
            return Ok(());
        }
        fill.fill(Path::new("/fake-pool/tmp"))
            .await
            .map_err(|source| PoolError::Fill { image: image.clone(), source })?;
        lock(&self.state).images.insert(image.clone());
        Ok(())
    }

    async fn remove_image(&self, image: &Digest) -> Result<(), PoolError> {
        self.faults.enter("remove_image", image)?;
        lock(&self.state).images.remove(image);
        Ok(())
    }

    async fn ensure_root(
        &self,
        key: WorkloadKey,
        image: &Digest,
        quota_bytes: u64,
    ) -> Result<Root, PoolError> {
        self.faults.enter("ensure_root", key)?;
        let mut state = lock(&self.state);
        let image_there = state.images.contains(image);
        let created = match state.roots.get_mut(&key) {
            Some(usage) => {
                usage.limit_bytes = quota_bytes;
                false
            }
            None if !image_there => {
                return Err(PoolError::NoImage { image: image.clone() });
            }
            None => {
                state.roots.insert(key, Usage { used_bytes: 0, limit_bytes: quota_bytes });
                true
            }
        };
        Ok(Root { path: Self::path(key), created })
    }

    async fn set_quota(&self, key: WorkloadKey, quota_bytes: u64) -> Result<(), PoolError> {
        self.faults.enter("set_quota", key)?;
        let mut state = lock(&self.state);
        let usage = state.roots.get_mut(&key).ok_or(PoolError::NoRoot { key })?;
        usage.limit_bytes = quota_bytes;
        Ok(())
    }

    async fn usage(&self, key: WorkloadKey) -> Result<Usage, PoolError> {
        self.faults.enter("usage", key)?;
        lock(&self.state).roots.get(&key).copied().ok_or(PoolError::NoRoot { key })
    }

    async fn destroy_root(&self, key: WorkloadKey) -> Result<(), PoolError> {
        self.faults.enter("destroy_root", key)?;
        let mut state = lock(&self.state);
        state.roots.remove(&key);
        state.snapshots.retain(|(owner, _)| *owner != key);
        Ok(())
    }

    async fn snapshot(&self, key: WorkloadKey, name: &str) -> Result<PathBuf, PoolError> {
        self.faults.enter("snapshot", key)?;
        check_snapshot_name(name)?;
        let mut state = lock(&self.state);
        if !state.roots.contains_key(&key) {
            return Err(PoolError::NoRoot { key });
        }
        if !state.snapshots.insert((key, name.to_owned())) {
            return Err(PoolError::BadSnapshotName { name: name.to_owned(), why: "it is taken" });
        }
        Ok(PathBuf::from(format!("/fake-pool/snapshots/{key}-{name}")))
    }

    async fn list(&self) -> Result<PoolListing, PoolError> {
        self.faults.enter("list", "")?;
        let state = lock(&self.state);
        Ok(PoolListing {
            images: state.images.iter().cloned().collect(),
            roots: state.roots.keys().copied().collect(),
            snapshots: state.snapshots.iter().cloned().collect(),
        })
    }
}
