//! Who may make grants (mechanisms rule 20).

use frame_support::{assert_noop, assert_ok};

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
