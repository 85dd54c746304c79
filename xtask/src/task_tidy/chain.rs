//! Rules about what runs on the chain, so that the predecessor's flaws of style (its digest, §8.4 and §8.5) cannot
//! come back unseen. Each reads one file; what a rule cannot see, a test of the runtime looks at.

use std::path::Path;

/// What one pallet may name of another, beside its own: borders, no storage.
const BORDERS: &[&str] = &[
    "Fleet",
    "Quote",
    "Occupied",
    "Part",
    "Presence",
    "DollarPrice",
    "Config",
    "BenchmarkHelper",
    "bench_machine",
];

/// All rules about one source file, and what each says about it.
pub fn file(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if !path.starts_with("chain/") {
        return complaints;
    }
    let code = shipped(text);
    let on_chain = path.contains("/src/") && !path.starts_with("chain/node/") && !is_test(path);
    if on_chain {
        complaints.extend(panics(path, &code));
        complaints.extend(bounds(&code));
    }
    let pallet = path.strip_prefix("chain/pallets/").and_then(|rest| rest.split('/').next());
    if let Some(pallet) = pallet.filter(|_| on_chain) {
        complaints.extend(hooks(path, &code));
        complaints.extend(weights(&code));
        complaints.extend(literals(path, &code));
        complaints.extend(borders(pallet, &code));
    }
    complaints.extend(empty_tests(text));
    complaints.into_iter().map(|said| format!("{path}: {said}")).collect()
}

/// Rules about a pallet's folder: what its files are, and that each is read.
pub fn pallets(root: &Path, sources: &[std::path::PathBuf]) -> Vec<String> {
    let mut complaints = Vec::new();
    let names = sources.iter().filter_map(|path| path.to_str());
    let model = std::fs::read_to_string(root.join("chain/runtime/tests/it/world.rs"));
    let model = model.unwrap_or_default();
    for lib in names
        .clone()
        .filter(|path| path.starts_with("chain/pallets/") && path.ends_with("/src/lib.rs"))
    {
        let folder = lib.trim_end_matches("lib.rs");
        let has =
            |what: &str| names.clone().any(|path| path.starts_with(&format!("{folder}{what}")));
        let pallet = folder.split('/').nth(2).unwrap_or_default();
        if !has("tests/") || !has("try_state.rs") {
            complaints.push(format!("{folder}: a pallet has tests and a `try_state.rs`"));
        }
        if !model.contains(&format!("\"{pallet}\"")) {
            complaints.push(format!("{folder}: the runtime's tests do not look at its state"));
        }
        let text = std::fs::read_to_string(root.join(lib)).unwrap_or_default();
        let tests = names.clone().filter(|path| path.starts_with(&format!("{folder}tests/")));
        for module in tests.filter_map(|path| path.strip_prefix(&format!("{folder}tests/"))) {
            let Some(module) = module.strip_suffix(".rs").filter(|name| !name.contains('/')) else {
                continue;
            };
            if !text.contains(&format!("mod {module};")) {
                complaints.push(format!("{folder}tests/{module}.rs: no file reads it"));
            }
        }
    }
    complaints
}

/// Flaw 31: what was checked above is not checked by types.
fn panics(path: &str, code: &str) -> Vec<String> {
    // A genesis that makes no sense is refused before there is a chain.
    if path.contains("/genesis") {
        return Vec::new();
    }
    let words = [".unwrap()", ".expect(", "panic!(", "unreachable!(", "assert!("];
    let code = without_blocks(code, &["#[pallet::genesis_build]", "fn integrity_test() {"]);
    let found = words.iter().filter(|word| {
        let plain = code.replace("debug_assert!(", "");
        plain.contains(**word)
    });
    found.map(|word| format!("`{word}…` can stop the chain")).collect()
}

/// Flaw 33: values without a bound.
fn bounds(code: &str) -> Vec<String> {
    let words = ["without_storage_info", "#[pallet::unbounded]"];
    let found = words.iter().filter(|word| code.contains(**word));
    found.map(|word| format!("`{word}`: every value has a bound")).collect()
}

/// Flaws 35 and 40: hooks that weigh nothing, and hooks that rebuild with every upgrade.
fn hooks(path: &str, code: &str) -> Vec<String> {
    let mut words = vec![
        ("fn on_finalize", "it is not metered; take `on_poll` and its meter"),
        ("fn on_runtime_upgrade", "a migration has its version and runs once"),
    ];
    // Where hooks and calls are declared. Elsewhere it is the rest of a call that had nothing more to do.
    if path.ends_with("/lib.rs") {
        words.push(("Weight::zero()", "whatever is done weighs something"));
        words.push(("Weight::default()", "whatever is done weighs something"));
    }
    let found = words.iter().filter(|(word, _)| code.contains(word));
    found.map(|(word, why)| format!("`{word}`: {why}")).collect()
}

