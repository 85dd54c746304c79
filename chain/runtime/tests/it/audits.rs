//! A machine's way from bonded to verified, through the runtime, with the real challenge.

use codec::Encode as _;
use dbc_bench::{Case, Prover, Transcript, hash_of};
use dbc_primitives::{
    HardwareFacts, Location, MachineClass, MachineId, MachineStatus, NetworkFacts,
    audit::{Findings, Terms, Verdict, commitment, visit_commitment},
    proof::register_message,
};
use dbc_runtime::{
    AccountId, Audits, Machines, Runtime, RuntimeCall, RuntimeOrigin, System,
    configs::audits::Audited, genesis,
};
use frame_support::{assert_noop, assert_ok};
use pallet_audits::{AuditOf, AuditedMachines, Error, NoTerms, Phase, Proof, Purpose, VisitReport};
use sp_core::{Pair as _, ed25519};
use sp_keyring::Sr25519Keyring::{Alice, Bob, Eve};

use crate::*;

fn signed_by(who: sp_keyring::Sr25519Keyring) -> RuntimeOrigin {
    RuntimeOrigin::signed(who.to_account_id())
}

fn registered(gpus: usize) -> MachineId {
    let key = ed25519::Pair::from_seed(&[gpus as u8 + 1; 32]);
    let machine = MachineId(key.public().0);
    let account: [u8; 32] = Alice.to_account_id().into();
    let proof = key.sign(&register_message(&System::block_hash(0).0, &account)).0;
    let card = dbc_primitives::Gpu { memory_mib: 24_564, ..Default::default() };
    let facts = HardwareFacts {
        gpus: vec![card; gpus].try_into().unwrap(),
        cpu_cores: 4,
        memory_mib: 16_384,
        disk_gib: 10,
        ..Default::default()
    };
    let class = if gpus == 0 { MachineClass::Cpu } else { MachineClass::Inference };
    let (place, network) = (Location::default(), NetworkFacts::default());
    assert_ok!(Machines::set_operator(signed_by(Alice), Alice.to_account_id()));
    assert_ok!(Machines::register(signed_by(Alice), machine, proof, class, facts, place, network));
    machine
}

fn status(machine: MachineId) -> MachineStatus {
    pallet_machines::Machines::<Runtime>::get(machine).unwrap().status
}

fn audit(id: u64) -> AuditOf<Runtime> {
    pallet_audits::Audits::<Runtime>::get(id).unwrap()
}

fn run_to_slot(slot: u64) {
    run_to((slot - FIRST_SLOT) as u32);
}

/// Books an audit and goes to where Eve, the only auditor, was drawn; gives her case.
fn drawn(machine: MachineId) -> Case {
    let audit_id = pallet_audits::NextAudit::<Runtime>::get();
    assert_ok!(Audits::request(signed_by(Alice), machine));
    run_to_slot(audit(audit_id).starts + 1);
    let found = audit(audit_id);
    assert_eq!(found.phase, Phase::Commit);
    assert_eq!(found.duties[0].auditor, Eve.to_account_id());
    let terms = <Audited as AuditedMachines<AccountId>>::terms(machine).unwrap();
    let genesis = System::block_hash(0).0;
    Case { genesis, machine, audit: audit_id, seed: found.seed, terms }
}

/// What a machine that leaves rows out answers.
fn answered(case: &Case, skips: bool) -> Transcript {
    let (secret, block) = ([3; 32], [4; 32]);
    let prover = Prover::run_but(case.params(&secret), |place| skips && place.row % 2 == 0);
    let root = prover.root();
    let asked = case.questions(&secret, &root, &block);
    let openings = asked.iter().filter_map(|place| prover.open(*place)).collect();
    Transcript { secret, block, root, commit_ms: 2_000, open_ms: 200, openings }
}

