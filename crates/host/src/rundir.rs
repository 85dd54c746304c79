//! The folder that a workload and the agent share: `init.sock` lies in it. A tenant who is root in
//! his container can write there, so it is a tiny file system in memory of its own, and nothing in
//! it is opened by name: a link in the socket's place must not lead the agent to the engine's socket
//! or to another tenant's.

use std::{
    fs, io,
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt},
    },
    path::Path,
};

use nix::{
    fcntl::{OFlag, OpenHow, ResolveFlag, openat2},
    mount::{MntFlags, MsFlags, mount, umount2},
};
use tokio::net::UnixStream;

use crate::mounts::mount_at;

/// Name of the socket in the folder.
pub const SOCKET_NAME: &str = "init.sock";
/// Where the folder is inside a container.
pub const MOUNTED_AT: &str = "/.dbc/run";
/// A socket needs one inode; the rest is for what init may leave beside it.
const OPTIONS: &str = "size=256k,nr_inodes=64,mode=0700";

/// Makes the folder and mounts its file system; a no-op when that is done. To be called before every
/// start: a reboot empties it.
pub fn ensure(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let dir = fs::canonicalize(dir)?;
    match mount_at(&dir)? {
        Some(found) if found.kind == "tmpfs" => return Ok(()),
        Some(found) => return Err(io::Error::other(format!("a {} is mounted there", found.kind))),
        None => {}
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("dbc-run"), &dir, Some("tmpfs"), flags, Some(OPTIONS))?;
    Ok(())
}

/// Unmounts and removes the folder; a no-op when it is gone. What a running container has of it
/// stays until it ends.
pub fn remove(dir: &Path) -> io::Result<()> {
    let Ok(dir) = fs::canonicalize(dir) else { return Ok(()) };
    while mount_at(&dir)?.is_some_and(|found| found.kind == "tmpfs") {
        umount2(&dir, MntFlags::MNT_DETACH)?;
    }
    match fs::remove_dir(&dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Connects to the folder's `init.sock`: to that very socket, never through a link.
pub async fn connect(dir: &Path) -> io::Result<UnixStream> {
    let folder = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
        .open(dir)?;
    let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).resolve(
        ResolveFlag::RESOLVE_BENEATH
            | ResolveFlag::RESOLVE_NO_SYMLINKS
            | ResolveFlag::RESOLVE_NO_XDEV,
    );
    let socket = fs::File::from(openat2(folder.as_fd(), SOCKET_NAME, how)?);
    if !socket.metadata()?.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "init.sock is no socket"));
    }
    // The descriptor's own name leads to the socket that was just looked at and to no other.
    UnixStream::connect(format!("/proc/self/fd/{}", socket.as_raw_fd())).await
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

    use super::*;

    #[tokio::test]
    async fn rule_18_a_link_in_the_sockets_place_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (mine, other) = (dir.path().join("mine"), dir.path().join("other"));
        fs::create_dir(&mine).unwrap();
        fs::create_dir(&other).unwrap();
        let _listener = UnixListener::bind(other.join(SOCKET_NAME)).unwrap();
        connect(&other).await.unwrap();
        symlink(other.join(SOCKET_NAME), mine.join(SOCKET_NAME)).unwrap();
        assert!(connect(&mine).await.is_err());
        symlink(&other, dir.path().join("link")).unwrap();
        assert!(connect(&dir.path().join("link")).await.is_err());
        fs::remove_file(mine.join(SOCKET_NAME)).unwrap();
        fs::write(mine.join(SOCKET_NAME), "").unwrap();
        assert!(connect(&mine).await.is_err());
    }

    #[test]
    fn the_folder_is_small_and_leaves_nothing() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("SKIPPED: mounting needs root");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run/1-0");
        ensure(&run).unwrap();
        ensure(&run).unwrap();
        assert!(fs::write(run.join("big"), vec![0; 1 << 20]).is_err());
        remove(&run).unwrap();
        remove(&run).unwrap();
        assert!(!run.exists());
        assert_eq!(mount_at(&run).unwrap(), None);
    }
}
