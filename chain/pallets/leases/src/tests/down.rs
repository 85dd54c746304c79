//! A workload that does not run although its machine is there (mechanisms rule 35).

use frame_support::{assert_noop, assert_ok, weights::Weight};

use crate::{Error, mock::*};

fn down(lease: u64) -> frame_support::dispatch::DispatchResult {
    let told = Leases::report_down(RuntimeOrigin::signed(provider()), lease);
    told.map(drop).map_err(|error| error.error)
}

fn up(lease: u64) -> frame_support::dispatch::DispatchResult {
    let told = Leases::report_up(RuntimeOrigin::signed(provider()), lease);
    told.map(drop).map_err(|error| error.error)
}

fn end(lease: u64) {
    assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
}

#[test]
fn rule_35_what_its_machine_says_is_down_is_not_charged() {
    run(|| {
        let lease = running(1_000);
        let ends = record(lease).ends_at;
        pass(200);
        assert_ok!(down(lease));
        pass(300);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!(cost(lease), RATE * 200);
        assert_ok!(up(lease));
        pass(100);
        end(lease);
        assert_eq!(cost(lease), RATE * 300);
        assert_equation(lease, RATE * 1_000);
        assert_eq!(record(lease).down_for, 300);
        assert!(record(lease).ends_at <= ends, "its calendar end stays");
    });
}

#[test]
fn rule_35_a_lease_that_is_down_can_be_ended_for_nothing_more() {
    run(|| {
        // Within the least time that is charged, too.
        let lease = running(1_000);
        pass(1);
        assert_ok!(down(lease));
        pass(1);
        end(lease);
        assert_eq!(cost(lease), RATE);
        assert_equation(lease, RATE * 1_000);
    });
}

#[test]
fn rule_35_both_are_said_once_by_the_machines_people_and_of_a_lease_that_runs() {
    run(|| {
        poll(Weight::MAX);
        let lease = running(1_000);
        let by = |who| Leases::report_down(RuntimeOrigin::signed(who), lease);
        assert_eq!(by(renter()).unwrap_err().error, Error::<Test>::NotProvider.into());
        assert_noop!(up(lease), Error::<Test>::NotDown);
        pass(100);
        assert_eq!(by(provider()).unwrap().pays_fee, frame_support::dispatch::Pays::No);
        pass(20);
        assert_noop!(down(lease), Error::<Test>::DownAlready);
        let suspend = || Leases::suspend(RuntimeOrigin::signed(renter()), lease);
        assert_noop!(suspend(), Error::<Test>::LeaseDown);
        pass(880);
        poll(Weight::MAX);
        assert_noop!(up(lease), Error::<Test>::LeaseOver);
        assert_eq!(cost(lease), RATE * 100);
        assert_equation(lease, RATE * 1_000);
    });
}

#[test]
fn rule_35_what_the_horizon_has_not_come_to_is_waited_for() {
    run(|| {
        poll(Weight::MAX);
        let lease = running(1_000);
        pass(200);
        set_horizon(Some(now() - 20));
        assert_ok!(down(lease));
        assert_eq!(cost(lease), RATE * 180);
        assert_noop!(up(lease), Error::<Test>::Unsettled);
        pass(40);
        set_horizon(None);
        poll(Weight::MAX);
        assert_eq!(cost(lease), RATE * 200);
        assert_ok!(up(lease));
        pass(760);
        poll(Weight::MAX);
        assert_eq!(cost(lease), RATE * 960);
        assert_equation(lease, RATE * 1_000);
    });
}

#[test]
fn rule_06_long_downtime_leaves_the_booked_tier() {
    run(|| {
        let lease = running(1_000);
        pass(300);
        assert_ok!(down(lease));
        pass(500);
        assert_ok!(up(lease));
        pass(50);
        end(lease);
        assert!(record(lease).at_fault, "its provider is to blame for half of the time");
    });
}
