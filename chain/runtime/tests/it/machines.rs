//! A machine's states beside its status, as the runtime wires them to liveness, audits, rewards and disputes.

use dbc_primitives::{
    Gpu, HardwareFacts, Location, MachineClass, MachineId, MachineStatus, NetworkFacts, Slot,
    audit::Findings, proof::register_message,
};
use dbc_runtime::{
    Audits, Disputes, Liveness, Machines, Rewards, Runtime, RuntimeOrigin, System,
    configs::{audits::Audited, disputes::Outages},
    constants::{DAYS, DBC, HOURS, MINUTES},
    genesis,
};
use frame_support::{assert_noop, assert_ok};
use pallet_audits::{AuditSink as _, AuditedMachines, Proof, Purpose};
use pallet_liveness::{Liveness as _, Outage, OutageSink as _};
use pallet_machines::{MachineOf, Tier};
use sp_core::{Pair as _, ed25519};
use sp_keyring::Sr25519Keyring::{Alice, Bob};
use sp_runtime::DispatchError;

use crate::*;

const STAKE: u128 = 2 * 10_000 * DBC;

fn alice() -> RuntimeOrigin {
    RuntimeOrigin::signed(Alice.to_account_id())
}

fn facts(cards: usize) -> HardwareFacts {
    let card = Gpu {
        model: b"NVIDIA GeForce RTX 4090".to_vec().try_into().unwrap(),
        memory_mib: 24_564,
        ..Gpu::default()
    };
    HardwareFacts {
        gpus: vec![card; cards].try_into().unwrap(),
        cpu_cores: 16,
        memory_mib: 65_536,
        disk_gib: 500,
        ..HardwareFacts::default()
    }
}

/// A network on which Alice has a machine with two cards, verified by its genesis.
fn with_machine(test: impl FnOnce(MachineId)) {
    let key = ed25519::Pair::from_seed(&[9; 32]);
    let machine = MachineId(key.public().0);
    let patch = serde_json::json!({ "machines": { "verified": [machine.0] } });
    network_with(genesis::DEV, patch).execute_with(|| {
        run_to(1);
        let account: [u8; 32] = Alice.to_account_id().into();
        let proof = key.sign(&register_message(&System::block_hash(0).0, &account)).0;
        let (place, net) = (Location::default(), NetworkFacts::default());
        let class = MachineClass::Training;
        assert_ok!(Machines::set_operator(alice(), Alice.to_account_id()));
        assert_ok!(Machines::register(alice(), machine, proof, class, facts(2), place, net));
        run_to(21);
        test(machine);
        Machines::do_try_state().expect("invariants");
    });
}

fn now() -> Slot {
    pallet_babe::CurrentSlot::<Runtime>::get().into()
}

fn later(slots: Slot) {
    begin_at(System::block_number() + 1, now() + slots);
    Executive::finalize_block();
}

fn record(machine: MachineId) -> MachineOf<Runtime> {
    pallet_machines::Machines::<Runtime>::get(machine).unwrap()
}

fn since(machine: MachineId) -> Option<Slot> {
    let offence = pallet_disputes::RunningOf::<Runtime>::get(machine)?;
    pallet_disputes::Offences::<Runtime>::get(offence).map(|offence| offence.since)
}

#[test]
fn rule_23_silence_in_a_maintenance_is_blamed_from_its_end_on() {
    with_machine(|machine| {
        let (from, until) = (now() + MINUTES, now() + 2 * HOURS);
        assert_ok!(Machines::announce_maintenance(alice(), machine, from, until));
        Outages::silent(machine, from - 10, true);
        assert_eq!(since(machine), Some(from - 10), "before it began");
        Outages::back(machine, from);
        Outages::silent(machine, from, true);
        assert_eq!(since(machine), Some(until), "whoever does not come back is not forgotten");
        Outages::back(machine, until - 1);
        assert!(Disputes::is_clear(machine), "back in time: nothing was wrong");
        Outages::silent(machine, until - 10, true);
        Outages::back(machine, until + 7 * MINUTES);
        assert!(!Disputes::is_clear(machine), "seven minutes too late");
    });
}

