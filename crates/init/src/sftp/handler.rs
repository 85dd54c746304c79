//! The requests of SFTP version 3 and the extensions that OpenSSH's client uses. One request at a
//! time, in a process of its own, so plain blocking file calls.

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, File, OpenOptions, ReadDir},
    io::{self, ErrorKind, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, FileExt, OpenOptionsExt, symlink},
    },
    path::{Path, PathBuf},
};

use nix::{
    fcntl::{AT_FDCWD, RenameFlags, renameat2},
    sys::statvfs::{Statvfs as KernelStatvfs, fstatvfs, statvfs},
};
use russh_sftp::{
    de, extensions,
    protocol::{
        Attrs, Data, ExtendedReply, File as Entry, FileAttributes, Handle, Name, OpenFlags, Packet,
        Status, StatusCode, Version,
    },
    ser,
    server::{Handler, StatusReply},
};
use tokio::sync::oneshot;

use super::attributes;

const HANDLES_MAX: usize = 256;
/// Longest read or write in bytes; a packet is this and a little, at most 256 KiB.
const DATA_MAX: u32 = 255 * 1024;
const PACKET_MAX: u32 = 256 * 1024;
/// Entries in one answer to a listing: all fit a packet, however long their names.
const ENTRIES: usize = 100;
const POSIX_RENAME: &str = "posix-rename@openssh.com";
const LSETSTAT: &str = "lsetstat@openssh.com";
const FSTATVFS: &str = "fstatvfs@openssh.com";

/// What a client has open.
#[derive(Debug, Default)]
pub struct Files {
    open: HashMap<u32, Opened>,
    next: u32,
    // Its sender's end tells that this handler was dropped.
    _ended: Option<oneshot::Sender<()>>,
}

#[derive(Debug)]
enum Opened {
    File { file: File, append: bool },
    Folder { path: PathBuf, entries: ReadDir },
}

type Answer<T> = Result<T, StatusReply>;

impl Files {
    /// A handler, and what ends when it is dropped.
    pub fn new() -> (Self, oneshot::Receiver<()>) {
        let (sender, ended) = oneshot::channel();
        (Self { _ended: Some(sender), ..Self::default() }, ended)
    }

    fn insert(&mut self, id: u32, opened: Opened) -> Answer<Handle> {
        if self.open.len() >= HANDLES_MAX {
            return Err(StatusCode::Failure.with_message("too many open handles"));
        }
        self.next = self.next.wrapping_add(1);
        self.open.insert(self.next, opened);
        Ok(Handle { id, handle: self.next.to_string() })
    }

    fn get(&mut self, handle: &str) -> Answer<&mut Opened> {
        let found = handle.parse().ok().and_then(|number: u32| self.open.get_mut(&number));
        found.ok_or_else(|| StatusCode::Failure.with_message("no such handle"))
    }

    fn file(&mut self, handle: &str) -> Answer<(&File, bool)> {
        match self.get(handle)? {
            Opened::File { file, append } => Ok((file, *append)),
            Opened::Folder { .. } => Err(StatusCode::Failure.with_message("is a directory")),
        }
    }
}

fn failed(error: io::Error) -> StatusReply {
    let code = match error.kind() {
        ErrorKind::NotFound => StatusCode::NoSuchFile,
        ErrorKind::PermissionDenied => StatusCode::PermissionDenied,
        ErrorKind::Unsupported => StatusCode::OpUnsupported,
        _ => StatusCode::Failure,
    };
    code.with_message(error.to_string())
}

fn done(id: u32, result: io::Result<()>) -> Answer<Status> {
    result.map_err(failed)?;
    Ok(Status {
        id,
        status_code: StatusCode::Ok,
        error_message: "Ok".into(),
        language_tag: "en".into(),
    })
}

fn one_name(id: u32, path: &Path) -> Name {
    Name { id, files: vec![Entry::dummy(path.to_string_lossy())] }
}

/// The empty path means the working directory.
fn at(path: &str) -> &Path {
    Path::new(if path.is_empty() { "." } else { path })
}

impl Handler for Files {
    type Error = StatusReply;

    fn unimplemented(&self) -> StatusReply {
        StatusCode::OpUnsupported.into()
    }

    async fn init(&mut self, _: u32, _: HashMap<String, String>) -> Answer<Version> {
        let mut version = Version::new();
        let known = [
            (POSIX_RENAME, "1"),
            (extensions::HARDLINK, "1"),
            (extensions::FSYNC, "1"),
            (extensions::STATVFS, "2"),
            (FSTATVFS, "2"),
            (LSETSTAT, "1"),
            (extensions::LIMITS, "1"),
        ];
        version.extensions = known.map(|(name, data)| (name.into(), data.into())).into();
        Ok(version)
    }

