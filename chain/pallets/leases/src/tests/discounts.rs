//! Discounts are earned by the time that is really used (mechanisms rule 6, requirement D57).

use dbc_primitives::discount::Tiers;
use frame_support::{assert_noop, assert_ok, weights::Weight};
use proptest::prelude::*;

use crate::{Error, Event, mock::*};

/// 5, 10 and 20 % off from 500, 1,000 and 2,000 slots on.
fn tiers() {
    poll(Weight::MAX);
    set_tiers(&[(500, 5), (1_000, 10), (2_000, 20)]);
}

fn made_good() -> Option<u128> {
    System::events().into_iter().find_map(|event| match event.event {
        RuntimeEvent::Leases(Event::Compensated { amount, .. }) => Some(amount),
        _ => None,
    })
}

#[test]
fn d57_a_long_term_costs_less_and_less_is_held() {
    run(|| {
        tiers();
        let machine = listed(1, 1);
        for (tag, term, percent) in [(1, 499, 100), (2, 500, 95), (3, 1_000, 90), (4, 2_000, 80)] {
            let lease = create(order(machine, &[0], term, tag));
            assert_eq!(held(&renter()), RATE * u128::from(term) * percent / 100);
            assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        }
    });
}

#[test]
fn rule_06_a_year_booked_and_left_after_an_hour_costs_an_hour() {
    run(|| {
        tiers();
        let lease = running(2_000);
        assert_eq!(held(&renter()), RATE * 2_000 * 80 / 100);
        pass(120);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!(cost(lease), RATE * 120, "at list price");
        assert_equation(lease, RATE * 2_000 * 80 / 100);
    });
}

#[test]
fn rule_06_whoever_leaves_later_pays_the_tier_that_he_reached() {
    run(|| {
        tiers();
        let lease = running(2_000);
        pass(600);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!(cost(lease), RATE * 600 * 95 / 100);
    });
}

#[test]
fn rule_06_nobody_pays_more_than_the_next_tier_costs() {
    run(|| {
        tiers();
        let lease = running(2_000);
        pass(499);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!(cost(lease), RATE * 500 * 95 / 100);
        pass(1);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!(cost(lease), RATE * 500 * 95 / 100, "the price goes on where it was");
        pass(1_500);
        (0..3).for_each(|_| poll(Weight::MAX));
        assert_eq!(cost(lease), RATE * 2_000 * 80 / 100, "all of the deposit and no more");
        assert_eq!(record(lease).refunded, 0);
    });
}

#[test]
fn rule_06_only_time_in_which_the_machine_was_there_counts() {
    run(|| {
        tiers();
        let lease = running(1_000);
        pass(400);
        outage(now(), now() + 30);
        pass(130);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!(record(lease).charged, 500);
        assert_eq!(record(lease).rent, RATE * 475);
    });
}

#[test]
fn rule_06_if_the_provider_gives_up_the_booked_tier_stays_at_his_stakes_cost() {
    run(|| {
        tiers();
        let lease = running_at(10, 2_000);
        let before = free(&renter());
        pass(1_000);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!(cost(lease), 9_000, "one tenth off so far");
        assert_ok!(Leases::terminate(RuntimeOrigin::signed(provider()), lease));
        // A fifth was booked: a thousand comes back out of the stake.
        assert_eq!(made_good(), Some(1_000));
        assert_eq!(free(&renter()) - before, 16_000 - 9_000 + 1_000);
        let stake = pallet_machines::Machines::<Test>::get(machine(1)).unwrap().stake;
        assert_eq!(stake, 2 * STAKE - 1_000);
        // It owed that; it is no slash, and the next order is taken.
        create(order(machine(1), &[0], 100, 9));
        assert_equation(lease, 16_000);
    });
}

#[test]
fn rule_06_what_is_not_charged_yet_is_charged_at_the_booked_tier_when_the_provider_gives_up() {
    run(|| {
        tiers();
        let lease = running_at(10, 2_000);
        pass(1_000);
        assert_ok!(Leases::terminate(RuntimeOrigin::signed(provider()), lease));
        assert_eq!((cost(lease), made_good()), (8_000, None));
    });
}

#[test]
fn rule_06_a_stake_that_is_too_small_gives_what_it_has() {
    run(|| {
        tiers();
        let lease = running_at(1_000, 2_000);
        pass(1_000);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_ok!(Leases::terminate(RuntimeOrigin::signed(provider()), lease));
        assert_eq!(made_good(), Some(2 * STAKE));
        let again = order(machine(1), &[0], 100, 9);
        assert_noop!(
            Leases::create(RuntimeOrigin::signed(renter()), again),
            pallet_machines::Error::<Test>::WrongStatus
        );
    });
}

