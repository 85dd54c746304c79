//! The SFTP client: single operations with bounds on everything that the workload answers, whole
//! files in pipelined pieces. What is copied where is [`super::copy`]'s.

use std::{path::Path, sync::Arc};

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use russh_sftp::{
    client::{Config, RawSftpSession, error::Error},
    protocol::{FileAttributes, OpenFlags, StatusCode},
};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
};

use super::ssh::{Ssh, broken};
use crate::MarketError;

/// Bytes of one read or write.
const PIECE_BYTES: u32 = 32 * 1024;
/// Pieces under way at once.
const PIECES_MAX: usize = 32;
/// Entries of one folder that are read.
const ENTRIES_MAX: usize = 100_000;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A link, a device, a socket: never copied.
    Other,
}

/// A name with what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) bytes: u64,
    /// The nine permission bits.
    pub(super) mode: u32,
}

/// An SFTP connection.
pub(super) struct Sftp {
    raw: Arc<RawSftpSession>,
    _ssh: Arc<Ssh>,
}

impl Sftp {
    pub(super) async fn open(ssh: Arc<Ssh>) -> Result<Self, MarketError> {
        let machine = ssh.machine();
        let failed = |error: russh::Error| broken(machine, &error);
        let channel = ssh.channel().await?;
        channel.request_subsystem(true, "sftp").await.map_err(failed)?;
        let config = Config { request_timeout_secs: 60, ..Config::default() };
        let raw = RawSftpSession::new_with_config(channel.into_stream(), config);
        raw.init().await.map_err(|error| MarketError::Broken {
            machine,
            why: format!("its file server does not answer: {error}"),
        })?;
        Ok(Self { raw: Arc::new(raw), _ssh: ssh })
    }

    /// The absolute form of a path.
    pub(super) async fn absolute(&self, path: &str) -> Result<String, MarketError> {
        let names = self.raw.realpath(path).await.map_err(|error| failed(path, &error))?;
        let name = names.files.into_iter().next().map(|file| file.filename);
        name.ok_or_else(|| MarketError::Copy { path: path.into(), why: "it has no name".into() })
    }

    /// What is there; `None` when nothing is. Follows links.
    pub(super) async fn stat(&self, path: &str) -> Result<Option<Entry>, MarketError> {
        match self.raw.stat(path).await {
            Ok(found) => Ok(Some(entry(path.into(), &found.attrs))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed(path, &error)),
        }
    }

    /// What a folder holds, without `.` and `..`. Names that could lead out of it are refused.
    pub(super) async fn list(&self, path: &str) -> Result<Vec<Entry>, MarketError> {
        let handle = self.raw.opendir(path).await.map_err(|error| failed(path, &error))?.handle;
        let mut entries = Vec::new();
        let listed = loop {
            match self.raw.readdir(&handle).await {
                Ok(names) => {
                    for file in names.files {
                        if file.filename != "." && file.filename != ".." {
                            entries.push(entry(file.filename, &file.attrs));
                        }
                    }
                    if entries.len() > ENTRIES_MAX {
                        break Err(MarketError::Copy {
                            path: path.into(),
                            why: format!("it holds more than {ENTRIES_MAX} entries"),
                        });
                    }
                }
                Err(Error::Status(status)) if status.status_code == StatusCode::Eof => {
                    break Ok(());
                }
                Err(error) => break Err(failed(path, &error)),
            }
        };
        drop(self.raw.close(handle).await);
        listed?;
        for entry in &entries {
            check_name(path, &entry.name)?;
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Makes a folder unless it is there.
    pub(super) async fn make_folder(&self, path: &str, mode: u32) -> Result<(), MarketError> {
        if let Some(found) = self.stat(path).await? {
            return if found.kind == Kind::Folder {
                Ok(())
            } else {
                Err(MarketError::Copy { path: path.into(), why: "it is no folder".into() })
            };
        }
        let made = self.raw.mkdir(path, attributes(mode)).await;
        made.map(drop).map_err(|error| failed(path, &error))
    }

    /// Writes a local file to `path`; `moved` is told the bytes of each piece that arrived.
    pub(super) async fn write_file(
        &self,
        local: &mut File,
        path: &str,
        mode: u32,
        moved: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), MarketError> {
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE;
        let opened = self.raw.open(path, flags, attributes(mode)).await;
        let handle = opened.map_err(|error| failed(path, &error))?.handle;
        let pieces = stream::try_unfold((local, 0u64), |(local, offset)| async move {
            let mut piece = Vec::with_capacity(PIECE_BYTES as usize);
            (&mut *local).take(u64::from(PIECE_BYTES)).read_to_end(&mut piece).await.map_err(
                |error| MarketError::Copy { path: "the local file".into(), why: error.to_string() },
            )?;
            if piece.is_empty() {
                return Ok::<_, MarketError>(None);
            }
            let next = offset + piece.len() as u64;
            Ok(Some(((offset, piece), (local, next))))
        });
        // Boxed, so that the compiler sees here that it can be moved between threads, and callers need not prove it.
        let written = pieces
            .map_ok(|(offset, piece)| {
                let (raw, handle) = (self.raw.clone(), handle.clone());
                async move {
                    let bytes = piece.len() as u64;
                    raw.write(handle, offset, piece).await.map_err(|error| failed(path, &error))?;
                    Ok(bytes)
                }
            })
            .try_buffer_unordered(PIECES_MAX)
            .try_for_each(|bytes| {
                moved(bytes);
                std::future::ready(Ok(()))
            })
            .boxed()
            .await;
        let closed = self.raw.close(handle).await;
        written?;
        closed.map(drop).map_err(|error| failed(path, &error))
    }

    /// Reads `path` into a local file; `moved` is told the bytes of each piece. A file that grows
    /// meanwhile is read as far as it was long at first.
    pub(super) async fn read_file(
        &self,
        path: &str,
        bytes: u64,
        local: &mut File,
        moved: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), MarketError> {
        let opened = self.raw.open(path, OpenFlags::READ, FileAttributes::empty()).await;
        let handle = opened.map_err(|error| failed(path, &error))?.handle;
        let pieces = bytes.div_ceil(u64::from(PIECE_BYTES));
        let mut read = stream::iter(0..pieces)
            .map(|piece| {
                let from = piece * u64::from(PIECE_BYTES);
                let len = u64::from(PIECE_BYTES).min(bytes - from);
                read_piece(self.raw.clone(), handle.clone(), path, from, len)
            })
            .buffered(PIECES_MAX);
        let mut result = Ok(());
        while let Some(piece) = read.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            };
            if let Err(error) = local.write_all(&piece).await {
                let why = error.to_string();
                result = Err(MarketError::Copy { path: "the local file".into(), why });
                break;
            }
            moved(piece.len() as u64);
        }
        drop(read);
        drop(self.raw.close(handle).await);
        result
    }
}

