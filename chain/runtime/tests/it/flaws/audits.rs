//! Verdicts of one, late commits, randomness of authors, records that two ways give back.

use dbc_primitives::{
    MachineStatus,
    audit::{AuditId, Findings, Verdict, commitment},
};
use dbc_runtime::{Audits, Runtime, RuntimeCall, constants::DBC};
use frame_support::BoundedVec;
use pallet_audits::{AuditOf, Outcome, Phase, Purpose};
use pallet_disputes::Kind;
use sp_consensus_babe::digests::SecondaryVRFPreDigest;
use sp_core::crypto::VrfSecret as _;
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve, One};

use crate::{world::*, *};

/// A machine that no genesis verified.
const NEW: u8 = VERIFIED + 1;
const AUDITORS: [Sr25519Keyring; 4] = [Bob, Charlie, Dave, Eve];
const ROOT: [u8; 32] = [9; 32];

fn passed() -> Verdict {
    Verdict::Pass(Findings { throughput: 5, ..Findings::default() })
}

/// Eve audits from the genesis on; three others join.
fn four_auditors() {
    for auditor in [Bob, Charlie, Dave] {
        let who = auditor.to_account_id();
        root(pallet_audits::Call::<Runtime>::seat { auditor: who, seated: true });
        act(auditor, pallet_audits::Call::<Runtime>::join { key: [auditor as u8; 32] }).unwrap();
    }
    to_slot(now() + 2);
}

fn audit(id: AuditId) -> AuditOf<Runtime> {
    pallet_audits::Audits::<Runtime>::get(id).expect("its record is there")
}

fn auditor(who: Sr25519Keyring) -> pallet_audits::Auditor {
    pallet_audits::Auditors::<Runtime>::get(who.to_account_id()).unwrap()
}

/// Books one and goes to its draw.
fn drawn(number: u8) -> AuditId {
    let id = pallet_audits::NextAudit::<Runtime>::get();
    act(Alice, pallet_audits::Call::<Runtime>::request { machine: machine(number) }).unwrap();
    next_phase(id);
    assert_eq!(audit(id).phase, Phase::Commit);
    id
}

fn next_phase(id: AuditId) {
    let before = audit(id).phase;
    while audit(id).phase == before {
        to_slot(now() + 1);
    }
}

fn commit(who: Sr25519Keyring, audit: AuditId, verdict: Verdict) -> RuntimeCall {
    let commit = commitment(&who.to_account_id(), &ROOT, &verdict);
    pallet_audits::Call::<Runtime>::commit { audit, commit }.into()
}

fn reveal(audit: AuditId, verdict: Verdict) -> RuntimeCall {
    pallet_audits::Call::<Runtime>::reveal { audit, root: ROOT, verdict }.into()
}

#[test]
fn predecessor_flaw_03_one_reveal_decides() {
    world(|| {
        four_auditors();
        registered(Alice, NEW, 0);
        let id = drawn(NEW);
        // Of four, one speaks; the audit is drawn once more, and again one speaks.
        for again in [false, true] {
            assert_eq!((audit(id).duties.len(), audit(id).again), (4, again));
            act(Bob, commit(Bob, id, passed())).unwrap();
            next_phase(id);
            act(Bob, reveal(id, passed())).unwrap();
            next_phase(id);
            if !again {
                next_phase(id);
            }
        }
        assert_eq!(audit(id).phase, Phase::Closed(Outcome::Undecided));
        assert_eq!(record(NEW).status, MachineStatus::Registered);
        assert!(!pallet_audits::Proofs::<Runtime>::contains_key(machine(NEW)));
        // The word of one against a machine is worth no more.
        let id = drawn(NEW);
        act(Bob, commit(Bob, id, Verdict::Fail)).unwrap();
        next_phase(id);
        act(Bob, reveal(id, Verdict::Fail)).unwrap();
        next_phase(id);
        assert_eq!(audit(id).phase, Phase::Booked, "it is drawn again");
        assert!(!pallet_audits::AttemptsOf::<Runtime>::contains_key(machine(NEW)));
    });
}

