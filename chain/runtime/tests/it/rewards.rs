//! What machines earn and what they lose, through the runtime: by what watchers and auditors say.

use dbc_primitives::{
    CloseReason, Gpu, HardwareFacts, LeaseState, Location, MachineClass, MachineId, MachineStatus,
    NetworkFacts, proof::register_message,
};
use dbc_runtime::{
    AccountId, Balances, Disputes, Liveness, Machines, Rewards, Runtime, RuntimeOrigin, System,
    configs::{
        audits::Audited,
        disputes::Outages,
        governance::origins::Origin,
        liveness::Followers,
        rewards::{DutyPot, FirstModel, uptime_factor},
    },
    constants::{DAYS, DBC, HOURS, MINUTES},
    genesis,
};
use frame_support::{assert_noop, assert_ok, traits::Get as _};
use pallet_audits::{AuditSink as _, Findings, Proof, Purpose};
use pallet_disputes::{Kind, Stage};
use pallet_liveness::{Liveness as _, OutageSink as _};
use pallet_machines::Presence as _;
use sp_core::{Pair as _, ed25519};
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie, Dave};

use crate::{world::*, *};

const STAKE: u128 = 2 * 10_000 * DBC;

fn own_key() -> ed25519::Pair {
    ed25519::Pair::from_seed(&[9; 32])
}

