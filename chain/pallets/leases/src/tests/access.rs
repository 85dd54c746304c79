//! Who may make grants (mechanisms rule 20), and who may call at all.

use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError::BadOrigin;

use crate::{Error, mock::*};

#[test]
fn rule_20_only_the_owner_changes_access_and_every_change_is_an_epoch() {
    run(|| {
        let lease = running(1_000);
        for stranger in [provider(), other()] {
            assert_noop!(
                Leases::set_access(RuntimeOrigin::signed(stranger), lease, [9; 32]),
                Error::<Test>::NotRenter
            );
        }
        assert_ok!(Leases::set_access(RuntimeOrigin::signed(renter()), lease, [9; 32]));
        assert_eq!((record(lease).access_key, record(lease).grant_epoch), ([9; 32], 1));
        assert_ok!(Leases::revoke_grants(RuntimeOrigin::signed(renter()), lease));
        assert_eq!((record(lease).access_key, record(lease).grant_epoch), ([9; 32], 2));
        pass(1_000);
        assert_noop!(
            Leases::revoke_grants(RuntimeOrigin::signed(renter()), lease),
            Error::<Test>::LeaseOver
        );
    });
}

#[test]
fn rule_20_access_is_set_before_the_start_and_never_after_the_end() {
    run(|| {
        let lease = create(order(listed(1, 1), &[0], 1_000, 1));
        assert_ok!(Leases::set_access(RuntimeOrigin::signed(renter()), lease, [9; 32]));
        assert_eq!(record(lease).grant_epoch, 1);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_noop!(
            Leases::set_access(RuntimeOrigin::signed(renter()), lease, [8; 32]),
            Error::<Test>::LeaseOver
        );
    });
}

#[test]
fn every_call_needs_a_signature() {
    run(|| {
        let lease = running(1_000);
        let order = order(machine(1), &[1], 100, 2);
        for origin in [RuntimeOrigin::none(), RuntimeOrigin::root()] {
            let with = || origin.clone();
            assert_noop!(Leases::create(with(), order.clone()), BadOrigin);
            assert_noop!(Leases::started(with(), lease), BadOrigin);
            assert_noop!(Leases::settle(with(), lease), BadOrigin);
            assert_noop!(Leases::extend(with(), lease, 1, 1, RATE), BadOrigin);
            assert_noop!(Leases::end(with(), lease), BadOrigin);
            assert_noop!(Leases::terminate(with(), lease), BadOrigin);
            assert_noop!(Leases::set_access(with(), lease, [9; 32]), BadOrigin);
            assert_noop!(Leases::revoke_grants(with(), lease), BadOrigin);
            assert_noop!(Leases::close_expired(with(), lease), BadOrigin);
            assert_noop!(Leases::suspend(with(), lease), BadOrigin);
            assert_noop!(Leases::resume(with(), lease, Default::default(), 1, RATE), BadOrigin);
            assert_noop!(Leases::fail_over(with(), lease), BadOrigin);
            assert_noop!(Leases::pledge(with()), BadOrigin);
            assert_noop!(Leases::release_pledge(with()), BadOrigin);
            assert_noop!(Leases::register_platform(with(), 0, renter()), BadOrigin);
            assert_noop!(Leases::set_platform(with(), 1, 0, renter()), BadOrigin);
            assert_noop!(Leases::close_platform(with(), 1), BadOrigin);
            assert_noop!(Leases::issue_voucher(with(), renter(), 1, None, 1), BadOrigin);
            assert_noop!(Leases::revoke_voucher(with(), 1), BadOrigin);
        }
    });
}

#[test]
fn a_lease_that_does_not_exist_is_named_so_by_every_call() {
    run(|| {
        let by = || RuntimeOrigin::signed(renter());
        let missing: sp_runtime::DispatchError = Error::<Test>::LeaseNotFound.into();
        let lease = 99;
        for result in [
            Leases::started(by(), lease),
            plain(Leases::settle(by(), lease)),
            Leases::extend(by(), lease, 1, 1, RATE),
            plain(Leases::end(by(), lease)),
            plain(Leases::terminate(by(), lease)),
            Leases::set_access(by(), lease, [9; 32]),
            Leases::revoke_grants(by(), lease),
            plain(Leases::close_expired(by(), lease)),
            Leases::suspend(by(), lease),
            Leases::resume(by(), lease, Default::default(), 1, RATE),
            Leases::fail_over(by(), lease),
        ] {
            assert_eq!(result, Err(missing));
        }
    });
}
