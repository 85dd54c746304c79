//! Each target over its corpus, its samples, and thousands of small changes of both: what a stable compiler can do
//! without cargo-fuzz. `DBC_CORPUS=1` writes the samples into the corpus.

use std::path::PathBuf;

/// A target by its name.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 10] = [
    ("beats", dbc_fuzz::beats),
    ("openings", dbc_fuzz::openings),
    ("transcripts", dbc_fuzz::transcripts),
    ("findings", dbc_fuzz::findings),
    ("catalogue", dbc_fuzz::catalogue),
    ("orders", dbc_fuzz::orders),
    ("grants", dbc_fuzz::grants),
    ("specs", dbc_fuzz::specs),
    ("tickets", dbc_fuzz::tickets),
    ("frames", dbc_fuzz::frames),
];

/// Changes of each sample.
const CHANGES: u64 = 2_000;

fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(folder(target)).into_iter().flatten().flatten();
    files.filter_map(|file| std::fs::read(file.path()).ok()).collect()
}

/// The next of a row of numbers (splitmix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A bit turned, a byte set, some cut off or put in.
fn change(bytes: &[u8], state: &mut u64) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for _ in 0..1 + next(state) % 3 {
        let at = next(state) as usize % changed.len().max(1);
        let value = next(state) as u8;
        match next(state) % 5 {
            0 if at < changed.len() => changed[at] ^= 1 << (value % 8),
            1 if at < changed.len() => changed[at] = value,
            2 => changed.truncate(at),
            3 => changed.insert(at.min(changed.len()), value),
            _ => changed.extend(std::iter::repeat_n(value, at % 40)),
        }
    }
    changed
}

#[test]
fn no_bytes_break_a_decoder() {
    for (name, target) in TARGETS {
        let mut inputs = dbc_fuzz::samples::of(name);
        assert!(!inputs.is_empty(), "{name} has samples");
        if std::env::var_os("DBC_CORPUS").is_some() {
            std::fs::create_dir_all(folder(name)).expect("a folder");
            for (number, sample) in inputs.iter().enumerate() {
                std::fs::write(folder(name).join(format!("honest-{number}")), sample)
                    .expect("a file");
            }
        }
        let kept = corpus(name);
        assert!(!kept.is_empty(), "{name} has a corpus");
        inputs.extend(kept);
        target(&[]);
        let mut state = 7;
        for input in &inputs {
            target(input);
            // A grant's signatures take their time.
            let changes = if name == "grants" { CHANGES / 10 } else { CHANGES };
            for _ in 0..changes {
                target(&change(input, &mut state));
            }
        }
    }
}

/// Honest bytes are taken: else the targets would try nothing.
#[test]
fn honest_bytes_are_taken() {
    use codec::DecodeAll as _;
    let sample = |name: &str| dbc_fuzz::samples::of(name).remove(0);
    let machine = dbc_fuzz::samples::machine();
    dbc_watch::check(&dbc_fuzz::GENESIS, machine, &sample("beats")).expect("a beat");
    let transcript = sample("transcripts");
    let read = dbc_bench::Transcript::decode_all(&mut &transcript[..]).expect("a transcript");
    dbc_fuzz::samples::case().judge(&read, &[5; 32]).expect("it computed everything");
    assert!(pallet_audits::catalogue::find(&sample("catalogue")).is_some());
    let spec: dbc_agent_api::WorkloadSpec =
        serde_json::from_slice(&sample("specs")).expect("a spec");
    spec.validate().expect("it is within its bounds");
}