/// A network on which Alice has a machine with two cards, verified by its genesis and listed.
fn with_machine(test: impl FnOnce(MachineId)) {
    let machine = MachineId(own_key().public().0);
    let patch = serde_json::json!({ "machines": { "verified": [machine.0] } });
    network_with(genesis::DEV, patch).execute_with(|| {
        run_to(1);
        let account: [u8; 32] = Alice.to_account_id().into();
        let proof = own_key().sign(&register_message(&System::block_hash(0).0, &account)).0;
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
    let (findings, region) = (Findings::default(), None);
    Proof { audit: 1, at: now(), until: now() + DAYS, provisional, findings, region }
}

#[test]
fn a_proven_machine_earns_while_it_is_heard_and_its_rewards_wait_for_a_proof() {
    world(|| {
        let machine = registered(Alice, 0, 2);
        let mut watch = Watch::default();
        let (points, counts, _) = Rewards::earned(machine).unwrap();
        assert!(points > 2_000 && counts, "two cards of the catalogue: {points}");
        watch.pass(3, &[0]);
        let (before, horizon) = (earned(machine), Liveness::horizon());
        watch.pass(4, &[0]);
        // Forty slots of a day's emission, the only machine gets all but the duties' share.
        let passed = u128::from(Liveness::horizon() - horizon);
        assert_eq!(passed, 40);
        let all = Rewards::emission(Rewards::era()) * passed / u128::from(DAYS);
        let got = earned(machine) - before;
        assert!(got > all * 98 / 100 && got <= all, "{got} of {all}");
        assert!(Balances::free_balance(DutyPot::get()) > 0, "duties have their share");

        watch.pass(3, &[]);
        let silent = earned(machine);
        watch.pass(2, &[]);
        assert_eq!(earned(machine), silent, "the silent earn nothing");
        watch.pass(4, &[0]);
        assert!(earned(machine) > silent);

        // Few auditors said so: it stays provisional (rule 22).
        Audited::passed(machine, &proof(true));
        assert_eq!(Rewards::owed(Alice.to_account_id()), (0, 0));
        Audited::passed(machine, &proof(false));
        let (claimable, locked) = Rewards::owed(Alice.to_account_id());
        assert!(claimable > 0 && locked > 2 * claimable, "a quarter now: {claimable}, {locked}");
        let told = Rewards::vesting(Alice.to_account_id());
        let sum: u128 = told.iter().map(|part| part.each * u128::from(part.eras)).sum();
        assert_eq!(sum, locked);
        let before = free(Alice);
        let provider = Alice.to_account_id();
        act(Bob, pallet_rewards::Call::claim { provider }).unwrap();
        assert_eq!(free(Alice), before + claimable);
    });
}

#[test]
fn rule_14_while_nobody_knows_who_is_there_nobody_earns_and_nothing_of_the_schedule_is_lost() {
    world(|| {
        let machine = registered(Alice, 0, 2);
        let mut watch = Watch::default();
        watch.pass(4, &[0]);
        let age = || pallet_rewards::Age::<Runtime>::get();
        let (before, old) = (earned(machine), age());
        // Nobody tells anything for half an hour; what the last report told of is closed first.
        to_slot(now() + 30);
        let (told, closed) = (earned(machine), age());
        to_slot(now() + 600);
        assert_eq!((earned(machine), age()), (told, closed));
        assert!(told >= before && closed >= old);
        watch = Watch::default();
        watch.pass(4, &[0]);
        assert!(earned(machine) > told);
        assert_eq!(age() - closed, 30, "four intervals were told of, and three of them are closed");
    });
}

#[test]
fn rule_01_a_failed_look_loses_what_was_earned_since_the_last_and_costs_stake() {
    world(|| {
        let machine = registered(Alice, 0, 2);
        let mut watch = Watch::default();
        watch.pass(4, &[0]);
        assert!(earned(machine) > 0);
        Audited::failed(machine, Purpose::Random, true);
        assert_eq!(earned(machine), 0);
        assert_eq!(record(0).status, MachineStatus::Registered, "it takes no more orders");
        let offence = pallet_disputes::RunningOf::<Runtime>::get(machine).unwrap();
        let now_costs = Disputes::preview(machine).expect("it runs").now;
        assert_eq!(now_costs, stake(machine) * 6 / 100);
        watch.pass(1, &[0]);
        let whole = stake(machine);
        Audited::passed(machine, &proof(false));
        assert_eq!(record(0).status, MachineStatus::Verified);
        let found = pallet_disputes::Offences::<Runtime>::get(offence).unwrap();
        assert!(matches!(found.stage, Stage::Recorded { .. }), "{found:?}");
        assert_eq!(stake(machine), whole, "nothing is taken while he may appeal");
        pass(48 * HOURS + 2);
        assert!(pallet_disputes::Offences::<Runtime>::get(offence).is_none());
        // Six per cent, and nothing was released that could go first.
        assert_eq!(stake(machine), whole - now_costs);
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
        Audited::checked(report, Some(true), false);
        assert!(!Disputes::is_clear(machine));
        assert_eq!(stake(machine), STAKE);
    });
}

#[test]
fn rule_07_a_renters_report_holds_his_rent_back_and_ends_his_lease_if_it_is_borne_out() {
    for upheld in [Some(true), Some(false)] {
        world(|| {
            listed(Alice, 0, 1);
            let mut watch = Watch::default();
            watch.pass(3, &[0]);
            let id = rented(Bob, 0, &[0], 3_000);
            watch.pass(3, &[0]);
            let report = pallet_disputes::NextOffence::<Runtime>::get();
            let (machine, kind) = (machine(0), Kind::Malfunction);
            act(Bob, pallet_disputes::Call::report { machine, kind, lease: Some(id) }).unwrap();
            let filed = now();
            assert_eq!(lease(id).held_back.map(|held| held.since), Some(filed));
            let open = Disputes::open_reports(0);
            assert_eq!(
                (open.len(), open[0].lease, open[0].until),
                (1, Some(id), filed + 24 * HOURS)
            );
            watch.pass(6, &[0]);
            act(Dave, pallet_leases::Call::settle { lease: id }).unwrap();
            assert!(lease(id).settled_to <= filed, "nothing is paid since the report");
            Disputes::checked(report, upheld, false);
            assert!(lease(id).held_back.is_none());
            assert_eq!(lease(id).is_closed(), upheld == Some(true));
            if upheld == Some(true) {
                assert!(matches!(
                    lease(id).state,
                    LeaseState::Closed { reason: CloseReason::DisputeUpheld, .. }
                ));
            }
        });
    }
}

#[test]
fn rule_07_the_renter_of_a_silent_machine_is_found_among_any_number_of_closed_leases() {
    world(|| {
        listed(Alice, 0, 2);
        let over = |_| {
            let lease = ordered(Charlie, 0, &[1], 1_200);
            act(Charlie, pallet_leases::Call::end { lease }).unwrap();
        };
        (0..25).for_each(over);
        let id = rented(Bob, 0, &[0], 30_000);
        (0..25).for_each(over);
        let mut watch = Watch::default();
        watch.pass(3, &[0]);
        let offence = pallet_disputes::NextOffence::<Runtime>::get();
        watch.pass(3, &[]);
        let found = pallet_disputes::Offences::<Runtime>::get(offence).expect("it is silent");
        assert_eq!((found.kind, found.lease), (Kind::Unreachable { rented: true }, Some(id)));
    });
}

#[test]
fn rule_07_whoever_rents_no_more_reports_as_anybody_does() {
    world(|| {
        listed(Alice, 0, 1);
        let machine = machine(0);
        let report = |lease| {
            let kind = Kind::Unreachable { rented: true };
            act(Bob, pallet_disputes::Call::report { machine, kind, lease })
        };
        let refused = Err(pallet_disputes::Error::<Runtime>::LeaseNotRunning.into());
        let over = rented(Bob, 0, &[0], 3_000);
        act(Bob, pallet_leases::Call::end { lease: over }).unwrap();
        assert_eq!(report(Some(over)), refused, "he left");
        let id = ordered(Bob, 0, &[0], 3_000);
        assert_eq!(report(Some(id)), refused, "it has not begun");
        assert!(Disputes::open_reports(0).is_empty());
        act(Alice, pallet_leases::Call::started { lease: id }).unwrap();
        report(Some(id)).unwrap();
        let open = Disputes::open_reports(0);
        let found = (open[0].kind, open[0].lease);
        assert_eq!(found, (Kind::Unreachable { rented: true }, Some(id)));
    });
}

#[test]
fn rule_07_nobody_reports_a_machine_that_nobody_may_expect() {
    world(|| {
        let report = |number| {
            let (machine, kind) = (machine(number), Kind::Malfunction);
            act(Dave, pallet_disputes::Call::report { machine, kind, lease: None })
        };
        let refused = Err(pallet_disputes::Error::<Runtime>::NotReportable.into());
        registered(Alice, VERIFIED, 1);
        assert_eq!(report(VERIFIED), refused, "it has no proof, and may be switched off");
        registered(Alice, 0, 1);
        let (from, until) = (now() + 5, now() + HOURS);
        let announce =
            pallet_machines::Call::announce_maintenance { machine: machine(0), from, until };
        act(Alice, announce).unwrap();
        to_slot(from);
        assert_eq!(report(0), refused, "it said so");
        to_slot(from + 1);
        act(Alice, pallet_machines::Call::cancel_maintenance { machine: machine(0) }).unwrap();
        to_slot(now() + 2);
        report(0).unwrap();
        // A leased machine is expected also without a proof.
        listed(Alice, 1, 1);
        rented(Bob, 1, &[0], 1_200);
        dbc_runtime::Machines::unverify(machine(1));
        report(1).unwrap();
    });
}

#[test]
fn rule_03_a_machine_without_a_proof_earns_nothing_after_its_lease() {
    world(|| {
        let machine = listed(Alice, 0, 1);
        let mut watch = Watch::default();
        watch.pass(3, &[0]);
        let counts = || Rewards::earned(machine).unwrap().1;
        // A share of the processor is a lease, and no card is leased by it.
        let shares = rented(Bob, 0, &[], 3_000);
        let cards = rented(Bob, 0, &[0], 3_000);
        watch.pass(3, &[0]);
        Audited::expired(machine);
        assert!(counts(), "it could not be audited");
        act(Bob, pallet_leases::Call::end { lease: cards }).unwrap();
        assert!(counts() && record(0).is_leased());
        act(Bob, pallet_leases::Call::end { lease: shares }).unwrap();
        assert!(!counts(), "now it can be");
    });
}

#[test]
fn rule_03_an_expired_proof_ends_what_is_earned_also_in_a_maintenance() {
    with_machine(|machine| {
        run_to(21);
        let announced = Machines::announce_maintenance(alice(), machine, now(), now() + HOURS);
        assert_ok!(announced);
        assert!(Rewards::earned(machine).unwrap().1);
        Audited::expired(machine);
        assert!(!Rewards::earned(machine).unwrap().1);
    });
}

#[test]
fn slashes_are_cancelled_by_two_thirds_of_the_council_and_by_no_less() {
    type Motion = pallet_collective::RawOrigin<AccountId, pallet_collective::Instance1>;
    with_machine(|machine| {
        Disputes::begin(machine, Kind::Counterfeit, now(), None);
        let offence = pallet_disputes::RunningOf::<Runtime>::get(machine).unwrap();
        let by = |origin: RuntimeOrigin| Disputes::cancel(origin, offence);
        assert!(by(alice()).is_err());
        assert!(by(Motion::Members(1, 3).into()).is_err());
        // Half is a majority of nobody, and a bare one is too little.
        assert!(by(Motion::Members(3, 5).into()).is_err());
        assert_ok!(by(Motion::Members(2, 3).into()));
        assert!(Disputes::is_clear(machine));
    });
}

#[test]
fn d71_a_machine_is_handed_over_with_what_was_earned_before_left_to_who_earned_it() {
    world(|| {
        let machine = listed(Alice, 0, 2);
        provider(Bob);
        let mut watch = Watch::default();
        watch.pass(5, &[0]);
        let to = Bob.to_account_id();
        act(Alice, pallet_machines::Call::offer_handover { machine, to }).unwrap();
        act(Bob, pallet_machines::Call::accept_handover { machine }).unwrap();
        let share = pallet_rewards::Shares::<Runtime>::get(machine).unwrap();
        assert_eq!(share.provider, Bob.to_account_id());
        assert_eq!(share.earlier[0].0, Alice.to_account_id());
        let kept = share.earlier[0].1;
        watch.pass(4, &[0]);
        assert_eq!(Rewards::owed(Alice.to_account_id()), (0, 0), "it waits for a proof");
        let since = earned(machine);
        assert!(since > 0);
        Audited::passed(machine, &proof(false));
        let sum = |who: sp_keyring::Sr25519Keyring| {
            let (claimable, locked) = Rewards::owed(who.to_account_id());
            claimable + locked
        };
        assert_eq!((sum(Alice), sum(Bob)), (kept, since));
    });
}

#[test]
fn d63_a_change_of_hardware_stops_what_is_earned_and_loses_nothing_of_it() {
    world(|| {
        let machine = registered(Alice, 0, 2);
        let mut watch = Watch::default();
        watch.pass(5, &[0]);
        let (points, _, before) = Rewards::earned(machine).unwrap();
        let pallet_machines::MachineOf::<Runtime> { class, location, .. } = record(0);
        let facts = facts(3, CARD);
        let change = pallet_machines::Call::change_hardware { machine, class, facts, location };
        act(Alice, change).unwrap();
        let (same, counts, after) = Rewards::earned(machine).unwrap();
        assert_eq!(
            (same, counts, after),
            (points, false, before),
            "nobody looked at the third card"
        );
        watch.pass(3, &[0]);
        assert_eq!(earned(machine), before);
        Audited::passed(machine, &proof(false));
        let (more, counts, _) = Rewards::earned(machine).unwrap();
        assert!(more > points && counts, "by what was proven then");
        assert!(Rewards::owed(Alice.to_account_id()).0 > 0, "what was earned is there");
    });
}

#[test]
fn g3_a_card_that_nobody_knows_counts_as_the_least_until_a_model_names_it() {
    world(|| {
        provider(Alice);
        let name = b"NVIDIA GeForce RTX 9999";
        act(Alice, registration(Alice, 0, facts(1, name))).unwrap();
        let machine = machine(0);
        let points = || Rewards::earned(machine).unwrap().0;
        let first = FirstModel::get();
        let base = u64::from(first.lowest) + 6;
        assert_eq!(points(), base * 95 / 100, "and 64 GiB of its own, in the class of inference");
        list(Alice, 0, DBC);
        ordered(Bob, 0, &[0], 100);
        // A version that names it; it has its week of notice, and its turn.
        let mut model = first;
        model.era = Rewards::era() + 7;
        let card = pallet_rewards::card_key(name);
        let entry = pallet_rewards::CardPoints { card, points: 4_000 };
        let at = model.cards.binary_search_by_key(&card, |entry| entry.card).unwrap_err();
        model.cards.try_insert(at, entry).unwrap();
        let set = |origin: RuntimeOrigin, model| Rewards::set_model(origin, model);
        assert!(set(alice(), model.clone()).is_err(), "not by anybody");
        assert_ok!(set(Origin::Operations.into(), model));
        pass_by(7 * DAYS, 9 * DAYS);
        to_slot(now() + 3);
        assert_eq!(points(), 4_006 * 95 / 100);
        assert_eq!(Rewards::points_model(), (2, None, None));
    });
}

#[test]
fn d66_what_a_live_part_of_thirty_days_counts() {
    network(genesis::DEV).execute_with(|| {
        for (live, factor) in [
            (10_000, 10_000),
            (9_950, 10_000),
            (9_949, 9_000),
            (9_500, 9_000),
            (9_499, 7_000),
            (0, 7_000),
        ] {
            assert_eq!(uptime_factor(live), factor, "{live}");
        }
        // The catalogue of genesis is a model that keeps its own limits.
        let first = FirstModel::get();
        assert!(first.cards.len() >= 40);
        assert_eq!(first.follows(&first), Ok(()));
        assert_eq!(pallet_rewards::Models::<Runtime>::get(1), Some(first));
    });
}

#[test]
fn rule_13_an_offer_in_dollars_follows_what_feeders_say() {
    use dbc_primitives::{Amount, Offer, Price};
    use dbc_runtime::{Prices, constants::SLOT_MS};
    use pallet_machines::{Fleet as _, Part};
    use sp_keyring::Sr25519Keyring::One;
    with_machine(|machine| {
        let dollars = Amount::UsdMicro(400_000);
        let price = Price { gpu_hour: dollars, cpu_hour: dollars };
        let offer = Offer { price, min_term: 100, max_term: 30 * DAYS, cpu_shares: 1 };
        assert_ok!(Machines::set_offer(alice(), machine, offer));
        assert_ok!(Machines::list(alice(), machine));
        let rate = || Machines::quote(machine, Part::gpus(&[0]), 1).map(|quote| quote.rate);
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
