//! Starts programs as the workload's user: which file, which environment, which folder, which
//! descriptors. Does not wait for them; [`super::reaper`] does.

use std::{
    ffi::{CString, OsStr, OsString},
    io,
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::unistd::{self, AccessFlags};

use super::user::{self, Account};
use crate::protocol::{Program, Refusal};

/// Path of this program for a child, whoever it is by then.
const OURSELVES: &str = "/proc/self/exe";
const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SHELL_DEFAULT: &str = "/bin/sh";

/// Who and where the workload is.
#[derive(Debug)]
pub struct Workload {
    /// `user[:group]` as given to us; `None` means the user that we are.
    user: Option<String>,
    /// What was found for it at the start.
    account: Account,
    /// Working directory of entrypoint and probes.
    pub workdir: PathBuf,
}

/// A program that is to be started.
#[derive(Debug)]
pub struct Start<'a> {
    /// File, and its arguments with the first, its name.
    pub file: OsString,
    /// Words, the first being the name that the program sees.
    pub words: Vec<OsString>,
    /// Added to the environment.
    pub env: Vec<(OsString, OsString)>,
    /// Folders to try, in this order; the start fails if none can be entered.
    pub folders: Vec<&'a Path>,
    /// Input, output, error output.
    pub stdio: [Stdio; 3],
    /// Whether input is a terminal that becomes the controlling one.
    pub terminal: bool,
}

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
#[error("{program}: {why}")]
pub struct StartError {
    /// For a program.
    pub code: Refusal,
    /// Exit status by which a shell says the same.
    pub status: u8,
    program: String,
    why: io::Error,
}

impl Workload {
    /// For `--user` and `--workdir`.
    pub fn new(user: Option<String>, workdir: PathBuf) -> Result<Self, user::UserError> {
        let own = unistd::geteuid().as_raw();
        let spec = user.clone().unwrap_or_else(|| own.to_string());
        let mut account = user::resolve(Path::new("/"), &spec)?;
        if user.is_none() {
            account.gid = unistd::getegid().as_raw();
        }
        Ok(Self { user, account, workdir })
    }

    /// The user as the files inside say now. What they no longer know is as it was at the start.
    pub fn account(&self) -> Account {
        let found = self.user.as_ref().and_then(|user| user::resolve(Path::new("/"), user).ok());
        // Files that a tenant changes must not give other rights to the next session.
        let same = |now: &Account| now.uid == self.account.uid && now.gid == self.account.gid;
        found.filter(same).unwrap_or_else(|| self.account.clone())
    }

    /// Id of the user that owns terminals, if that is not us anyway.
    pub fn other_uid(&self) -> Option<u32> {
        Some(self.account.uid).filter(|uid| *uid != unistd::geteuid().as_raw())
    }

    /// File and words for what a client asked to run.
    pub fn words(&self, account: &Account, program: &Program) -> (OsString, Vec<OsString>) {
        match program {
            Program::Argv(argv) => {
                (argv[0].clone().into(), argv.iter().map(OsString::from).collect())
            }
            Program::Line(line) => match shell_of(account) {
                Some(shell) => {
                    let words = vec![shell.clone().into(), "-c".into(), line.into()];
                    (shell.into(), words)
                }
                None => ourselves(&["shell", "-c", line]),
            },
            Program::Shell => match shell_of(account) {
                Some(shell) => {
                    // A leading `-` is what makes it a login shell.
                    let mut name = OsString::from("-");
                    name.push(shell.file_name().unwrap_or(OsStr::new("sh")));
                    (shell.into(), vec![name])
                }
                None => ourselves(&["shell"]),
            },
        }
    }

