//! A second machine takes over (mechanisms rule 15).

use dbc_primitives::{CloseReason, LeaseState};
use frame_support::{assert_noop, assert_ok, weights::Weight};

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