#[test]
fn predecessor_flaw_06_late_commits() {
    world(|| {
        four_auditors();
        registered(Alice, NEW, 0);
        let id = drawn(NEW);
        let start = now();
        let wrong = || pallet_audits::Error::<Runtime>::WrongPhase.into();
        for who in [Bob, Charlie, Dave] {
            act(who, commit(who, id, passed())).unwrap();
        }
        // Phases go by the slot: three who are fast shorten nothing.
        assert_eq!(act(Bob, reveal(id, passed())), Err(wrong()));
        next_phase(id);
        assert!(now() - start >= Audits::pace().commit);
        act(Bob, reveal(id, passed())).unwrap();
        // Eve saw what Bob said, and comes too late to say the same.
        assert_eq!(act(Eve, commit(Eve, id, passed())), Err(wrong()));
        assert!(act(Eve, reveal(id, passed())).is_err());
        // Nobody opens another's commitment as his own, or says something else than he committed to.
        assert!(act(Charlie, reveal(id, Verdict::Fail)).is_err());
    });
}

/// A block whose author shows his VRF's output, as authors do.
fn honest_block(slots: u64) {
    let slot = now() + slots;
    let randomness = pallet_babe::Randomness::<Runtime>::get();
    let epoch = pallet_babe::EpochIndex::<Runtime>::get();
    let data = sp_consensus_babe::make_vrf_sign_data(&randomness, slot.into(), epoch);
    let vrf_signature = pair(Alice).vrf_sign(&data);
    let claim = PreDigest::SecondaryVRF(SecondaryVRFPreDigest {
        authority_index: 0,
        slot: slot.into(),
        vrf_signature,
    });
    let number = System::block_number() + 1;
    let mut header = header(number, slot);
    header.digest = Digest { logs: vec![DigestItem::PreRuntime(BABE_ENGINE_ID, claim.encode())] };
    Executive::initialize_block(&header);
    let set = RuntimeCall::Timestamp(pallet_timestamp::Call::set {
        now: slot * dbc_runtime::constants::SLOT_MS,
    });
    Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(set)).unwrap().unwrap();
    Executive::finalize_block();
}

/// The seed of an audit's draw, when its blocks come so far apart after the booking.
fn seed(apart: &[u64]) -> [u8; 32] {
    let mut seed = [0; 32];
    world(|| {
        registered(Alice, NEW, 0);
        let id = pallet_audits::NextAudit::<Runtime>::get();
        act(Alice, pallet_audits::Call::<Runtime>::request { machine: machine(NEW) }).unwrap();
        let booked = pallet_audits::Mix::<Runtime>::get();
        apart.iter().for_each(|slots| honest_block(*slots));
        while audit(id).phase == Phase::Booked {
            honest_block(1);
        }
        assert!(pallet_babe::AuthorVrfRandomness::<Runtime>::get().is_some());
        seed = audit(id).seed;
        assert_ne!(seed, booked);
    });
    seed
}

#[test]
fn predecessor_flaw_07_randomness_of_authors() {
    // The same up to the booking; what follows decides, and each author gave only what his key makes of his
    // slot.
    let one = seed(&[1, 1, 1]);
    assert_eq!(one, seed(&[1, 1, 1]), "nobody chooses");
    assert_ne!(one, seed(&[1, 2]), "a slot without a block is another draw");
}

/// Fixed lengths and 32 bytes: what is moved from one field to the next is another hash.
#[test]
fn predecessor_flaw_13_hashes_that_two_readings_share() {
    let who = Bob.to_account_id();
    let found = |gpus, gpu_memory_mib| {
        Verdict::Pass(Findings { gpus, gpu_memory_mib, ..Findings::default() })
    };
    let of = |verdict| commitment(&who, &ROOT, &verdict);
    assert_ne!(of(found(1, 23)), of(found(12, 3)));
    assert_ne!(of(found(0, 0)), of(Verdict::Fail));
    assert_ne!(of(Verdict::Fail), of(Verdict::Unreachable));
    let moved = (commitment(&[1u8, 2], &[3; 32], &Verdict::Fail), {
        commitment(&[1u8, 2, 3], &[3; 32], &Verdict::Fail)
    });
    assert_ne!(moved.0, moved.1);
    assert_eq!(of(Verdict::Fail).len(), 32);
}

