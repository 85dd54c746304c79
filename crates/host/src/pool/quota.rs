//! btrfs quotas: which kind the file system keeps, turning them on, and reading what is used. Uses
//! two ioctls and `/sys/fs/btrfs`; limits are set with btrfs-progs by [`super::btrfs`].

use std::{
    fs, io,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::pool::{QuotaKind, Usage};

/// `BTRFS_IOC_QUOTA_CTL`; commands from linux/btrfs.h.
#[repr(C)]
struct QuotaControl {
    command: u64,
    status: u64,
}

const QUOTA_ENABLE: u64 = 1;
const QUOTA_ENABLE_SIMPLE: u64 = 4;
const BTRFS_SUPER_MAGIC: i64 = 0x9123_683e;

/// `BTRFS_IOC_FS_INFO` fills 1,024 bytes: two numbers, then the file system's UUID.
#[repr(C)]
struct FsInfo {
    devices: [u64; 2],
    uuid: [u8; 16],
    rest: [u8; 992],
}

mod ioctl {
    nix::ioctl_readwrite!(quota_control, 0x94, 40, super::QuotaControl);
    nix::ioctl_read!(fs_info, 0x94, 31, super::FsInfo);
}

/// Whether the directory lies on btrfs.
pub(super) fn is_btrfs(dir: &Path) -> bool {
    nix::sys::statfs::statfs(dir).is_ok_and(|stat| stat.filesystem_type().0 == BTRFS_SUPER_MAGIC)
}

/// Quotas of one mounted file system.
#[derive(Debug, Clone)]
pub(super) struct Quotas {
    groups: PathBuf,
    pub(super) kind: QuotaKind,
}

impl Quotas {
    /// Turns quotas on when they are off: simple ones when the kernel has them, unless `wanted` says
    /// otherwise. What was turned on before stays.
    pub(super) fn ensure(mount: &Path, wanted: Option<QuotaKind>) -> io::Result<Self> {
        let dir = fs::File::open(mount)?;
        let groups = Path::new("/sys/fs/btrfs").join(uuid(&dir)?).join("qgroups");
        if let Some(kind) = read_kind(&groups) {
            return Ok(Self { groups, kind }.prepared());
        }
        let commands: &[u64] = match wanted {
            Some(QuotaKind::Simple) => &[QUOTA_ENABLE_SIMPLE],
            Some(QuotaKind::Classic) => &[QUOTA_ENABLE],
            None => &[QUOTA_ENABLE_SIMPLE, QUOTA_ENABLE],
        };
        let mut last = io::Error::from(io::ErrorKind::Unsupported);
        for command in commands {
            let mut control = QuotaControl { command: *command, status: 0 };
            // SAFETY: the descriptor is open and the struct is what this ioctl reads and writes.
            match unsafe { ioctl::quota_control(dir.as_raw_fd(), &raw mut control) } {
                Ok(_) => {
                    let kind = read_kind(&groups).ok_or(io::ErrorKind::NotFound)?;
                    return Ok(Self { groups, kind }.prepared());
                }
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }

    /// Newer kernels stop counting while a large subvolume is deleted, and limits with it; told so,
    /// they go on. Simple quotas always do, and older kernels have no such file.
    fn prepared(self) -> Self {
        if self.kind == QuotaKind::Classic {
            let _ = fs::write(self.groups.join("drop_subtree_threshold"), "8");
        }
        self
    }

    /// What a group holds; `None` when there is no such group.
    pub(super) fn usage(&self, group: Group) -> Option<Usage> {
        let dir = self.groups.join(format!("{}_{}", group.level, group.number));
        let number = |name: &str| -> Option<u64> {
            fs::read_to_string(dir.join(name)).ok()?.trim().parse().ok()
        };
        Some(Usage { used_bytes: number("referenced")?, limit_bytes: number("max_referenced")? })
    }

    /// Whether classic quotas lost count and must be counted anew.
    pub(super) fn lost_count(&self) -> bool {
        let read = fs::read_to_string(self.groups.join("inconsistent"));
        self.kind == QuotaKind::Classic && read.is_ok_and(|value| value.trim() == "1")
    }

    /// Numbers of all groups of this level.
    pub(super) fn list(&self, level: u8) -> io::Result<Vec<u64>> {
        let prefix = format!("{level}_");
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.groups)? {
            let name = entry?.file_name();
            let number: Option<u64> =
                name.to_str().and_then(|name| name.strip_prefix(&prefix)?.parse().ok());
            found.extend(number);
        }
        Ok(found)
    }
}

/// A quota group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    level: u8,
    pub(super) number: u64,
}

impl Group {
    /// With simple quotas: the group over a root and its snapshots. Its number comes from the root's
    /// name, so that it is found again after a crash.
    pub(super) fn over_root(name: &str) -> Self {
        let hash = Sha256::digest(name.as_bytes());
        let mut number = [0; 8];
        number[..6].copy_from_slice(&hash[..6]); // numbers of groups have 48 bits
        Self { level: 1, number: u64::from_le_bytes(number) | 1 }
    }

    /// The group that every subvolume has for itself.
    pub(super) fn of_subvolume(id: u64) -> Self {
        Self { level: 0, number: id }
    }
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.level, self.number)
    }
}

fn read_kind(groups: &Path) -> Option<QuotaKind> {
    // Kernels without simple quotas have no `mode`; there the folder alone says "on".
    match fs::read_to_string(groups.join("mode")) {
        Ok(mode) if mode.trim() == "squota" => Some(QuotaKind::Simple),
        Ok(mode) if mode.trim() == "disabled" => None,
        Ok(_) => Some(QuotaKind::Classic),
        Err(_) => groups.is_dir().then_some(QuotaKind::Classic),
    }
}

fn uuid(dir: &fs::File) -> io::Result<String> {
    let mut info = FsInfo { devices: [0; 2], uuid: [0; 16], rest: [0; 992] };
    // SAFETY: the descriptor is open and the struct has the 1,024 bytes that this ioctl writes.
    unsafe { ioctl::fs_info(dir.as_raw_fd(), &raw mut info) }?;
    let hex = hex::encode(info.uuid);
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}
