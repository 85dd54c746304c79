//! Transcripts: what an honest one shows, and that no other shows it (mechanisms rule 22).

use codec::Encode as _;
use dbc_bench::{Case, Fault, Prover, Transcript, hash_of};
use dbc_primitives::{
    MachineId,
    audit::{Findings, Terms, Verdict},
};
use proptest::prelude::*;

const LUCK: [u8; 32] = [77; 32];

fn case() -> Case {
    let terms =
        Terms { gpus: 0, edge: 16, links: 4, openings: 8, commit_ms: 10_000, open_ms: 5_000 };
    let (genesis, machine, seed) = ([1; 32], MachineId([2; 32]), [3; 32]);
    Case { genesis, machine, audit: 7, seed, terms }
}

fn transcript(case: &Case) -> Transcript {
    let (secret, block) = ([4; 32], [5; 32]);
    let prover = Prover::run(case.params(&secret));
    let root = prover.root();
    let asked = case.questions(&secret, &root, &block);
    let openings = asked.iter().filter_map(|place| prover.open(*place)).collect();
    Transcript { secret, block, root, commit_ms: 16, open_ms: 20, openings }
}

fn findings() -> Findings {
    // 4 × 16³ products in 16 ms: one million a second, rounded down; 4 KiB are no MiB.
    Findings { throughput: 1, open_ms: 20, ..Findings::default() }
}

#[test]
fn an_honest_transcript_supports_its_findings_and_no_others() {
    let case = case();
    let bytes = transcript(&case).encode();
    let supports = |verdict| case.supports(&hash_of(&bytes), &verdict, &bytes, &LUCK);
    assert_eq!(supports(Verdict::Pass(findings())), Some(true));
    let more = Findings { throughput: 2, ..findings() };
    assert_eq!(supports(Verdict::Pass(more)), Some(false), "an auditor who flatters");
    assert_eq!(supports(Verdict::Fail), Some(false), "an auditor who slanders");
    assert_eq!(supports(Verdict::Unreachable), Some(false));
    let other = case.supports(&[9; 32], &Verdict::Fail, &bytes, &LUCK);
    assert_eq!(other, None, "the bytes are of another root");
}

#[test]
fn what_came_late_supports_a_failure() {
    let case = case();
    for (commit_ms, open_ms, fault) in
        [(10_001, 20, Fault::LateRoot), (16, 5_001, Fault::LateOpenings)]
    {
        let late = Transcript { commit_ms, open_ms, ..transcript(&case) };
        assert_eq!(case.judge(&late, &LUCK), Err(fault));
        let bytes = late.encode();
        assert_eq!(case.supports(&hash_of(&bytes), &Verdict::Fail, &bytes, &LUCK), Some(true));
    }
}

#[test]
fn a_transcript_is_of_one_audit_of_one_machine_on_one_network() {
    let case = case();
    let honest = transcript(&case);
    for other in [
        Case { genesis: [9; 32], ..case },
        Case { machine: MachineId([9; 32]), ..case },
        Case { audit: 8, ..case },
        Case { seed: [9; 32], ..case },
    ] {
        assert!(other.judge(&honest, &LUCK).is_err(), "{other:?}");
    }
}

proptest! {
    #[test]
    fn a_changed_byte_supports_nothing_that_was_said(at in 0usize..2_000, by in 1u8..=255) {
        let case = case();
        let mut bytes = transcript(&case).encode();
        let at = at % bytes.len();
        // The times are the auditor's word; all else is the machine's.
        prop_assume!(!(96..104).contains(&at));
        bytes[at] ^= by;
        let supports = case.supports(&hash_of(&bytes), &Verdict::Pass(findings()), &bytes, &LUCK);
        prop_assert_ne!(supports, Some(true));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let supports = case().supports(&hash_of(&bytes), &Verdict::Fail, &bytes, &LUCK);
        prop_assert_ne!(supports, Some(false));
    }
}