/// Eve commits and reveals; goes to where the audit is closed.
fn say(case: &Case, transcript: &Transcript, verdict: Verdict) {
    let root = hash_of(&transcript.encode());
    let commit = commitment(&Eve.to_account_id(), &root, &verdict);
    assert_ok!(Audits::commit(signed_by(Eve), case.audit, commit));
    run_to_slot(audit(case.audit).next + 1);
    assert_ok!(Audits::reveal(signed_by(Eve), case.audit, root, verdict));
    run_to_slot(audit(case.audit).next + 1);
}

#[test]
fn a_machine_that_answers_is_verified_and_its_transcript_stands_up_to_doubt() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        let machine = registered(0);
        assert_eq!(status(machine), MachineStatus::Registered);
        let case = drawn(machine);
        let transcript = answered(&case, false);
        let findings = case.judge(&transcript, &[9; 32]).expect("it computed everything");
        assert!(findings.throughput > 0 && findings.gpus == 0);
        say(&case, &transcript, Verdict::Pass(findings));
        assert_eq!(status(machine), MachineStatus::Verified);
        let proof = pallet_audits::Proofs::<Runtime>::get(machine).unwrap();
        assert!(proof.provisional, "one auditor is no full draw");
        // Somebody doubts it, and is shown.
        let eve = Eve.to_account_id();
        assert_ok!(Audits::demand(signed_by(Bob), case.audit, eve.clone()));
        let bytes = transcript.encode().try_into().unwrap();
        assert_ok!(Audits::show(signed_by(Eve), case.audit, bytes));
        assert!(pallet_audits::Auditors::<Runtime>::get(&eve).unwrap().bond > 0);
    });
}

#[test]
fn rule_22_a_verdict_for_a_machine_that_left_rows_out_is_convicted_by_the_runtime() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        let machine = registered(0);
        let case = drawn(machine);
        let transcript = answered(&case, true);
        assert!(case.judge(&transcript, &[9; 32]).is_err());
        let findings = case.judge(&answered(&case, false), &[9; 32]).unwrap();
        say(&case, &transcript, Verdict::Pass(findings));
        assert_eq!(status(machine), MachineStatus::Verified, "nobody looked yet");
        let eve = Eve.to_account_id();
        let bytes = transcript.encode().try_into().unwrap();
        assert_ok!(Audits::convict(signed_by(Bob), case.audit, eve.clone(), bytes));
        assert_eq!(pallet_audits::Auditors::<Runtime>::get(&eve).unwrap().bond, 0);
    });
}

#[test]
fn a_machine_that_fails_takes_no_orders_and_one_that_leaves_has_no_challenge() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        let machine = registered(0);
        let case = drawn(machine);
        say(&case, &answered(&case, true), Verdict::Fail);
        assert_eq!(status(machine), MachineStatus::Registered);
        let leaves = registered(1);
        let asked = |machine| <Audited as AuditedMachines<AccountId>>::terms(machine);
        assert_eq!(asked(leaves).map(|terms| terms.gpus), Ok(1), "its card answers");
        assert_ok!(Machines::retire(signed_by(Alice), leaves));
        assert_eq!(asked(leaves), Err(NoTerms::Gone));
        assert_noop!(
            Audits::request(signed_by(Alice), leaves),
            pallet_audits::Error::<Runtime>::NoChallenge
        );
    });
}

#[test]
fn operations_or_the_council_seat_auditors_and_nobody_else() {
    use dbc_runtime::configs::governance::origins::Origin;
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        let bob = Bob.to_account_id();
        assert!(Audits::seat(signed_by(Alice), bob.clone(), true).is_err());
        let parameters = RuntimeOrigin::from(Origin::Parameters);
        assert!(Audits::seat(parameters, bob.clone(), true).is_err());
        assert!(Audits::join(signed_by(Bob), [1; 32]).is_err());
        let operations = RuntimeOrigin::from(Origin::Operations);
        assert_ok!(Audits::seat(operations, bob.clone(), true));
        assert_ok!(Audits::join(signed_by(Bob), [1; 32]));
        let council =
            pallet_collective::RawOrigin::<AccountId, pallet_collective::Instance1>::Members(2, 3);
        assert_ok!(Audits::seat(council.into(), bob.clone(), false));
        assert!(pallet_audits::Auditors::<Runtime>::get(bob).unwrap().leaving.is_some());
    });
}

