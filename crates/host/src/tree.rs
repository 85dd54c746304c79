//! Writes a tar stream from a stranger into a folder. It is done by a thread of its own whose root
//! is that folder (`unshare(CLONE_FS)`, then `chroot`), so no name, link or race in the stream can
//! reach anything else. Bytes and entries are bounded; devices and pipes are left out.

use std::{
    fs,
    io::{self, Read},
    os::{
        fd::AsFd,
        unix::fs::{OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use bytes::{Buf, Bytes};
use futures::{Stream, StreamExt};
use nix::{sched::CloneFlags, sys::stat::Mode};
use tar::EntryType;
use tokio::sync::{mpsc, oneshot};

use crate::Cause;

/// Chunks between the network and the disk; the sender waits when it is full.
const CHUNKS_MAX: usize = 16;
/// A full desktop image has about half a million.
const ENTRIES_MAX: u64 = 5_000_000;
/// What an entry costs on disk besides its bytes.
const ENTRY_BYTES: u64 = 512;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Files, folders and links.
    pub entries: u64,
    /// Bytes of files, and a little for each entry.
    pub bytes: u64,
    /// Devices and pipes that were left out.
    pub left_out: u64,
}

/// Why a tree was not written whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The stream broke off.
    #[error("the stream of the tree broke off")]
    Stream {
        /// Cause.
        #[source]
        source: Cause,
    },
    /// More bytes or entries than allowed.
    #[error("the tree is larger than {bytes_max} bytes or {ENTRIES_MAX} entries")]
    TooLarge {
        /// The bound.
        bytes_max: u64,
    },
    /// The stream is no tar, or the disk refused.
    #[error("cannot write the tree")]
    Write {
        /// Cause.
        #[source]
        source: io::Error,
    },
}

/// Writes the tar `stream` into the folder `into`. When it fails, part of the tree may be there.
pub async fn extract<S>(mut stream: S, into: &Path, bytes_max: u64) -> Result<Written, TreeError>
where
    S: Stream<Item = Result<Bytes, Cause>> + Unpin,
{
    let (chunks, receiver) = mpsc::channel(CHUNKS_MAX);
    let (done, result) = oneshot::channel();
    let into = into.to_owned();
    std::thread::Builder::new()
        .name("unpack".into())
        .spawn(move || {
            let _ = done.send(write_confined(receiver, &into, bytes_max));
        })
        .map_err(|source| TreeError::Write { source })?;
    let mut broke_off = None;
    while let Some(chunk) = stream.next().await {
        match chunk {
            // The thread ended: it says below why.
            Ok(chunk) => {
                if chunks.send(Ok(chunk)).await.is_err() {
                    break;
                }
            }
            Err(source) => {
                broke_off = Some(source);
                let _ = chunks.send(Err(io::ErrorKind::BrokenPipe.into())).await;
                break;
            }
        }
    }
    drop(chunks);
    let written = result.await.unwrap_or_else(|_| {
        Err(TreeError::Write { source: io::Error::other("the thread ended early") })
    });
    match broke_off {
        Some(source) => Err(TreeError::Stream { source }),
        None => written,
    }
}

type Chunk = io::Result<Bytes>;

/// Runs on a thread of its own, which must not do anything else afterwards: its root is changed.
fn write_confined(
    chunks: mpsc::Receiver<Chunk>,
    into: &Path,
    bytes_max: u64,
) -> Result<Written, TreeError> {
    let confine = || -> io::Result<()> {
        let root = fs::OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
            .open(into)?;
        nix::sched::unshare(CloneFlags::CLONE_FS)?;
        nix::unistd::fchdir(root.as_fd())?;
        nix::unistd::chroot(".")?;
        nix::unistd::chdir("/")?;
        nix::sys::stat::umask(Mode::empty());
        root.set_permissions(fs::Permissions::from_mode(0o755))
    };
    confine().map_err(|source| TreeError::Write { source })?;
    let mut archive = tar::Archive::new(Reader { chunks, chunk: Bytes::new() });
    archive.set_preserve_permissions(true);
    archive.set_preserve_ownerships(true);
    archive.set_unpack_xattrs(true);
    write_entries(&mut archive, bytes_max)
}

fn write_entries(archive: &mut tar::Archive<Reader>, bytes_max: u64) -> Result<Written, TreeError> {
    let write = |source| TreeError::Write { source };
    let mut written = Written::default();
    for entry in archive.entries().map_err(write)? {
        let mut entry = entry.map_err(write)?;
        if !is_wanted(entry.header().entry_type()) {
            written.left_out += 1;
            continue;
        }
        written.entries += 1;
        written.bytes = written.bytes.saturating_add(entry.size()).saturating_add(ENTRY_BYTES);
        if written.bytes > bytes_max || written.entries > ENTRIES_MAX {
            return Err(TreeError::TooLarge { bytes_max });
        }
        let name = PathBuf::from(entry.path().map_err(write)?.as_ref());
        if !entry.unpack_in("/").map_err(write)? {
            let why = format!("the name {} leads out of the tree", name.display());
            return Err(write(io::Error::new(io::ErrorKind::InvalidData, why)));
        }
    }
    Ok(written)
}

fn is_wanted(kind: EntryType) -> bool {
    matches!(
        kind,
        EntryType::Regular
            | EntryType::Continuous
            | EntryType::GNUSparse
            | EntryType::Directory
            | EntryType::Link
            | EntryType::Symlink
    )
}

struct Reader {
    chunks: mpsc::Receiver<Chunk>,
    chunk: Bytes,
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.chunk = chunk?,
                None => return Ok(0),
            }
        }
        let length = out.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut out[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn header(kind: EntryType, mode: u32, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header.set_uid(1234);
        header.set_gid(0);
        header
    }

    /// Names are written as they are, which the tar crate's own builder would refuse.
    fn raw(header: &mut tar::Header, name: &str, link: &str) {
        let gnu = header.as_gnu_mut().unwrap();
        gnu.name[..name.len()].copy_from_slice(name.as_bytes());
        gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
    }

    fn entry(kind: EntryType, mode: u32, name: &str, link: &str, data: &[u8]) -> Vec<u8> {
        let mut header = header(kind, mode, data.len() as u64);
        raw(&mut header, name, link);
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    async fn run(entries: &[Vec<u8>], into: &Path, bytes_max: u64) -> Result<Written, TreeError> {
        let mut bytes = entries.concat();
        bytes.extend_from_slice(&[0; 1024]);
        let chunks: Vec<_> = bytes.chunks(700).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
        extract(futures::stream::iter(chunks), into, bytes_max).await
    }

    fn is_root() -> bool {
        let root = nix::unistd::geteuid().is_root();
        if !root {
            eprintln!("SKIPPED: writing trees needs root");
        }
        root
    }

    #[tokio::test]
    async fn a_tree_keeps_modes_owners_and_links() {
        if !is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let entries = [
            entry(EntryType::Directory, 0o750, "bin/", "", b""),
            entry(EntryType::Regular, 0o4755, "bin/su", "", b"program"),
            entry(EntryType::Link, 0o755, "bin/su2", "bin/su", b""),
            entry(EntryType::Symlink, 0o777, "sh", "/bin/su", b""),
            entry(EntryType::Char, 0o666, "null", "", b""),
        ];
        let written = run(&entries, dir.path(), 1 << 20).await.unwrap();
        assert_eq!((written.entries, written.left_out), (4, 1));
        let meta = fs::metadata(dir.path().join("bin/su")).unwrap();
        assert_eq!((meta.mode() & 0o7777, meta.uid(), meta.nlink()), (0o4755, 1234, 2));
        assert_eq!(fs::metadata(dir.path().join("bin")).unwrap().mode() & 0o7777, 0o750);
        assert_eq!(fs::read_link(dir.path().join("sh")).unwrap(), Path::new("/bin/su"));
        assert!(!dir.path().join("null").exists());
    }

    #[tokio::test]
    async fn rule_18_nothing_reaches_out_of_the_folder() {
        if !is_root() {
            return;
        }
        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join("victim");
        fs::write(&victim, "safe").unwrap();
        let target = outside.path().to_str().unwrap();
        let tries = [
            vec![
                entry(EntryType::Symlink, 0o777, "out", target, b""),
                entry(EntryType::Regular, 0o644, "out/victim", "", b"evil"),
            ],
            vec![entry(EntryType::Regular, 0o644, "../victim", "", b"evil")],
            vec![entry(EntryType::Regular, 0o644, victim.to_str().unwrap(), "", b"evil")],
            vec![
                entry(EntryType::Link, 0o644, "hard", victim.to_str().unwrap(), b""),
                entry(EntryType::Regular, 0o644, "hard", "", b"evil"),
            ],
        ];
        for entries in tries {
            let dir = tempfile::tempdir_in(outside.path()).unwrap();
            let _ = run(&entries, dir.path(), 1 << 20).await;
            assert_eq!(fs::read_to_string(&victim).unwrap(), "safe");
            assert_eq!(fs::metadata(&victim).unwrap().nlink(), 1);
        }
        assert!(Path::new("/proc/self/root/proc").exists(), "other threads keep their root");
    }

    #[tokio::test]
    async fn size_is_bounded_and_breaks_are_told() {
        if !is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let entries = [entry(EntryType::Regular, 0o644, "big", "", &[1; 5000])];
        let error = run(&entries, dir.path(), 4000).await.unwrap_err();
        assert!(matches!(error, TreeError::TooLarge { bytes_max: 4000 }), "{error:?}");
        let broken: [Result<Bytes, Cause>; 2] =
            [Ok(Bytes::from(entries[0][..700].to_vec())), Err("gone".into())];
        let error = extract(futures::stream::iter(broken), dir.path(), 1 << 20).await.unwrap_err();
        assert!(matches!(error, TreeError::Stream { .. }), "{error:?}");
        let short = futures::stream::iter([Ok(Bytes::from(entries[0][..700].to_vec()))]);
        assert!(extract(short, dir.path(), 1 << 20).await.is_err());
    }
}
