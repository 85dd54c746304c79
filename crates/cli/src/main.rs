//! `dbc`: everything that a person does. This file parses, runs one command and turns its end into an
//! exit status: 0 done, 1 no (not found, refused), 2 error.

mod args;
mod cmd;
mod context;
mod failure;
mod print;
mod template;
mod up;
mod wallet;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    // A reader that went away (`dbc machines | head`) ends us in silence, as it does other programs.
    reset_sigpipe();
    let arguments = args::Dbc::parse();
    let json = arguments.global.json;
    match cmd::run(arguments).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => failure::report(&error, json),
    }
}

fn reset_sigpipe() {
    // SAFETY: called before any thread of ours looks at signals; the default disposition needs no handler.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}
