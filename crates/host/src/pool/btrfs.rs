//! The data pool on btrfs. Below the mount: `images/<hex>` read-only, `roots/<network>-<lease>-
//! <workload>`, `snapshots/<root>.<name>`, and `tmp/`, where things are until they are whole; what a
//! crash leaves there is removed before the same name is used again.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use tokio::sync::{Mutex, MutexGuard};

use super::{
    FillTree, Pool, PoolDisk, PoolError, PoolHealth, PoolListing, QuotaKind, Root, Usage,
    check_snapshot_name, disk,
    quota::{Group, Quotas},
};
use crate::{
    execute::{ExecuteError, execute},
    ids::{NetworkId, WorkloadKey},
    image::Digest,
};

const FOLDERS: [&str; 5] = ["images", "roots", "shared", "snapshots", "tmp"];

/// Where the pool is.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// Where it is mounted.
    pub mount: PathBuf,
    /// What it is kept on.
    pub disk: PoolDisk,
    /// Kind of quotas; `None` takes simple ones when the kernel has them.
    pub quotas: Option<QuotaKind>,
}

/// A [`Pool`] on btrfs.
#[derive(Debug)]
pub struct BtrfsPool {
    network: NetworkId,
    config: PoolConfig,
    /// One change at a time; none takes longer than a few system tools.
    changes: Mutex<()>,
    /// One image is filled at a time: two would only take turns on the disk.
    fills: Mutex<()>,
}

impl BtrfsPool {
    /// Opens the pool: makes, formats and mounts what is missing.
    pub async fn open(network: NetworkId, config: PoolConfig) -> Result<Self, PoolError> {
        let pool = Self { network, config, changes: Mutex::default(), fills: Mutex::default() };
        let (guard, quotas) = pool.begin().await?;
        pool.drop_stale_groups(&quotas).await;
        drop(guard);
        Ok(pool)
    }

    /// Takes the lock and makes sure that the pool is there: others may have unmounted it.
    async fn begin(&self) -> Result<(MutexGuard<'_, ()>, Quotas), PoolError> {
        let guard = self.changes.lock().await;
        disk::ensure_mounted(&self.config.mount, &self.config.disk).await?;
        for folder in FOLDERS {
            let made = fs::create_dir_all(self.config.mount.join(folder));
            made.map_err(|error| PoolError::from_io("make its folders", error))?;
        }
        let quotas = Quotas::ensure(&self.config.mount, self.config.quotas)
            .map_err(|error| PoolError::from_io("turn on quotas", error))?;
        if quotas.lost_count() {
            // Goes on in the background; refused when it already does.
            let mount = self.config.mount.to_string_lossy();
            if let Err(error) = execute("btrfs", &["quota", "rescan", &mount]).await {
                tracing::debug!(error = %error, "quotas are not counted anew now");
            }
        }
        Ok((guard, quotas))
    }

    fn place(&self, folder: &str, name: &str) -> PathBuf {
        self.config.mount.join(folder).join(name)
    }

    fn root(&self, key: WorkloadKey) -> PathBuf {
        self.place("roots", &self.network.root_name(key))
    }

    /// Sets the limit of a root that is at `path`, in `roots/` or still in `tmp/`.
    async fn limit(
        &self,
        quotas: &Quotas,
        name: &str,
        path: &Path,
        bytes: u64,
    ) -> Result<(), PoolError> {
        let (group, bytes) = match quotas.kind {
            QuotaKind::Simple => (self.ensure_group(quotas, name).await?, bytes),
            QuotaKind::Classic => {
                let group = Group::of_subvolume(subvolume_id(path).await?);
                (group, bytes.saturating_add(self.shared_bytes(name)))
            }
        };
        let (bytes, group) = (bytes.to_string(), group.to_string());
        let mount = self.config.mount.to_string_lossy();
        btrfs("set a quota", &["qgroup", "limit", &bytes, &group, &mount]).await
    }

    /// Makes the group over a root when there is none.
    async fn ensure_group(&self, quotas: &Quotas, name: &str) -> Result<Group, PoolError> {
        let group = Group::over_root(name);
        if quotas.usage(group).is_none() {
            let mount = self.config.mount.to_string_lossy();
            btrfs("make a quota group", &["qgroup", "create", &group.to_string(), &mount]).await?;
        }
        Ok(group)
    }

