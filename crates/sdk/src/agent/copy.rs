//! Copying files and folders in and out of a workload. Links and devices are left out and counted, so
//! that nothing a workload sends can make a copy write outside of its target.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde::Serialize;
use tokio::fs;

use super::sftp::{Entry, Kind, Sftp};
use crate::MarketError;

/// Folders inside folders that are followed.
const DEPTH_MAX: usize = 64;
/// Files and folders of one copy.
const ITEMS_MAX: usize = 1_000_000;

/// How far a copy is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CopyProgress {
    /// Path of the present file, as the source names it.
    pub file: String,
    /// Files finished.
    pub files: u64,
    /// Files that there are.
    pub files_total: u64,
    /// Bytes moved, all files together.
    pub bytes: u64,
    /// Bytes that there are to move.
    pub bytes_total: u64,
    /// Links, devices and the like that were left out.
    pub skipped: u64,
}

/// What is to be done, found out before the first byte moves.
#[derive(Default)]
struct Plan {
    folders: Vec<Item>,
    files: Vec<Item>,
    skipped: u64,
}

struct Item {
    from: String,
    to: String,
    bytes: u64,
    mode: u32,
}

impl Plan {
    fn progress(&self) -> CopyProgress {
        CopyProgress {
            files_total: self.files.len() as u64,
            bytes_total: self.files.iter().map(|file| file.bytes).sum(),
            skipped: self.skipped,
            ..CopyProgress::default()
        }
    }

    fn check(&self, path: &str) -> Result<(), MarketError> {
        if self.folders.len() + self.files.len() > ITEMS_MAX {
            return Err(refused(path, format!("it holds more than {ITEMS_MAX} files")));
        }
        Ok(())
    }
}

pub(super) async fn upload(
    sftp: &Sftp,
    local: &Path,
    remote: &str,
    progress: &mut (dyn FnMut(&CopyProgress) + Send),
) -> Result<CopyProgress, MarketError> {
    let shown = local.display().to_string();
    let found = fs::metadata(local).await.map_err(|error| refused(&shown, error))?;
    let mut target = remote.to_owned();
    if remote.ends_with('/') || sftp.stat(remote).await?.is_some_and(|e| e.kind == Kind::Folder) {
        let name = fs::canonicalize(local).await.map_err(|error| refused(&shown, error))?;
        let name = name.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let name = name.ok_or_else(|| refused(&shown, "its name is not UTF-8"))?;
        target = join(remote, &name);
    }
    let plan = plan_upload(local.to_owned(), target, found.is_dir()).await?;
    let mut state = plan.progress();
    for folder in &plan.folders {
        sftp.make_folder(&folder.to, folder.mode).await?;
    }
    for item in &plan.files {
        state.file.clone_from(&item.from);
        progress(&state);
        let opened = fs::File::open(&item.from).await;
        let mut file = opened.map_err(|error| refused(&item.from, error))?;
        let mut moved = |bytes| {
            state.bytes += bytes;
            progress(&state);
        };
        sftp.write_file(&mut file, &item.to, item.mode, &mut moved).await?;
        state.files += 1;
    }
    progress(&state);
    Ok(state)
}

async fn plan_upload(local: PathBuf, remote: String, folder: bool) -> Result<Plan, MarketError> {
    let mut plan = Plan::default();
    let mut open = vec![(local, remote, folder, 0usize)];
    while let Some((from, to, folder, depth)) = open.pop() {
        let shown = from.display().to_string();
        let error = |error| refused(&shown, error);
        let meta = fs::metadata(&from).await.map_err(error)?;
        let mode = meta.permissions().mode() & 0o777;
        let text = from.to_str().map(str::to_owned);
        let from_text = text.ok_or_else(|| refused(&shown, "its name is not UTF-8"))?;
        let item = Item { from: from_text, to: to.clone(), bytes: meta.len(), mode };
        if !folder {
            plan.files.push(item);
            plan.check(&shown)?;
            continue;
        }
        if depth > DEPTH_MAX {
            return Err(refused(&shown, format!("it lies deeper than {DEPTH_MAX} folders")));
        }
        plan.folders.push(item);
        plan.check(&shown)?;
        let mut entries = fs::read_dir(&from).await.map_err(error)?;
        while let Some(entry) = entries.next_entry().await.map_err(error)? {
            // The entry's own type: links are not followed.
            let kind = entry.file_type().await.map_err(error)?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|_| kind.is_file() || kind.is_dir()) else {
                plan.skipped += 1;
                continue;
            };
            open.push((entry.path(), join(&to, name), kind.is_dir(), depth + 1));
        }
    }
    plan.folders.sort_by(|a, b| a.to.cmp(&b.to));
    plan.files.sort_by(|a, b| a.to.cmp(&b.to));
    Ok(plan)
}

