//! Everything that can be said about the sources without running them: format, structure, lints,
//! licences.

use std::path::Path;

use anyhow::Result;

use crate::{programs::cargo, succeed, task_tidy};

/// Runs every check; the chain's own crates are linted by their tests' build alone, as a second
/// build of the SDK takes as long as the first.
pub fn run(root: &Path) -> Result<()> {
    succeed(cargo(root).args(["fmt", "--all", "--check"]))?;
    task_tidy::run(root)?;
    if there(root, "clippy") {
        // The default members, and the tests of the whole system, which need programs to run and none to be
        // linted.
        for of in [&[][..], &["-p", "dbc-e2e"]] {
            let words = ["clippy", "--locked", "--all-targets", "--quiet"];
            succeed(cargo(root).args(words).args(of).args(["--", "-D", "warnings"]))?;
        }
    } else {
        println!("check: SKIPPED clippy, it is not installed; `rustup component add clippy`");
    }
    if there(root, "deny") {
        // Advisories need a server; licences, bans and sources do not.
        succeed(cargo(root).args(["deny", "check", "licenses", "bans", "sources"]))?;
    } else {
        println!(
            "check: SKIPPED licences, cargo-deny is not installed; `cargo install cargo-deny`"
        );
    }
    Ok(())
}

fn there(root: &Path, subcommand: &str) -> bool {
    let asked = cargo(root).args([subcommand, "--version"]).output();
    asked.is_ok_and(|output| output.status.success())
}
