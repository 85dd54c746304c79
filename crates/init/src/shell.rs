//! `dbc-init shell`: what one gets in an image without a shell. Words, quotes, variables, `;`, `&&`
//! and `||`, a handful of commands, and any program of the image. No pipes, no redirection, no jobs.

mod commands;
mod words;

use std::{
    collections::VecDeque,
    io::{self, IsTerminal, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Command, ExitCode},
};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use self::words::{Joint, Step};

/// Longest line, in bytes.
const LINE_BYTES_MAX: usize = 128 * 1024;
const NOT_FOUND: i32 = 127;
const NOT_RUNNABLE: i32 = 126;

/// How far a line got.
enum Flow {
    /// On with the next; this was the status.
    Next(i32),
    /// The shell ends with this status.
    Exit(i32),
}

/// Runs `-c LINE`, or what is typed or piped in.
pub fn run(arguments: &[String]) -> ExitCode {
    catch_keys();
    let status = match arguments {
        [flag, line, ..] if flag == "-c" => match run_line(line, 0) {
            Flow::Next(status) | Flow::Exit(status) => status,
        },
        _ => interact(),
    };
    ExitCode::from(u8::try_from(status & 0xff).unwrap_or(1))
}

/// `^C` and `^\` are for the program in the foreground. Caught, not ignored: children would inherit
/// that.
fn catch_keys() {
    extern "C" fn nothing(_: i32) {}
    let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::SA_RESTART, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGQUIT] {
        // SAFETY: the handler does nothing, so it is safe in any state of the program.
        let _ = unsafe { sigaction(signal, &action) };
    }
}

fn interact() -> i32 {
    let prompted = io::stdin().is_terminal();
    if prompted {
        println!("This image has no shell; this is a small one: `help` says what it knows.");
    }
    let mut status = 0;
    let mut line = String::new();
    loop {
        if prompted {
            let dir = std::env::current_dir().unwrap_or_default();
            print!("{}$ ", dir.display());
            let _ = io::stdout().flush();
        }
        line.clear();
        match io::stdin().read_line(&mut line) {
            Ok(0) | Err(_) => return status,
            Ok(_) => {}
        }
        match run_line(line.trim_end_matches(['\r', '\n']), status) {
            Flow::Next(now) => status = now,
            Flow::Exit(now) => return now,
        }
    }
}

fn run_line(line: &str, mut status: i32) -> Flow {
    if line.len() > LINE_BYTES_MAX {
        eprintln!("line is longer than {LINE_BYTES_MAX} bytes");
        return Flow::Next(2);
    }
    let steps = match words::split(line) {
        Ok(steps) => steps,
        Err(why) => {
            eprintln!("{why}");
            return Flow::Next(2);
        }
    };
    for Step { joint, words } in steps {
        let skip = match joint {
            Joint::Always => false,
            Joint::IfGood => status != 0,
            Joint::IfBad => status == 0,
        };
        if skip {
            continue;
        }
        let words: VecDeque<String> =
            words.iter().map(|word| word.expand(status, |name| std::env::var(name).ok())).collect();
        match run_words(words.into(), status) {
            Flow::Next(now) => status = now,
            exit @ Flow::Exit(_) => return exit,
        }
    }
    Flow::Next(status)
}

fn run_words(words: Vec<String>, status: i32) -> Flow {
    let Some((name, arguments)) = words.split_first() else { return Flow::Next(status) };
    if name == "exit" {
        return Flow::Exit(arguments.first().map_or(status, |code| code.parse().unwrap_or(2)));
    }
    if name == "exec" {
        let Some((name, arguments)) = arguments.split_first() else { return Flow::Next(0) };
        let error = Command::new(name).args(arguments).exec();
        return Flow::Exit(complain(name, &error));
    }
    if let Some(result) = commands::run(name, arguments) {
        let status = match result {
            Ok(()) => 0,
            Err(why) => {
                eprintln!("{name}: {why}");
                1
            }
        };
        return Flow::Next(status);
    }
    Flow::Next(match Command::new(name).args(arguments).status() {
        Ok(ended) => ended.code().unwrap_or_else(|| 128 + ended.signal().unwrap_or(0)),
        Err(error) => complain(name, &error),
    })
}

fn complain(name: &str, error: &io::Error) -> i32 {
    eprintln!("{name}: {error}");
    if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUNNABLE }
}
