//! Tables that promise tests: each flaw of the predecessor and each rule of the mechanisms has a row, and each test
//! that a row names is there.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// A table of promises: where it stands, how many rows it has, what its tests are called.
struct Table {
    path: &'static str,
    rows: u32,
    prefix: &'static str,
    /// Words of a row that needs no test here.
    elsewhere: &'static [&'static str],
}

const TABLES: [Table; 2] = [
    Table {
        path: "docs/reference/flaws.md",
        rows: 41,
        prefix: "predecessor_flaw_",
        elsewhere: &[],
    },
    Table {
        path: "docs/reference/rules.md",
        rows: 39,
        prefix: "rule_",
        elsewhere: &["later", "gateway"],
    },
];

/// Reads both tables and the names of all tests.
pub fn run(root: &Path, sources: &[PathBuf]) -> Result<Vec<String>> {
    let mut names = BTreeSet::new();
    for path in sources {
        let text =
            std::fs::read_to_string(root.join(path)).with_context(|| path.display().to_string())?;
        names.extend(functions(&text));
    }
    let mut complaints = Vec::new();
    for table in &TABLES {
        let text = std::fs::read_to_string(root.join(table.path)).context(table.path)?;
        complaints.extend(check(table, &text, &names));
    }
    Ok(complaints)
}

/// Names of functions in a source file.
fn functions(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().filter_map(|line| {
        let rest = line.trim_start().trim_start_matches("async ").strip_prefix("fn ")?;
        Some(rest.split(['(', '<']).next()?.to_string())
    })
}

fn check(table: &Table, text: &str, names: &BTreeSet<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut seen = Vec::new();
    for line in text.lines().filter(|line| line.starts_with('|')) {
        let Some(number) = line.split('|').nth(1).and_then(|cell| cell.trim().parse::<u32>().ok())
        else {
            continue;
        };
        seen.push(number);
        let tests: Vec<&str> =
            line.split('`').filter(|word| word.starts_with(table.prefix)).collect();
        let own = format!("{}{number:02}_", table.prefix);
        for test in &tests {
            if !names.contains(*test) {
                complaints
                    .push(format!("{}: row {number} names `{test}`, which is no test", table.path));
            }
        }
        let told = table.elsewhere.iter().any(|word| line.contains(word));
        if !told && !tests.iter().any(|test| test.starts_with(&own)) {
            complaints.push(format!("{}: row {number} names no test `{own}…`", table.path));
        }
    }
    if seen != (1..=table.rows).collect::<Vec<_>>() {
        complaints
            .push(format!("{}: it has rows 1 to {}, in order, each once", table.path, table.rows));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Table = Table { path: "a.md", rows: 2, prefix: "rule_", elsewhere: &["later"] };

    fn said(text: &str) -> usize {
        let names = ["rule_01_a", "rule_02_b"].map(String::from).into();
        check(&TWO, text, &names).len()
    }

    #[test]
    fn a_table_names_tests_that_are_there() {
        assert_eq!(said("| 1 | a | `rule_01_a` |\n| 2 | b | `rule_02_b` |"), 0);
        assert_eq!(said("| 1 | a | `rule_01_a` |\n| 2 | b | later |"), 0);
        assert_eq!(said("| 1 | a | `rule_01_a` |\n| 2 | b | `rule_02_c` |"), 1, "no such test");
        assert_eq!(said("| 1 | a | `rule_02_b` |\n| 2 | b | `rule_02_b` |"), 1, "of another row");
        assert_eq!(said("| 1 | a | `rule_01_a` |"), 1, "a row is missing");
        assert_eq!(said("| 2 | b | `rule_02_b` |\n| 1 | a | `rule_01_a` |"), 1, "out of order");
        assert_eq!(said("| 1 | a | |\n| 2 | b | later |"), 1, "no test");
    }
}