#[test]
fn by_default_a_machine_is_verified_within_ten_minutes() {
    network(genesis::TEST).execute_with(|| {
        let pace = Audits::pace();
        let longest = pace.draw_delay + pace.window + pace.commit + pace.reveal;
        assert!(longest * SLOT_MS <= 600_000, "{longest} slots");
        let links = |pace: u64| pace as u32 * 8;
        let terms = Terms {
            gpus: 0,
            edge: 256,
            links: links(pace.commit),
            openings: 16,
            commit_ms: pace.commit as u32 * 1_500,
            open_ms: 5_000,
        };
        run_to(1);
        let machine = registered(0);
        assert_eq!(<Audited as AuditedMachines<AccountId>>::terms(machine), Ok(terms));
    });
}

#[test]
fn rule_03_a_machine_with_an_old_proof_takes_no_orders_between_a_lease_and_its_audit() {
    use crate::world::{now, offer_of};
    use pallet_machines::{Fleet as _, Part};
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        let machine = registered(0);
        let case = drawn(machine);
        let transcript = answered(&case, false);
        let findings = case.judge(&transcript, &[9; 32]).expect("it computed everything");
        say(&case, &transcript, Verdict::Pass(findings));
        let offer = offer_of(dbc_primitives::Amount::Dbc(dbc_runtime::constants::DBC));
        assert_ok!(Machines::set_offer(signed_by(Alice), machine, offer));
        assert_ok!(Machines::list(signed_by(Alice), machine));
        let quote = || Machines::quote(machine, Part::cpu(1), 1).map(drop);
        assert_ok!(quote());
        Audits::given_back(machine);
        assert_ok!(quote());
        // Its proof grows old.
        pallet_audits::Proofs::<Runtime>::mutate(machine, |proof| {
            let proof = proof.as_mut().expect("it passed");
            proof.at = now() - 10 * (proof.until - now());
        });
        Audits::given_back(machine);
        let audited = pallet_machines::Error::<Runtime>::UnderAudit.into();
        assert_eq!(quote(), Err(audited));
        assert!(pallet_audits::OpenOf::<Runtime>::contains_key(machine));
        let pace = Audits::pace();
        run_to_slot(now() + pace.draw_delay + pace.window + pace.commit + pace.reveal);
        assert_ok!(quote());
    });
}

/// Asks for an audit of a machine with these cards; gives its terms.
fn asked_of(number: u8, cards: &[(&str, u32)]) -> Result<Terms, sp_runtime::DispatchError> {
    use crate::world::*;
    let mut facts = facts(cards.len(), CARD);
    for (card, (model, memory_mib)) in facts.gpus.iter_mut().zip(cards) {
        card.model = model.as_bytes().to_vec().try_into().unwrap();
        card.memory_mib = *memory_mib;
    }
    provider(Alice);
    act(Alice, registration(Alice, number, facts)).unwrap();
    act(Alice, pallet_audits::Call::<Runtime>::request { machine: machine(number) })?;
    Ok(<Audited as AuditedMachines<AccountId>>::terms(machine(number)).unwrap())
}

/// Points follow the names of cards; so does what they have to show.
#[test]
fn rule_01_each_card_shows_what_its_name_stands_for() {
    crate::world::world(|| {
        let error = |error: Error<Runtime>| Err(error.into());
        let (h200, b200) = (("NVIDIA H200", 143_771), ("NVIDIA B200", 183_359));
        // One slow card would have made the others answer as slowly.
        let mut cards = [b200; 16];
        cards[15] = ("Foo", 183_359);
        assert_eq!(asked_of(10, &cards), error(Error::MixedCards));
        // So would a small one.
        assert_eq!(asked_of(11, &[("NVIDIA H200", 7_500)]), error(Error::LittleMemory));
        let known = asked_of(12, &[h200]).unwrap();
        assert!(known.links > 5_000, "{known:?}");
        // A name that nobody knows makes no machine slower than the slowest that is known.
        let unknown = asked_of(13, &[("Foo", 183_359)]).unwrap();
        let slowest = asked_of(14, &[("NVIDIA A2", 15_356)]).unwrap();
        assert!(unknown.links >= slowest.links && slowest.links > 1, "{unknown:?} {slowest:?}");
    });
}

