//! Our one change to the engine's settings: the runtime `dbc` in `daemon.json`. The file is merged,
//! never rewritten from scratch; a damaged one is refused; the original is kept beside it; Docker
//! takes the change up on SIGHUP, without a restart, and it counts as done only when Docker says so.
//! [`unregister`] takes it back, to the byte when nothing else was changed meanwhile.

mod daemon;

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use self::daemon::{Daemon, TAKEN_UP_MAX};
use super::Engine;
use crate::Cause;

const SETTINGS_BYTES_MAX: u64 = 1 << 20;

/// Our runtime as the engine shall know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Its name in the settings and in each container's; `dbc`.
    pub name: String,
    /// The static `dbc-runc`.
    pub binary: PathBuf,
    /// Where the agent says which container has which root.
    pub roots_dir: PathBuf,
}

/// Why the settings were not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The running `dockerd` was not found among the processes.
    #[error("cannot find the process of the running dockerd")]
    NoProcess,
    /// `dockerd` was started with flags that forbid the entry in the file.
    #[error("dockerd was started with {flag}, so its settings file must not name runtimes")]
    Flag {
        /// The flag.
        flag: String,
    },
    /// The file cannot be understood; it was left alone.
    #[error("{file} is damaged and was left as it is: {why}")]
    Damaged {
        /// The settings.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The name is taken by somebody else's runtime; it was left alone.
    #[error("{file} has a runtime {name:?} that is not ours")]
    Taken {
        /// The settings.
        file: PathBuf,
        /// The name.
        name: String,
    },
    /// The file cannot be read or written.
    #[error("cannot {action} {file}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Which file.
        file: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Docker did not take the change up; the file is as it was before.
    #[error("Docker did not take up the change of {file}")]
    NotTakenUp {
        /// The settings.
        file: PathBuf,
        /// Cause, when Docker gave one.
        #[source]
        source: Option<Cause>,
    },
}

/// What [`register`] or [`unregister`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The engine's settings file.
    pub file: PathBuf,
    /// Whether it was changed by this call.
    pub changed: bool,
}

impl Runtime {
    fn entry(&self) -> Value {
        json!({
            "path": self.binary,
            "runtimeArgs": ["--dbc-roots", self.roots_dir],
        })
    }
}

/// Names our runtime in the settings of the running engine; a no-op when it is there.
pub async fn register(engine: &Engine, runtime: &Runtime) -> Result<Outcome, SettingsError> {
    let daemon = Daemon::find(engine).await?;
    let _lock = lock(&daemon.settings_file()).await?;
    if let Some(flag) = daemon.flag("--add-runtime") {
        return Err(SettingsError::Flag { flag });
    }
    let file = daemon.settings_file();
    let before = read(&file)?;
    let after = with_runtime(before.as_deref(), runtime).map_err(|problem| problem.at(&file))?;
    let changed = after.is_some();
    if let Some(after) = after {
        keep_backup(&file, before.as_deref())?;
        write(&file, after.as_bytes())?;
    }
    // Also without a change: an earlier call may have died between writing and telling.
    if let Err(error) = daemon.take_up(engine, runtime, true, &file).await {
        if changed {
            restore(&file, before.as_deref())?;
            daemon.tell();
        }
        return Err(error);
    }
    if changed {
        tracing::info!(file = %file.display(), runtime = runtime.name, "runtime registered");
    }
    Ok(Outcome { file, changed })
}