#[test]
fn d62_the_tier_goes_by_the_outages_that_liveness_remembers() {
    with_machine(|machine| {
        let index = record(machine).index.index;
        let join = || Machines::join_tier(alice(), machine);
        let not_steady: DispatchError = pallet_machines::Error::<Runtime>::NotSteady.into();
        assert_noop!(join(), not_steady);
        // Time passes in which it was there: its admission lies back.
        let admitted = now() - 6 * DAYS - 5;
        pallet_liveness::Presences::<Runtime>::mutate(index, |found| {
            found.as_mut().unwrap().admitted = admitted;
        });
        assert_eq!(Liveness::steady_since(index), Some(admitted));
        let outage = |since, until, blamed| Outage { since, until: Some(until), blamed };
        let put = |all: Vec<Outage>| {
            pallet_liveness::Outages::<Runtime>::insert(
                index,
                frame_support::BoundedVec::truncate_from(all),
            );
        };
        put(vec![outage(admitted + 5, admitted + 9, true), outage(now() - 9, now() - 8, false)]);
        assert_eq!(Liveness::steady_since(index), Some(admitted + 9 + 1), "there, not unblamed");
        assert_noop!(join(), not_steady);
        // So many that the oldest are forgotten: what is not known is not in its favour.
        put(vec![outage(now() - 9, now() - 8, false); 16]);
        assert_eq!(Liveness::steady_since(index), Some(now() - 9 + 16));
        put(vec![outage(now() - 9, now() - 8, false)]);
        assert_ok!(join());
        assert_eq!(record(machine).stake, STAKE + STAKE / 2);

        Outages::silent(machine, now(), false);
        assert_eq!(record(machine).tier, Tier::Stable, "nobody was blamed");
        Outages::back(machine, now());
        let (from, until) = (now() + 1, now() + HOURS);
        assert_ok!(Machines::announce_maintenance(alice(), machine, from, until));
        Outages::silent(machine, from, true);
        assert_eq!(record(machine).tier, Tier::Stable, "it had said so");
        Outages::back(machine, from + 10);
        Outages::silent(machine, until, true);
        assert_eq!(record(machine).tier, Tier::Lost);
        assert_eq!(record(machine).stake, STAKE + STAKE / 2, "the pledge stays");
        let in_dispute = pallet_machines::Error::<Runtime>::InDispute;
        assert_noop!(Machines::leave_tier(alice(), machine), in_dispute);
    });
}

#[test]
fn predecessor_flaw_18_other_hardware_is_proven_anew_and_what_was_earned_stays() {
    world::world(|| {
        let machine = world::registered(Alice, 0, 2);
        let mut watch = world::Watch::default();
        watch.pass(5, &[0]);
        let proof = |audit| Proof {
            audit,
            at: now(),
            until: now() + DAYS,
            provisional: false,
            findings: Findings::default(),
            region: None,
        };
        pallet_audits::Proofs::<Runtime>::insert(machine, proof(1));
        Audited::passed(machine, &proof(1));
        let owed = Rewards::owed(Alice.to_account_id());
        assert!(owed.0 > 0 && owed.1 > 0, "a quarter is free, the rest is released by eras");
        watch.pass(4, &[0]);
        let provisional = Rewards::earned(machine).unwrap().2;
        assert!(provisional > 0);
        let (class, place) = (MachineClass::Training, Location::default());
        assert_ok!(Machines::change_hardware(alice(), machine, class, facts(3), place));
        assert_eq!(record(machine).status, MachineStatus::Registered);
        assert!(!pallet_audits::Proofs::<Runtime>::contains_key(machine));
        let (_, counts, still) = Rewards::earned(machine).unwrap();
        assert!(!counts && still >= provisional, "it earns no more, and lost nothing");
        assert_eq!(Rewards::owed(Alice.to_account_id()), owed);
        watch.pass(4, &[0]);
        assert_eq!(Rewards::earned(machine).unwrap().2, still);
        Audited::passed(machine, &proof(2));
        assert_eq!(record(machine).status, MachineStatus::Verified);
        let after = Rewards::owed(Alice.to_account_id());
        assert!(after.0 + after.1 > owed.0 + owed.1, "its next proof released the rest");
        let (_, counts, _) = Rewards::earned(machine).unwrap();
        assert!(counts);
    });
}

