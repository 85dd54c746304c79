//! Attributes of files between the kernel and SFTP, both ways. The library's own conversion takes a
//! device for a link and lists no links.

use std::{
    fs::{self, File, Metadata, Permissions},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt, chown, fchown},
    path::Path,
};

use nix::{
    fcntl::AT_FDCWD,
    sys::{
        stat::{UtimensatFlags, futimens, utimensat},
        time::TimeSpec,
    },
};
use russh_sftp::protocol::{File as Entry, FileAttributes};

const MODE_BITS: u32 = 0o7777;

/// What SFTP tells of a file.
pub fn of(metadata: &Metadata) -> FileAttributes {
    FileAttributes {
        size: Some(metadata.size()),
        uid: Some(metadata.uid()),
        user: None,
        gid: Some(metadata.gid()),
        group: None,
        permissions: Some(metadata.mode()),
        atime: Some(seconds(metadata.atime())),
        mtime: Some(seconds(metadata.mtime())),
    }
}

/// An entry of a listing, with the line that clients print for `ls -l`.
pub fn entry(name: String, metadata: Option<&Metadata>) -> Entry {
    let Some(metadata) = metadata else { return Entry::dummy(name) };
    let attrs = of(metadata);
    let kind = match metadata.mode() & libc::S_IFMT {
        libc::S_IFDIR => 'd',
        libc::S_IFLNK => 'l',
        libc::S_IFIFO => 'p',
        libc::S_IFSOCK => 's',
        libc::S_IFCHR => 'c',
        libc::S_IFBLK => 'b',
        _ => '-',
    };
    let mut entry = Entry::new(name, attrs);
    entry.longname.replace_range(..1, &kind.to_string());
    entry
}

/// Sets what is given, on an open file.
pub fn set(file: &File, attrs: &FileAttributes) -> io::Result<()> {
    if let Some(size) = attrs.size {
        file.set_len(size)?;
    }
    if let Some(mode) = attrs.permissions {
        file.set_permissions(Permissions::from_mode(mode & MODE_BITS))?;
    }
    if attrs.uid.is_some() || attrs.gid.is_some() {
        fchown(file, attrs.uid, attrs.gid)?;
    }
    if let Some((accessed, modified)) = times(attrs) {
        futimens(file, &accessed, &modified)?;
    }
    Ok(())
}

/// Sets what is given, on what `path` leads to; with `link`, on a link itself as far as that goes.
pub fn set_at(path: &Path, attrs: &FileAttributes, link: bool) -> io::Result<()> {
    if let Some(size) = attrs.size.filter(|_| !link) {
        File::options().write(true).open(path)?.set_len(size)?;
    }
    if let Some(mode) = attrs.permissions.filter(|_| !link) {
        fs::set_permissions(path, Permissions::from_mode(mode & MODE_BITS))?;
    }
    if attrs.uid.is_some() || attrs.gid.is_some() {
        let chown = if link { std::os::unix::fs::lchown } else { chown };
        chown(path, attrs.uid, attrs.gid)?;
    }
    if let Some((accessed, modified)) = times(attrs) {
        let flags =
            if link { UtimensatFlags::NoFollowSymlink } else { UtimensatFlags::FollowSymlink };
        utimensat(AT_FDCWD, path, &accessed, &modified, flags)?;
    }
    Ok(())
}

fn times(attrs: &FileAttributes) -> Option<(TimeSpec, TimeSpec)> {
    let spec = |seconds: Option<u32>| TimeSpec::new(seconds.unwrap_or(0).into(), 0);
    (attrs.atime.is_some() || attrs.mtime.is_some()).then(|| (spec(attrs.atime), spec(attrs.mtime)))
}

fn seconds(time: i64) -> u32 {
    u32::try_from(time).unwrap_or(0)
}