/// Takes our runtime out of the settings; a no-op when it is not there. Containers of it must be
/// gone. The file goes when it was not there before us.
pub async fn unregister(engine: &Engine, runtime: &Runtime) -> Result<Outcome, SettingsError> {
    let daemon = Daemon::find(engine).await?;
    let file = daemon.settings_file();
    let _lock = lock(&file).await?;
    let Some(before) = read(&file)? else { return Ok(Outcome { file, changed: false }) };
    let backup = read(&backup_of(&file))?;
    let undo = without_runtime(&before, backup.as_deref(), &runtime.name)
        .map_err(|problem| problem.at(&file))?;
    let Some(undo) = undo else { return Ok(Outcome { file, changed: false }) };
    write(&file, undo.taken_up.as_bytes())?;
    daemon.take_up(engine, runtime, false, &file).await?;
    match undo.then {
        Then::Stay => {}
        Then::Restore(original) => {
            write(&file, original.as_bytes())?;
            remove(&backup_of(&file))?;
        }
        Then::Remove => remove(&file)?,
    }
    tracing::info!(file = %file.display(), runtime = runtime.name, "runtime taken out");
    Ok(Outcome { file, changed: true })
}

/// What can be wrong with the text; the file's name is added by the caller.
#[derive(Debug, PartialEq, Eq)]
enum Problem {
    Damaged(String),
    Taken(String),
}

impl Problem {
    fn at(self, file: &Path) -> SettingsError {
        let file = file.to_owned();
        match self {
            Self::Damaged(why) => SettingsError::Damaged { file, why },
            Self::Taken(name) => SettingsError::Taken { file, name },
        }
    }
}

/// The text with our runtime; `None` when it is there already.
fn with_runtime(before: Option<&str>, runtime: &Runtime) -> Result<Option<String>, Problem> {
    let mut settings = parse(before.unwrap_or("{}"))?;
    let runtimes = settings.entry("runtimes").or_insert_with(|| Value::Object(Map::new()));
    let runtimes =
        runtimes.as_object_mut().ok_or(Problem::Damaged("runtimes is no object".into()))?;
    let entry = runtime.entry();
    match runtimes.get(&runtime.name) {
        Some(found) if *found == entry => return Ok(None),
        Some(found) if !is_ours(found) => return Err(Problem::Taken(runtime.name.clone())),
        _ => {}
    }
    runtimes.insert(runtime.name.clone(), entry);
    Ok(Some(print(&settings)))
}

/// How our runtime goes.
#[derive(Debug, PartialEq, Eq)]
struct Undo {
    /// What Docker shall read. It forgets a runtime only when the file has a list of runtimes, so
    /// an empty one stays in here.
    taken_up: String,
    /// What follows when it has.
    then: Then,
}

#[derive(Debug, PartialEq, Eq)]
enum Then {
    /// Another network's runtime is in the file, and the original is kept for its undo.
    Stay,
    /// Nothing of ours is in it: this is the text to leave behind.
    Restore(String),
    /// Nothing at all is in it, and there was no file before us.
    Remove,
}

/// The way back; `None` when our runtime is not there. `backup` is the original, if there was one.
fn without_runtime(
    before: &str,
    backup: Option<&str>,
    name: &str,
) -> Result<Option<Undo>, Problem> {
    let mut settings = parse(before)?;
    let Some(runtimes) = settings.get_mut("runtimes").and_then(Value::as_object_mut) else {
        return Ok(None);
    };
    if !runtimes.get(name).is_some_and(is_ours) {
        return Ok(None);
    }
    runtimes.remove(name);
    let (shared, empty) = (has_ours(runtimes), runtimes.is_empty());
    let taken_up = print(&settings);
    if shared {
        return Ok(Some(Undo { taken_up, then: Then::Stay }));
    }
    if empty {
        settings.remove("runtimes");
    }
    let then = match backup {
        Some(original) => {
            // `"runtimes": {}` before us reads as no runtimes after us.
            let mut same = parse(original).unwrap_or_default();
            if same.get("runtimes").and_then(Value::as_object).is_some_and(Map::is_empty) {
                same.remove("runtimes");
            }
            let as_before = same == settings;
            Then::Restore(if as_before { original.to_owned() } else { print(&settings) })
        }
        None if settings.is_empty() => Then::Remove,
        None => Then::Restore(print(&settings)),
    };
    Ok(Some(Undo { taken_up, then }))
}

fn has_ours(runtimes: &Map<String, Value>) -> bool {
    runtimes.values().any(is_ours)
}

