//! Offers and listing.

use dbc_primitives::{Amount, Balance, MachineStatus};
use frame_support::{assert_noop, assert_ok};

use crate::{Error, Fleet, Machines as Records, Part, mock::*};

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
            dbc_primitives::Offer { min_term: 201, max_term: 1_000, ..sound },
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

#[test]
fn a_quote_is_of_a_listed_machine_under_the_newest_offer() {
    run(|| {
        let quote = |gpus: &[u8], version| Machines::quote(machine(1), Part::gpus(gpus), version);
        let refused = |error: Error<Test>| Err(error.into());
        assert_eq!(quote(&[0], 1), refused(Error::MachineNotFound));
        listed(1, 2);
        let found = quote(&[0, 1], 1).unwrap();
        assert_eq!((found.provider, found.rate), (PROVIDER, 2));
        assert_eq!((found.min_term, found.max_term), (10, 1_000));
        assert_eq!(quote(&[0], 0), refused(Error::OfferChanged));
        assert_eq!(quote(&[0], 2), refused(Error::OfferChanged));
        for odd in [&[][..], &[2], &[255], &[0, 0], &[1, 0]] {
            assert_eq!(quote(odd, 1), refused(Error::GpuUnavailable));
        }
        for odd in [
            Part::cpu(0),
            Part::cpu(4),
            Part { gpus: &[0], ..Part::cpu(1) },
            Part { cpu_shares: 1, ..Part::gpus(&[0]) },
        ] {
            assert_eq!(
                Machines::quote(machine(1), odd, 1),
                refused(Error::CpuUnavailable),
                "{odd:?}"
            );
        }
        assert_ok!(Machines::unlist(RuntimeOrigin::signed(PROVIDER), machine(1)));
        assert_eq!(quote(&[0], 1), refused(Error::WrongStatus));
    });
}

#[test]
fn a_price_beyond_the_number_range_is_refused_at_the_quote() {
    run(|| {
        listed(1, 2);
        let dear = offer(Amount::Dbc(Balance::MAX));
        assert_ok!(Machines::set_offer(RuntimeOrigin::signed(PROVIDER), machine(1), dear));
        let quote = |gpus: &[u8]| Machines::quote(machine(1), Part::gpus(gpus), 2);
        assert!(quote(&[0]).is_ok());
        assert_eq!(quote(&[0, 1]), Err(Error::<Test>::BadOffer.into()));
    });
}

#[test]
fn what_is_occupied_is_so_once_until_it_is_vacated_and_holds_the_machine() {
    run(|| {
        let machine = listed(1, 16);
        let all: Vec<u8> = (0..16).collect();
        assert_ok!(Machines::occupy(machine, Part::gpus(&all[3..])));
        for taken in [&all[..], &[15], &[0, 3]] {
            assert_noop!(
                Machines::occupy(machine, Part::gpus(taken)),
                Error::<Test>::GpuUnavailable
            );
        }
        assert_ok!(Machines::occupy(machine, Part::gpus(&[0, 1, 2])));
        assert_eq!(Records::<Test>::get(machine).unwrap().gpus_leased, u16::MAX);
        Machines::vacate(machine, Part::gpus(&all[1..]));
        assert_eq!(Records::<Test>::get(machine).unwrap().gpus_leased, 1);
        let retire = || Machines::retire(RuntimeOrigin::signed(PROVIDER), machine);
        assert_noop!(retire(), Error::<Test>::StillLeased);
        Machines::vacate(machine, Part::gpus(&[0]));
        assert_ok!(retire());
        Machines::vacate(super::super::mock::machine(9), Part::gpus(&[0]));
    });
}

#[test]
fn rule_31_cpu_shares_are_sold_as_often_as_they_are_offered() {
    run(|| {
        let machine = listed(1, 0);
        let leased = || Records::<Test>::get(machine).unwrap().cpu_leased;
        // An hour of a share costs one unit: a slot of three costs one, rounded up.
        assert_eq!(Machines::quote(machine, Part::cpu(3), 1).unwrap().rate, 1);
        assert_ok!(Machines::occupy(machine, Part::cpu(1)));
        assert_noop!(Machines::occupy(machine, Part::cpu(3)), Error::<Test>::CpuUnavailable);
        assert_ok!(Machines::occupy(machine, Part::cpu(2)));
        assert_noop!(Machines::occupy(machine, Part::cpu(1)), Error::<Test>::CpuUnavailable);
        assert_eq!(leased(), 3);
        assert_noop!(
            Machines::retire(RuntimeOrigin::signed(PROVIDER), machine),
            Error::<Test>::StillLeased
        );
        Machines::vacate(machine, Part::cpu(2));
        assert_eq!(leased(), 1);
        Machines::vacate(machine, Part::cpu(1));
        assert_ok!(Machines::retire(RuntimeOrigin::signed(PROVIDER), machine));
    });
}

