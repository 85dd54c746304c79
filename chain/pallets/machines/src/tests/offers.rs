//! Offers and listing.

use dbc_primitives::{Amount, MachineStatus};
use frame_support::{assert_noop, assert_ok};

use crate::{Error, Machines as Records, mock::*};

#[test]
fn each_change_of_an_offer_is_a_version() {
    run(|| {
        assert_ok!(register(1, 1));
        for version in 1..=3 {
            let offer = offer(Amount::Dbc(version));
            assert_ok!(Machines::set_offer(RuntimeOrigin::signed(PROVIDER), machine(1), offer));
            assert_eq!(Records::<Test>::get(machine(1)).unwrap().offer_version, version as u32);
        }
    });
}

#[test]
fn unsound_offers_are_refused() {
    run(|| {
        assert_ok!(register(1, 1));
        let sound = offer(Amount::Dbc(1));
        for bad in [
            offer(Amount::UsdMicro(1)),
            dbc_primitives::Offer { min_term: 0, ..sound },
            dbc_primitives::Offer { min_term: 11, max_term: 10, ..sound },
            dbc_primitives::Offer { max_term: 1_000_001, ..sound },
        ] {
            assert_noop!(
                Machines::set_offer(RuntimeOrigin::signed(PROVIDER), machine(1), bad),
                Error::<Test>::BadOffer
            );
        }
    });
}

#[test]
fn a_machine_is_listed_with_an_offer_by_its_own_people_and_unlisted_again() {
    run(|| {
        assert_ok!(register(1, 1));
        let list = |who| Machines::list(RuntimeOrigin::signed(who), machine(1));
        assert_noop!(list(PROVIDER), Error::<Test>::NoOffer);
        assert_ok!(Machines::set_offer(
            RuntimeOrigin::signed(OPERATOR),
            machine(1),
            offer(Amount::Dbc(1))
        ));
        assert_ok!(Machines::set_operator(RuntimeOrigin::signed(OTHER), OTHER));
        assert_noop!(list(OTHER), Error::<Test>::NotYours);
        assert_ok!(list(OPERATOR));
        assert_eq!(Records::<Test>::get(machine(1)).unwrap().status, MachineStatus::Listed);
        assert_ok!(Machines::unlist(RuntimeOrigin::signed(OPERATOR), machine(1)));
        assert_noop!(
            Machines::unlist(RuntimeOrigin::signed(OPERATOR), machine(1)),
            Error::<Test>::WrongStatus
        );
    });
}
