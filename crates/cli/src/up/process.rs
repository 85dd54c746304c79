//! Ordinary processes that outlive us: started in a session of their own, known by a file with
//! process id and start time (so that a recycled id is never taken for ours), output in a log.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

/// How long a process may take to end by itself.
const STOP_MAX: Duration = Duration::from_secs(30);
/// Logs larger than this are put aside before a start.
const LOG_BYTES_MAX: u64 = 32 << 20;

/// A process of ours.
#[derive(Debug, Clone)]
pub struct Process {
    name: String,
    pid_file: PathBuf,
    log: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Known {
    pid: i32,
    started: u64,
}

impl Process {
    /// The process of that name in a network's folder.
    pub fn named(dir: &Path, name: &str) -> Self {
        Self {
            name: name.into(),
            pid_file: dir.join("pids").join(format!("{name}.json")),
            log: dir.join("logs").join(format!("{name}.log")),
        }
    }

    /// Where its output is.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its id while it runs.
    pub fn pid(&self) -> Option<i32> {
        let text = fs::read_to_string(&self.pid_file).ok()?;
        let known: Known = serde_json::from_str(&text).ok()?;
        (started(known.pid)? == known.started).then_some(known.pid)
    }

    /// Whether it runs and stands still.
    pub fn is_halted(&self) -> bool {
        self.pid().and_then(stat).is_some_and(|stat| matches!(stat.state, 'T' | 't'))
    }

    /// Makes it stand still until the guard goes. Whoever dies with the guard leaves it so for [`Self::ensure`].
    ///
    /// # Errors
    /// When it does not run.
    pub fn halt(&self) -> Result<Halted> {
        let pid = self.pid().with_context(|| format!("{} does not run", self.name))?;
        let halted = Halted(self.clone());
        kill(Pid::from_raw(pid), Signal::SIGSTOP)
            .with_context(|| format!("{} (process {pid}) cannot be halted", self.name))?;
        Ok(halted)
    }

    /// Lets it go on; nothing happens when it does, or does not run.
    fn go_on(&self) {
        if let Some(pid) = self.pid() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGCONT);
        }
    }

    /// Starts it unless it runs; one that stands still goes on.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn ensure(&self, program: &Path, arguments: &[String]) -> Result<bool> {
        if self.pid().is_some() {
            self.go_on();
            return Ok(false);
        }
        for folder in [&self.pid_file, &self.log] {
            fs::create_dir_all(folder.parent().context("a file lies in a folder")?)?;
        }
        if fs::metadata(&self.log).is_ok_and(|log| log.len() > LOG_BYTES_MAX) {
            fs::rename(&self.log, self.log.with_extension("log.old"))?;
        }
        let output = fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        // SAFETY: setsid is async-signal-safe and touches no memory of ours.
        unsafe {
            command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(Into::into));
        }
        let child =
            command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let pid = i32::try_from(child.id()).context("a process id fits")?;
        let started = started(pid).unwrap_or_default();
        fs::write(&self.pid_file, serde_json::to_vec(&Known { pid, started })?)?;
        Ok(true)
    }

    /// Ends it: asks, waits, then insists. Nothing happens when it does not run.
    ///
    /// # Errors
    /// When it survives even that.
    pub fn stop(&self) -> Result<bool> {
        let Some(pid) = self.pid() else {
            let _ = fs::remove_file(&self.pid_file);
            return Ok(false);
        };
        let target = Pid::from_raw(pid);
        for (signal, patience) in [(Signal::SIGTERM, STOP_MAX), (Signal::SIGKILL, STOP_MAX)] {
            let _ = kill(target, signal);
            // One that stands still hears nothing before it goes on.
            let _ = kill(target, Signal::SIGCONT);
            let until = Instant::now() + patience;
            while Instant::now() < until {
                // A child of this very process must be reaped to be gone.
                let _ = nix::sys::wait::waitpid(target, Some(nix::sys::wait::WaitPidFlag::WNOHANG));
                if self.pid().is_none() {
                    let _ = fs::remove_file(&self.pid_file);
                    return Ok(true);
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        anyhow::bail!("{} (process {pid}) does not end", self.name)
    }

    /// The last lines of its output.
    pub fn tail(&self, lines: usize) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text =
            String::from_utf8_lossy(&text[text.len().saturating_sub(16 << 10)..]).into_owned();
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

/// A process that stands still; it goes on when this goes.
#[derive(Debug)]
pub struct Halted(Process);

impl Drop for Halted {
    fn drop(&mut self) {
        self.0.go_on();
    }
}

/// What the system says of a process.
struct Stat {
    state: char,
    /// Clock ticks since boot.
    started: u64,
}

/// Start time of a running process in clock ticks since boot; `None` for a dead or zombie one.
fn started(pid: i32) -> Option<u64> {
    stat(pid).filter(|stat| !matches!(stat.state, 'Z' | 'X')).map(|stat| stat.started)
}

fn stat(pid: i32) -> Option<Stat> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, but ends at the last parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let state = fields.first()?.chars().next()?;
    Some(Stat { state, started: fields.get(19)?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_runs_once_and_ends() {
        let dir = tempfile::tempdir().unwrap();
        let process = Process::named(dir.path(), "sleep");
        let sleep = Path::new("/bin/sleep");
        assert!(process.ensure(sleep, &["60".into()]).unwrap());
        assert!(!process.ensure(sleep, &["60".into()]).unwrap());
        assert!(process.pid().is_some());
        assert!(process.stop().unwrap());
        assert!(process.pid().is_none());
        assert!(!process.stop().unwrap());
    }

    #[test]
    fn a_process_that_stands_still_goes_on_whatever_becomes_of_whoever_halted_it() {
        let dir = tempfile::tempdir().unwrap();
        let process = Process::named(dir.path(), "sleep");
        let sleep = Path::new("/bin/sleep");
        let until = |halted: bool| {
            let end = Instant::now() + STOP_MAX;
            while process.is_halted() != halted {
                assert!(Instant::now() < end, "halted: {}", !halted);
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        assert!(process.halt().is_err(), "nothing runs");
        process.ensure(sleep, &["60".into()]).unwrap();
        let halted = process.halt().unwrap();
        until(true);
        drop(halted);
        until(false);
        // A guard that was lost with its process: the next start lets it go on, and so does the end.
        std::mem::forget(process.halt().unwrap());
        until(true);
        assert!(!process.ensure(sleep, &["60".into()]).unwrap());
        until(false);
        std::mem::forget(process.halt().unwrap());
        until(true);
        let since = Instant::now();
        assert!(process.stop().unwrap());
        assert!(since.elapsed() < STOP_MAX, "it was asked, and heard it");
        assert!(!process.is_halted());
    }

    #[test]
    fn a_recycled_id_is_not_ours() {
        let dir = tempfile::tempdir().unwrap();
        let process = Process::named(dir.path(), "x");
        fs::create_dir_all(dir.path().join("pids")).unwrap();
        let own = std::process::id();
        fs::write(&process.pid_file, format!("{{\"pid\":{own},\"started\":1}}")).unwrap();
        assert_eq!(process.pid(), None);
        fs::write(&process.pid_file, "damaged").unwrap();
        assert_eq!(process.pid(), None);
    }
}