#[test]
fn rule_06_a_machine_that_is_often_away_leaves_the_booked_tier_too() {
    run(|| {
        tiers();
        let lease = running_at(10, 2_000);
        pass(940);
        outage(now(), now() + 60);
        pass(60);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!(cost(lease), 940 * 10 * 95 / 100);
        assert_eq!(
            made_good(),
            Some(8_930 - 7_520),
            "6 % away is above 5 %, and a fifth was booked"
        );
    });
}

/// What a provider pays back after so long away of a thousand slots of which two thousand were booked.
fn made_good_after(away: u64) -> Option<u128> {
    let lease = running_at(10, 2_000);
    pass(1_000 - away);
    outage(now(), now() + away);
    pass(away);
    assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
    made_good()
}

#[test]
fn rule_11_silence_that_nobody_is_to_blame_for_costs_no_stake() {
    run(|| {
        tiers();
        excuse();
        assert_eq!(made_good_after(400), None);
        let stake = pallet_machines::Machines::<Test>::get(machine(1)).unwrap().stake;
        assert_eq!(stake, 2 * STAKE);
    });
}

#[test]
fn rule_11_a_short_outage_costs_no_stake_whatever_part_of_the_lease_it_is() {
    run(|| {
        tiers();
        assert_eq!(made_good_after(50), None);
    });
    run(|| {
        tiers();
        assert!(made_good_after(51).is_some());
    });
    // A fifth of so short a lease, and still less than what is forgiven.
    run(|| {
        tiers();
        let lease = running_at(10, 2_000);
        pass(200);
        outage(now(), now() + 50);
        pass(50);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert!(!record(lease).at_fault);
    });
}

#[test]
fn d57_an_extension_brings_the_next_tier_and_never_pays_back() {
    run(|| {
        tiers();
        let lease = running(490);
        pass(480);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!(cost(lease), RATE * 480);
        let extended = Leases::extend(RuntimeOrigin::signed(renter()), lease, 10, 1, RATE);
        assert_ok!(extended);
        // 500 slots cost 475, less than was charged for 480.
        assert_eq!(held(&renter()), RATE * 10, "nothing was added");
        pass(20);
        poll(Weight::MAX);
        assert_eq!((cost(lease), record(lease).refunded), (RATE * 480, RATE * 10));
    });
}

#[test]
fn rule_26_a_lease_keeps_the_discounts_of_its_order() {
    run(|| {
        tiers();
        let lease = running(1_000);
        set_tiers(&[]);
        assert_eq!(record(lease).tiers.0.len(), 3);
        pass(1_000);
        poll(Weight::MAX);
        assert_eq!(cost(lease), RATE * 900);
        set_tiers(&[(10, 50)]);
        let fresh = create(order(machine(1), &[0], 1_000, 2));
        assert_ne!(record(fresh).tiers, Tiers::default());
        assert_eq!(held(&renter()), RATE * 500);
    });
}

#[test]
fn a_price_beyond_the_number_range_is_refused_before_anything_is_held() {
    run(|| {
        let machine = listed(1, 1);
        reprice(machine, u128::MAX / 100_000_000);
        assert_noop!(
            Leases::create(RuntimeOrigin::signed(renter()), order(machine, &[0], 1_000, 1)),
            Error::<Test>::Overflow
        );
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever is settled when, and whoever ends it: list price at most, the deposit at most, and what
    /// the pure function says.
    #[test]
    fn rule_06_settled_in_any_steps_a_lease_costs_what_its_tier_says(
        rate in 1u128..5_000,
        term in 100u64..2_600,
        steps in prop::collection::vec(1u64..500, 1..8),
    ) {
        run(|| {
            tiers();
            let lease = running_at(rate, term);
            let deposit = held(&renter());
            for step in steps {
                pass(step);
                let _ = Leases::settle(RuntimeOrigin::signed(other()), lease);
                try_state();
            }
            let _ = Leases::end(RuntimeOrigin::signed(renter()), lease);
            let found = record(lease);
            let billed = found.tiers.billed(term, found.charged) * rate / 1_000_000;
            assert_eq!(cost(lease), billed);
            assert!(cost(lease) <= deposit && cost(lease) <= rate * u128::from(found.charged));
            assert_equation(lease, deposit);
        });
    }
}
