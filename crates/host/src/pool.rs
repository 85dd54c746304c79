//! The data pool: image trees once, read-only; a writable root per workload under a quota. The
//! trait, its data and its errors; [`BtrfsPool`] is the real one, the fake is [`crate::fake::FakePool`].
//! Paths that it gives out hold tenants' files: nobody of ours opens anything below them
//! (mechanisms.md rule 18).

mod btrfs;
mod disk;
mod quota;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub(crate) use btrfs::delete;
pub use btrfs::{BtrfsPool, PoolConfig};
pub use disk::{PoolDisk, SIZE_BYTES_MIN};
pub(crate) use disk::{detach, fits, unmount};

use crate::{Cause, ids::WorkloadKey, image::Digest};

/// Keeps the files of workloads. An instance belongs to one network; every method is idempotent.
#[async_trait]
pub trait Pool: Send + Sync {
    /// Size, free space and how quotas are kept.
    async fn health(&self) -> Result<PoolHealth, PoolError>;

    /// Makes sure that the image's tree is in the pool, whole or not at all: `fill` writes it into
    /// an empty directory, which then becomes read-only. Not called when the tree is there.
    async fn ensure_image(&self, image: &Digest, fill: &dyn FillTree) -> Result<(), PoolError>;

    /// Removes an image's tree; roots made from it stay whole. A no-op when it is gone.
    async fn remove_image(&self, image: &Digest) -> Result<(), PoolError>;

    /// The workload's root: made from `image` when there is none, else as it was left. The quota is
    /// set in both cases, before a new root can be seen.
    async fn ensure_root(
        &self,
        key: WorkloadKey,
        image: &Digest,
        quota_bytes: u64,
    ) -> Result<Root, PoolError>;

    /// Changes the quota of a root. One below what is used stops further writes and loses nothing.
    async fn set_quota(&self, key: WorkloadKey, quota_bytes: u64) -> Result<(), PoolError>;

    /// What a workload has written, and its quota.
    async fn usage(&self, key: WorkloadKey) -> Result<Usage, PoolError>;

    /// Removes a root and its snapshots for good. A no-op when it is gone.
    async fn destroy_root(&self, key: WorkloadKey) -> Result<(), PoolError>;

    /// A read-only snapshot of a root, under the same quota. `name`: a-z, 0-9, `-`; at most 32.
    async fn snapshot(&self, key: WorkloadKey, name: &str) -> Result<PathBuf, PoolError>;

    /// All of this network that is in the pool.
    async fn list(&self) -> Result<PoolListing, PoolError>;
}

/// Writes an image's tree; [`crate::Backend::unpack`] behind a closure in practice.
#[async_trait]
pub trait FillTree: Send + Sync {
    /// Writes into `dir`, which is empty and not yet visible to anybody.
    async fn fill(&self, dir: &Path) -> Result<(), Cause>;
}

/// The pool as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolHealth {
    /// Bytes in all.
    pub total_bytes: u64,
    /// Bytes that can still be written.
    pub free_bytes: u64,
    /// How quotas are kept.
    pub quotas: QuotaKind,
}

/// How quotas are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaKind {
    /// btrfs simple quotas (Linux 6.7 and later): subvolumes made inside a root count too.
    Simple,
    /// Classic btrfs qgroups.
    Classic,
}

/// A workload's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Where it is; for [`crate::backend::ContainerPlan::root`] and nothing else.
    pub path: PathBuf,
    /// Whether this call made it.
    pub created: bool,
}

/// Use of a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Bytes written by the workload (the image's own files do not count).
    pub used_bytes: u64,
    /// The quota; zero when there is none.
    pub limit_bytes: u64,
}

/// What is in the pool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolListing {
    /// Images with a whole tree.
    pub images: Vec<Digest>,
    /// Roots.
    pub roots: Vec<WorkloadKey>,
    /// Snapshots.
    pub snapshots: Vec<(WorkloadKey, String)>,
}

/// Why the pool did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// Not mounted, not btrfs, or its directory is gone.
    #[error("the data pool at {path} is not usable: {why}")]
    NotUsable {
        /// Where it should be.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The host has too little space for the pool's file.
    #[error(
        "{wanted_bytes} bytes for the data pool would leave the disk of {path} more than 80 % full"
    )]
    HostFull {
        /// File of the pool.
        path: PathBuf,
        /// Size asked for.
        wanted_bytes: u64,
        /// Largest size that fits now.
        fits_bytes: u64,
    },
    /// The pool is full.
    #[error("the data pool is full")]
    Full,
    /// The image's tree is not in the pool.
    #[error("image {image} is not in the data pool")]
    NoImage {
        /// The image.
        image: Digest,
    },
    /// No such root.
    #[error("workload {key} has no root")]
    NoRoot {
        /// The workload.
        key: WorkloadKey,
    },
    /// The name of a snapshot is not allowed or taken.
    #[error("{name:?} is not allowed as the name of a snapshot: {why}")]
    BadSnapshotName {
        /// The name.
        name: String,
        /// Why.
        why: &'static str,
    },
    /// The tree of an image could not be written.
    #[error("cannot fill the tree of image {image}")]
    Fill {
        /// The image.
        image: Digest,
        /// Cause, often a [`crate::BackendError`].
        #[source]
        source: Cause,
    },
    /// The operating system refused.
    #[error("cannot {action} in the data pool")]
    System {
        /// What was tried.
        action: &'static str,
        /// Cause.
        #[source]
        source: Cause,
    },
}

impl PoolError {
    /// Whether the same call may succeed later with nothing changed by us.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::NotUsable { .. } | Self::Full | Self::System { .. } | Self::Fill { .. }
        )
    }
}

/// Checks a snapshot's name.
pub(crate) fn check_snapshot_name(name: &str) -> Result<(), PoolError> {
    let fine = (1..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fine {
        return Ok(());
    }
    Err(PoolError::BadSnapshotName {
        name: name.chars().take(64).collect(),
        why: "1 to 32 of a-z, 0-9 and - are expected",
    })
}
