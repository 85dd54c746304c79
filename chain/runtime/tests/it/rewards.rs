//! What machines earn and what they lose, through the runtime: by what watchers and auditors say.

use dbc_primitives::{
    Gpu, HardwareFacts, Location, MachineClass, MachineId, MachineStatus, NetworkFacts,
    proof::register_message,
};
use dbc_runtime::{
    Balances, Disputes, Machines, Rewards, Runtime, RuntimeOrigin, System,
    configs::{audits::Audited, disputes::Outages, liveness::Followers, rewards::DutyPot},
    constants::{DAYS, DBC, HOURS, MINUTES},
    genesis,
};
use frame_support::{assert_noop, assert_ok, traits::Get as _};
use pallet_audits::{AuditSink as _, Findings, Proof, Purpose};
use pallet_disputes::{Kind, Stage};
use pallet_liveness::OutageSink as _;
use pallet_machines::Presence as _;
use sp_core::{Pair as _, ed25519};
use sp_keyring::Sr25519Keyring::{Alice, Bob};

use crate::*;

const STAKE: u128 = 2 * 10_000 * DBC;

fn key() -> ed25519::Pair {
    ed25519::Pair::from_seed(&[9; 32])
}

/// A network on which Alice has a machine with two cards, verified by its genesis and listed.
fn with_machine(test: impl FnOnce(MachineId)) {
    let machine = MachineId(key().public().0);
    let patch = serde_json::json!({ "machines": { "verified": [machine.0] } });
    network_with(genesis::DEV, patch).execute_with(|| {
        run_to(1);
        let account: [u8; 32] = Alice.to_account_id().into();
        let proof = key().sign(&register_message(&System::block_hash(0).0, &account)).0;
        let card = Gpu {
            model: b"NVIDIA GeForce RTX 4090".to_vec().try_into().unwrap(),
            memory_mib: 24_576,
            ..Gpu::default()
        };
        let facts = HardwareFacts {
            gpus: vec![card.clone(), card].try_into().unwrap(),
            cpu_cores: 16,
            memory_mib: 65_536,
            disk_gib: 500,
            ..HardwareFacts::default()
        };
        let (place, net) = (Location::default(), NetworkFacts::default());
        let class = MachineClass::Training;
        assert_ok!(Machines::set_operator(alice(), Alice.to_account_id()));
        assert_ok!(Machines::register(alice(), machine, proof, class, facts, place, net));
        test(machine);
    });
}

fn alice() -> RuntimeOrigin {
    RuntimeOrigin::signed(Alice.to_account_id())
}

fn now() -> u64 {
    pallet_babe::CurrentSlot::<Runtime>::get().into()
}

/// Blocks far apart, as after a standstill. Each second one follows at once: a block that turns a session has
/// no weight left for queues.
fn jump(slots: u64) {
    let end = now() + slots;
    while now() < end {
        for apart in [900, 1] {
            let number = System::block_number() + 1;
            begin_at(number, (now() + apart).min(end).max(now() + 1));
            Executive::finalize_block();
        }
    }
}

fn earned(machine: MachineId) -> u128 {
    Rewards::earned(machine).expect("it has a share").2
}

fn stake(machine: MachineId) -> u128 {
    pallet_machines::Machines::<Runtime>::get(machine).unwrap().stake
}

fn proof(provisional: bool) -> Proof {
    Proof { audit: 1, at: now(), until: now() + DAYS, provisional, findings: Findings::default() }
}

#[test]
fn a_proven_machine_earns_while_it_is_heard_and_its_rewards_wait_for_a_proof() {
    with_machine(|machine| {
        let (points, counts, _) = Rewards::earned(machine).unwrap();
        assert!(points > 2_000 && counts, "two cards of the catalogue: {points}");
        run_to(21);
        let after_20 = earned(machine);
        // 20 slots of a day's emission, the only machine gets all but the duties' share.
        let all = Rewards::emission(Rewards::era()) * 20 / u128::from(DAYS);
        assert!(after_20 > all * 98 / 100 && after_20 <= all, "{after_20} of {all}");
        assert!(Balances::free_balance(DutyPot::get()) > 0, "duties have their share");

        Outages::silent(machine, now(), false);
        let silent = earned(machine);
        run_to(41);
        assert_eq!(earned(machine), silent, "the silent earn nothing");
        Outages::back(machine, now());
        run_to(51);
        assert!(earned(machine) > silent);

        // Few auditors said so: it stays provisional (rule 22).
        Audited::passed(machine, &proof(true));
        assert_eq!(Rewards::owed(Alice.to_account_id()), (0, 0));
        Audited::passed(machine, &proof(false));
        let (claimable, locked) = Rewards::owed(Alice.to_account_id());
        assert!(claimable > 0 && locked > 2 * claimable, "a quarter now: {claimable}, {locked}");
        let before = Balances::free_balance(Alice.to_account_id());
        assert_ok!(Rewards::claim(
            RuntimeOrigin::signed(Bob.to_account_id()),
            Alice.to_account_id()
        ));
        assert_eq!(Balances::free_balance(Alice.to_account_id()), before + claimable);
    });
}

