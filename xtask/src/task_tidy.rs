//! `cargo xtask tidy`: the rules about structure that a compiler does not check. Reads the working
//! tree and `cargo metadata`; changes nothing. One function a rule, each returning its complaints.

mod chain;
mod tables;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// Which of our crates each may depend on. A crate that is missing here is a complaint.
const EDGES: &[(&str, &[&str])] = &[
    ("dbc-primitives", &[]),
    ("pallet-machines", &["dbc-primitives"]),
    ("pallet-leases", &["dbc-primitives", "pallet-machines"]),
    ("pallet-prices", &["dbc-primitives"]),
    ("pallet-liveness", &["dbc-primitives"]),
    ("pallet-audits", &["dbc-primitives"]),
    ("pallet-rewards", &["dbc-primitives"]),
    ("pallet-disputes", &["dbc-primitives"]),
    ("dbc-bench", &["dbc-primitives"]),
    ("dbc-gpu", &["dbc-bench"]),
    ("dbc-prove", &["dbc-bench", "dbc-gpu"]),
    (
        "dbc-runtime",
        &[
            "dbc-bench",
            "dbc-primitives",
            "pallet-audits",
            "pallet-disputes",
            "pallet-leases",
            "pallet-liveness",
            "pallet-machines",
            "pallet-prices",
            "pallet-rewards",
        ],
    ),
    (
        "dbc-bench-runner",
        &[
            "dbc-bench",
            "dbc-primitives",
            "dbc-runtime",
            "pallet-audits",
            "pallet-disputes",
            "pallet-leases",
            "pallet-liveness",
            "pallet-machines",
            "pallet-prices",
            "pallet-rewards",
        ],
    ),
    ("dbc-node", &[]),
    ("dbc-agent-api", &[]),
    ("dbc-service", &[]),
    ("dbc-init", &[]),
    ("dbc-runc", &[]),
    ("dbc-grants", &["dbc-agent-api"]),
    ("dbc-tunnel", &["dbc-agent-api", "dbc-service"]),
    ("dbc-host", &["dbc-agent-api"]),
    ("dbc-chain-client", &["dbc-primitives"]),
    ("dbc-light", &["dbc-chain-client", "dbc-primitives"]),
    (
        "dbc-audit",
        &[
            "dbc-agent-api",
            "dbc-bench",
            "dbc-chain-client",
            "dbc-primitives",
            "dbc-sdk",
            "dbc-service",
            "dbc-tunnel",
        ],
    ),
    ("dbc-feed", &["dbc-chain-client", "dbc-primitives", "dbc-service"]),
    ("dbc-watch", &["dbc-chain-client", "dbc-primitives", "dbc-service"]),
    (
        "dbc-agent",
        &[
            "dbc-agent-api",
            "dbc-bench",
            "dbc-chain-client",
            "dbc-gpu",
            "dbc-grants",
            "dbc-host",
            "dbc-init",
            "dbc-light",
            "dbc-primitives",
            "dbc-service",
            "dbc-tunnel",
        ],
    ),
    (
        "dbc-sdk",
        &["dbc-agent-api", "dbc-chain-client", "dbc-grants", "dbc-primitives", "dbc-tunnel"],
    ),
    (
        "dbc",
        &[
            "dbc-agent-api",
            "dbc-audit",
            "dbc-feed",
            "dbc-host",
            "dbc-primitives",
            "dbc-sdk",
            "dbc-service",
            "dbc-watch",
        ],
    ),
    ("dbc-testkit", &["dbc-agent-api", "dbc-primitives", "dbc-sdk"]),
    ("dbc-e2e", &["dbc-agent-api", "dbc-primitives", "dbc-sdk", "dbc-testkit"]),
    (
        "dbc-benchmarks",
        &[
            "dbc-agent-api",
            "dbc-chain-client",
            "dbc-primitives",
            "dbc-sdk",
            "dbc-testkit",
            "dbc-tunnel",
        ],
    ),
    ("xtask", &[]),
];

/// Pallets that the design forbids, and crates that cost a build without being used.
const FORBIDDEN: &[&str] = &[
    "librocksdb-sys",
    "wasm-opt-sys",
    "pallet-democracy",
    "pallet-elections-phragmen",
    "pallet-im-online",
    "pallet-tips",
    "pallet-fast-unstake",
    "pallet-election-provider-multi-phase",
    "pallet-contracts",
    "pallet-insecure-randomness-collective-flip",
    "frame-benchmarking-cli",
];

/// Lines above the first test module that a file may have.
const FILE_LINES_MAX: usize = 800;

/// Crates that may run other programs; tests may too.
const MAY_RUN_PROGRAMS: &[&str] = &[
    "crates/host/",
    "crates/init/",
    "crates/runc/",
    "crates/cli/",
    "crates/testkit/",
    "xtask/",
    "tests/",
];

/// Checks every rule and reports all complaints at once.
pub fn run(root: &Path) -> Result<()> {
    let sources = sources(root)?;
    let mut complaints = Vec::new();
    complaints.extend(edges(root)?);
    complaints.extend(sdk_versions(root)?);
    complaints.extend(forbidden_crates(root)?);
    complaints.extend(chain::pallets(root, &sources));
    complaints.extend(tables::run(root, &sources)?);
    for source in &sources {
        complaints.extend(file(root, source)?);
    }
    if complaints.is_empty() {
        println!("tidy: {} files, no complaints", sources.len());
        return Ok(());
    }
    for complaint in &complaints {
        eprintln!("tidy: {complaint}");
    }
    bail!("{} complaints", complaints.len())
}

