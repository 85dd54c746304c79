//! The session protocol: one unix-socket connection is one session. The client sends one JSON frame
//! ([`Open`]), init answers one ([`Reply`]); then typed frames ([`crate::frame`]) for a running
//! program, raw bytes for [`Open::Sftp`] and [`Open::Tcp`]. Data and bounds only, no I/O.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Largest JSON frame in bytes; a longer length prefix ends the connection.
pub const JSON_BYTES_MAX: usize = 192 * 1024;
/// Largest payload of a typed frame in bytes.
pub const DATA_BYTES_MAX: usize = 64 * 1024;
/// Input bytes that a client may have on the way to a program that does not read them. Init grants
/// them in [`Reply::Opened`] and, as the program reads, with [`crate::frame::Kind::Window`].
pub const INPUT_WINDOW_BYTES: usize = 64 * 1024;
/// Output that is kept for a client that comes back, in bytes.
pub const REPLAY_BYTES: usize = 256 * 1024;
/// Sessions of one workload at once: programs, shells, SFTP servers and probes.
pub const SESSIONS_MAX: usize = 64;
/// Forwarded TCP connections of one workload at once.
pub const TCP_MAX: usize = 256;
/// Longest name that a client may give a session, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest probe in seconds.
pub const PROBE_SECONDS_MAX: u32 = 3600;
/// Output of a probe that is reported, in bytes: the last ones.
pub const PROBE_OUTPUT_BYTES: usize = 4 * 1024;
const WORDS_MAX: usize = 1024;
const WORDS_BYTES_MAX: usize = 128 * 1024;
const ENV_MAX: usize = 256;
const PATH_BYTES_MAX: usize = 4096;
const TERM_BYTES_MAX: usize = 64;
const CELLS_MAX: u16 = 4096;

/// What a connection is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Open {
    /// Starts a program as the workload's user.
    Run(Box<Run>),
    /// Serves SFTP version 3 as the workload's user. Raw bytes follow.
    Sftp,
    /// Connects to this port on the workload's loopback, IPv4 first, then IPv6. Raw bytes follow.
    Tcp {
        /// The port.
        port: u16,
    },
    /// Runs one check and answers [`Reply::Probed`]; the connection ends then.
    Probe {
        /// What is checked.
        check: Check,
        /// How long it may take, 1 to [`PROBE_SECONDS_MAX`] seconds.
        timeout_s: u32,
    },
    /// Goes on with a session that lost its connection, or takes it over from another.
    Attach {
        /// Which.
        session: SessionRef,
        /// Count of output bytes that the client already has; `None` replays all that is kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offset: Option<u64>,
        /// The client's terminal; ignored for a session without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tty: Option<Pty>,
    },
    /// Answers [`Reply::Sessions`]; the connection ends then.
    List,
}

/// A program to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Which.
    pub program: Program,
    /// A terminal for it; without one, three pipes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<Pty>,
    /// Added to the workload's environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Absolute working directory; `None` means the user's home, else `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// A name by which the client can attach again; at most [`NAME_BYTES_MAX`] of `A-Za-z0-9_-`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Run {
    /// `program` without terminal, environment or name.
    pub fn new(program: Program) -> Self {
        Self { program, tty: None, env: BTreeMap::new(), cwd: None, name: None }
    }
}

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Program {
    /// A program and its arguments; no shell is put between.
    Argv(Vec<String>),
    /// A line for the user's shell (`shell -c line`), as SSH means it.
    Line(String),
    /// The user's login shell; a small built-in one where the image has none.
    Shell,
}

/// Size and type of a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pty {
    /// Value of `TERM`.
    pub term: String,
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

/// What a probe checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Check {
    /// The program exits with 0.
    Exec {
        /// Program and arguments.
        argv: Vec<String>,
    },
    /// The port on the workload's loopback accepts a connection.
    Tcp {
        /// The port.
        port: u16,
    },
}

/// How a client names a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SessionRef {
    /// By the number from [`Reply::Opened`].
    Id(u64),
    /// By the name from [`Run::name`].
    Name(String),
}

/// The answer to [`Open`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The session is there; its frames or raw bytes follow.
    Opened {
        /// Its number; 0 for raw ones, which cannot be attached to.
        session: u64,
        /// Count of output bytes before the first that follows.
        offset: u64,
        /// Bytes of input that may be sent until more are granted.
        window: u32,
    },
    /// The outcome of a probe.
    Probed(Probed),
    /// All sessions that can be attached to.
    Sessions(Vec<SessionInfo>),
    /// Nothing was started.
    Refused {
        /// Why, for programs.
        code: Refusal,
        /// Why, for people.
        message: String,
    },
}

/// Why a session was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// The request cannot be read or is out of bounds.
    BadRequest,
    /// No such program, folder or user.
    NotFound,
    /// The workload's user may not run that.
    NotPermitted,
    /// Nothing accepts connections on that port.
    PortClosed,
    /// No such session.
    NoSession,
    /// The name is taken by another session.
    NameTaken,
    /// All session places are taken.
    Busy,
    /// The workload's own limits or another failure inside.
    Failed,
}

/// How a probe went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probed {
    /// Whether the check passed.
    pub healthy: bool,
    /// One line for a person: exit status, time-out or error.
    pub detail: String,
    /// The end of what the program printed, invalid UTF-8 replaced.
    #[serde(default)]
    pub output: String,
}

/// One entry of [`Reply::Sessions`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Its number.
    pub session: u64,
    /// Its name, if the client gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The first word of what runs.
    pub program: String,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether a client is attached now.
    pub attached: bool,
    /// Seconds since it started.
    pub age_s: u64,
    /// Set once the program has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By a signal: its name without `SIG`, or its number where it has none.
    Signal {
        /// E.g. `KILL`.
        name: String,
        /// Whether a core was dumped.
        core: bool,
    },
}

