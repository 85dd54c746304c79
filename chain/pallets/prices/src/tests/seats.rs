//! Feeders come, bond, leave, are dismissed.

use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};
use sp_runtime::DispatchError;

use crate::{Error, HoldReason, mock::*};

fn held(feeder: u64) -> u128 {
    Balances::balance_on_hold(&HoldReason::Feeder.into(), &feeder)
}

#[test]
fn governance_alone_gives_and_takes_seats() {
    run(|| {
        let refused = Prices::seat(RuntimeOrigin::signed(1), 1);
        assert_noop!(refused, DispatchError::BadOrigin);
        assert_ok!(Prices::seat(RuntimeOrigin::root(), 1));
        let again = Prices::seat(RuntimeOrigin::root(), 1);
        assert_noop!(again, Error::<Test>::SeatedAlready);
        assert_noop!(Prices::dismiss(RuntimeOrigin::signed(2), 1), DispatchError::BadOrigin);
        assert_ok!(Prices::dismiss(RuntimeOrigin::root(), 1));
        assert_noop!(Prices::dismiss(RuntimeOrigin::root(), 1), Error::<Test>::NotFeeder);
    });
}

#[test]
fn seats_are_bounded() {
    run(|| {
        seated(7);
        assert_noop!(Prices::seat(RuntimeOrigin::root(), 8), Error::<Test>::NoSeat);
        assert_ok!(Prices::leave(RuntimeOrigin::signed(3)));
        assert_ok!(Prices::seat(RuntimeOrigin::root(), 8));
    });
}

#[test]
fn a_bond_is_held_from_joining_to_leaving() {
    run(|| {
        assert_noop!(Prices::join(RuntimeOrigin::signed(1)), Error::<Test>::NotFeeder);
        assert_ok!(Prices::seat(RuntimeOrigin::root(), 1));
        assert_noop!(Prices::feed(RuntimeOrigin::signed(1), USD), Error::<Test>::NotBonded);
        assert_ok!(Prices::join(RuntimeOrigin::signed(1)));
        assert_eq!(held(1), BOND);
        assert_noop!(Prices::join(RuntimeOrigin::signed(1)), Error::<Test>::BondedAlready);
        assert_ok!(Prices::leave(RuntimeOrigin::signed(1)));
        assert_eq!(held(1), 0);
        assert_noop!(Prices::leave(RuntimeOrigin::signed(1)), Error::<Test>::NotFeeder);
    });
}

#[test]
fn who_cannot_bond_does_not_count() {
    run(|| {
        assert_ok!(Prices::seat(RuntimeOrigin::root(), 99));
        assert!(Prices::join(RuntimeOrigin::signed(99)).is_err());
        assert_noop!(Prices::feed(RuntimeOrigin::signed(99), USD), Error::<Test>::NotBonded);
    });
}