/// Our crates depend on each other only as `EDGES` says, and only `chain/` and the chain client see the SDK.
fn edges(root: &Path) -> Result<Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root)
        .output()
        .context("cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut complaints = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(may) = allowed.get(name) else {
            complaints.push(format!(
                "{name}: not in the table of dependency edges (xtask/src/task_tidy.rs)"
            ));
            continue;
        };
        let on_chain =
            package["manifest_path"].as_str().is_some_and(|path| path.contains("/chain/"));
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let needed = dependency["name"].as_str().unwrap_or_default();
            let for_tests = dependency["kind"].as_str() == Some("dev");
            if allowed.contains_key(needed) && !may.contains(&needed) && !for_tests {
                complaints.push(format!("{name}: must not depend on {needed}"));
            }
            let sdk =
                ["frame-", "pallet-", "sc-", "sp-"].iter().any(|prefix| needed.starts_with(prefix));
            // It packs the runtime in the form that nodes read, and hashes its metadata for wallets.
            let packs = ["sp-maybe-compressed-blob", "frame-metadata"].contains(&needed);
            let sdk = sdk && !(name == "xtask" && packs);
            if sdk && !on_chain {
                complaints.push(format!("{name}: off-chain code must not depend on {needed}"));
            }
            if needed.starts_with("subxt") && name != "dbc-chain-client" {
                complaints.push(format!("{name}: only dbc-chain-client names {needed}"));
            }
        }
    }
    Ok(complaints)
}

/// Every SDK crate has the version of the umbrella's manifest, exactly.
fn sdk_versions(root: &Path) -> Result<Vec<String>> {
    let read = |path: &str| -> Result<toml::Table> {
        let text = std::fs::read_to_string(root.join(path)).with_context(|| path.to_string())?;
        text.parse().with_context(|| path.to_string())
    };
    let umbrella = read("chain/sdk-versions.toml")?;
    let manifest = read("Cargo.toml")?;
    let mut complaints = Vec::new();
    let dependencies =
        manifest["workspace"]["dependencies"].as_table().context("workspace.dependencies")?;
    for (name, value) in dependencies {
        let Some(wanted) = umbrella.get(name).and_then(toml::Value::as_str) else { continue };
        let found = value.as_str().or_else(|| value.get("version")?.as_str()).unwrap_or_default();
        if found != format!("={wanted}") {
            complaints.push(format!("Cargo.toml: {name} is {found:?}, the umbrella has ={wanted}"));
        }
    }
    Ok(complaints)
}

/// Nothing forbidden has crept into the lock file.
fn forbidden_crates(root: &Path) -> Result<Vec<String>> {
    let lock: toml::Table = std::fs::read_to_string(root.join("Cargo.lock"))?.parse()?;
    let packages = lock["package"].as_array().context("Cargo.lock has no packages")?;
    let names = packages.iter().filter_map(|package| package.get("name")?.as_str());
    Ok(names
        .filter(|name| FORBIDDEN.contains(name))
        .map(|name| format!("Cargo.lock: {name} is forbidden"))
        .collect())
}

/// Rules about one source file.
fn file(root: &Path, path: &Path) -> Result<Vec<String>> {
    let text =
        std::fs::read_to_string(root.join(path)).with_context(|| path.display().to_string())?;
    let shown = path.display().to_string();
    let mut complaints = Vec::new();
    // A crate documented by its README begins with that attribute.
    if !text.starts_with("//!") && !text.starts_with("#![doc = include_str!") {
        complaints.push(format!(
            "{shown}: begin with a `//!` line: what it is, why here, what it does not do"
        ));
    }
    if path.file_name().is_some_and(|name| name == "mod.rs") {
        complaints.push(format!("{shown}: name it after its module (foo.rs beside foo/)"));
    }
    let generated = shown.contains("weights") || shown.contains("generated");
    let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
    if lines > FILE_LINES_MAX && !generated {
        complaints
            .push(format!("{shown}: {lines} lines, split it by noun (at most {FILE_LINES_MAX})"));
    }
    let runs_programs = text.contains("Command::new(");
    let may = MAY_RUN_PROGRAMS.iter().any(|place| shown.starts_with(place));
    if runs_programs && !may && !shown.contains("/tests/") {
        complaints.push(format!("{shown}: only crates/host runs other programs"));
    }
    // Spelled in two parts, so that this file does not complain about itself.
    for word in [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!(")] {
        let fake_runtime = shown.ends_with("fake_runtime.rs") || shown.contains("fake_runtime/");
        if text.contains(word) && !fake_runtime {
            complaints.push(format!("{shown}: contains `{word}…)`"));
        }
    }
    complaints.extend(chain::file(&shown, &text));
    Ok(complaints)
}

/// All Rust files that git knows or would add.
fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "*.rs"])
        .current_dir(root)
        .output()
        .context("git ls-files")?;
    let listed = String::from_utf8(output.stdout).context("file names")?;
    Ok(listed.lines().map(PathBuf::from).filter(|path| root.join(path).is_file()).collect())
}