impl Exit {
    /// Whether it means success.
    pub fn is_success(&self) -> bool {
        *self == Self::Code(0)
    }
}

/// A request that is refused before anything is started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {why}")]
pub struct BadOpen {
    field: &'static str,
    why: &'static str,
}

fn ensure(fine: bool, field: &'static str, why: &'static str) -> Result<(), BadOpen> {
    if fine { Ok(()) } else { Err(BadOpen { field, why }) }
}

impl Open {
    /// Checks every bound. Errors name the field.
    pub fn check(&self) -> Result<(), BadOpen> {
        match self {
            Self::Run(run) => run.check(),
            Self::Tcp { port } => ensure(*port != 0, "port", "must be 1 to 65535"),
            Self::Probe { check, timeout_s } => {
                ensure(
                    (1..=PROBE_SECONDS_MAX).contains(timeout_s),
                    "timeout_s",
                    "must be 1 to 3600",
                )?;
                match check {
                    Check::Exec { argv } => check_argv(argv),
                    Check::Tcp { port } => ensure(*port != 0, "port", "must be 1 to 65535"),
                }
            }
            Self::Attach { session, tty, .. } => {
                if let SessionRef::Name(name) = session {
                    check_name(name)?;
                }
                tty.as_ref().map_or(Ok(()), Pty::check)
            }
            Self::Sftp | Self::List => Ok(()),
        }
    }
}

impl Run {
    fn check(&self) -> Result<(), BadOpen> {
        match &self.program {
            Program::Argv(argv) => check_argv(argv)?,
            Program::Line(line) => {
                ensure(line.len() <= WORDS_BYTES_MAX, "line", "is longer than 128 KiB")?;
                ensure(!line.contains('\0'), "line", "contains a zero byte")?;
            }
            Program::Shell => {}
        }
        if let Some(tty) = &self.tty {
            tty.check()?;
        }
        ensure(self.env.len() <= ENV_MAX, "env", "has more than 256 entries")?;
        let bytes: usize = self.env.iter().map(|(name, value)| name.len() + value.len()).sum();
        ensure(bytes <= WORDS_BYTES_MAX, "env", "is larger than 128 KiB")?;
        for (name, value) in &self.env {
            let fine = !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                && !value.contains('\0');
            ensure(fine, "env", "has a name outside A-Za-z0-9_ or a value with a zero byte")?;
        }
        if let Some(cwd) = &self.cwd {
            let fine = cwd.starts_with('/') && cwd.len() <= PATH_BYTES_MAX && !cwd.contains('\0');
            ensure(fine, "cwd", "must be an absolute path of at most 4,096 bytes")?;
        }
        self.name.as_deref().map_or(Ok(()), check_name)
    }
}

impl Pty {
    fn check(&self) -> Result<(), BadOpen> {
        let term = self.term.len() <= TERM_BYTES_MAX
            && self.term.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b));
        ensure(term, "term", "must be at most 64 of A-Za-z0-9-_.+")?;
        ensure(self.cols <= CELLS_MAX && self.rows <= CELLS_MAX, "tty", "is larger than 4096 cells")
    }
}

fn check_argv(argv: &[String]) -> Result<(), BadOpen> {
    ensure(argv.first().is_some_and(|word| !word.is_empty()), "argv", "must name a program")?;
    ensure(argv.len() <= WORDS_MAX, "argv", "has more than 1,024 words")?;
    let bytes: usize = argv.iter().map(String::len).sum();
    ensure(bytes <= WORDS_BYTES_MAX, "argv", "is larger than 128 KiB")?;
    ensure(!argv.iter().any(|word| word.contains('\0')), "argv", "contains a zero byte")
}

/// Whether `name` may name a session.
pub fn check_name(name: &str) -> Result<(), BadOpen> {
    let fine = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    ensure(fine, "name", "must be 1 to 64 of A-Za-z0-9_-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Run)) -> String {
        let mut run = Run::new(Program::Argv(vec!["true".into()]));
        change(&mut run);
        Open::Run(Box::new(run)).check().unwrap_err().to_string()
    }

    #[test]
    fn bounds_name_their_field() {
        assert!(Open::Run(Box::new(Run::new(Program::Shell))).check().is_ok());
        assert!(refused(|r| r.program = Program::Argv(vec![])).starts_with("argv"));
        assert!(refused(|r| r.program = Program::Argv(vec!["a\0".into()])).starts_with("argv"));
        assert!(refused(|r| r.program = Program::Argv(vec!["a".into(); 1025])).starts_with("argv"));
        assert!(refused(|r| r.program = Program::Line("x".repeat(200_000))).starts_with("line"));
        assert!(refused(|r| drop(r.env.insert("A=B".into(), String::new()))).starts_with("env"));
        assert!(refused(|r| r.cwd = Some("etc".into())).starts_with("cwd"));
        assert!(refused(|r| r.name = Some("a/b".into())).starts_with("name"));
        let pty = |term: &str, cols| Some(Pty { term: term.into(), cols, rows: 1 });
        assert!(refused(|r| r.tty = pty("x y", 1)).starts_with("term"));
        assert!(refused(|r| r.tty = pty("xterm", 60_000)).starts_with("tty"));
        assert!(Open::Tcp { port: 0 }.check().is_err());
        let probe = Open::Probe { check: Check::Tcp { port: 1 }, timeout_s: 0 };
        assert!(probe.check().is_err());
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(serde_json::from_str::<Open>(r#"{"tcp":{"port":1,"host":"10.0.0.1"}}"#).is_err());
        assert_eq!(serde_json::from_str::<Open>(r#""sftp""#).unwrap(), Open::Sftp);
    }
}