pub(super) async fn download(
    sftp: &Sftp,
    remote: &str,
    local: &Path,
    progress: &mut (dyn FnMut(&CopyProgress) + Send),
) -> Result<CopyProgress, MarketError> {
    let found = sftp.stat(remote).await?;
    let found = found.ok_or_else(|| refused(remote, "there is no such file in the workload"))?;
    let mut target = local.to_owned();
    if fs::metadata(local).await.is_ok_and(|meta| meta.is_dir()) {
        let absolute = sftp.absolute(remote).await?;
        let name = absolute.rsplit('/').next().unwrap_or_default();
        if name.is_empty() || name == ".." || name.contains('\0') {
            return Err(refused(remote, "it has no name of its own; name the target file"));
        }
        target.push(name);
    }
    let plan = plan_download(sftp, remote.to_owned(), &target, found).await?;
    let mut state = plan.progress();
    for folder in &plan.folders {
        let made = fs::create_dir_all(&folder.to).await;
        made.map_err(|error| refused(&folder.to, error))?;
    }
    for item in &plan.files {
        state.file.clone_from(&item.from);
        progress(&state);
        let opened = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(item.mode)
            .open(&item.to)
            .await;
        let mut file = opened.map_err(|error| refused(&item.to, error))?;
        let mut moved = |bytes| {
            state.bytes += bytes;
            progress(&state);
        };
        sftp.read_file(&item.from, item.bytes, &mut file, &mut moved).await?;
        tokio::io::AsyncWriteExt::flush(&mut file).await.map_err(|e| refused(&item.to, e))?;
        state.files += 1;
    }
    progress(&state);
    Ok(state)
}

async fn plan_download(
    sftp: &Sftp,
    remote: String,
    local: &Path,
    found: Entry,
) -> Result<Plan, MarketError> {
    let mut plan = Plan::default();
    let mut open = vec![(remote, local.to_owned(), found, 0usize)];
    while let Some((from, to, found, depth)) = open.pop() {
        let to_text = to.to_str().map(str::to_owned);
        let to_text = to_text.ok_or_else(|| refused(&from, "the target's name is not UTF-8"))?;
        let item = Item { from: from.clone(), to: to_text, bytes: found.bytes, mode: found.mode };
        match found.kind {
            Kind::Other => plan.skipped += 1,
            Kind::File => plan.files.push(item),
            Kind::Folder if depth > DEPTH_MAX => {
                return Err(refused(&from, format!("it lies deeper than {DEPTH_MAX} folders")));
            }
            Kind::Folder => {
                plan.folders.push(item);
                for entry in sftp.list(&from).await? {
                    let local = to.join(&entry.name);
                    open.push((join(&from, &entry.name), local, entry, depth + 1));
                }
            }
        }
        plan.check(&from)?;
    }
    plan.folders.sort_by(|a, b| a.to.cmp(&b.to));
    plan.files.sort_by(|a, b| a.to.cmp(&b.to));
    Ok(plan)
}

fn join(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}

fn refused(path: &str, why: impl ToString) -> MarketError {
    MarketError::Copy { path: path.to_owned(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_plan_holds_files_and_folders_but_no_links() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("src");
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/b/file"), "12345").unwrap();
        std::fs::write(root.join("top"), "1").unwrap();
        std::os::unix::fs::symlink("/etc", root.join("link")).unwrap();
        let plan = plan_upload(root, "/data/src".into(), true).await.unwrap();
        let to = |items: &[Item]| items.iter().map(|item| item.to.clone()).collect::<Vec<_>>();
        assert_eq!(to(&plan.folders), ["/data/src", "/data/src/a", "/data/src/a/b"]);
        assert_eq!(to(&plan.files), ["/data/src/a/b/file", "/data/src/top"]);
        assert_eq!(plan.skipped, 1);
        assert_eq!(plan.progress().bytes_total, 6);
    }
}