/// Reads exactly `len` bytes, or fewer at the end of the file.
async fn read_piece(
    raw: Arc<RawSftpSession>,
    handle: String,
    path: &str,
    from: u64,
    len: u64,
) -> Result<Vec<u8>, MarketError> {
    let mut piece = Vec::new();
    while (piece.len() as u64) < len {
        let have = piece.len() as u64;
        let want = u32::try_from(len - have).unwrap_or(PIECE_BYTES);
        match raw.read(handle.as_str(), from + have, want).await {
            Ok(data) if data.data.is_empty() => break,
            Ok(data) if data.data.len() as u64 > u64::from(want) => {
                let why = "its file server sends more than was asked for".into();
                return Err(MarketError::Copy { path: path.into(), why });
            }
            Ok(data) => piece.extend_from_slice(&data.data),
            Err(Error::Status(status)) if status.status_code == StatusCode::Eof => break,
            Err(error) => return Err(failed(path, &error)),
        }
    }
    Ok(piece)
}

fn entry(name: String, attributes: &FileAttributes) -> Entry {
    let kind = match attributes.permissions.map(|mode| mode & 0o170_000) {
        Some(0o100_000) => Kind::File,
        Some(0o040_000) => Kind::Folder,
        _ => Kind::Other,
    };
    let mode = attributes.permissions.unwrap_or(0o644) & 0o777;
    Entry { name, kind, bytes: attributes.size.unwrap_or(0), mode }
}

fn attributes(mode: u32) -> FileAttributes {
    FileAttributes { permissions: Some(mode & 0o777), ..FileAttributes::empty() }
}

/// A name from the workload must be a single one, or a local file elsewhere could be written.
fn check_name(folder: &str, name: &str) -> Result<(), MarketError> {
    let single = Path::new(name).file_name().is_some_and(|file| file == name);
    if single && !name.contains(['\0', '\\']) {
        return Ok(());
    }
    let why = format!("it holds a file of the forbidden name {name:?}");
    Err(MarketError::Copy { path: folder.into(), why })
}

fn is_missing(error: &Error) -> bool {
    matches!(error, Error::Status(status) if status.status_code == StatusCode::NoSuchFile)
}

fn failed(path: &str, error: &Error) -> MarketError {
    let why = match error {
        Error::Status(status) => match status.status_code {
            StatusCode::NoSuchFile => "there is no such file in the workload".to_owned(),
            StatusCode::PermissionDenied => "the workload's user may not do that".to_owned(),
            _ if !status.error_message.is_empty() => {
                status.error_message.chars().take(200).collect()
            }
            code => format!("{code}"),
        },
        other => other.to_string(),
    };
    MarketError::Copy { path: path.into(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_of_the_folder_are_refused() {
        for name in ["..", ".", "", "a/b", "/etc", "a\0b", "..\\x"] {
            assert!(check_name("/data", name).is_err(), "{name:?}");
        }
        for name in ["a", "..a", "ä ö", "-rf"] {
            assert!(check_name("/data", name).is_ok(), "{name:?}");
        }
    }
}