#[test]
fn rule_31_a_machine_with_cards_sells_cpu_shares_beside_them() {
    run(|| {
        let machine = listed(1, 2);
        assert_ok!(Machines::occupy(machine, Part::cpu(3)));
        assert_eq!(Records::<Test>::get(machine).unwrap().leased_parts(), 0, "no card of it is");
        assert_ok!(Machines::occupy(machine, Part::gpus(&[1])));
        assert_eq!(Records::<Test>::get(machine).unwrap().leased_parts(), 5_000);
        Machines::vacate(machine, Part::cpu(3));
        assert_noop!(Machines::occupy(machine, Part::gpus(&[0, 1])), Error::<Test>::GpuUnavailable);
    });
}

#[test]
fn rule_31_the_provider_caps_shares_and_nobodys_share_changes_under_him() {
    run(|| {
        let machine = listed(1, 0);
        let set = |cpu_shares| {
            let offer = dbc_primitives::Offer { cpu_shares, ..offer(Amount::Dbc(1)) };
            Machines::set_offer(RuntimeOrigin::signed(PROVIDER), machine, offer)
        };
        // None at all leaves nothing to lease here; nine are more than it has cores.
        assert_noop!(set(0), Error::<Test>::BadOffer);
        assert_noop!(set(9), Error::<Test>::BadOffer);
        assert_ok!(set(8));
        assert_ok!(Machines::occupy(machine, Part::cpu(2)));
        assert_eq!(Records::<Test>::get(machine).unwrap().leased_parts(), 2_500);
        assert_noop!(set(4), Error::<Test>::StillLeased);
        assert_ok!(set(8));
        Machines::vacate(machine, Part::cpu(2));
        assert_ok!(set(1));
        assert_ok!(Machines::occupy(machine, Part::cpu(1)));
        assert_eq!(Records::<Test>::get(machine).unwrap().leased_parts(), 10_000);
        Machines::vacate(machine, Part::cpu(1));
    });
}

#[test]
fn d58_a_machine_is_leased_whole_in_one_order() {
    run(|| {
        let all: Vec<u8> = (0..16).collect();
        let machine = listed(1, 16);
        assert_eq!(Machines::quote(machine, Part::gpus(&all), 1).unwrap().rate, 16);
        assert_ok!(Machines::occupy(machine, Part::gpus(&all)));
        assert_eq!(Records::<Test>::get(machine).unwrap().leased_parts(), 10_000);
        Machines::vacate(machine, Part::gpus(&all));
    });
}

#[test]
fn strikes_are_counted() {
    run(|| {
        let machine = listed(1, 1);
        Machines::strike(machine);
        Machines::strike(machine);
        assert_eq!(Records::<Test>::get(machine).unwrap().strikes, 2);
    });
}

#[test]
fn rule_13_an_offer_in_dollars_has_a_rate_while_there_is_a_price() {
    run(|| {
        let machine = listed(1, 2);
        let by_provider = || RuntimeOrigin::signed(PROVIDER);
        let dollars = Amount::UsdMicro(4_800);
        let price = dbc_primitives::Price { gpu_hour: dollars, cpu_hour: dollars };
        let offer = dbc_primitives::Offer { price, ..offer(Amount::Dbc(1)) };
        assert_ok!(Machines::set_offer(by_provider(), machine, offer));
        // Half as many units as millionths of a dollar; 1,200 slots an hour.
        let quote = || Machines::quote(machine, Part::gpus(&[0, 1]), 2);
        assert_eq!(quote().map(|quote| (quote.rate, quote.dollars_hour)), Ok((4, Some(9_600))));
        at(7);
        assert_eq!(quote(), Err(Error::<Test>::NoPrice.into()));
    });
}
