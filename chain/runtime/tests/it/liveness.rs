//! Who is there, as the runtime wires it.

use dbc_primitives::{MachineId, liveness::none};
use dbc_runtime::{
    Balances, Liveness, Runtime, RuntimeOrigin, configs::liveness::Followers, constants::DBC,
    genesis,
};
use frame_support::{assert_ok, traits::fungible::InspectHold as _};
use pallet_liveness::Liveness as _;
use pallet_machines::Presence as _;
use sp_keyring::Sr25519Keyring::Ferdie;

use crate::*;

#[test]
fn a_network_of_development_is_watched_from_its_first_block() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        let epoch = (FIRST_SLOT + 1) / 10 / 20;
        assert_eq!(Liveness::duties(epoch, 0).into_inner(), vec![Ferdie.to_account_id()]);
        let held = Balances::total_balance_on_hold(&Ferdie.to_account_id());
        assert_eq!(held, 1_000 * DBC, "the bond");
    });
}

#[test]
fn a_bonded_machine_may_keep_its_beat_in_the_statement_store() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        let machine = MachineId([7; 32]);
        let depleted = || sp_statement_store::get_allowance(machine.0).is_depleted();
        assert!(depleted());
        Followers::bonded(machine);
        assert!(!depleted());
        Followers::left(3, machine);
        assert!(depleted());
    });
}

#[test]
fn rule_05_the_horizon_is_three_intervals_behind_at_most() {
    network(genesis::DEV).execute_with(|| {
        for block in [25, 48, 65] {
            run_to(block);
            let lag = FIRST_SLOT + u64::from(block) - Liveness::horizon();
            assert!(lag <= 30, "{lag} slots at block {block}");
        }
    });
}

/// Closes an interval of which all was told of so many cohorts: nobody was heard, and nobody is there. Gives how
/// many blocks that took.
fn blocks_to_close(cohorts: u32) -> u32 {
    use pallet_liveness::{ClosingAt, LastReported, NextInterval, Report, Reports};
    let mut blocks = 0;
    network(genesis::DEV).execute_with(|| {
        run_to(25);
        pallet_machines::NextIndex::<Runtime>::put(cohorts * pallet_liveness::COHORT);
        let interval = (FIRST_SLOT + 25) / 10;
        for cohort in 0..cohorts {
            let watcher = Ferdie.to_account_id();
            let report = Report { watcher, heard: none(), drawn: 1, abstains: false };
            let reports = frame_support::BoundedVec::truncate_from(vec![report]);
            Reports::<Runtime>::insert(interval, cohort, reports);
        }
        LastReported::<Runtime>::put(interval);
        while NextInterval::<Runtime>::get() <= interval {
            run_to(System::block_number() + 1);
            let closed = NextInterval::<Runtime>::get() > interval;
            blocks += u32::from(closed || ClosingAt::<Runtime>::exists());
            assert!(blocks < 50, "it does not end");
        }
    });
    blocks
}

#[test]
fn rule_10_the_cohorts_of_600_000_machines_of_which_none_changed_fit_one_blocks_share() {
    assert_eq!(blocks_to_close(25), 1);
    assert_eq!(blocks_to_close(600_000 / pallet_liveness::COHORT), 1);
    assert!(blocks_to_close(600) > 1, "what does not fit comes in the next block");
}

#[test]
fn rule_10_a_hundred_and_one_transitions_do_not_fit_one_blocks_share_and_fit_an_interval() {
    use pallet_liveness::WeightInfo as _;
    type Weights = <Runtime as pallet_liveness::Config>::WeightInfo;
    let share = <Runtime as pallet_liveness::Config>::CloseWeight::get();
    let left = share - Weights::tick();
    let all = Weights::transition().saturating_mul(101);
    assert!(!all.all_lte(left), "{all:?}");
    assert!(all.all_lte(left.saturating_mul(2)), "{all:?}");
    // A twentieth of 100,000 machines falls silent at once, the most that somebody answers for: it is written
    // before reports are refused because closing is behind.
    let all = Weights::transition().saturating_mul(5_000);
    assert!(all.all_lte(left.saturating_mul(200)), "{all:?}");
}