fn is_ours(entry: &Value) -> bool {
    let path = entry.get("path").and_then(Value::as_str).unwrap_or_default();
    Path::new(path).file_name().is_some_and(|name| name == "dbc-runc")
}

fn parse(text: &str) -> Result<Map<String, Value>, Problem> {
    if text.trim().is_empty() {
        return Ok(Map::new()); // Docker takes an empty file for an empty object
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(settings)) => Ok(settings),
        Ok(_) => Err(Problem::Damaged("it holds no JSON object".into())),
        Err(error) => Err(Problem::Damaged(error.to_string())),
    }
}

fn print(settings: &Map<String, Value>) -> String {
    let mut text = format!("{:#}", Value::Object(settings.clone()));
    text.push('\n');
    text
}

/// One change at a time, also among processes; held on the folder, so that no lock file stays.
async fn lock(file: &Path) -> Result<fs::File, SettingsError> {
    let dir = file.parent().unwrap_or(Path::new("/"));
    let io = |source| SettingsError::Io { action: "lock the folder of", file: file.into(), source };
    fs::create_dir_all(dir).map_err(io)?;
    let folder = fs::File::open(dir).map_err(io)?;
    let until = Instant::now() + 3 * TAKEN_UP_MAX;
    loop {
        match folder.try_lock() {
            Ok(()) => return Ok(folder),
            Err(fs::TryLockError::Error(error)) => return Err(io(error)),
            Err(fs::TryLockError::WouldBlock) if Instant::now() > until => {
                return Err(io(io::ErrorKind::TimedOut.into()));
            }
            Err(fs::TryLockError::WouldBlock) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn backup_of(file: &Path) -> PathBuf {
    file.with_extension("json.before-dbc")
}

/// Keeps the original; a file with a runtime of ours in it is none.
fn keep_backup(file: &Path, before: Option<&str>) -> Result<(), SettingsError> {
    let Some(text) = before else { return Ok(()) };
    let settings = parse(text).unwrap_or_default();
    let runtimes = settings.get("runtimes").and_then(Value::as_object);
    if runtimes.is_some_and(has_ours) {
        return Ok(());
    }
    write(&backup_of(file), text.as_bytes())
}

fn restore(file: &Path, before: Option<&str>) -> Result<(), SettingsError> {
    match before {
        Some(text) => write(file, text.as_bytes())?,
        None => remove(file)?,
    }
    remove(&backup_of(file))
}

fn read(file: &Path) -> Result<Option<String>, SettingsError> {
    let io = |source| SettingsError::Io { action: "read", file: file.to_owned(), source };
    let opened = match fs::File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(io)?,
    };
    let mut text = String::new();
    opened.take(SETTINGS_BYTES_MAX + 1).read_to_string(&mut text).map_err(io)?;
    if text.len() as u64 > SETTINGS_BYTES_MAX {
        let why = format!("it is larger than {SETTINGS_BYTES_MAX} bytes");
        return Err(SettingsError::Damaged { file: file.to_owned(), why });
    }
    Ok(Some(text))
}

/// Replaces the file whole, with the mode and owner that it had.
fn write(file: &Path, text: &[u8]) -> Result<(), SettingsError> {
    let new = file.with_extension("json.dbc-new");
    let replace = || -> io::Result<()> {
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut options = fs::OpenOptions::new();
        let mut out = options.write(true).create(true).truncate(true).mode(0o644).open(&new)?;
        out.write_all(text)?;
        if let Ok(meta) = fs::metadata(file) {
            out.set_permissions(meta.permissions())?;
            std::os::unix::fs::fchown(&out, Some(meta.uid()), Some(meta.gid()))?;
        }
        out.sync_all()?;
        fs::rename(&new, file)
    };
    replace().map_err(|source| SettingsError::Io { action: "write", file: file.to_owned(), source })
}

fn remove(file: &Path) -> Result<(), SettingsError> {
    match fs::remove_file(file) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(SettingsError::Io { action: "remove", file: file.to_owned(), source })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
