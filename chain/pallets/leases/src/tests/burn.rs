//! What is burned of the rent, and when that begins (mechanisms rules 2 and 24, requirement G1).

use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError::BadOrigin;

use crate::{BurnStep, Error, mock::*};

fn issuance() -> u128 {
    pallet_balances::TotalIssuance::<Test>::get()
}

#[test]
fn g1_burning_begins_by_governance_and_only_where_the_network_has_grown_to_it() {
    run(|| {
        let raise = || Leases::raise_burn(RuntimeOrigin::root());
        assert_noop!(Leases::raise_burn(RuntimeOrigin::signed(provider())), BadOrigin);
        set_gpus(4_999);
        assert_noop!(raise(), Error::<Test>::TooFewGpus);
        set_gpus(5_000);
        assert_eq!(BurnStep::<Test>::get(), 0, "the number alone moves nothing");
        assert_ok!(raise());
        assert_noop!(raise(), Error::<Test>::TooFewGpus);
        set_gpus(60_000);
        assert_ok!(raise());
        assert_noop!(raise(), Error::<Test>::BurnedAlready);
    });
}

#[test]
fn rule_24_burning_never_falls_by_itself() {
    run(|| {
        set_gpus(5_000);
        assert_ok!(Leases::raise_burn(RuntimeOrigin::root()));
        set_gpus(0);
        let lease = running(1_000);
        assert_eq!((record(lease).leg.burn, record(lease).leg.fee), (50_000, 0));
    });
}

#[test]
fn rule_02_while_nothing_is_burned_the_protocol_fee_stands_in() {
    run(|| {
        let lease = running(1_000);
        assert_eq!((record(lease).leg.burn, record(lease).leg.fee), (0, 50_000));
        let before = issuance();
        pass(500);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        let found = record(lease);
        assert_eq!((found.fees, found.burned, issuance()), (RATE * 25, 0, before));
    });
}

#[test]
fn rule_24_what_is_burned_is_gone_and_nobody_gets_the_fee_instead() {
    run(|| {
        set_gpus(5_000);
        assert_ok!(Leases::raise_burn(RuntimeOrigin::root()));
        let lease = running(1_000);
        let before = issuance();
        pass(500);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        let found = record(lease);
        assert_eq!((found.paid, found.fees, found.burned), (RATE * 475, 0, RATE * 25));
        assert_eq!(issuance(), before - RATE * 25);
        assert_equation(lease, RATE * 1_000);
    });
}

#[test]
fn rule_24_a_leg_keeps_the_share_of_its_start() {
    run(|| {
        let lease = running(1_000);
        set_gpus(60_000);
        assert_ok!(Leases::raise_burn(RuntimeOrigin::root()));
        pass(1_000);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!((record(lease).burned, record(lease).fees), (0, RATE * 50));
    });
}
