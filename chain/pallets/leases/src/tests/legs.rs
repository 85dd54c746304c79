//! Legs of leases in dollars (mechanisms rule 13).

use dbc_primitives::{
    Amount, CloseReason, LeaseState, Offer, Price, SLOTS_PER_HOUR, price::LEG_MAX,
};
use frame_support::{assert_noop, assert_ok, weights::Weight};

use crate::{Error, mock::*};

/// A started lease of a card at `rate` units a slot while a dollar is a million units.
fn in_dollars(rate: u128, term: u64, max_rate: u128) -> u64 {
    poll(Weight::MAX);
    let machine = listed(1, 2);
    let asked = Amount::UsdMicro(rate * u128::from(SLOTS_PER_HOUR));
    let offer = Offer {
        price: Price { gpu_hour: asked, cpu_hour: asked },
        max_term: 1_000_000,
        ..offer(1, 1)
    };
    assert_ok!(Machines::set_offer(RuntimeOrigin::signed(provider()), machine, offer));
    let mut order = order(machine, &[0], term, 1);
    order.max_rate = max_rate;
    let lease = create(order);
    assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
    lease
}

/// Time passes, with a queue that has nothing to do until shortly before its end.
fn walk(slots: u64) {
    let last = slots.min(500);
    pass(slots - last);
    crate::ExpiryCursor::<Test>::put(now());
    pass(last);
    poll(Weight::MAX);
}

fn reason(lease: u64) -> CloseReason {
    match record(lease).state {
        LeaseState::Closed { reason, .. } => reason,
        open => panic!("it is {open:?}"),
    }
}

#[test]
fn rule_13_a_lease_in_dollars_holds_one_leg_and_goes_on_at_the_price_of_the_next() {
    run(|| {
        let lease = in_dollars(10, LEG_MAX + 1_000, 20);
        assert_eq!(held(&renter()), 10 * u128::from(LEG_MAX));
        walk(LEG_MAX - 1);
        set_dollar(Some(2));
        pass(1);
        poll(Weight::MAX);
        let found = record(lease);
        assert_eq!((found.leg.index, found.leg.rate, found.leg.from), (1, 20, now()));
        assert_eq!(held(&renter()), 20 * 1_000);
        set_dollar(Some(1));
        walk(1_000);
        assert_eq!(cost(lease), 10 * u128::from(LEG_MAX) + 20 * 1_000, "fixed for the leg");
        assert_eq!(reason(lease), CloseReason::Expired);
    });
}

#[test]
fn rule_13_a_next_leg_above_the_signed_maximum_ends_the_lease_when_the_paid_time_is_used() {
    run(|| {
        let lease = in_dollars(10, LEG_MAX + 1_000, 19);
        set_dollar(Some(2));
        walk(LEG_MAX - 1);
        assert!(!record(lease).is_closed());
        pass(1);
        poll(Weight::MAX);
        assert_eq!(reason(lease), CloseReason::LegTooDear);
        assert_eq!(cost(lease), 10 * u128::from(LEG_MAX));
    });
}

#[test]
fn rule_13_nobody_knows_the_price_no_leg_begins_and_running_ones_go_on() {
    run(|| {
        let lease = in_dollars(10, LEG_MAX + 1_000, 19);
        set_dollar(None);
        walk(LEG_MAX - 1);
        assert!(!record(lease).is_closed());
        pass(1);
        poll(Weight::MAX);
        assert_eq!(reason(lease), CloseReason::LegTooDear);
    });
}

