//! Rent: who gets what, and that nobody can stop it.

use frame_support::{
    assert_noop, assert_ok,
    traits::{LockableCurrency, WithdrawReasons, fungible::MutateFreeze},
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
fn rule_05_a_term_that_ends_behind_the_horizon_waits_for_it() {
    run(|| {
        let lease = running(1_000);
        set_horizon(Some(now() + 10));
        pass(1_000);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        let found = record(lease);
        assert_eq!((found.paid + found.fees, found.refunded), (RATE * 10, 0));
        assert_eq!(found.tail.map(|tail| tail.until), Some(found.ends_at));
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
fn rule_12_settlement_cannot_be_blocked_by_a_freeze() {
    run(|| {
        let lease = running(1_000);
        assert_ok!(Balances::set_freeze(&1, &renter(), u128::MAX));
        pass(200);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(provider()), lease));
        assert_eq!(record(lease).paid, RATE * 200 * 95 / 100);
        pass(800);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(provider()), lease));
        assert_eq!((record(lease).paid, held(&renter())), (RATE * 1_000 * 95 / 100, 0));
    });
}

#[test]
fn rule_12_a_treasury_that_cannot_be_credited_delays_only_itself() {
    run(|| {
        let lease = running_at(100, 1_000);
        drain(&treasury());
        let settle = || Leases::settle(RuntimeOrigin::signed(other()), lease);
        pass(19);
        assert_ok!(settle());
        let found = record(lease);
        assert_eq!((found.paid, found.due_fees, found.fees), (19 * 95, 19 * 5, 0));
        assert_equation(lease, 100 * 1_000);
        pass(1);
        assert_ok!(settle());
        assert_eq!((record(lease).due_fees, record(lease).fees), (0, ED));
        assert_eq!(free(&treasury()), ED);
        assert_equation(lease, 100 * 1_000);
    });
}

#[test]
fn rule_12_a_provider_below_the_existential_deposit_delays_only_himself() {
    run(|| {
        let lease = running_at(20, 1_000);
        System::inc_providers(&provider());
        drain(&provider());
        assert_eq!(free(&provider()), 0);
        let settle = || Leases::settle(RuntimeOrigin::signed(other()), lease);
        pass(5);
        assert_ok!(settle());
        let found = record(lease);
        assert_eq!((found.due, found.paid, found.fees), (5 * 19, 0, 5));
        pass(1);
        assert_ok!(settle());
        assert_eq!((record(lease).due, record(lease).paid), (0, 6 * 19));
        assert_eq!(free(&provider()), 6 * 19);
        assert_equation(lease, 20 * 1_000);
    });
}

#[test]
fn rule_12_what_a_provider_cannot_be_given_at_the_end_goes_to_the_treasury() {
    run(|| {
        System::inc_providers(&provider());
        let lease = running_at(20, 10);
        drain(&provider());
        pass(5);
        assert_ok!(Leases::terminate(RuntimeOrigin::signed(provider()), lease));
        let found = record(lease);
        assert_eq!((found.paid, found.fees, found.refunded), (0, 5 * 20, 5 * 20));
        assert_eq!(free(&treasury()), ED + 5 * 20);
        assert_equation(lease, 10 * 20);
    });
}

#[test]
fn rule_12_what_nobody_can_be_given_returns_to_the_renter() {
    run(|| {
        System::inc_providers(&provider());
        let lease = running_at(9, 10);
        drain(&provider());
        drain(&treasury());
        pass(10);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        let found = record(lease);
        assert_eq!((found.paid, found.fees, found.refunded), (0, 0, 90));
        assert_eq!(free(&renter()), ENDOWMENT);
    });
}

#[test]
fn rule_12_a_renter_without_free_balance_blocks_no_end_and_nothing_stays_on_hold() {
    run(|| {
        System::inc_providers(&renter());
        let lease = running_at(20, 110);
        drain(&renter());
        assert_eq!((free(&renter()), held(&renter())), (0, 20 * 110));
        pass(106);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        // 80 units are less than his account may begin with, so they cannot return to him.
        let found = record(lease);
        assert_eq!((found.paid, found.fees, found.refunded), (106 * 19, 106 + 80, 0));
        assert_eq!((free(&renter()), held(&renter())), (0, 0));
        assert_equation(lease, 20 * 110);
    });
}

#[test]
fn rule_12_money_below_every_existential_deposit_goes_the_way_of_dust() {
    run(|| {
        System::inc_providers(&renter());
        let lease = running_at(1, 50);
        drain(&renter());
        drain(&treasury());
        let issuance = pallet_balances::TotalIssuance::<Test>::get();
        assert_ok!(Leases::terminate(RuntimeOrigin::signed(provider()), lease));
        assert_eq!((free(&renter()), held(&renter())), (0, 0));
        assert_eq!(pallet_balances::TotalIssuance::<Test>::get(), issuance - 50);
        assert_equation(lease, 50);
    });
}

#[test]
fn what_the_provider_the_treasury_and_the_renter_get_is_the_deposit_to_the_unit() {
    run(|| {
        let lease = running_at(9_973, 1_009);
        let before = (free(&provider()), free(&treasury()), free(&renter()));
        let deposit = held(&renter());
        for step in [1, 7, 13, 111] {
            pass(step);
            assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        }
        pass(3);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        let gain = free(&provider()) - before.0;
        let fees = free(&treasury()) - before.1;
        let refund = free(&renter()) - before.2;
        assert_eq!(gain + fees + refund, deposit);
        assert_eq!(gain + fees, 9_973 * 135);
        let found = record(lease);
        assert_eq!((gain, fees, refund), (found.paid, found.fees, found.refunded));
    });
}

#[test]
fn a_provider_may_rent_from_himself_and_a_renter_be_his_own_receiver() {
    run(|| {
        let mut order = order(listed(1, 1), &[0], 1_000, 1);
        order.receiver = Some(provider());
        let lease = crate::NextLease::<Test>::get();
        assert_ok!(Leases::create(RuntimeOrigin::signed(provider()), order));
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        pass(400);
        assert_ok!(Leases::end(RuntimeOrigin::signed(provider()), lease));
        assert_eq!(free(&provider()), ENDOWMENT - STAKE - RATE * 400 * 5 / 100);
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