    async fn open(
        &mut self,
        id: u32,
        path: String,
        flags: OpenFlags,
        attrs: FileAttributes,
    ) -> Answer<Handle> {
        let mut options = OpenOptions::from(flags);
        options.mode(attrs.permissions.unwrap_or(0o666) & 0o7777).custom_flags(libc::O_NOCTTY);
        let file = options.open(at(&path)).map_err(failed)?;
        self.insert(id, Opened::File { file, append: flags.contains(OpenFlags::APPEND) })
    }

    async fn close(&mut self, id: u32, handle: String) -> Answer<Status> {
        self.get(&handle)?;
        let number: Option<u32> = handle.parse().ok();
        number.and_then(|number| self.open.remove(&number));
        done(id, Ok(()))
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Answer<Data> {
        let (file, _) = self.file(&handle)?;
        let mut data = vec![0; len.min(DATA_MAX) as usize];
        let mut filled = 0;
        while filled < data.len() {
            match file.read_at(&mut data[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) if filled > 0 => break,
                Err(error) => return Err(failed(error)),
            }
        }
        if filled == 0 && len > 0 {
            return Err(StatusCode::Eof.into());
        }
        data.truncate(filled);
        Ok(Data { id, data })
    }

    async fn write(
        &mut self,
        id: u32,
        handle: String,
        offset: u64,
        data: Vec<u8>,
    ) -> Answer<Status> {
        let (mut file, append) = self.file(&handle)?;
        done(id, if append { file.write_all(&data) } else { file.write_all_at(&data, offset) })
    }

    async fn lstat(&mut self, id: u32, path: String) -> Answer<Attrs> {
        let metadata = fs::symlink_metadata(at(&path)).map_err(failed)?;
        Ok(Attrs { id, attrs: attributes::of(&metadata) })
    }

    async fn stat(&mut self, id: u32, path: String) -> Answer<Attrs> {
        let metadata = fs::metadata(at(&path)).map_err(failed)?;
        Ok(Attrs { id, attrs: attributes::of(&metadata) })
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Answer<Attrs> {
        let metadata = match self.get(&handle)? {
            Opened::File { file, .. } => file.metadata(),
            Opened::Folder { path, .. } => fs::metadata(path),
        };
        Ok(Attrs { id, attrs: attributes::of(&metadata.map_err(failed)?) })
    }

    async fn setstat(&mut self, id: u32, path: String, attrs: FileAttributes) -> Answer<Status> {
        done(id, attributes::set_at(at(&path), &attrs, false))
    }

    async fn fsetstat(&mut self, id: u32, handle: String, attrs: FileAttributes) -> Answer<Status> {
        match self.get(&handle)? {
            Opened::File { file, .. } => done(id, attributes::set(file, &attrs)),
            Opened::Folder { path, .. } => done(id, attributes::set_at(path, &attrs, false)),
        }
    }

    async fn opendir(&mut self, id: u32, path: String) -> Answer<Handle> {
        let path = at(&path).to_owned();
        let entries = fs::read_dir(&path).map_err(failed)?;
        self.insert(id, Opened::Folder { path, entries })
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Answer<Name> {
        let Opened::Folder { entries, .. } = self.get(&handle)? else {
            return Err(StatusCode::Failure.with_message("is not a directory"));
        };
        let mut files = Vec::new();
        for found in entries.by_ref().take(ENTRIES) {
            let found = found.map_err(failed)?;
            let name = String::from_utf8_lossy(found.file_name().as_bytes()).into_owned();
            files.push(attributes::entry(name, found.metadata().ok().as_ref()));
        }
        if files.is_empty() { Err(StatusCode::Eof.into()) } else { Ok(Name { id, files }) }
    }

    async fn remove(&mut self, id: u32, path: String) -> Answer<Status> {
        done(id, fs::remove_file(at(&path)))
    }

    async fn mkdir(&mut self, id: u32, path: String, attrs: FileAttributes) -> Answer<Status> {
        let mode = attrs.permissions.unwrap_or(0o777) & 0o7777;
        done(id, DirBuilder::new().mode(mode).create(at(&path)))
    }

    async fn rmdir(&mut self, id: u32, path: String) -> Answer<Status> {
        done(id, fs::remove_dir(at(&path)))
    }

    async fn realpath(&mut self, id: u32, path: String) -> Answer<Name> {
        let path = at(&path);
        let real =
            fs::canonicalize(path).or_else(|error| match (path.parent(), path.file_name()) {
                // The last part may be missing: clients ask for what they are about to make.
                (Some(parent), Some(name)) if error.kind() == ErrorKind::NotFound => {
                    let parent = at(parent.to_str().unwrap_or("/"));
                    fs::canonicalize(parent).map(|parent| parent.join(name))
                }
                _ => Err(error),
            });
        Ok(one_name(id, &real.map_err(failed)?))
    }

    /// Version 3 says that an existing target is an error.
    async fn rename(&mut self, id: u32, old: String, new: String) -> Answer<Status> {
        let (old, new) = (at(&old), at(&new));
        let flags = RenameFlags::RENAME_NOREPLACE;
        let renamed = renameat2(AT_FDCWD, old, AT_FDCWD, new, flags).map_err(io::Error::from);
        let renamed = match renamed {
            // Not every file system knows that flag.
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                match fs::symlink_metadata(new) {
                    Ok(_) => Err(ErrorKind::AlreadyExists.into()),
                    Err(_) => fs::rename(old, new),
                }
            }
            other => other,
        };
        done(id, renamed)
    }

    async fn readlink(&mut self, id: u32, path: String) -> Answer<Name> {
        Ok(one_name(id, &fs::read_link(at(&path)).map_err(failed)?))
    }

    /// All clients send the target first, as OpenSSH does, whatever the draft says.
    async fn symlink(&mut self, id: u32, target: String, link: String) -> Answer<Status> {
        done(id, symlink(target, at(&link)))
    }

    async fn extended(&mut self, id: u32, request: String, data: Vec<u8>) -> Answer<Packet> {
        let mut data = data.into();
        match request.as_str() {
            POSIX_RENAME => {
                let names: extensions::HardlinkExtension = decode(&mut data)?;
                done(id, fs::rename(at(&names.oldpath), at(&names.newpath))).map(Packet::Status)
            }
            extensions::HARDLINK => {
                let names: extensions::HardlinkExtension = decode(&mut data)?;
                done(id, fs::hard_link(at(&names.oldpath), at(&names.newpath))).map(Packet::Status)
            }
            extensions::FSYNC => {
                let what: extensions::FsyncExtension = decode(&mut data)?;
                let (file, _) = self.file(&what.handle)?;
                done(id, file.sync_all()).map(Packet::Status)
            }
            LSETSTAT => {
                let (path, attrs): (String, FileAttributes) = decode(&mut data)?;
                done(id, attributes::set_at(at(&path), &attrs, true)).map(Packet::Status)
            }
            extensions::STATVFS => {
                let what: extensions::StatvfsExtension = decode(&mut data)?;
                let found = statvfs(at(&what.path)).map_err(|error| failed(error.into()))?;
                reply(id, &file_system(&found))
            }
            FSTATVFS => {
                let what: extensions::FsyncExtension = decode(&mut data)?;
                let (file, _) = self.file(&what.handle)?;
                let found = fstatvfs(file).map_err(|error| failed(error.into()))?;
                reply(id, &file_system(&found))
            }
            extensions::LIMITS => reply(
                id,
                &extensions::LimitsExtension {
                    max_packet_len: PACKET_MAX.into(),
                    max_read_len: DATA_MAX.into(),
                    max_write_len: DATA_MAX.into(),
                    max_open_handles: HANDLES_MAX as u64,
                },
            ),
            _ => Err(StatusCode::OpUnsupported.into()),
        }
    }
}

fn decode<'a, T: serde::Deserialize<'a>>(data: &'a mut bytes::Bytes) -> Answer<T> {
    de::from_bytes(data).map_err(|_| StatusCode::BadMessage.into())
}

fn reply(id: u32, value: &impl serde::Serialize) -> Answer<Packet> {
    let data = ser::to_bytes(value).map_err(|_| StatusReply::from(StatusCode::Failure))?;
    Ok(Packet::ExtendedReply(ExtendedReply { id, data: data.to_vec() }))
}

fn file_system(found: &KernelStatvfs) -> extensions::Statvfs {
    extensions::Statvfs {
        block_size: found.block_size(),
        fragment_size: found.fragment_size(),
        blocks: found.blocks(),
        blocks_free: found.blocks_free(),
        blocks_avail: found.blocks_available(),
        inodes: found.files(),
        inodes_free: found.files_free(),
        inodes_avail: found.files_available(),
        fs_id: found.filesystem_id(),
        flags: found.flags().bits(),
        name_max: found.name_max(),
    }
}
