//! Slashes: appeals that were no appeals, and what was never taken or taken twice.

use dbc_primitives::{CloseReason, LeaseState, MachineStatus};
use dbc_runtime::{
    Runtime, RuntimeCall,
    constants::{DBC, HOURS},
};
use pallet_disputes::{HoldReason, OffenceOf, Stage};
use sp_keyring::Sr25519Keyring::{Alice, Bob};

use crate::world::*;

const STAKE: u128 = 20_000 * DBC;
const BOND: u128 = 1_000 * DBC;

fn offence(id: u64) -> Option<OffenceOf<Runtime>> {
    pallet_disputes::Offences::<Runtime>::get(id)
}

/// A machine of Alice's that watchers did not hear for ten minutes; gives the offence, which is recorded.
fn silent_for_ten_minutes() -> u64 {
    let mut watch = Watch::default();
    listed(Alice, 0, 2);
    let id = pallet_disputes::NextOffence::<Runtime>::get();
    watch.pass(3, &[0]);
    assert!(offence(id).is_none(), "it is heard");
    watch.pass(20, &[]);
    watch.pass(3, &[0]);
    let found = offence(id).expect("watchers said so");
    assert!(matches!(found.stage, Stage::Recorded { .. }), "{found:?}");
    id
}

fn appeal(offence: u64) -> RuntimeCall {
    pallet_disputes::Call::<Runtime>::appeal { offence }.into()
}

/// The predecessor took the bond one block later, and could cancel in the same block alone.
#[test]
fn predecessor_flaw_02_an_appeal_that_is_over_before_it_is_read() {
    world(|| {
        let id = silent_for_ten_minutes();
        pass(24 * HOURS);
        act(Alice, appeal(id)).unwrap();
        assert_eq!(held(Alice, HoldReason::Appeal), BOND);
        // Days later nothing has been taken, and it can be decided.
        pass(6 * 24 * HOURS);
        assert_eq!((held(Alice, HoldReason::Appeal), record(0).stake), (BOND, STAKE));
        council(pallet_disputes::Call::<Runtime>::cancel { offence: id }.into());
        assert!(offence(id).is_none());
        assert_eq!((held(Alice, HoldReason::Appeal), record(0).stake), (0, STAKE));
        pass(3 * 24 * HOURS);
        assert_eq!(record(0).stake, STAKE, "what was cancelled is not tried again");
    });
}

#[test]
fn predecessor_flaw_02_an_appeal_after_its_window() {
    world(|| {
        let id = silent_for_ten_minutes();
        let Some(Stage::Recorded { until }) = offence(id).map(|found| found.stage) else {
            panic!("it is recorded");
        };
        assert!(until - now() > 47 * HOURS, "two days");
        // To the end of the window and no further.
        pass(until - now() - 1);
        assert!(act(Alice, appeal(id)).is_err());
        pass(2);
        assert!(offence(id).is_none(), "it was executed");
        assert_eq!(record(0).stake, STAKE * 96 / 100);
    });
}

/// And a slash whose reserve was too small did nothing, and said that it was done.
#[test]
fn predecessor_flaw_14_a_slash_that_takes_nothing() {
    world(|| {
        silent_for_ten_minutes();
        assert_eq!(record(0).status, MachineStatus::Listed);
        let stake = || (record(0).stake, held(Alice, pallet_machines::HoldReason::Stake));
        assert_eq!(stake(), (STAKE, STAKE));
        pass(48 * HOURS + 2);
        let left = STAKE * 96 / 100;
        assert_eq!(stake(), (left, left), "four in a hundred, of the record and of the hold");
        // An under-staked machine takes no orders until its stake is whole.
        assert_eq!(record(0).status, MachineStatus::Verified);
        let list = pallet_machines::Call::<Runtime>::list { machine: machine(0) };
        assert!(act(Alice, list.clone()).is_err());
        act(Alice, pallet_machines::Call::<Runtime>::top_up { machine: machine(0) }).unwrap();
        act(Alice, list).unwrap();
        assert_eq!(stake(), (STAKE, STAKE));
    });
}

#[test]
fn predecessor_flaw_15_a_slash_that_waits_for_the_owners_return() {
    world(|| {
        let mut watch = Watch::default();
        listed(Alice, 0, 2);
        let id = pallet_disputes::NextOffence::<Runtime>::get();
        watch.pass(3, &[0]);
        watch.pass(2, &[]);
        assert_eq!(offence(id).map(|found| found.band), Some(0));
        // It never comes back, and nobody calls anything: each band is counted when it is reached.
        pass(7 * 20);
        assert_eq!(offence(id).map(|found| found.band), Some(1));
        pass(48 * HOURS);
        assert_eq!(offence(id).map(|found| found.band), Some(2));
        assert_eq!(record(0).stake, STAKE);
        pass(192 * HOURS);
        assert!(matches!(offence(id).unwrap().stage, Stage::Recorded { .. }), "the last band");
        pass(48 * HOURS + 2);
        assert_eq!(record(0).stake, STAKE * 20 / 100, "ten days idle and away: eighty");
        assert!(offence(id).is_none());
    });
}

/// An order that nobody started put the machine online, and its outage and slash were gone.
#[test]
fn predecessor_flaw_16_an_order_that_lapses_forgives_an_outage() {
    world(|| {
        let mut watch = Watch::default();
        listed(Alice, 0, 2);
        watch.pass(3, &[0]);
        let id = pallet_disputes::NextOffence::<Runtime>::get();
        let lease_id = ordered(Bob, 0, &[0], 1_200);
        act(Alice, pallet_machines::Call::<Runtime>::unlist { machine: machine(0) }).unwrap();
        watch.pass(3, &[]);
        assert!(offence(id).is_some());
        let before = record(0);
        pass(16 * 20);
        let LeaseState::Closed { reason, .. } = lease(lease_id).state else {
            panic!("nobody started it");
        };
        assert_eq!(reason, CloseReason::NotStarted);
        let after = record(0);
        assert_eq!(after.status, MachineStatus::Verified, "as it was");
        assert_eq!((after.stake, after.strikes), (before.stake, before.strikes + 1));
        assert_eq!(pallet_disputes::RunningOf::<Runtime>::get(machine(0)), Some(id));
        assert!(offence(id).unwrap().band > 0, "the outage goes on");
        assert!(!dbc_runtime::Disputes::is_clear(machine(0)));
    });
}

#[test]
fn predecessor_flaw_23_appeals_that_overwrite_each_other() {
    world(|| {
        let id = silent_for_ten_minutes();
        assert!(act(Bob, appeal(id)).is_err(), "only whom it costs");
        act(Alice, appeal(id)).unwrap();
        assert!(act(Alice, appeal(id)).is_err(), "once");
        assert_eq!(held(Alice, HoldReason::Appeal), BOND, "one bond");
        // Nobody answers for a week: the slash stands and the bond is lost, both once.
        pass(168 * HOURS + 2);
        assert!(offence(id).is_none());
        assert_eq!(held(Alice, HoldReason::Appeal), 0);
        assert_eq!(record(0).stake, STAKE * 96 / 100);
    });
}