#[test]
fn rule_04_other_hardware_does_not_make_failures_be_forgotten() {
    with_machine(|machine| {
        let attempts = pallet_audits::Attempts { failed: 3, not_before: now() + DAYS };
        pallet_audits::AttemptsOf::<Runtime>::insert(machine, attempts);
        let (class, place) = (MachineClass::Training, Location::default());
        assert_ok!(Machines::change_hardware(alice(), machine, class, facts(1), place));
        assert_eq!(pallet_audits::AttemptsOf::<Runtime>::get(machine), Some(attempts));
    });
}

#[test]
fn rule_01_what_auditors_look_at_does_not_change_under_them() {
    with_machine(|machine| {
        assert_ok!(Audits::book(machine, Purpose::Random));
        let under_audit: DispatchError = pallet_machines::Error::<Runtime>::UnderAudit.into();
        let (class, place) = (MachineClass::Training, Location::default());
        assert_noop!(
            Machines::change_hardware(alice(), machine, class, facts(1), place),
            under_audit
        );
        assert_noop!(
            Machines::announce_maintenance(alice(), machine, now() + 1, now() + HOURS),
            under_audit
        );
        assert_ok!(Machines::announce_maintenance(
            alice(),
            machine,
            now() + DAYS,
            now() + DAYS + HOURS
        ));
        assert_ok!(Machines::set_operator(
            RuntimeOrigin::signed(Bob.to_account_id()),
            Bob.to_account_id()
        ));
        assert_ok!(Machines::offer_handover(alice(), machine, Bob.to_account_id()));
        let bob = RuntimeOrigin::signed(Bob.to_account_id());
        assert_noop!(Machines::accept_handover(bob, machine), under_audit);
    });
}

#[test]
fn whoever_is_in_maintenance_is_audited_when_he_is_back() {
    with_machine(|machine| {
        let is_free = || <Audited as AuditedMachines<dbc_runtime::AccountId>>::is_free(machine);
        assert!(is_free());
        assert_ok!(Machines::announce_maintenance(alice(), machine, now() + 1, now() + 100));
        later(50);
        assert!(!is_free());
        later(60);
        assert!(is_free());
    });
}

/// Whoever lost a proof still serves his renters: he may be heard, is paid while he is, and answers for it.
#[test]
fn rule_05_a_leased_machine_without_a_proof_is_heard_paid_and_blamed() {
    world::world(|| {
        let mut watch = world::Watch::default();
        let machine = world::listed(Alice, 0, 2);
        watch.pass(2, &[0]);
        let lease = world::rented(Bob, 0, &[0], 6_000);
        watch.pass(2, &[0]);
        Machines::unverify(machine);
        assert_eq!(record(machine).status, MachineStatus::Registered);
        let allowance = sp_statement_store::get_allowance(machine.0);
        assert!(!allowance.is_depleted(), "its beats are carried");
        let settle = || {
            world::act(Bob, pallet_leases::Call::<Runtime>::settle { lease }).unwrap();
            world::lease(lease).charged
        };
        let before = settle();
        watch.pass(10, &[0]);
        assert!(settle() >= before + 90, "its meter runs");
        watch.pass(3, &[]);
        let stopped = settle();
        watch.pass(20, &[]);
        assert!(settle() <= stopped + 20, "and stops while it is silent");
        let index = record(machine).index.index;
        assert!(Liveness::blamed_by(index, Liveness::horizon()) > 150);
        assert!(since(machine).is_some(), "which is an offence as of any other");
        world::act(Bob, pallet_leases::Call::<Runtime>::end { lease }).unwrap();
        assert!(world::lease(lease).at_fault, "the booked discount stays");
    });
}
