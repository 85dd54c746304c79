//! A second machine takes over (mechanisms rule 15).

use dbc_primitives::{CloseReason, LeaseState, MachineClass};
use frame_support::{assert_noop, assert_ok, weights::Weight};
use proptest::prelude::*;

use crate::{Error, mock::*};

/// A lease of a card on the first machine, with the second as standby.
fn guarded() -> u64 {
    poll(Weight::MAX);
    let (first, second) = (listed(1, 2), listed(2, 2));
    let mut order = order(first, &[1], 1_000, 1);
    order.standby = Some(second);
    order.max_rate = RATE;
    let lease = create(order);
    assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
    lease
}

fn fail_over(lease: u64) -> frame_support::dispatch::DispatchResult {
    Leases::fail_over(RuntimeOrigin::signed(renter()), lease)
}

#[test]
fn rule_15_a_standby_takes_over_after_a_recorded_outage_with_the_next_generation() {
    run(|| {
        let lease = guarded();
        let end = record(lease).ends_at;
        pass(300);
        assert_noop!(fail_over(lease), Error::<Test>::NotSilent);
        silence(machine(1));
        pass(199);
        assert_noop!(fail_over(lease), Error::<Test>::NotSilent);
        pass(1);
        assert_ok!(fail_over(lease));
        let found = record(lease);
        assert_eq!((found.machine, found.generation), (machine(2), 1));
        assert_eq!((found.state, found.ends_at), (LeaseState::Pending, now() + 300));
        assert_eq!(cost(lease), RATE * 300);
        pass(50);
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        assert_eq!((record(lease).ends_at, record(lease).state), (end, LeaseState::Running));
        pass(450);
        poll(Weight::MAX);
        assert_eq!(cost(lease), RATE * 750, "neither the outage nor the move costs anything");
        assert_eq!(record(lease).refunded, RATE * 250);
        assert_equation(lease, RATE * 1_000);
    });
}

#[test]
fn rule_15_the_first_machine_is_free_again_and_there_is_no_third() {
    run(|| {
        let lease = guarded();
        silence(machine(1));
        pass(200);
        assert_ok!(fail_over(lease));
        let occupied = pallet_machines::Machines::<Test>::get(machine(1)).unwrap().gpus_leased;
        assert_eq!(occupied, 0);
        assert_noop!(fail_over(lease), Error::<Test>::NotStarted);
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        assert_noop!(fail_over(lease), Error::<Test>::NoStandby);
    });
}

#[test]
fn rule_15_a_standby_that_does_not_start_in_time_returns_the_rest() {
    run(|| {
        let lease = guarded();
        pass(100);
        silence(machine(1));
        pass(200);
        assert_ok!(fail_over(lease));
        pass(300);
        poll(Weight::MAX);
        let closed = record(lease).state;
        assert!(matches!(closed, LeaseState::Closed { reason: CloseReason::NotStarted, .. }));
        assert_eq!((cost(lease), record(lease).refunded), (RATE * 100, RATE * 900));
        let strikes = |number| pallet_machines::Machines::<Test>::get(machine(number)).unwrap();
        assert_eq!((strikes(1).strikes, strikes(2).strikes), (0, 1));
    });
}

#[test]
fn rule_15_only_its_people_move_a_lease_and_only_within_its_maximum() {
    run(|| {
        let lease = guarded();
        silence(machine(1));
        pass(200);
        let by = |who| Leases::fail_over(RuntimeOrigin::signed(who), lease);
        assert_noop!(by(other()), Error::<Test>::NotRenter);
        reprice(machine(2), RATE + 1);
        assert_noop!(by(renter()), Error::<Test>::RateTooHigh);
        reprice(machine(2), RATE / 2);
        // The access key of the tests' orders is an account too.
        assert_ok!(by(account(7)));
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        pass(800);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!((cost(lease), record(lease).refunded), (RATE * 400, RATE * 600));
    });
}

#[test]
fn rule_15_a_dearer_standby_is_held_for_and_a_full_one_is_refused() {
    run(|| {
        let lease = guarded();
        reprice(machine(2), 2 * RATE);
        silence(machine(1));
        pass(200);
        assert_noop!(fail_over(lease), Error::<Test>::RateTooHigh);
        reprice(machine(2), RATE);
        let all = order(machine(2), &[0, 1], 500, 5);
        assert_ok!(Leases::create(RuntimeOrigin::signed(other()), all));
        assert_noop!(fail_over(lease), Error::<Test>::OtherCards);
    });
}

#[test]
fn rule_15_a_standby_takes_over_on_cards_of_the_same_models_alone() {
    run(|| {
        let lease = guarded();
        let rename = |gpu: usize, model: &[u8]| {
            pallet_machines::Machines::<Test>::mutate(machine(2), |record| {
                let model = model.to_vec().try_into().expect("short");
                record.as_mut().expect("it is registered").facts.gpus[gpu].model = model;
            });
        };
        rename(0, b"another");
        rename(1, b"another");
        silence(machine(1));
        pass(200);
        assert_noop!(fail_over(lease), Error::<Test>::OtherCards);
        rename(1, b"");
        assert_ok!(fail_over(lease));
        assert_eq!(record(lease).gpus.as_slice(), [1]);
    });
}