    /// Makes a root at `to` from an image, with its limit.
    async fn make_root(
        &self,
        quotas: &Quotas,
        name: &str,
        from: &Path,
        to: &Path,
        bytes: u64,
    ) -> Result<(), PoolError> {
        let (source, target) = (from.to_string_lossy(), to.to_string_lossy());
        match quotas.kind {
            QuotaKind::Simple => {
                self.limit(quotas, name, to, bytes).await?;
                let group = Group::over_root(name).to_string();
                let args = ["subvolume", "snapshot", "-i", &group, &source, &target];
                btrfs("make a snapshot", &args).await
            }
            QuotaKind::Classic => {
                // Counts are of what has reached the disk.
                btrfs("sync", &["filesystem", "sync", &self.config.mount.to_string_lossy()])
                    .await?;
                let image = Group::of_subvolume(subvolume_id(from).await?);
                let shared = quotas.usage(image).map_or(0, |usage| usage.used_bytes);
                fs::write(self.place("shared", name), shared.to_string())
                    .map_err(|error| PoolError::from_io("note a root's share", error))?;
                btrfs("make a snapshot", &["subvolume", "snapshot", &source, &target]).await?;
                self.limit(quotas, name, to, bytes).await
            }
        }
    }

    /// Bytes that a root had from its image when it was made (classic quotas).
    fn shared_bytes(&self, name: &str) -> u64 {
        let text = fs::read_to_string(self.place("shared", name)).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }

    /// Removes groups whose subvolumes are gone. The kernel empties a deleted subvolume in the
    /// background and keeps its group until then, so this is tried again and again, quietly.
    async fn drop_stale_groups(&self, quotas: &Quotas) {
        let mount = self.config.mount.to_string_lossy();
        let Ok(listed) = execute("btrfs", &["subvolume", "list", &mount]).await else { return };
        let id = |line: &str| line.strip_prefix("ID ")?.split(' ').next()?.parse::<u64>().ok();
        let alive: BTreeSet<u64> = listed.lines().filter_map(id).collect();
        let mut stale: Vec<String> = Vec::new();
        let volumes = quotas.list(0).unwrap_or_default();
        stale.extend(
            volumes
                .iter()
                .filter(|id| **id > 255 && !alive.contains(id))
                .map(|id| format!("0/{id}")),
        );
        let names = ["roots", "tmp"].map(|folder| names(&self.config.mount.join(folder)));
        let used: BTreeSet<u64> =
            names.iter().flatten().map(|name| Group::over_root(name).number).collect();
        let groups = quotas.list(1).unwrap_or_default();
        stale.extend(groups.iter().filter(|id| !used.contains(id)).map(|id| format!("1/{id}")));
        for group in stale {
            if let Err(error) = execute("btrfs", &["qgroup", "destroy", &group, &mount]).await {
                tracing::debug!(group, error = %error, "a quota group stays for now");
            }
        }
    }
}

#[async_trait]
impl Pool for BtrfsPool {
    async fn health(&self) -> Result<PoolHealth, PoolError> {
        let (_guard, quotas) = self.begin().await?;
        let stat = nix::sys::statvfs::statvfs(&self.config.mount)
            .map_err(|error| PoolError::from_io("measure it", error.into()))?;
        let unit = stat.fragment_size();
        Ok(PoolHealth {
            total_bytes: stat.blocks() * unit,
            free_bytes: stat.blocks_available() * unit,
            quotas: quotas.kind,
        })
    }

    async fn ensure_image(&self, image: &Digest, fill: &dyn FillTree) -> Result<(), PoolError> {
        let _filling = self.fills.lock().await;
        let (done, new) = (self.place("images", image.hex()), self.place("tmp", image.hex()));
        {
            let _guard = self.begin().await?;
            if done.is_dir() {
                return Ok(());
            }
            delete(&new).await?;
            btrfs("make a subvolume", &["subvolume", "create", &new.to_string_lossy()]).await?;
        }
        let filled = fill.fill(&new).await;
        let _guard = self.begin().await?;
        if let Err(source) = filled {
            delete(&new).await?;
            return Err(PoolError::Fill { image: image.clone(), source });
        }
        // A read-only subvolume cannot be renamed, and a snapshot appears whole.
        let (from, to) = (new.to_string_lossy(), done.to_string_lossy());
        btrfs("make a snapshot", &["subvolume", "snapshot", "-r", &from, &to]).await?;
        delete(&new).await
    }

    async fn remove_image(&self, image: &Digest) -> Result<(), PoolError> {
        let (_guard, quotas) = self.begin().await?;
        delete(&self.place("images", image.hex())).await?;
        self.drop_stale_groups(&quotas).await;
        Ok(())
    }

    async fn ensure_root(
        &self,
        key: WorkloadKey,
        image: &Digest,
        quota_bytes: u64,
    ) -> Result<Root, PoolError> {
        let (_guard, quotas) = self.begin().await?;
        let name = self.network.root_name(key);
        let path = self.root(key);
        if path.is_dir() {
            self.limit(&quotas, &name, &path, quota_bytes).await?;
            return Ok(Root { path, created: false });
        }
        let from = self.place("images", image.hex());
        if !from.is_dir() {
            return Err(PoolError::NoImage { image: image.clone() });
        }
        let new = self.place("tmp", &name);
        delete(&new).await?;
        self.make_root(&quotas, &name, &from, &new, quota_bytes).await?;
        fs::rename(&new, &path).map_err(|error| PoolError::from_io("rename a root", error))?;
        Ok(Root { path, created: true })
    }