#[test]
fn rule_01_a_failed_look_loses_what_was_earned_since_the_last_and_costs_stake() {
    with_machine(|machine| {
        run_to(21);
        assert!(earned(machine) > 0);
        Audited::failed(machine, Purpose::Random, true);
        assert_eq!(earned(machine), 0);
        let status = || pallet_machines::Machines::<Runtime>::get(machine).unwrap().status;
        assert_eq!(status(), MachineStatus::Registered, "it takes no more orders");
        let offence = pallet_disputes::RunningOf::<Runtime>::get(machine).unwrap();
        run_to(31);
        Audited::passed(machine, &proof(false));
        assert_eq!(status(), MachineStatus::Verified);
        let found = pallet_disputes::Offences::<Runtime>::get(offence).unwrap();
        assert!(matches!(found.stage, Stage::Recorded { .. }), "{found:?}");
        assert_eq!(stake(machine), STAKE, "nothing is taken while he may appeal");
        jump(48 * HOURS + 2);
        assert!(pallet_disputes::Offences::<Runtime>::get(offence).is_none());
        // Six per cent, of which rewards that were not released go first.
        assert!(stake(machine) >= STAKE * 94 / 100, "{}", stake(machine));
        let (claimable, locked) = Rewards::owed(Alice.to_account_id());
        assert!(stake(machine) < STAKE || locked > 0, "{claimable} {locked}");
    });
}

#[test]
fn rule_11_a_flap_costs_time_and_ten_minutes_cost_stake() {
    with_machine(|machine| {
        run_to(21);
        Outages::silent(machine, now() - 10, true);
        Outages::back(machine, now());
        assert!(Disputes::is_clear(machine), "thirty seconds");
        Outages::silent(machine, now() - 10 * MINUTES, true);
        Outages::back(machine, now());
        assert!(!Disputes::is_clear(machine));
        assert!(!Followers::is_clear(machine), "its stake stays");
        jump(48 * HOURS + 2);
        // Nothing was released that could go first: 4 % of the stake.
        assert_eq!(stake(machine), STAKE * 96 / 100);
        assert!(Disputes::is_clear(machine));
        assert_ok!(Machines::top_up(alice(), machine));
        assert_eq!(stake(machine), STAKE);
        // Nobody waits for a machine that is on its way out.
        assert_ok!(Machines::retire(alice(), machine));
        Outages::silent(machine, now() - 10 * MINUTES, true);
        assert!(Disputes::is_clear(machine));
    });
}

#[test]
fn rule_07_a_report_has_the_machine_looked_at_and_nothing_is_taken_before() {
    with_machine(|machine| {
        let bob = RuntimeOrigin::signed(Bob.to_account_id());
        let kind = Kind::Malfunction;
        let report = pallet_disputes::NextOffence::<Runtime>::get();
        assert_ok!(Disputes::report(bob.clone(), machine, kind, None));
        let audit = pallet_audits::OpenOf::<Runtime>::get(machine).expect("a check is booked");
        let booked = pallet_audits::Audits::<Runtime>::get(audit).unwrap();
        assert_eq!(booked.purpose, Purpose::Check(report));
        assert_noop!(
            Disputes::report(bob, machine, kind, None),
            pallet_audits::Error::<Runtime>::AuditOpen
        );
        Audited::failed(machine, booked.purpose, true);
        assert!(Disputes::is_clear(machine), "the check itself says what follows");
        Audited::checked(report, Some(true));
        assert!(!Disputes::is_clear(machine));
        assert_eq!(stake(machine), STAKE);
    });
}

#[test]
fn rule_13_an_offer_in_dollars_follows_what_feeders_say() {
    use dbc_primitives::{Amount, Offer, Price, Profile};
    use dbc_runtime::{Prices, constants::SLOT_MS};
    use pallet_machines::Fleet as _;
    use sp_keyring::Sr25519Keyring::One;
    with_machine(|machine| {
        let dollars = Amount::UsdMicro(400_000);
        let price = Price { gpu_hour: dollars, cpu_hour: dollars };
        let offer = Offer { price, min_term: 100, max_term: 30 * DAYS };
        assert_ok!(Machines::set_offer(alice(), machine, offer));
        assert_ok!(Machines::list(alice(), machine));
        let rate = || Machines::quote(machine, Profile::Gpu, &[0], 1).map(|quote| quote.rate);
        let nobody_knows = || pallet_machines::Error::<Runtime>::NoPrice.into();
        assert_eq!(rate(), Err(nobody_knows()));
        let feeder = RuntimeOrigin::signed(One.to_account_id());
        assert_ok!(Prices::feed(feeder, 20_000));
        // 0.40 dollars are 20 DBC at two cents each; an hour has 1,200 slots.
        assert_eq!(rate(), Ok((20 * DBC).div_ceil(u128::from(3_600_000 / SLOT_MS))));
        jump(21 * MINUTES);
        assert_eq!(rate(), Err(nobody_knows()), "a stale price is none");
    });
}