/// A member who was still at work left the predecessor's report open for ever, and all the others punished.
#[test]
fn predecessor_flaw_21_a_check_that_hangs_on_whoever_is_slow() {
    world(|| {
        four_auditors();
        listed(Alice, 0, 0);
        let report = pallet_disputes::NextOffence::<Runtime>::get();
        let id = pallet_audits::NextAudit::<Runtime>::get();
        let call = pallet_disputes::Call::<Runtime>::report {
            machine: machine(0),
            kind: Kind::Malfunction,
            lease: None,
        };
        act(One, call).unwrap();
        assert_eq!(audit(id).purpose, Purpose::Check(report));
        next_phase(id);
        for who in [Bob, Charlie, Dave] {
            act(who, commit(who, id, Verdict::Fail)).unwrap();
        }
        next_phase(id);
        for who in [Bob, Charlie, Dave] {
            act(who, reveal(id, Verdict::Fail)).unwrap();
        }
        next_phase(id);
        assert_eq!(audit(id).phase, Phase::Closed(Outcome::Failed));
        assert_eq!(AUDITORS.map(|who| auditor(who).strikes), [0, 0, 0, 1], "only the slow one");
        assert_eq!(AUDITORS.map(|who| auditor(who).open), [0; 4]);
        assert!(!pallet_disputes::Reports::<Runtime>::contains_key(report), "the report is judged");
        assert!(pallet_disputes::RunningOf::<Runtime>::contains_key(machine(0)));
    });
}

#[test]
fn predecessor_flaw_22_bonds_that_return_twice() {
    world(|| {
        four_auditors();
        registered(Alice, NEW, 0);
        let bonds = || {
            AUDITORS.map(|who| (auditor(who).bond, held(who, pallet_audits::HoldReason::Auditor)))
        };
        let before = bonds();
        assert_eq!(before[0], (10_000 * DBC, 10_000 * DBC));
        let id = drawn(NEW);
        // Two for it, one against it, one silent: no consensus, twice.
        for again in [false, true] {
            for (who, verdict) in [(Bob, passed()), (Charlie, passed()), (Dave, Verdict::Fail)] {
                act(who, commit(who, id, verdict)).unwrap();
            }
            next_phase(id);
            for (who, verdict) in [(Bob, passed()), (Charlie, passed()), (Dave, Verdict::Fail)] {
                act(who, reveal(id, verdict)).unwrap();
            }
            next_phase(id);
            if !again {
                next_phase(id);
            }
        }
        assert_eq!(audit(id).phase, Phase::Closed(Outcome::Undecided));
        assert_eq!(bonds(), before, "what is held is what it was");
        assert_eq!(AUDITORS.map(|who| auditor(who).open), [0; 4], "and nothing is open");
        // It waits for the end of its record, once, and no block tries it again.
        let waiting = pallet_audits::Queue::<Runtime>::iter_keys().filter(|(_, (of, _))| *of == id);
        let slots: Vec<_> = waiting.map(|(slot, _)| slot).collect();
        assert_eq!(slots, vec![audit(id).next]);
    });
}

/// Whatever bytes are shown as a transcript convict nobody and stop nothing.
#[test]
fn predecessor_flaw_31_bytes_from_outside_that_panic() {
    world(|| {
        registered(Alice, NEW, 0);
        let id = drawn(NEW);
        act(Eve, commit(Eve, id, passed())).unwrap();
        next_phase(id);
        act(Eve, reveal(id, passed())).unwrap();
        for bytes in [vec![], vec![0xff; 64], vec![0x80; 4_096], b"\xf0\x9f\x8e\xae".to_vec()] {
            let transcript = BoundedVec::truncate_from(bytes);
            let auditor = Eve.to_account_id();
            let convict =
                pallet_audits::Call::<Runtime>::convict { audit: id, auditor, transcript };
            assert!(act(Bob, convict).is_err());
        }
        assert_eq!(auditor(Eve).bond, 10_000 * DBC);
    });
}
