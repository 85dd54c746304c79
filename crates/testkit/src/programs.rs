//! Where the built programs are. Tests never build them: `./test` does, so that a test's time is its own.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// Path of a program of ours, e.g. `dbc-node`, beside the running test in the target folder.
///
/// # Errors
/// When it is not built; the message names the command that builds it.
pub fn program(name: &str) -> Result<PathBuf> {
    // A test binary lies in <target>/<profile>/deps.
    let test = std::env::current_exe().context("path of the running test")?;
    let profile = test.ancestors().nth(2).context("the test lies in no target folder")?;
    let path = profile.join(name);
    if !path.is_file() {
        bail!(
            "{} is not built; run `cargo build -p {}` first (./test does)",
            path.display(),
            package(name)
        );
    }
    Ok(path)
}

fn package(program: &str) -> &str {
    match program {
        "dbc-relay" => "dbc-tunnel",
        other => other,
    }
}
