//! `dbc-runc`: an OCI runtime that is runc but for one thing. When a container is created, its root
//! becomes the subvolume that the agent prepared for it, the btrfs ioctls are taken out of its
//! seccomp profile, and what the engine mounts from the host's disk becomes read-only. Then the real
//! runc takes over, in this same process. It keeps no state, opens no socket, and refuses to create
//! a container that nobody prepared a root for.
//!
//! Called by the engine as `dbc-runc [--dbc-roots DIR] [--dbc-runc PATH] <arguments of runc>`.

mod args;
mod bundle;
mod seccomp;

use std::{
    env,
    ffi::OsString,
    fs,
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use args::{Call, Invocation};

/// Where the agent says which container has which root, unless the engine's settings name another.
const ROOTS_DIR: &str = "/var/lib/dbc/roots.d";
/// Where distributions put runc, for an engine that was started with a short PATH.
const RUNC_PLACES: [&str; 4] =
    ["/usr/sbin/runc", "/usr/bin/runc", "/usr/local/sbin/runc", "/usr/local/bin/runc"];

fn main() -> ExitCode {
    match run(env::args_os().skip(1).collect()) {
        Ok(never) => match never {},
        Err(why) => {
            // The engine shows what its runtime prints to standard error.
            eprintln!("dbc-runc: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Vec<OsString>) -> Result<std::convert::Infallible, String> {
    let invocation = Invocation::parse(args)?;
    if let Call::Create { id, bundle } = &invocation.call {
        let roots = invocation.roots.as_deref().unwrap_or(Path::new(ROOTS_DIR));
        let prepared = bundle::root_of(roots, id).and_then(|root| bundle::rewrite(bundle, &root));
        if let (Err(why), Some(log)) = (&prepared, &invocation.log) {
            tell_engine(log, why);
        }
        prepared?;
    }
    let runc = match invocation.runc {
        Some(path) => path,
        None => find_runc()?,
    };
    let error = Command::new(&runc).args(&invocation.rest).exec();
    Err(format!("cannot run {}: {error}", runc.display()))
}

/// Writes the reason where the engine looks for runc's own, in runc's form; it shows the last line.
fn tell_engine(log: &Path, why: &str) {
    let line = serde_json::json!({ "level": "error", "msg": format!("dbc-runc: {why}") });
    let written = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .and_then(|mut file| writeln!(file, "{line}"));
    if let Err(error) = written {
        eprintln!("dbc-runc: cannot write {}: {error}", log.display());
    }
}

/// The real runc: the first on PATH, else in a usual place, never this program itself.
fn find_runc() -> Result<PathBuf, String> {
    let ourselves = fs::canonicalize("/proc/self/exe").ok();
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|dir| dir.join("runc"))
        .chain(RUNC_PLACES.iter().map(PathBuf::from))
        .filter(|place| place.is_absolute())
        .find(|place| place.is_file() && fs::canonicalize(place).ok() != ourselves)
        .ok_or_else(|| "cannot find runc; install it (Debian: package runc)".to_owned())
}
