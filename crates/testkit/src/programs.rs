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

/// Path of something that `cargo xtask` made, in `dbc` of this test's target folder.
///
/// # Errors
/// When it is not there; the message names the command that makes it.
pub fn made(name: &str, by: &str) -> Result<PathBuf> {
    let path = folder()?.join(name);
    if !path.is_file() {
        bail!("{} is not there; run `{by}` first (./test does)", path.display());
    }
    Ok(path)
}

/// Folder of compiled runtimes that all tests share: compiling one takes an unoptimised node fifteen seconds of a
/// processor.
///
/// # Errors
/// When this test lies in no target folder.
pub fn wasm_cache() -> Result<PathBuf> {
    Ok(folder()?.join("wasm-cache"))
}

/// Folder beside the build profiles for what cargo does not make.
fn folder() -> Result<PathBuf> {
    let test = std::env::current_exe().context("path of the running test")?;
    let target = test.ancestors().nth(3).context("the test lies in no target folder")?;
    Ok(target.join("dbc"))
}

fn package(program: &str) -> &str {
    match program {
        "dbc-relay" => "dbc-tunnel",
        other => other,
    }
}
