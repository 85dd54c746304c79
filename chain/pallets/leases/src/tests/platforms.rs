//! Cloud platforms (requirements D77, O4).

use frame_support::{assert_noop, assert_ok};

use crate::{Error, HoldReason, Platforms, mock::*};

fn beneficiary() -> sp_runtime::AccountId32 {
    account(4)
}

/// A platform of account 3 that takes a tenth.
fn platform() -> u32 {
    let platform = crate::NextPlatform::<Test>::get();
    let registered =
        Leases::register_platform(RuntimeOrigin::signed(other()), 100_000, beneficiary());
    assert_ok!(registered);
    platform
}

fn sold(platform: u32, term: u64) -> u64 {
    let mut order = order(listed(1, 2), &[0], term, 1);
    order.platform = Some(platform);
    let lease = create(order);
    assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
    lease
}

#[test]
fn d77_a_platforms_fee_comes_on_top_and_is_paid_with_the_rent() {
    run(|| {
        let lease = sold(platform(), 1_000);
        assert_eq!(held(&renter()), RATE * 1_100);
        let before = (free(&provider()), free(&beneficiary()), free(&treasury()));
        pass(500);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!(free(&beneficiary()) - before.1, RATE * 50);
        assert_eq!(free(&provider()) - before.0, RATE * 475, "his price, less the protocol's fee");
        assert_eq!(free(&treasury()) - before.2, RATE * 25);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_equation(lease, RATE * 1_100);
    });
}

#[test]
fn d77_the_fee_lies_inside_the_rate_that_the_renter_signed() {
    run(|| {
        let platform = platform();
        let mut order = order(listed(1, 1), &[0], 1_000, 1);
        order.platform = Some(platform);
        order.max_rate = RATE * 110 / 100 - 1;
        assert_noop!(
            Leases::create(RuntimeOrigin::signed(renter()), order.clone()),
            Error::<Test>::RateTooHigh
        );
        order.max_rate += 1;
        assert_ok!(Leases::create(RuntimeOrigin::signed(renter()), order));
    });
}

#[test]
fn d77_a_fee_is_bounded_and_a_platform_is_its_owners() {
    run(|| {
        let by = RuntimeOrigin::signed;
        let register = |fee| Leases::register_platform(by(other()), fee, beneficiary());
        assert_noop!(register(200_001), Error::<Test>::FeeTooHigh);
        assert_ok!(register(200_000));
        assert_eq!(held_as(HoldReason::Platform, &other()), PLATFORM_DEPOSIT);
        assert_noop!(
            Leases::set_platform(by(renter()), 1, 0, renter()),
            Error::<Test>::NotPlatform
        );
        assert_noop!(
            Leases::set_platform(by(other()), 1, 200_001, other()),
            Error::<Test>::FeeTooHigh
        );
        assert_noop!(Leases::close_platform(by(renter()), 1), Error::<Test>::NotPlatform);
        assert_ok!(Leases::close_platform(by(other()), 1));
        assert_eq!(held_as(HoldReason::Platform, &other()), 0);
        assert_noop!(Leases::close_platform(by(other()), 1), Error::<Test>::PlatformNotFound);
        let mut order = order(listed(1, 1), &[0], 1_000, 1);
        order.platform = Some(1);
        assert_noop!(
            Leases::create(RuntimeOrigin::signed(renter()), order),
            Error::<Test>::PlatformNotFound
        );
        assert_eq!(crate::NextPlatform::<Test>::get(), 2, "numbers are never given out twice");
    });
}

#[test]
fn rule_26_a_leg_keeps_the_fee_of_its_start_whatever_becomes_of_the_platform() {
    run(|| {
        let platform = platform();
        let lease = sold(platform, 1_000);
        let set = Leases::set_platform(RuntimeOrigin::signed(other()), platform, 200_000, other());
        assert_ok!(set);
        assert_ok!(Leases::close_platform(RuntimeOrigin::signed(other()), platform));
        assert!(Platforms::<Test>::get(platform).is_none());
        pass(1_000);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!(record(lease).platform_fees, RATE * 100);
        assert_equation(lease, RATE * 1_100);
    });
}

#[test]
fn rule_12_a_beneficiary_that_cannot_be_credited_delays_only_its_own_money() {
    run(|| {
        let registered =
            Leases::register_platform(RuntimeOrigin::signed(other()), 100_000, account(77));
        assert_ok!(registered);
        let machine = listed(1, 2);
        reprice(machine, 100);
        let mut order = order(machine, &[0], 1_000, 1);
        order.platform = Some(1);
        let lease = create(order);
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        pass(9);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        let found = record(lease);
        assert_eq!((found.paid, found.due_platform, found.platform_fees), (9 * 95, 90, 0));
        pass(1);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!((record(lease).platform_fees, free(&account(77))), (100, 100));
        assert_equation(lease, 110 * 1_000);
    });
}