    /// Starts a program and returns its process id, which is that of its process group too.
    pub fn start(&self, account: &Account, start: Start<'_>) -> Result<i32, StartError> {
        let shown = start.file.to_string_lossy().into_owned();
        let failed = |why: io::Error| {
            let (code, status) = match why.kind() {
                io::ErrorKind::NotFound => (Refusal::NotFound, 127),
                io::ErrorKind::PermissionDenied => (Refusal::NotPermitted, 126),
                _ => (Refusal::Failed, 126),
            };
            StartError { code, status, program: shown, why }
        };
        let [input, output, errors] = start.stdio;
        let mut command = Command::new(&start.file);
        if let Some((name, arguments)) = start.words.split_first() {
            command.arg0(name).args(arguments);
        }
        command.stdin(input).stdout(output).stderr(errors);
        command.env_clear().envs(environment(account)).envs(start.env);
        match self.prepare(account, &start.folders, start.terminal) {
            // SAFETY: the closure makes system calls on memory that was allocated before the fork.
            Ok(prepare) => unsafe { command.pre_exec(prepare) },
            Err(why) => return Err(failed(why)),
        };
        let child = command.spawn().map_err(failed)?;
        i32::try_from(child.id()).map_err(|_| StartError {
            code: Refusal::Failed,
            status: 126,
            program: String::new(),
            why: io::ErrorKind::InvalidData.into(),
        })
    }

    /// What the child does between fork and exec.
    fn prepare(
        &self,
        account: &Account,
        folders: &[&Path],
        terminal: bool,
    ) -> io::Result<impl FnMut() -> io::Result<()> + Send + Sync + use<>> {
        let folders = folders
            .iter()
            .map(|folder| CString::new(folder.as_os_str().as_bytes()))
            .collect::<Result<Vec<_>, _>>()?;
        let groups: Vec<unistd::Gid> =
            account.groups.iter().copied().map(unistd::Gid::from_raw).collect();
        let (uid, gid) = (unistd::Uid::from_raw(account.uid), unistd::Gid::from_raw(account.gid));
        let drop_rights = unistd::geteuid().is_root();
        Ok(move || {
            unistd::setsid()?;
            // SAFETY: input is an open descriptor.
            if terminal && unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) } != 0 {
                return Err(io::Error::last_os_error());
            }
            if drop_rights {
                unistd::setgroups(&groups)?;
                unistd::setgid(gid)?;
                unistd::setuid(uid)?;
            }
            // SAFETY: takes and returns plain numbers.
            unsafe { libc::umask(0o022) };
            // After the change of user: a folder must be one that he may enter.
            let mut last = Ok(());
            for folder in &folders {
                match unistd::chdir(folder.as_c_str()) {
                    Ok(()) => return Ok(()),
                    Err(error) => last = Err(error.into()),
                }
            }
            last
        })
    }
}

/// This program again, as the workload's user.
pub fn ourselves(arguments: &[&str]) -> (OsString, Vec<OsString>) {
    let words = std::iter::once("dbc-init").chain(arguments.iter().copied());
    (OURSELVES.into(), words.map(OsString::from).collect())
}

/// Where the user is at home. An image that names a place by `HOME` means it; but root's is what the
/// engine sets for us, whoever the workload's user is.
pub fn home_of(account: &Account) -> PathBuf {
    let named = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    named
        .filter(|home| account.uid == 0 || home.as_path() != Path::new("/root"))
        .unwrap_or_else(|| account.home.clone())
}

/// The user's shell, else `/bin/sh`, whichever is there.
fn shell_of(account: &Account) -> Option<PathBuf> {
    let default = PathBuf::from(SHELL_DEFAULT);
    let there = |shell: &PathBuf| unistd::access(shell, AccessFlags::X_OK).is_ok();
    account.shell.clone().into_iter().chain([default]).find(there)
}

/// Our own environment, which is that of the container, as the user should see it.
fn environment(account: &Account) -> Vec<(OsString, OsString)> {
    let mut env: Vec<_> = std::env::vars_os().collect();
    let mut set = |name: &str, value: &OsStr, always: bool| match env
        .iter_mut()
        .find(|(known, _)| known == name)
    {
        Some((_, known)) if always => *known = value.into(),
        Some(_) => {}
        None => env.push((name.into(), value.into())),
    };
    set("HOME", home_of(account).as_os_str(), true);
    set("USER", OsStr::new(&account.name), true);
    set("LOGNAME", OsStr::new(&account.name), true);
    set("PATH", OsStr::new(PATH_DEFAULT), false);
    if let Some(shell) = shell_of(account) {
        set("SHELL", shell.as_os_str(), true);
    }
    env
}

/// Whether a fresh descriptor can stand for a program's input, output and error output.
pub fn thrice(fd: &OwnedFd) -> io::Result<[Stdio; 3]> {
    Ok([fd.try_clone()?.into(), fd.try_clone()?.into(), fd.try_clone()?.into()])
}
