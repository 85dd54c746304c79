//! Ends: used time is paid, everything else returns at once.

use dbc_primitives::{CloseReason, LeaseState};
use frame_support::{assert_noop, assert_ok};

use crate::{Error, mock::*};

fn reason(lease: u64) -> CloseReason {
    match record(lease).state {
        LeaseState::Closed { reason, .. } => reason,
        open => panic!("it is {open:?}"),
    }
}

#[test]
fn ending_early_pays_what_was_used_and_returns_the_rest() {
    run(|| {
        let lease = running(1_000);
        pass(400);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        let found = record(lease);
        assert_eq!((found.paid + found.fees, found.refunded), (RATE * 400, RATE * 600));
        assert_eq!(free(&renter()), ENDOWMENT - RATE * 400);
        assert_eq!(reason(lease), CloseReason::EndedByRenter);
        assert_noop!(Leases::end(RuntimeOrigin::signed(renter()), lease), Error::<Test>::LeaseOver);
    });
}

#[test]
fn rule_07_a_minimum_is_charged_after_the_start_and_nothing_before() {
    run(|| {
        let lease = running(1_000);
        pass(1);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!(record(lease).paid + record(lease).fees, RATE * 100);

        let pending = create(order(machine(1), &[1], 1_000, 2));
        pass(100);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), pending));
        assert_eq!(record(pending).refunded, RATE * 1_000);
    });
}

#[test]
fn rule_07_the_minimum_never_exceeds_the_term() {
    run(|| {
        let lease = running(20);
        pass(5);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!(record(lease).paid + record(lease).fees, RATE * 20);
    });
}

#[test]
fn rule_07_not_started_in_time_returns_everything_and_is_a_strike() {
    run(|| {
        let lease = create(order(listed(1, 1), &[0], 1_000, 1));
        pass(299);
        assert_noop!(
            Leases::close_expired(RuntimeOrigin::signed(other()), lease),
            Error::<Test>::NotDue
        );
        pass(1);
        assert_noop!(
            Leases::started(RuntimeOrigin::signed(provider()), lease),
            Error::<Test>::LeaseOver
        );
        assert_ok!(Leases::close_expired(RuntimeOrigin::signed(other()), lease));
        assert_eq!(free(&renter()), ENDOWMENT);
        assert_eq!(reason(lease), CloseReason::NotStarted);
        assert_eq!(pallet_machines::Machines::<Test>::get(machine(1)).unwrap().strikes, 1);
    });
}

#[test]
fn a_provider_who_gives_up_is_paid_for_what_ran() {
    run(|| {
        let lease = running(1_000);
        pass(10);
        assert_noop!(
            Leases::terminate(RuntimeOrigin::signed(other()), lease),
            Error::<Test>::NotProvider
        );
        assert_ok!(Leases::terminate(RuntimeOrigin::signed(provider()), lease));
        assert_eq!(record(lease).paid + record(lease).fees, RATE * 10, "no minimum for him");
        assert_eq!(reason(lease), CloseReason::ProviderFault);
    });
}

#[test]
fn rule_07_giving_up_before_the_start_is_a_strike_as_well() {
    run(|| {
        let strikes = || pallet_machines::Machines::<Test>::get(machine(1)).unwrap().strikes;
        let lease = create(order(listed(1, 1), &[0], 1_000, 1));
        pass(299);
        assert_ok!(Leases::terminate(RuntimeOrigin::signed(provider()), lease));
        assert_eq!((free(&renter()), strikes()), (ENDOWMENT, 1));
        let lease = create(order(machine(1), &[0], 1_000, 2));
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!(strikes(), 1, "a renter who changes his mind is no fault of the machine");
    });
}

#[test]
fn an_end_that_comes_after_the_term_changes_neither_reason_nor_money() {
    run(|| {
        let machine = listed(1, 3);
        let leases: Vec<_> =
            (0..3).map(|gpu| create(order(machine, &[gpu], 50, gpu.into()))).collect();
        for lease in &leases[..2] {
            assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), *lease));
        }
        pass(5_000);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), leases[0]));
        assert_ok!(Leases::terminate(RuntimeOrigin::signed(provider()), leases[1]));
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), leases[2]));
        let reasons: Vec<_> = leases.iter().map(|lease| reason(*lease)).collect();
        assert_eq!(reasons, [CloseReason::Expired, CloseReason::Expired, CloseReason::NotStarted]);
        assert_eq!(free(&renter()), ENDOWMENT - RATE * 50 * 2);
    });
}

#[test]
fn a_receiver_who_cannot_be_credited_leaves_the_money_to_the_renter() {
    run(|| {
        let machine = listed(1, 1);
        reprice(machine, 1);
        let mut order = order(machine, &[0], 50, 1);
        order.receiver = Some(account(77));
        let lease = create(order);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!((free(&renter()), record(lease).refunded), (ENDOWMENT, 50));
    });
}

#[test]
fn unused_money_goes_to_the_receiver_that_was_named() {
    run(|| {
        let mut order = order(listed(1, 1), &[0], 1_000, 1);
        order.receiver = Some(other());
        let lease = create(order);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!(free(&other()), ENDOWMENT + RATE * 1_000);
        assert_equation(lease, RATE * 1_000);
    });
}

#[test]
fn rule_25_a_close_writes_until_when_data_is_kept() {
    run(|| {
        let lease = running(1_000);
        pass(200);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!(record(lease).retain_until, Some(now() + 5_000));
        pass(4_999);
        assert_noop!(
            Leases::close_expired(RuntimeOrigin::signed(other()), lease),
            Error::<Test>::NotDue
        );
        pass(1);
        assert_ok!(Leases::close_expired(RuntimeOrigin::signed(other()), lease));
        assert!(crate::Leases::<Test>::get(lease).is_none(), "the record goes with its data");
    });
}

#[test]
fn a_tag_is_free_again_once_its_record_is_gone() {
    run(|| {
        let lease = create(order(listed(1, 1), &[0], 1_000, 7));
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_noop!(
            Leases::create(RuntimeOrigin::signed(renter()), order(machine(1), &[0], 1_000, 7)),
            Error::<Test>::TagUsed
        );
        pass(5_000);
        assert_ok!(Leases::close_expired(RuntimeOrigin::signed(other()), lease));
        assert!(create(order(machine(1), &[0], 1_000, 7)) > lease, "ids are never reused");
    });
}