#[test]
fn rule_13_a_leg_that_cannot_be_held_or_breaks_the_cap_ends_the_lease() {
    run(|| {
        let lease = in_dollars(10, LEG_MAX + 1_000, 19);
        walk(LEG_MAX - 1);
        drain(&renter());
        pass(1);
        poll(Weight::MAX);
        assert_eq!(reason(lease), CloseReason::LegUnpaid);
        assert_equation(lease, 10 * u128::from(LEG_MAX));
    });
    run(|| {
        poll(Weight::MAX);
        let machine = listed(1, 1);
        let asked = Amount::UsdMicro(10 * u128::from(SLOTS_PER_HOUR));
        let price = Price { gpu_hour: asked, cpu_hour: asked };
        let offer = Offer { price, max_term: 1_000_000, ..offer(1, 1) };
        assert_ok!(Machines::set_offer(RuntimeOrigin::signed(provider()), machine, offer));
        let mut order = order(machine, &[0], LEG_MAX + 1_000, 1);
        order.cap = Some(10 * u128::from(LEG_MAX) + 9_999);
        let lease = create(order);
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        walk(LEG_MAX);
        assert_eq!(reason(lease), CloseReason::CapReached);
    });
}

#[test]
fn rule_13_minutes_before_a_turn_that_the_horizon_comes_to_later_cost_the_old_rate() {
    run(|| {
        let lease = in_dollars(10, LEG_MAX + 1_000, 20);
        walk(LEG_MAX - 1);
        set_dollar(Some(2));
        set_horizon(Some(now() - 19));
        pass(1);
        poll(Weight::MAX);
        assert_eq!(cost(lease), 10 * u128::from(LEG_MAX - 20));
        assert_eq!(record(lease).next.map(|leg| leg.rate), Some(20));
        try_state();
        outage(now() - 5, now());
        pass(50);
        set_horizon(None);
        poll(Weight::MAX);
        assert_eq!(cost(lease), 10 * u128::from(LEG_MAX - 5) + 20 * 50);
    });
}

#[test]
fn rule_06_discounts_go_on_over_legs() {
    run(|| {
        set_tiers(&[(LEG_MAX + 500, 50)]);
        let lease = in_dollars(10, LEG_MAX + 500, 20);
        // Half of all is paid when the leg is three quarters over.
        let half = 10 * u128::from(LEG_MAX + 500) / 2;
        assert_eq!(held(&renter()), half);
        walk(LEG_MAX + 500);
        assert_eq!((cost(lease), reason(lease)), (half, CloseReason::Expired));
    });
}

#[test]
fn rule_13_an_extension_in_dollars_lengthens_the_leg_up_to_thirty_days() {
    run(|| {
        let lease = in_dollars(10, LEG_MAX - 100, 20);
        let extended = Leases::extend(RuntimeOrigin::signed(renter()), lease, 300, 2, 20);
        assert_ok!(extended);
        assert_eq!(held(&renter()), 10 * u128::from(LEG_MAX));
        walk(LEG_MAX);
        assert_eq!(record(lease).leg.index, 1);
        walk(200);
        assert_eq!(cost(lease), 10 * u128::from(LEG_MAX + 200));
    });
}

#[test]
fn rule_13_a_lease_in_dbc_holds_everything_at_once() {
    run(|| {
        let machine = listed(1, 1);
        let offer = Offer { max_term: 1_000_000, ..offer(10, 10) };
        assert_ok!(Machines::set_offer(RuntimeOrigin::signed(provider()), machine, offer));
        let lease = create(order(machine, &[0], LEG_MAX + 1_000, 1));
        assert_eq!(held(&renter()), 10 * u128::from(LEG_MAX + 1_000));
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        assert_eq!(record(lease).leg.until, record(lease).ends_at);
        let offer = Offer {
            price: Price {
                gpu_hour: Amount::UsdMicro(10 * u128::from(SLOTS_PER_HOUR)),
                cpu_hour: Amount::UsdMicro(1),
            },
            ..offer
        };
        assert_ok!(Machines::set_offer(RuntimeOrigin::signed(provider()), machine, offer));
        let extended = Leases::extend(RuntimeOrigin::signed(renter()), lease, 10, 3, 10);
        assert_noop!(extended, Error::<Test>::RateChanged);
    });
}
