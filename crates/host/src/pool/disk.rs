//! The disk under the pool: a file made once and mounted through a loop device, a block device of
//! its own, or a btrfs that somebody else mounted. Mounts what should be mounted; holds no tenants'
//! data structures.

use std::{
    fs, io,
    os::{
        fd::AsRawFd,
        unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use nix::mount::{MsFlags, mount};
use serde::{Deserialize, Serialize};

use super::{PoolError, quota};
use crate::{
    execute::execute,
    mounts::{loops, mount_at},
};

/// What the pool is kept on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolDisk {
    /// A file, made when missing with all its space reserved.
    File {
        /// Where.
        path: PathBuf,
        /// Its size; at least [`SIZE_BYTES_MIN`]. Not looked at when the file is there.
        size_bytes: u64,
    },
    /// A block device that holds a btrfs; never formatted by us.
    Device {
        /// E.g. `/dev/disk/by-id/…`.
        path: PathBuf,
    },
    /// A btrfs that is mounted by the system.
    Mounted,
}

/// Smallest pool: btrfs itself needs most of it.
pub const SIZE_BYTES_MIN: u64 = 256 << 20;
/// A full host would turn the pool read-only for everybody (mechanisms.md rule 17).
const HOST_PERCENT_MAX: u64 = 80;

/// Makes sure that the pool is mounted at `target`; quick when it is.
pub(super) async fn ensure_mounted(target: &Path, disk: &PoolDisk) -> Result<(), PoolError> {
    let unusable = |why: String| PoolError::NotUsable { path: target.to_owned(), why };
    if is_mounted(target)? {
        return Ok(());
    }
    let device = match disk {
        PoolDisk::Mounted if quota::is_btrfs(target) => return Ok(()),
        PoolDisk::Mounted => return Err(unusable("it is not on btrfs".into())),
        PoolDisk::Device { path } => path.clone(),
        PoolDisk::File { path, size_bytes } => {
            ensure_file(path, *size_bytes).await?;
            attach(path).await?
        }
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(target)
        .map_err(system("make its folder"))?;
    // Nothing on the host may take a tenant's files for set-user-id programs or devices.
    let flags = MsFlags::MS_NOATIME | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some(&device), target, Some("btrfs"), flags, None::<&str>)
        .map_err(|error| unusable(format!("cannot mount {}: {error}", device.display())))?;
    fs::set_permissions(target, fs::Permissions::from_mode(0o700))
        .map_err(system("set its mode"))?;
    tracing::info!(path = %target.display(), device = %device.display(), "data pool mounted");
    Ok(())
}

fn is_mounted(target: &Path) -> Result<bool, PoolError> {
    let found = mount_at(target).map_err(system("read the mounts"))?;
    match found {
        Some(mount) if mount.kind == "btrfs" => Ok(true),
        Some(mount) => Err(PoolError::NotUsable {
            path: target.to_owned(),
            why: format!("a {} is mounted there", mount.kind),
        }),
        None => Ok(false),
    }
}

/// Makes and formats the file, whole or not at all.
async fn ensure_file(path: &Path, size_bytes: u64) -> Result<(), PoolError> {
    if path.try_exists().map_err(system("look for its file"))? {
        return Ok(());
    }
    let size_bytes = size_bytes.max(SIZE_BYTES_MIN);
    let parent = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(system("make the folder of its file"))?;
    let fits_bytes = fits(parent)?;
    if size_bytes > fits_bytes {
        return Err(PoolError::HostFull {
            path: path.to_owned(),
            wanted_bytes: size_bytes,
            fits_bytes,
        });
    }
    let new = path.with_extension("new");
    let (file, size) = (new.clone(), size_bytes);
    tokio::task::spawn_blocking(move || reserve(&file, size))
        .await
        .map_err(|error| PoolError::System { action: "reserve its file", source: error.into() })?
        .map_err(system("reserve its file"))?;
    execute("mkfs.btrfs", &["--quiet", "--force", "--label", "dbc", &new.to_string_lossy()])
        .await
        .map_err(|error| PoolError::System { action: "format its file", source: error.into() })?;
    fs::rename(&new, path).map_err(system("rename its file"))?;
    tracing::info!(path = %path.display(), size_bytes, "data pool made");
    Ok(())
}

fn reserve(path: &Path, size_bytes: u64) -> io::Result<()> {
    let file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let size = i64::try_from(size_bytes).map_err(|_| io::ErrorKind::InvalidInput)?;
    nix::fcntl::fallocate(&file, nix::fcntl::FallocateFlags::empty(), 0, size)?;
    file.sync_all()
}

/// Largest file that keeps its disk within the bound.
pub(crate) fn fits(dir: &Path) -> Result<u64, PoolError> {
    let stat = nix::sys::statvfs::statvfs(dir)
        .map_err(|error| system("measure its disk")(error.into()))?;
    let unit = stat.fragment_size();
    // As `df` reckons: blocks that the file system reserves are neither used nor there for us.
    let used = stat.blocks().saturating_sub(stat.blocks_free()) * unit;
    let total = used + stat.blocks_available() * unit;
    Ok((total / 100 * HOST_PERCENT_MAX).saturating_sub(used))
}

/// The loop device of the file, made when there is none.
async fn attach(path: &Path) -> Result<PathBuf, PoolError> {
    let path = fs::canonicalize(path).map_err(system("find its file"))?;
    let attached = loops().map_err(system("read the loop devices"))?;
    if let Some(found) = attached.into_iter().find(|found| found.file == path) {
        return Ok(found.device);
    }
    let file = path.to_string_lossy().into_owned();
    // Direct I/O keeps the data from being cached twice; not every file system can.
    let direct = execute("losetup", &["--find", "--show", "--direct-io=on", &file]).await;
    let device = match direct {
        Ok(device) => device,
        Err(error) => {
            tracing::warn!(error = %error, "no direct I/O for the data pool");
            execute("losetup", &["--find", "--show", &file]).await.map_err(|error| {
                PoolError::System { action: "attach its file", source: error.into() }
            })?
        }
    };
    Ok(PathBuf::from(device.trim()))
}

/// Unmounts the pool; a no-op when it is not mounted. For cleanup alone.
pub(crate) fn unmount(target: &Path) -> io::Result<()> {
    while mount_at(target)?.is_some() {
        nix::mount::umount(target)?;
    }
    Ok(())
}

/// Lets a loop device go; a no-op when it is free. For cleanup alone.
pub(crate) fn detach(device: &Path) -> io::Result<()> {
    if !loops()?.iter().any(|found| found.device == device) {
        return Ok(());
    }
    let device = fs::File::open(device)?;
    // SAFETY: LOOP_CLR_FD takes no argument and the descriptor is open.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CLR_FD) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// From linux/loop.h.
const LOOP_CLR_FD: libc::Ioctl = 0x4C01;

fn system(action: &'static str) -> impl Fn(io::Error) -> PoolError {
    move |error| match error.kind() {
        io::ErrorKind::StorageFull => PoolError::Full,
        _ => PoolError::System { action, source: error.into() },
    }
}
