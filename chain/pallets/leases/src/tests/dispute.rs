//! Time that a renter complains of (mechanisms rule 7).

use dbc_primitives::{CloseReason, LeaseState};
use frame_support::{assert_noop, assert_ok, weights::Weight};

use crate::{Error, mock::*};

fn begun(term: u64) -> u64 {
    poll(Weight::MAX);
    running(term)
}

fn settle(lease: u64) {
    assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
}

#[test]
fn rule_07_disputed_time_is_not_charged_before_the_verdict() {
    run(|| {
        let lease = begun(1_000);
        pass(100);
        Leases::hold_back(lease, now() - 20);
        pass(300);
        settle(lease);
        assert_eq!(cost(lease), RATE * 80);
        Leases::let_go(lease);
        assert_eq!(cost(lease), RATE * 400, "the machine was right: everything is charged");
        assert_eq!(record(lease).held_back, None);
    });
}

#[test]
fn rule_07_an_upheld_report_ends_the_lease_and_refunds_back_to_it_at_most() {
    run(|| {
        let lease = begun(1_000);
        pass(100);
        settle(lease);
        // What was charged before the report stays so.
        Leases::hold_back(lease, now() - 20);
        pass(300);
        Leases::end_for_fault(lease);
        assert_eq!((cost(lease), record(lease).refunded), (RATE * 100, RATE * 900));
        let closed = matches!(
            record(lease).state,
            LeaseState::Closed { reason: CloseReason::DisputeUpheld, .. }
        );
        assert!(closed);
        assert_equation(lease, RATE * 1_000);
    });
}

#[test]
fn rule_06_an_upheld_report_leaves_the_booked_tier() {
    run(|| {
        set_tiers(&[(500, 10), (1_000, 20)]);
        poll(Weight::MAX);
        let lease = running_at(10, 1_000);
        pass(500);
        settle(lease);
        assert_eq!(cost(lease), 4_500);
        Leases::hold_back(lease, now());
        pass(100);
        let before = free(&renter());
        Leases::end_for_fault(lease);
        assert_eq!((cost(lease), record(lease).refunded), (4_500, 3_500));
        assert_eq!(free(&renter()) - before, 3_500 + 500);
    });
}

#[test]
fn rule_07_a_term_that_ends_meanwhile_leaves_its_tail_open_until_the_verdict() {
    for upheld in [false, true] {
        run(|| {
            let lease = begun(1_000);
            pass(900);
            settle(lease);
            Leases::hold_back(lease, now());
            pass(200);
            poll(Weight::MAX);
            let found = record(lease);
            assert!(found.is_closed());
            assert_eq!((cost(lease), found.refunded, found.deposit), (RATE * 900, 0, RATE * 100));
            pass(500);
            poll(Weight::MAX);
            assert_eq!(held(&renter()), RATE * 100, "it waits");
            match upheld {
                true => Leases::end_for_fault(lease),
                false => Leases::let_go(lease),
            }
            let charged = if upheld { 900 } else { 1_000 };
            assert_eq!((cost(lease), held(&renter())), (RATE * charged, 0));
            assert_equation(lease, RATE * 1_000);
        });
    }
}

#[test]
fn rule_05_an_outage_after_the_end_is_taken_from_no_tail_that_waits_for_a_verdict() {
    for upheld in [false, true] {
        run(|| {
            let lease = begun(1_000);
            pass(900);
            Leases::hold_back(lease, now() - 50);
            pass(50);
            set_horizon(Some(now() - 20));
            assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
            assert_eq!((cost(lease), held(&renter())), (RATE * 850, RATE * 100));
            // A tenth of the disputed time it was away, and for long after the end.
            outage(now() - 10, now());
            pass(40);
            set_horizon(None);
            (0..3).for_each(|_| poll(Weight::MAX));
            assert_eq!(record(lease).tail.map(|tail| tail.live.is_some()), Some(true));
            outage(now(), now() + 1_000);
            pass(500);
            match upheld {
                true => Leases::end_for_fault(lease),
                false => Leases::let_go(lease),
            }
            let charged = if upheld { 850 } else { 940 };
            assert_eq!((cost(lease), held(&renter())), (RATE * charged, 0));
            assert_equation(lease, RATE * 1_000);
        });
    }
}

#[test]
fn rule_07_without_a_verdict_the_time_is_charged_in_the_end() {
    run(|| {
        let lease = begun(1_000);
        pass(900);
        Leases::hold_back(lease, now());
        pass(200);
        poll(Weight::MAX);
        assert_eq!(record(lease).deposit, RATE * 100);
        pass(1_800);
        (0..5).for_each(|_| poll(Weight::MAX));
        assert_eq!((cost(lease), held(&renter())), (RATE * 1_000, 0));
        let running = create(order(machine(1), &[1], 10_000, 2));
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), running));
        Leases::hold_back(running, now());
        pass(2_000);
        settle(running);
        assert_eq!(cost(running), RATE * 2_000);
    });
}

#[test]
fn rule_07_one_report_at_a_time_and_none_fails_whatever_became_of_the_lease() {
    run(|| {
        let lease = begun(1_000);
        pass(100);
        Leases::hold_back(lease, now());
        pass(100);
        Leases::hold_back(lease, now());
        settle(lease);
        assert_eq!(cost(lease), RATE * 100, "the first stands");
        let suspended = Leases::suspend(RuntimeOrigin::signed(renter()), lease);
        assert_noop!(suspended, Error::<Test>::InDispute);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!(held(&renter()), RATE * 100, "the disputed time");
        Leases::end_for_fault(lease);
        assert_eq!((cost(lease), held(&renter())), (RATE * 100, 0));
        for lease in [lease, 99] {
            Leases::hold_back(lease, 0);
            Leases::let_go(lease);
            Leases::end_for_fault(lease);
        }
        let pending = create(order(machine(1), &[1], 100, 2));
        Leases::hold_back(pending, 0);
        Leases::end_for_fault(pending);
        assert!(!record(pending).is_closed(), "nothing of it is charged");
    });
}

#[test]
fn rule_07_a_report_far_in_the_past_or_the_future_is_one_of_now() {
    run(|| {
        let lease = begun(1_000);
        pass(100);
        settle(lease);
        Leases::hold_back(lease, 0);
        assert_eq!(record(lease).held_back.map(|held| held.since), Some(now()));
        Leases::let_go(lease);
        Leases::hold_back(lease, u64::MAX);
        assert_eq!(record(lease).held_back.map(|held| held.since), Some(now()));
    });
}
