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
fn rule_31_cpu_shares_are_leased_to_several_renters_until_none_is_left() {
    run(|| {
        let machine = listed(1, 0);
        let by_other = |order| Leases::create(RuntimeOrigin::signed(other()), order);
        let first = create(order(machine, &[], 100, 1));
        let mut both = order(machine, &[], 100, 9);
        both.cpu_shares = 2;
        assert_noop!(by_other(both.clone()), MachineError::<Test>::CpuUnavailable);
        assert_ok!(by_other(order(machine, &[], 100, 1)));
        assert_noop!(by_other(order(machine, &[], 100, 2)), MachineError::<Test>::CpuUnavailable);
        // A share comes back with its lease, and only that share.
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), first));
        assert_noop!(by_other(both), MachineError::<Test>::CpuUnavailable);
        create(order(machine, &[], 100, 3));
    });
}

#[test]
fn d58_a_machine_without_gpus_is_leased_whole_in_one_order() {
    run(|| {
        let machine = listed(1, 0);
        let mut whole = order(machine, &[], 100, 1);
        whole.cpu_shares = 2;
        let lease = create(whole);
        assert_eq!(record(lease).leg.rate, 2 * RATE);
        assert_equation(lease, 200 * RATE);
        assert_noop!(
            Leases::create(RuntimeOrigin::signed(other()), order(machine, &[], 100, 1)),
            MachineError::<Test>::CpuUnavailable
        );
    });
}

#[test]
fn rule_31_an_order_names_cards_or_shares() {
    run(|| {
        let machine = listed(1, 1);
        let mut both = order(machine, &[0], 100, 1);
        both.cpu_shares = 1;
        let mut neither = order(machine, &[], 100, 1);
        neither.cpu_shares = 0;
        for odd in [both, neither] {
            assert_noop!(
                Leases::create(RuntimeOrigin::signed(renter()), odd),
                MachineError::<Test>::CpuUnavailable
            );
        }
        // Beside cards, shares are sold by themselves.
        create(order(machine, &[0], 100, 1));
        create(order(machine, &[], 100, 2));
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
                .and_then(|_| { Leases::create(RuntimeOrigin::signed(account(77)), dear) }),
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

#[test]
fn an_extension_needs_a_running_lease_a_listed_machine_and_room_below_the_cap() {
    run(|| {
        let machine = listed(1, 2);
        let mut capped = order(machine, &[0], 1_000, 1);
        capped.cap = Some(RATE * 1_010);
        let lease = create(capped);
        let extend = |slots| Leases::extend(RuntimeOrigin::signed(renter()), lease, slots, 1, RATE);
        assert_noop!(extend(10), Error::<Test>::NotStarted);
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        assert_noop!(extend(11), Error::<Test>::AboveCap);
        assert_ok!(Machines::unlist(RuntimeOrigin::signed(provider()), machine));
        assert_noop!(extend(10), MachineError::<Test>::WrongStatus);
        assert_ok!(Machines::list(RuntimeOrigin::signed(provider()), machine));
        assert_ok!(extend(10));
        assert_noop!(extend(1), Error::<Test>::AboveCap);
        pass(1_010);
        assert_noop!(extend(1), Error::<Test>::LeaseOver);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!(record(lease).paid + record(lease).fees, RATE * 1_010);
        assert_noop!(extend(1), Error::<Test>::LeaseOver);
    });
}

#[test]
fn an_extension_that_cannot_be_paid_changes_nothing() {
    run(|| {
        let lease = running(1_000);
        assert_ok!(Balances::transfer_keep_alive(
            RuntimeOrigin::signed(renter()),
            other(),
            free(&renter()) - ED - RATE
        ));
        let extend = |slots| Leases::extend(RuntimeOrigin::signed(renter()), lease, slots, 1, RATE);
        frame_support::assert_noop!(extend(2), sp_runtime::TokenError::FundsUnavailable);
        assert_ok!(extend(1));
    });
}

#[test]
fn several_renters_share_a_machine_and_none_touches_the_money_of_another() {
    run(|| {
        let machine = listed(1, 3);
        let renters = [renter(), other(), account(4)];
        let leases: Vec<_> = (0u8..)
            .zip(&renters)
            .map(|(gpu, who)| {
                let lease = crate::NextLease::<Test>::get();
                let order = order(machine, &[gpu], 1_000, 1);
                assert_ok!(Leases::create(RuntimeOrigin::signed(who.clone()), order));
                assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
                pass(100);
                lease
            })
            .collect();
        assert_ok!(Leases::end(RuntimeOrigin::signed(renters[1].clone()), leases[1]));
        assert_eq!((free(&renters[1]), held(&renters[1])), (ENDOWMENT - RATE * 200, 0));
        for (who, lease) in [(&renters[0], leases[0]), (&renters[2], leases[2])] {
            assert_eq!((free(who), held(who)), (ENDOWMENT - RATE * 1_000, RATE * 1_000));
            assert_noop!(
                Leases::end(RuntimeOrigin::signed(renters[1].clone()), lease),
                Error::<Test>::NotRenter
            );
        }
        let freed = order(machine, &[1], 100, 2);
        assert_ok!(Leases::create(RuntimeOrigin::signed(renters[0].clone()), freed));
    });
}

#[test]
fn a_free_machine_costs_nothing() {
    run(|| {
        let lease = running_at(0, 1_000);
        pass(10);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!(free(&renter()), ENDOWMENT);
        assert_equation(lease, 0);
    });
}