#[test]
fn a_report_of_the_watcher_on_duty_is_taken() {
    network(genesis::DEV).execute_with(|| {
        run_to(25);
        let interval = (FIRST_SLOT + 25) / 10 - 1;
        let ferdie = || RuntimeOrigin::signed(Ferdie.to_account_id());
        assert_ok!(Liveness::report(ferdie(), interval, 0, none(), [0; 32], None));
        assert!(Liveness::report(ferdie(), interval, 0, none(), [0; 32], None).is_err());
        assert_eq!(pallet_liveness::LastReported::<Runtime>::get(), interval);
    });
}

#[test]
fn rule_09_whoever_is_deaf_abstains_without_a_fee_and_nobody_is_judged() {
    network(genesis::DEV).execute_with(|| {
        run_to(25);
        let interval = (FIRST_SLOT + 25) / 10 - 1;
        let ferdie = || RuntimeOrigin::signed(Ferdie.to_account_id());
        let taken = Liveness::abstain(ferdie(), interval, 0, None).unwrap();
        assert_eq!(taken.pays_fee, frame_support::dispatch::Pays::No);
        assert!(Liveness::report(ferdie(), interval, 0, none(), [0; 32], None).is_err());
        run_to(45);
        let watcher = pallet_liveness::Watchers::<Runtime>::get(Ferdie.to_account_id()).unwrap();
        assert_eq!((watcher.strikes, watcher.unproven), (0, 0));
        assert!(pallet_liveness::Cohorts::<Runtime>::get(0).run > 0, "nobody knows");
    });
}

#[test]
fn rule_23_a_silence_that_outlasts_its_maintenance_counts_from_there_on() {
    use crate::world::*;
    use dbc_runtime::{configs::disputes::Outages, constants::HOURS};
    use pallet_liveness::OutageSink as _;
    use sp_keyring::Sr25519Keyring::Alice;
    world(|| {
        let machine = registered(Alice, 0, 1);
        let mut watch = Watch::default();
        watch.pass(3, &[0]);
        let (from, until) = (now() + 20, now() + HOURS);
        act(Alice, pallet_machines::Call::announce_maintenance { machine, from, until }).unwrap();
        let index = record(0).index.index;
        let outage = pallet_liveness::Outage { since: from + 5, until: None, blamed: false };
        let away = |back: u64| {
            let all = frame_support::BoundedVec::truncate_from(vec![outage]);
            pallet_liveness::Outages::<Runtime>::insert(index, all);
            pallet_machines::Machines::<Runtime>::mutate(machine, |record| {
                record.as_mut().unwrap().tier = pallet_machines::Tier::Stable;
            });
            Outages::back(machine, back);
            let down = pallet_liveness::Downtimes::<Runtime>::get(index).sum(back / 28_800);
            let blamed = pallet_liveness::Outages::<Runtime>::get(index)[0].blamed;
            (down, blamed, record(0).tier)
        };
        assert_eq!(away(until), (0, false, pallet_machines::Tier::Stable), "back in time");
        assert_eq!(away(until + 70), (70, true, pallet_machines::Tier::Lost));
        pallet_machines::Machines::<Runtime>::mutate(machine, |record| {
            record.as_mut().unwrap().tier = pallet_machines::Tier::Normal;
        });
    });
}

#[test]
fn rule_37_a_region_of_ones_own_excuses_nobody() {
    use dbc_runtime::configs::liveness::Indexes;
    use pallet_liveness::MachineIndexes as _;
    use sp_keyring::Sr25519Keyring::Alice;
    world::world(|| {
        let machine = world::registered(Alice, 0, 1);
        pallet_machines::Machines::<Runtime>::mutate(machine, |record| {
            record.as_mut().unwrap().location.region = 7;
        });
        assert_eq!(Indexes::region(machine), 0);
    });
}