#[test]
fn rule_07_while_cards_are_leased_a_check_asks_the_processor() {
    use crate::world::{listed, machine, now, rented, world};
    world(|| {
        listed(Alice, 0, 2);
        let asked = || <Audited as AuditedMachines<AccountId>>::terms_now(machine(0)).unwrap();
        assert_eq!((asked().gpus, asked().edge), (2, 1_024));
        rented(Bob, 0, &[], 1_200);
        assert_eq!(asked().gpus, 2, "shares of the processor hold no card");
        rented(Bob, 0, &[0], 1_200);
        assert_eq!((asked().gpus, asked().edge), (0, 256));
        assert_ok!(Audits::book(machine(0), Purpose::Renewal));
        assert_ok!(Audits::book(machine(0), Purpose::Check(7)));
        let id = pallet_audits::OpenOf::<Runtime>::get(machine(0)).unwrap();
        while audit(id).phase == Phase::Booked {
            crate::world::to_slot(now() + 1);
        }
        assert_eq!(audit(id).terms, Some(asked()));
    });
}

/// Eve, the only auditor, plans a visit whose lease will be Bob's, and it is drawn; gives her secret.
fn visit_drawn() -> [u8; 32] {
    use crate::world::{act, now, to_slot};
    let secret = [3; 32];
    let commit = visit_commitment(&Eve.to_account_id(), &secret, &Bob.to_account_id());
    act(Eve, pallet_audits::Call::<Runtime>::plan_visit { commit }).unwrap();
    let visit = || pallet_audits::Visits::<Runtime>::get(Eve.to_account_id()).unwrap();
    while visit().draw.is_none() {
        to_slot(now() + 1);
    }
    secret
}

fn told(lease: u64, secret: [u8; 32], terms: Terms, verdict: Verdict) -> RuntimeCall {
    let (renter, attempt, root) = (Bob.to_account_id(), 0, [1; 32]);
    let report = VisitReport { secret, renter, attempt, lease, terms, root, verdict };
    pallet_audits::Call::<Runtime>::reveal_visit { report }.into()
}

/// A machine of development counts as verified without an audit; here it has a proof.
fn proven(machine: MachineId) {
    let (at, until) = (crate::world::now(), crate::world::now() + 10_000);
    let findings = Findings::default();
    let proof = Proof { audit: 0, at, until, provisional: true, findings, region: None };
    pallet_audits::Proofs::<Runtime>::insert(machine, proof);
    pallet_audits::Queue::<Runtime>::insert(until, (0, pallet_audits::Due::Proof), machine);
}

