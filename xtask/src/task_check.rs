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
        let words = ["clippy", "--locked", "--all-targets", "--quiet", "--", "-D", "warnings"];
        succeed(cargo(root).args(words))?;
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
