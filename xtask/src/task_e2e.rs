//! The end-to-end tests with everything that they need, built before.

use std::path::Path;

use anyhow::Result;

use crate::{programs, succeed, task_wasm};

/// Builds everything, then runs the scenarios with one of the words of `filter`, which commas part, in their names.
pub fn run(root: &Path, filter: Option<&str>) -> Result<()> {
    programs::build(root, &[])?;
    task_wasm::rehearsal(root)?;
    let mut tests = programs::cargo(root);
    tests.args(["test", "--locked", "-p", "dbc-e2e"]);
    if let Some(filter) = filter {
        tests.env("DBC_SCENARIO", filter);
    }
    succeed(&mut tests)
}
