//! `dbc-init`: PID 1 of a container and, called by itself, its SFTP server and its fallback shell.
//! Reads the command line; all else is in the library.

use std::{ffi::OsString, path::PathBuf, process::ExitCode, time::Duration};

use dbc_init::{
    server::{Config, pid1},
    sftp, shell,
};

const USAGE: &str = "\
PID 1 of a container: runs its entrypoint and lets the agent in.

usage: dbc-init [options] -- PROGRAM [ARGUMENT...]
       dbc-init [options] --hold

  --hold               stay without an entrypoint, until a signal comes
  --socket PATH        socket for sessions [/.dbc/run/init.sock]
  --user USER[:GROUP]  name or number, looked up inside [the user that runs this]
  --workdir DIR        working directory of the entrypoint [/]
  --patience SECONDS   how long a session without client is kept, 1 to 86400 [600]

example: dbc-init --user nobody --workdir /srv -- /usr/bin/python3 -m http.server";
const SOCKET: &str = "/.dbc/run/init.sock";
const PATIENCE: Duration = Duration::from_secs(600);
const BAD_USAGE: u8 = 64;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1).peekable();
    match words.peek().and_then(|word| word.to_str()) {
        Some("sftp") => sftp::run(),
        Some("shell") => {
            let lossy = |word: OsString| word.to_string_lossy().into_owned();
            shell::run(&words.skip(1).map(lossy).collect::<Vec<_>>())
        }
        Some("--help" | "-h") => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Some("--version") => {
            println!("dbc-init {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        _ => match parse(words) {
            Ok(config) => pid1::run(config),
            Err(why) => {
                eprintln!("dbc-init: {why}\n\n{USAGE}");
                ExitCode::from(BAD_USAGE)
            }
        },
    }
}

fn parse(mut words: impl Iterator<Item = OsString>) -> Result<Config, String> {
    let mut hold = false;
    let mut config = Config {
        socket: SOCKET.into(),
        user: None,
        workdir: "/".into(),
        patience: PATIENCE,
        command: Vec::new(),
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{} needs a value", word.display()));
        match word.to_str() {
            Some("--hold") => hold = true,
            Some("--socket") => config.socket = value()?.into(),
            Some("--user") => {
                let user = value()?.into_string();
                config.user = Some(user.map_err(|_| "--user must be text")?);
            }
            Some("--workdir") => {
                let dir = PathBuf::from(value()?);
                if !dir.is_absolute() {
                    return Err("--workdir must be absolute".into());
                }
                config.workdir = dir;
            }
            Some("--patience") => {
                let seconds = value()?.to_str().and_then(|text| text.parse().ok());
                let seconds = seconds.filter(|seconds| (1..=86_400).contains(seconds));
                config.patience =
                    Duration::from_secs(seconds.ok_or("--patience must be 1 to 86400")?);
            }
            Some("--") => {
                config.command = words.collect();
                break;
            }
            _ => return Err(format!("unknown option {}", word.display())),
        }
    }
    match (hold, config.command.is_empty()) {
        (false, true) => Err("a program or --hold is needed".into()),
        (true, false) => Err("--hold and a program exclude each other".into()),
        _ => Ok(config),
    }
}
