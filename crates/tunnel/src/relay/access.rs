//! The list of keys that a relay serves, read from a file and read again when that changes.

use std::{
    collections::HashSet,
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
    time::{Duration, SystemTime},
};

use iroh_relay::server::{Access, AccessControl, ClientRequest};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Largest file, in bytes: room for 200,000 keys.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Why a list of keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("failed to read the list of keys {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A line is no key.
    #[error("line {line} of the list of keys {path} is not 64 hex characters")]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

/// The list; clones share it.
#[derive(Debug, Clone)]
pub(super) struct KeyFile {
    path: PathBuf,
    keys: Arc<RwLock<HashSet<[u8; 32]>>>,
    stamp: Stamp,
}

/// What tells one version of the file from the next.
type Stamp = Option<(SystemTime, u64)>;

impl KeyFile {
    pub(super) fn load(path: PathBuf) -> Result<Self, KeyFileError> {
        // Taken before reading: a change in between is seen as one later.
        let stamp = stamp(&path);
        let keys = read(&path)?;
        Ok(Self { path, keys: Arc::new(RwLock::new(keys)), stamp })
    }

    /// Reads the file again whenever it changes; never returns.
    pub(super) async fn watch(mut self) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            ticks.tick().await;
            let now = stamp(&self.path);
            if now == self.stamp {
                continue;
            }
            self.stamp = now;
            match read(&self.path) {
                Ok(keys) => {
                    tracing::info!(keys = keys.len(), "list of keys changed");
                    *self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = keys;
                }
                Err(error) => {
                    let error = dbc_service::error_chain(&error);
                    tracing::warn!(error, "list of keys not usable, the last one holds");
                }
            }
        }
    }

    fn allows(&self, key: &[u8; 32]) -> bool {
        self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner).contains(key)
    }
}

impl AccessControl for KeyFile {
    async fn on_connect(&self, request: &ClientRequest) -> Access {
        if self.allows(request.endpoint_id().as_bytes()) {
            Access::Allow
        } else {
            Access::Deny { reason: Some("this key is not on the relay's list".to_owned()) }
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(path: &Path) -> Result<HashSet<[u8; 32]>, KeyFileError> {
    let read_error = |source| KeyFileError::Read { path: path.to_owned(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(read_error)?;
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(read_error)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(read_error(std::io::Error::other("larger than 16 MiB")));
    }
    let mut keys = HashSet::new();
    for (index, line) in text.lines().enumerate() {
        let word = line.split('#').next().unwrap_or_default().trim();
        if word.is_empty() {
            continue;
        }
        let mut key = [0; 32];
        hex::decode_to_slice(word, &mut key)
            .map_err(|_| KeyFileError::Line { path: path.to_owned(), line: index + 1 })?;
        keys.insert(key);
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_lines_are_skipped() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let key = hex::encode([7; 32]);
        std::fs::write(file.path(), format!("# ours\n\n{key} # the first\n")).unwrap();
        let keys = KeyFile::load(file.path().to_owned()).unwrap();
        assert!(keys.allows(&[7; 32]));
        assert!(!keys.allows(&[8; 32]));
    }

    #[test]
    fn a_wrong_line_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# ours\nnonsense\n").unwrap();
        let error = KeyFile::load(file.path().to_owned()).unwrap_err();
        assert!(matches!(error, KeyFileError::Line { line: 2, .. }));
    }
}