/// Flaw 37: weights that are numbers.
fn weights(code: &str) -> Vec<String> {
    let lines: Vec<&str> = code.lines().collect();
    let mut complaints = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if line.trim_start().starts_with("#[pallet::weight(") {
            let whole = lines[at..lines.len().min(at + 4)].concat();
            let whole = whole.split(")]").next().unwrap_or_default();
            if !whole.contains("WeightInfo::") {
                complaints.push(format!("line {}: a call's weight is counted", at + 1));
            }
        }
        if line.contains("pub fn") && line.contains("origin: OriginFor") {
            let before = lines[at.saturating_sub(6)..at].concat();
            if !before.contains("#[pallet::weight(") {
                complaints.push(format!("line {}: a call has a weight", at + 1));
            }
        }
    }
    complaints
}

/// Flaw 38: numbers of the economy where they are used, not in a table or a parameter.
fn literals(path: &str, code: &str) -> Vec<String> {
    if !path.contains("/impls/") {
        return Vec::new();
    }
    let is_number = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
    let words = ["from_percent(", "from_parts(", "from_rational("];
    let shares = words.iter().any(|word| code.split(word).skip(1).any(is_number));
    let sums = code.contains("* DBC") || code.contains("DBC *");
    (shares || sums)
        .then(|| "a share or a sum of money stands in code; make it a parameter".to_string())
        .into_iter()
        .collect()
}

/// Flaw 39: pallets that read each other's storage, and errors that say nothing.
fn borders(pallet: &str, code: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if code.contains("Result<(), ()>") {
        complaints.push("`Result<(), ()>`: an error says what it is".to_string());
    }
    for rest in code.split("pallet_").skip(1) {
        let Some((of, rest)) = rest.split_once("::") else { continue };
        let named = of.chars().all(|char| char.is_ascii_lowercase() || char == '_');
        // `pallet_prelude` and `pallet_macros` are FRAME's.
        if !named || [pallet, "prelude", "macros"].contains(&of) {
            continue;
        }
        let rest = rest.trim_start();
        let names = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default(),
            None => rest
                .split(|char: char| !char.is_alphanumeric() && char != '_')
                .next()
                .unwrap_or_default(),
        };
        for name in names.split(',').filter_map(|name| name.split_whitespace().next()) {
            if !BORDERS.contains(&name) {
                complaints.push(format!("`pallet_{of}::{name}` is no border between pallets"));
            }
        }
    }
    complaints
}

/// Flaw 41: tests that test nothing.
fn empty_tests(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let empty = lines.windows(2).filter(|pair| {
        pair[0] == "#[test]" && pair[1].starts_with("fn ") && pair[1].ends_with("{}")
    });
    let ignored = lines.iter().filter(|line| line.starts_with("#[ignore"));
    let said = empty.map(|pair| format!("`{}` tests nothing", pair[1]));
    said.chain(ignored.map(|line| format!("`{line}`: a test runs"))).collect()
}