    async fn set_quota(&self, key: WorkloadKey, quota_bytes: u64) -> Result<(), PoolError> {
        let (_guard, quotas) = self.begin().await?;
        let path = self.root(key);
        if !path.is_dir() {
            return Err(PoolError::NoRoot { key });
        }
        self.limit(&quotas, &self.network.root_name(key), &path, quota_bytes).await
    }

    async fn usage(&self, key: WorkloadKey) -> Result<Usage, PoolError> {
        let (_guard, quotas) = self.begin().await?;
        let (path, name) = (self.root(key), self.network.root_name(key));
        if !path.is_dir() {
            return Err(PoolError::NoRoot { key });
        }
        let (group, shared) = match quotas.kind {
            QuotaKind::Simple => (Group::over_root(&name), 0),
            QuotaKind::Classic => {
                (Group::of_subvolume(subvolume_id(&path).await?), self.shared_bytes(&name))
            }
        };
        let usage = quotas.usage(group).unwrap_or_default();
        Ok(Usage {
            used_bytes: usage.used_bytes.saturating_sub(shared),
            limit_bytes: usage.limit_bytes.saturating_sub(shared),
        })
    }

    async fn destroy_root(&self, key: WorkloadKey) -> Result<(), PoolError> {
        let (_guard, quotas) = self.begin().await?;
        let name = self.network.root_name(key);
        for snapshot in names(&self.config.mount.join("snapshots")) {
            if snapshot.split_once('.').is_some_and(|(root, _)| root == name) {
                delete(&self.place("snapshots", &snapshot)).await?;
            }
        }
        delete(&self.place("tmp", &name)).await?;
        delete(&self.root(key)).await?;
        match fs::remove_file(self.place("shared", &name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(PoolError::from_io("forget a root's share", error));
            }
            _ => {}
        }
        self.drop_stale_groups(&quotas).await;
        Ok(())
    }

    async fn snapshot(&self, key: WorkloadKey, name: &str) -> Result<PathBuf, PoolError> {
        check_snapshot_name(name)?;
        let (_guard, quotas) = self.begin().await?;
        let (from, root) = (self.root(key), self.network.root_name(key));
        if !from.is_dir() {
            return Err(PoolError::NoRoot { key });
        }
        let path = self.place("snapshots", &format!("{root}.{name}"));
        if path.exists() {
            return Err(PoolError::BadSnapshotName { name: name.to_owned(), why: "it is taken" });
        }
        let group = Group::over_root(&root).to_string();
        let (from, to) = (from.to_string_lossy(), path.to_string_lossy());
        let args: &[&str] = match quotas.kind {
            QuotaKind::Simple => &["subvolume", "snapshot", "-r", "-i", &group, &from, &to],
            QuotaKind::Classic => &["subvolume", "snapshot", "-r", &from, &to],
        };
        btrfs("make a snapshot", args).await?;
        Ok(path)
    }

    async fn list(&self) -> Result<PoolListing, PoolError> {
        let _guard = self.begin().await?;
        let at = |folder| names(&self.config.mount.join(folder));
        let snapshot = |name: &String| {
            let (root, name) = name.split_once('.')?;
            Some((self.network.parse_root_name(root)?, name.to_owned()))
        };
        Ok(PoolListing {
            images: at("images")
                .iter()
                .filter_map(|hex| format!("sha256:{hex}").parse().ok())
                .collect(),
            roots: at("roots")
                .iter()
                .filter_map(|name| self.network.parse_root_name(name))
                .collect(),
            snapshots: at("snapshots").iter().filter_map(snapshot).collect(),
        })
    }
}

impl PoolError {
    pub(super) fn from_io(action: &'static str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::System { action, source: error.into() },
        }
    }

    fn from_tool(action: &'static str, error: ExecuteError) -> Self {
        if error.stderr.contains("No space left") {
            return Self::Full;
        }
        Self::System { action, source: error.into() }
    }
}

async fn btrfs(action: &'static str, args: &[&str]) -> Result<(), PoolError> {
    execute("btrfs", args).await.map(drop).map_err(|error| PoolError::from_tool(action, error))
}

/// Number of the subvolume at `path`.
async fn subvolume_id(path: &Path) -> Result<u64, PoolError> {
    let action = "find a subvolume's number";
    let said = execute("btrfs", &["inspect-internal", "rootid", &path.to_string_lossy()])
        .await
        .map_err(|error| PoolError::from_tool(action, error))?;
    said.trim()
        .parse()
        .map_err(|_| PoolError::System { action, source: "btrfs answered no number".into() })
}

/// Deletes a subvolume for good; a no-op when it is gone.
pub(crate) async fn delete(path: &Path) -> Result<(), PoolError> {
    if !path.is_dir() {
        return Ok(());
    }
    btrfs("delete a subvolume", &["subvolume", "delete", "--commit-after", &path.to_string_lossy()])
        .await
}

fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<_> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