#[test]
fn rule_01_a_visit_is_paid_with_what_its_lease_cost_and_one_of_one_fails_a_machine() {
    use crate::world::*;
    world(|| {
        let machine = listed(Alice, 0, 2);
        proven(machine);
        let secret = visit_drawn();
        assert!(Audits::can_be_visited(machine));
        let lease = rented(Bob, 0, &[0, 1], 1_200);
        assert!(!Audits::can_be_visited(machine), "nothing of it is free");
        let asked = Audits::visit_terms(machine, 2).unwrap();
        assert_eq!((asked.gpus, asked.edge), (2, 1_024), "all cards that are rented, at once");
        pass(50);
        act(Bob, pallet_leases::Call::<Runtime>::end { lease }).unwrap();
        pass(50);
        let cost = lease_cost(lease);
        assert!(cost > 0);
        let treasury = dbc_runtime::configs::money::TreasuryAccount::get().into();
        let (dest, value) = (treasury, 100 * dbc_runtime::constants::DBC);
        act(Bob, pallet_balances::Call::transfer_keep_alive { dest, value }).unwrap();
        let (pay, before) = (2 * dbc_runtime::constants::DBC, free(Eve));
        let wrong = Audits::visit_terms(machine, 1).unwrap();
        assert!(act(Eve, told(lease, secret, wrong, Verdict::Fail)).is_err());
        act(Eve, told(lease, secret, asked, Verdict::Fail)).unwrap();
        let fees = before + cost + pay - free(Eve);
        assert!(fees < pay / 2, "only the fee of the call that was refused: {fees}");
        // There is one auditor: his word is two thirds of all.
        assert!(!pallet_audits::Proofs::<Runtime>::contains_key(machine));
        assert_eq!(status(machine), MachineStatus::Registered);
    });
}

fn lease_cost(lease: u64) -> u128 {
    <Audited as AuditedMachines<AccountId>>::lease(lease).unwrap().cost
}

#[test]
fn a_visit_of_the_processor_says_nothing_of_cards() {
    use crate::world::*;
    world(|| {
        let machine = listed(Alice, 0, 2);
        proven(machine);
        let secret = visit_drawn();
        let lease = rented(Bob, 0, &[], 1_200);
        let terms = Audits::visit_terms(machine, 0).unwrap();
        let refused = act(Eve, told(lease, secret, terms, Verdict::Fail));
        assert_eq!(refused, Err(Error::<Runtime>::OtherLease.into()));
    });
}

#[test]
fn rule_37_a_region_counts_where_auditors_saw_the_machine() {
    use crate::world::*;
    use dbc_runtime::configs::rewards::seen_region;
    world(|| {
        let machine = registered(Alice, 0, 1);
        proven(machine);
        pallet_machines::Machines::<Runtime>::mutate(machine, |record| {
            record.as_mut().unwrap().location.region = 276;
        });
        assert_eq!(seen_region(machine), None, "what a provider says himself counts nothing");
        let saw = |region| {
            pallet_audits::Proofs::<Runtime>::mutate(machine, |proof| {
                proof.as_mut().unwrap().region = Some(region);
            });
            seen_region(machine)
        };
        assert_eq!(saw(276), Some(276));
        assert_eq!(saw(840), None, "it says by now that it stands elsewhere");
    });
}

#[test]
fn rule_23_nobody_gets_away_from_an_audit_by_retiring() {
    use crate::world::{machine, registered, world};
    world(|| {
        let retire = |number| {
            let machine = machine(number);
            crate::world::act(Alice, pallet_machines::Call::<Runtime>::retire { machine })
        };
        let audited = Err(pallet_machines::Error::<Runtime>::UnderAudit.into());
        for (number, purpose) in [(0, Purpose::Random), (1, Purpose::Check(7))] {
            registered(Alice, number, 0);
            assert_ok!(Audits::book(machine(number), purpose));
            assert_eq!(retire(number), audited);
            assert!(matches!(status(machine(number)), MachineStatus::Verified));
        }
        // What its provider asked for himself goes with it, before it is drawn.
        registered(Alice, 10, 0);
        let request = || {
            let machine = machine(10);
            crate::world::act(Alice, pallet_audits::Call::<Runtime>::request { machine })
        };
        request().unwrap();
        let id = pallet_audits::OpenOf::<Runtime>::get(machine(10)).unwrap();
        while audit(id).phase == Phase::Booked {
            crate::world::to_slot(crate::world::now() + 1);
        }
        assert_eq!(retire(10), audited);
        while pallet_audits::OpenOf::<Runtime>::contains_key(machine(10)) {
            crate::world::to_slot(crate::world::now() + 1);
        }
        request().unwrap();
        retire(10).unwrap();
        assert!(!pallet_audits::OpenOf::<Runtime>::contains_key(machine(10)));
    });
}
