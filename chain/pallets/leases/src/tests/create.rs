//! Orders: what is taken, what is refused, and that a refusal changes nothing.

use frame_support::{assert_noop, assert_ok};
use pallet_machines::Error as MachineError;

use crate::{Error, mock::*};

#[test]
fn an_order_holds_its_whole_price() {
    run(|| {
        let lease = create(order(listed(1, 2), &[0, 1], 1_000, 1));
        assert_eq!(held(&renter()), 2 * RATE * 1_000);
        assert_eq!(free(&renter()), ENDOWMENT - 2 * RATE * 1_000);
        assert_equation(lease, 2 * RATE * 1_000);
        assert_eq!(record(lease).ends_at, now() + 300, "the machine has the start window");
    });
}

#[test]
fn rule_13_offer_changed_between_quote_and_create_is_refused() {
    run(|| {
        let machine = listed(1, 1);
        let quoted = order(machine, &[0], 100, 1);
        assert_ok!(Machines::set_offer(
            RuntimeOrigin::signed(provider()),
            machine,
            offer(RATE + 1, 1)
        ));
        assert_noop!(
            Leases::create(RuntimeOrigin::signed(renter()), quoted),
            MachineError::<Test>::OfferChanged
        );
    });
}

#[test]
fn rule_13_a_rate_above_the_maximum_is_refused() {
    run(|| {
        let mut dear = order(listed(1, 1), &[0], 100, 1);
        dear.max_rate = RATE - 1;
        assert_noop!(
            Leases::create(RuntimeOrigin::signed(renter()), dear),
            Error::<Test>::RateTooHigh
        );
    });
}

#[test]
fn an_order_sent_twice_is_one_lease() {
    // Requirement D25.
    run(|| {
        let machine = listed(1, 2);
        create(order(machine, &[0], 100, 7));
        assert_noop!(
            Leases::create(RuntimeOrigin::signed(renter()), order(machine, &[1], 100, 7)),
            Error::<Test>::TagUsed
        );
        assert_ok!(Leases::create(RuntimeOrigin::signed(other()), order(machine, &[1], 100, 7)));
    });
}

#[test]
fn one_gpu_is_leased_once_and_others_beside_it() {
    run(|| {
        let machine = listed(1, 3);
        create(order(machine, &[0, 2], 100, 1));
        for taken in [&[0][..], &[1, 2], &[2]] {
            assert_noop!(
                Leases::create(RuntimeOrigin::signed(other()), order(machine, taken, 100, 1)),
                MachineError::<Test>::GpuUnavailable
            );
        }
        for odd in [&[3][..], &[1, 1], &[2, 1]] {
            assert_noop!(
                Leases::create(RuntimeOrigin::signed(other()), order(machine, odd, 100, 1)),
                MachineError::<Test>::GpuUnavailable
            );
        }
        assert_ok!(Leases::create(RuntimeOrigin::signed(other()), order(machine, &[1], 100, 1)));
    });
}

#[test]
fn a_machine_without_gpus_is_leased_whole() {
    run(|| {
        let machine = listed(1, 0);
        create(order(machine, &[], 100, 1));
        assert_noop!(
            Leases::create(RuntimeOrigin::signed(other()), order(machine, &[], 100, 1)),
            MachineError::<Test>::CpuUnavailable
        );
    });
}

#[test]
fn terms_outside_the_offer_and_sums_above_the_cap_are_refused() {
    run(|| {
        let machine = listed(1, 1);
        for term in [0, 9, 100_001, u64::MAX] {
            assert_noop!(
                Leases::create(RuntimeOrigin::signed(renter()), order(machine, &[0], term, 1)),
                Error::<Test>::BadTerm
            );
        }
        let mut capped = order(machine, &[0], 100, 1);
        capped.cap = Some(RATE * 100 - 1);
        assert_noop!(
            Leases::create(RuntimeOrigin::signed(renter()), capped),
            Error::<Test>::AboveCap
        );
    });
}

#[test]
fn who_cannot_pay_gets_nothing() {
    run(|| {
        let machine = listed(1, 1);
        let dear = order(machine, &[0], 100_000, 1);
        frame_support::assert_err!(
            Leases::create(RuntimeOrigin::signed(renter()), order(machine, &[0], 99_999, 2))
                .and_then(|()| { Leases::create(RuntimeOrigin::signed(account(77)), dear) }),
            MachineError::<Test>::GpuUnavailable
        );
        let poor =
            Leases::create(RuntimeOrigin::signed(account(77)), order(listed(2, 1), &[0], 100, 1));
        assert!(poor.is_err());
    });
}

#[test]
fn an_unlisted_machine_takes_no_orders_and_keeps_its_leases() {
    run(|| {
        let machine = listed(1, 2);
        let lease = create(order(machine, &[0], 1_000, 1));
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        assert_ok!(Machines::unlist(RuntimeOrigin::signed(provider()), machine));
        assert_noop!(
            Leases::create(RuntimeOrigin::signed(other()), order(machine, &[1], 100, 1)),
            MachineError::<Test>::WrongStatus
        );
        assert_noop!(
            Machines::retire(RuntimeOrigin::signed(provider()), machine),
            MachineError::<Test>::StillLeased
        );
        pass(500);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_ok!(Machines::retire(RuntimeOrigin::signed(provider()), machine));
    });
}

#[test]
fn only_the_machines_people_start_a_lease_and_only_once() {
    run(|| {
        let lease = create(order(listed(1, 1), &[0], 100, 1));
        assert_noop!(
            Leases::started(RuntimeOrigin::signed(other()), lease),
            Error::<Test>::NotProvider
        );
        assert_ok!(Machines::set_operator(RuntimeOrigin::signed(provider()), account(9)));
        assert_ok!(Leases::started(RuntimeOrigin::signed(account(9)), lease));
        assert_noop!(
            Leases::started(RuntimeOrigin::signed(account(9)), lease),
            Error::<Test>::AlreadyStarted
        );
        assert_eq!(record(lease).ends_at, now() + 100);
    });
}

#[test]
fn an_extension_holds_its_price_and_keeps_the_rate() {
    run(|| {
        let lease = running(1_000);
        let version = pallet_machines::Machines::<Test>::get(machine(1)).unwrap().offer_version;
        let extend = |slots, version, max| {
            Leases::extend(RuntimeOrigin::signed(renter()), lease, slots, version, max)
        };
        assert_noop!(extend(0, version, RATE), Error::<Test>::BadTerm);
        assert_noop!(extend(100_000, version, RATE), Error::<Test>::BadTerm);
        assert_noop!(extend(u64::MAX, version, RATE), Error::<Test>::Overflow);
        assert_noop!(extend(10, version + 1, RATE), MachineError::<Test>::OfferChanged);
        assert_noop!(extend(10, version, RATE - 1), Error::<Test>::RateTooHigh);
        assert_noop!(
            Leases::extend(RuntimeOrigin::signed(other()), lease, 10, version, RATE),
            Error::<Test>::NotRenter
        );
        let end = record(lease).ends_at;
        assert_ok!(extend(500, version, RATE));
        assert_eq!((record(lease).ends_at, held(&renter())), (end + 500, RATE * 1_500));
        assert_ok!(Machines::set_offer(
            RuntimeOrigin::signed(provider()),
            machine(1),
            offer(RATE / 2, 1)
        ));
        assert_noop!(extend(10, version + 1, RATE), Error::<Test>::RateChanged);
    });
}