/// What is compiled into the chain: not the tests at the end of a file, no comments.
fn shipped(text: &str) -> String {
    let lines = text.lines().take_while(|line| {
        let line = line.trim();
        line != "mod tests {" && line != "mod tests;"
    });
    let mut code = String::new();
    let mut all: Vec<&str> = lines.collect();
    // A list of test modules in the middle of a file is none of its end.
    if all.len() < text.lines().count() && text.contains("#[frame_support::pallet]") {
        all = text.lines().collect();
    }
    for line in all {
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    code
}

/// Without the blocks that begin with one of these lines, each up to the brace that closes it.
fn without_blocks(code: &str, begins: &[&str]) -> String {
    let mut kept = String::new();
    let mut closing: Option<String> = None;
    for line in code.lines() {
        if let Some(brace) = &closing {
            if line == brace {
                closing = None;
            }
            continue;
        }
        if begins.contains(&line.trim()) {
            let indent = line.len() - line.trim_start().len();
            closing = Some(format!("{}}}", " ".repeat(indent)));
            continue;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/mock.rs") || path.ends_with("/benchmarking.rs")
}

#[cfg(test)]
mod tests {
    use super::file;

    const PALLET: &str = "chain/pallets/leases/src/impls/settle.rs";

    /// Each of the first is complained of, and nothing of the second.
    fn rule(path: &str, bad: &[&str], good: &[&str]) {
        for code in bad {
            assert!(!file(path, code).is_empty(), "nobody minds {code:?}");
        }
        for code in good {
            assert_eq!(file(path, code), Vec::<String>::new(), "{code:?}");
        }
    }

    #[test]
    fn predecessor_flaw_31_code_that_can_stop_the_chain() {
        rule(
            PALLET,
            &["let a = b.unwrap();", "b.expect(\"is there\")", "panic!(\"no\")", "unreachable!()"],
            &[
                "// .unwrap() in words",
                "let a = b.unwrap_or_default();",
                "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { c.unwrap() }\n}",
                "    #[pallet::genesis_build]\n    impl A {\n        a.expect(\"b\");\n    }\n",
            ],
        );
        rule("chain/pallets/leases/src/tests/end.rs", &[], &["let a = b.unwrap();"]);
    }

    #[test]
    fn predecessor_flaw_33_storage_without_a_bound() {
        let lib = "chain/pallets/leases/src/lib.rs";
        rule(
            lib,
            &["#[pallet::without_storage_info]", "#[pallet::unbounded]"],
            &["#[pallet::storage]"],
        );
    }

    #[test]
    fn predecessor_flaw_35_hooks_that_nobody_meters() {
        let lib = "chain/pallets/leases/src/lib.rs";
        rule(
            lib,
            &[
                "fn on_finalize(_: N) {}",
                "fn on_initialize(_: N) -> Weight { Weight::zero() }",
                "fn on_initialize(_: N) -> Weight { Weight::default() }",
            ],
            &["fn on_poll(_: N, meter: &mut WeightMeter) {}"],
        );
        rule(PALLET, &["fn on_finalize(_: N) {}"], &["return Weight::zero();"]);
    }

    #[test]
    fn predecessor_flaw_37_weights_that_are_numbers() {
        let lib = "chain/pallets/leases/src/lib.rs";
        rule(
            lib,
            &[
                "#[pallet::weight(10_000)]",
                "#[pallet::weight(Weight::from_parts(10_000, 0))]",
                "pub fn a(origin: OriginFor<T>) -> DispatchResult {",
            ],
            &[
                "#[pallet::weight(T::WeightInfo::end())]\npub fn a(origin: OriginFor<T>) {",
                "#[pallet::weight(\n    T::WeightInfo::end()\n)]\npub fn a(origin: OriginFor<T>) {",
            ],
        );
    }

    #[test]
    fn predecessor_flaw_38_numbers_of_the_economy_in_code() {
        rule(
            PALLET,
            &["Percent::from_percent(30)", "Permill::from_parts(5_000)", "let fee = 10 * DBC;"],
            &["Permill::from_parts(leg.fee)", "T::ProtocolFee::get().mul_floor(rent)"],
        );
        rule("chain/pallets/disputes/src/bands.rs", &[], &["Percent::from_percent(30)"]);
    }

    #[test]
    fn predecessor_flaw_39_pallets_that_read_each_others_storage() {
        rule(
            PALLET,
            &[
                "pallet_machines::Machines::<T>::get(machine)",
                "use pallet_machines::{Fleet as _, Machines};",
                "fn a() -> Result<(), ()> {",
            ],
            &[
                "use pallet_machines::{Fleet as _, Part, Quote};",
                "use frame_support::pallet_prelude::*;",
            ],
        );
    }

    #[test]
    fn predecessor_flaw_40_upgrades_that_rebuild_every_time() {
        let lib = "chain/pallets/leases/src/lib.rs";
        rule(lib, &["fn on_runtime_upgrade() -> Weight {"], &[]);
    }

    #[test]
    fn predecessor_flaw_41_tests_that_test_nothing() {
        rule(
            "chain/pallets/leases/src/tests/end.rs",
            &["#[test]\nfn a() {}", "#[ignore]\n#[test]\nfn a() {\n    b();\n}"],
            &["#[test]\nfn a() {\n    assert!(true);\n}"],
        );
    }

    /// A test file that no module names is never run.
    #[test]
    fn predecessor_flaw_41_tests_that_nothing_reads() {
        let root = std::env::temp_dir().join(format!("tidy-{}", std::process::id()));
        let src = root.join("chain/pallets/new/src");
        std::fs::create_dir_all(src.join("tests")).unwrap();
        std::fs::write(src.join("lib.rs"), "mod tests { mod one; }").unwrap();
        let sources = ["lib.rs", "try_state.rs", "tests/one.rs", "tests/two.rs"]
            .map(|name| std::path::PathBuf::from("chain/pallets/new/src").join(name));
        let said = super::pallets(&root, &sources);
        std::fs::remove_dir_all(&root).unwrap();
        assert!(said.iter().any(|said| said.contains("tests/two.rs")), "{said:?}");
        assert!(!said.iter().any(|said| said.contains("tests/one.rs")), "{said:?}");
        assert!(said.iter().any(|said| said.contains("look at its state")), "{said:?}");
    }
}
