//! Rent: who gets what, and that nobody can stop it.

use frame_support::{
    assert_noop, assert_ok,
    traits::{LockableCurrency, WithdrawReasons},
};

use crate::{Error, mock::*};

#[test]
fn rent_streams_by_the_slot_and_a_fee_goes_to_the_treasury() {
    run(|| {
        let before = free(&provider()) - STAKE * 2;
        let lease = running(1_000);
        pass(40);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!(free(&provider()) - before, RATE * 40 * 95 / 100);
        assert_eq!(free(&treasury()) - ED, RATE * 40 * 5 / 100);
        assert_eq!(held(&renter()), RATE * 960);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!(held(&renter()), RATE * 960, "settling twice pays once");
        assert_equation(lease, RATE * 1_000);
    });
}

#[test]
fn rule_05_nothing_is_paid_past_the_horizon() {
    run(|| {
        let lease = running(1_000);
        set_horizon(Some(now() + 10));
        pass(100);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!(record(lease).paid + record(lease).fees, RATE * 10);
        set_horizon(None);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!(record(lease).paid + record(lease).fees, RATE * 100);
    });
}

#[test]
fn rule_12_settlement_cannot_be_blocked_by_a_lock() {
    run(|| {
        let lease = running(1_000);
        // Votes lock the total balance, holds included.
        Balances::set_lock(*b"vote    ", &renter(), u128::MAX, WithdrawReasons::all());
        pass(200);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(provider()), lease));
        assert_eq!(record(lease).paid, RATE * 200 * 95 / 100);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_equation(lease, RATE * 1_000);
        assert_eq!(held(&renter()), 0);
    });
}

#[test]
fn rule_12_a_payee_who_cannot_be_credited_delays_only_himself() {
    run(|| {
        let lease = running(1_000);
        // The treasury's account is gone, and a small fee cannot make it anew.
        assert_ok!(Balances::transfer_allow_death(RuntimeOrigin::signed(treasury()), other(), ED));
        let small = ED * 100 / 5 / RATE + 1;
        assert!(small * RATE * 5 / 100 >= ED || small == 1);
        pass(0);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        pass(1);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        let found = record(lease);
        assert_eq!(found.paid, RATE * 95 / 100);
        assert_eq!(found.due_fees + found.fees, RATE * 5 / 100);
        assert_equation(lease, RATE * 1_000);
    });
}

#[test]
fn a_lease_that_is_not_there_or_over_is_not_settled() {
    run(|| {
        let lease = running(1_000);
        assert_noop!(
            Leases::settle(RuntimeOrigin::signed(other()), 99),
            Error::<Test>::LeaseNotFound
        );
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_noop!(
            Leases::settle(RuntimeOrigin::signed(other()), lease),
            Error::<Test>::LeaseOver
        );
    });
}