#[test]
fn rule_15_a_standby_takes_no_longer_term_than_it_offers_nor_into_a_maintenance() {
    run(|| {
        let lease = guarded();
        let by = || RuntimeOrigin::signed(provider());
        let offers = |max_term| dbc_primitives::Offer { max_term, ..offer(RATE, RATE) };
        silence(machine(1));
        pass(200);
        assert_ok!(Machines::set_offer(by(), machine(2), offers(799)));
        assert_noop!(fail_over(lease), Error::<Test>::BadTerm);
        assert_ok!(Machines::set_offer(by(), machine(2), offers(10_000)));
        let from = now() + 1_000;
        assert_ok!(Machines::announce_maintenance(by(), machine(2), from, from + 10));
        assert_noop!(fail_over(lease), Error::<Test>::BadTerm);
        assert_ok!(Machines::cancel_maintenance(by(), machine(2)));
        assert_ok!(fail_over(lease));
    });
}

#[test]
fn g11_a_voucher_of_a_class_pays_for_no_standby_of_another() {
    run(|| {
        poll(Weight::MAX);
        let (first, second) = (listed(1, 1), listed(2, 1));
        let issuer = RuntimeOrigin::signed(account(4));
        let class = Some(MachineClass::Training);
        let expires = now() + 1_100;
        let issued = Leases::issue_voucher(issuer, renter(), RATE * 2_000, class, expires);
        assert_ok!(issued);
        let mut order = order(first, &[0], 1_000, 1);
        (order.standby, order.voucher) = (Some(second), Some(1));
        let lease = create(order);
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        silence(first);
        pass(200);
        let set = |class| {
            pallet_machines::Machines::<Test>::mutate(second, |record| {
                record.as_mut().expect("it is registered").class = class;
            });
        };
        set(MachineClass::Inference);
        assert_noop!(fail_over(lease), Error::<Test>::VoucherUnfit);
        set(MachineClass::Training);
        assert_ok!(fail_over(lease));
    });
}

#[test]
fn rule_06_the_second_machine_is_paid_from_its_first_slot_on() {
    run(|| {
        set_tiers(&[(600, 40), (1_000, 50)]);
        let lease = guarded();
        assert_eq!(held(&renter()), RATE * 500);
        // The price of 400 slots is that of 600 by now, and that of 834 that of a thousand.
        pass(400);
        silence(machine(1));
        pass(200);
        assert_ok!(fail_over(lease));
        assert_eq!(cost(lease), RATE * 360);
        // What is left is a term of its own, too short for a discount.
        assert_eq!((record(lease).term, held(&renter())), (400, RATE * 400));
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        pass(100);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!(cost(lease), RATE * 460);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!(record(lease).refunded, RATE * 300);
        assert_equation(lease, RATE * 760);
    });
}

#[test]
fn rule_15_a_machine_is_not_its_own_standby() {
    run(|| {
        let mut order = order(listed(1, 2), &[0], 1_000, 1);
        order.standby = Some(machine(1));
        assert_noop!(
            Leases::create(RuntimeOrigin::signed(renter()), order),
            Error::<Test>::NoStandby
        );
    });
}

#[test]
fn rule_06_the_second_provider_answers_for_his_own_time_alone() {
    run(|| {
        set_tiers(&[(600, 10), (1_000, 20)]);
        let lease = guarded();
        pass(500);
        silence(machine(1));
        pass(200);
        assert_ok!(fail_over(lease));
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        let paid = cost(lease);
        let before = free(&renter());
        pass(10);
        assert_ok!(Leases::terminate(RuntimeOrigin::signed(provider()), lease));
        assert!(cost(lease) - paid <= RATE * 10);
        let refunded = record(lease).refunded;
        assert_eq!(free(&renter()) - before, refunded, "nothing is made good for the first");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whenever it fell silent and at whatever prices: no unit is lost, and the second machine is paid what a
    /// lease of what was left costs, whatever was booked before.
    #[test]
    fn rule_06_a_lease_that_moved_costs_its_two_parts(
        term in 400u64..3_000,
        before in 1u64..3_000,
        wait in 0u64..300,
        after in 0u64..3_000,
        free_of_charge in any::<bool>(),
    ) {
        run(|| {
            set_tiers(&[(500, 5), (1_000, 10), (2_000, 20)]);
            poll(Weight::MAX);
            let (first, second) = (listed(1, 1), listed(2, 1));
            if free_of_charge {
                reprice(first, 0);
            }
            let mut order = order(first, &[0], term, 1);
            order.standby = Some(second);
            let lease = create(order);
            assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
            pass(before % (term - 300));
            silence(first);
            pass(200);
            assert_ok!(fail_over(lease));
            let paid = cost(lease);
            let left = record(lease).term;
            pass(wait.min(left - 1));
            assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
            pass(after.min(record(lease).ends_at - now()));
            assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
            let _ = Leases::end(RuntimeOrigin::signed(renter()), lease);
            let found = record(lease);
            let billed = found.tiers.billed(left, found.progress.counted) * RATE / 1_000_000;
            assert_eq!(cost(lease) - paid, billed);
            assert!(found.progress.counted == 0 || billed > 0, "nobody works for nothing");
            assert_equation(lease, found.deposited);
            assert_eq!(held(&renter()), 0);
            try_state();
        });
    }
}
