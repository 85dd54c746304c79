//! Medians, steps, outliers and silence.

use frame_support::{assert_noop, assert_ok, dispatch::Pays};

use crate::{DbcPrice as _, Error, Event, PRICE_MAX, mock::*};

#[test]
fn the_price_is_the_median_of_what_is_fresh() {
    run(|| {
        seated(5);
        told(&[USD, 3 * USD, 2 * USD]);
        assert_eq!(price(), Some(2 * USD));
    });
}

#[test]
fn too_few_make_no_price() {
    run(|| {
        seated(5);
        told(&[USD, USD]);
        assert_eq!((price(), Prices::twap()), (None, None));
        // The two are fresh still, and a third makes it a price.
        assert_ok!(Prices::feed(RuntimeOrigin::signed(3), USD));
        assert_eq!(price(), Some(USD));
        pass(FRESH + 1);
        assert_ok!(Prices::feed(RuntimeOrigin::signed(3), 2 * USD));
        assert_eq!(price(), Some(USD), "one fresh value changes nothing");
    });
}

#[test]
fn a_value_is_told_once_an_interval_and_costs_nothing() {
    run(|| {
        seated(3);
        let paid = Prices::feed(RuntimeOrigin::signed(1), USD).unwrap();
        assert_eq!(paid.pays_fee, Pays::No);
        assert_noop!(Prices::feed(RuntimeOrigin::signed(1), USD), Error::<Test>::TooEarly);
        pass(INTERVAL);
        assert_ok!(Prices::feed(RuntimeOrigin::signed(1), USD));
        assert_noop!(Prices::feed(RuntimeOrigin::signed(8), USD), Error::<Test>::NotFeeder);
    });
}

#[test]
fn prices_out_of_bounds_are_refused() {
    run(|| {
        seated(3);
        for price in [0, PRICE_MAX + 1, u128::MAX] {
            assert_noop!(Prices::feed(RuntimeOrigin::signed(1), price), Error::<Test>::BadPrice);
        }
        told(&[PRICE_MAX; 3]);
        assert_eq!(price(), Some(PRICE_MAX));
    });
}

#[test]
fn a_jump_is_a_step_an_interval_and_is_told() {
    run(|| {
        seated(3);
        told(&[USD; 3]);
        for feeder in 1..=3 {
            assert_ok!(Prices::feed(RuntimeOrigin::signed(feeder), 5 * USD));
        }
        assert_eq!(price(), Some(1_100_000), "a tenth more");
        let beyond = Some(5 * USD);
        System::assert_last_event(Event::Priced { price: 1_100_000, beyond }.into());
        pass(INTERVAL);
        told(&[5 * USD; 3]);
        assert_eq!(price(), Some(1_210_000));
        // Two intervals without a price are worth two steps more.
        pass(2 * INTERVAL);
        told(&[USD / 10; 3]);
        assert_eq!(price(), Some(1_210_000 - 3 * 121_000));
    });
}

#[test]
fn a_minority_that_lies_is_suspended_and_moves_nothing() {
    run(|| {
        seated(5);
        for _ in 0..STRIKES_MAX {
            assert_eq!(crate::Seats::<Test>::get()[4].suspended, false);
            told(&[USD, USD, USD, 1, PRICE_MAX]);
            assert_eq!(price(), Some(USD));
        }
        for liar in [4, 5] {
            assert_noop!(Prices::feed(RuntimeOrigin::signed(liar), USD), Error::<Test>::Suspended);
        }
        told(&[USD; 3]);
        assert_eq!(price(), Some(USD));
        assert_noop!(Prices::reinstate(RuntimeOrigin::root(), 1), Error::<Test>::NotSuspended);
        assert_ok!(Prices::reinstate(RuntimeOrigin::root(), 5));
        told(&[USD, USD, USD]);
        assert_ok!(Prices::feed(RuntimeOrigin::signed(5), USD));
    });
}

#[test]
fn a_feeder_that_was_wrong_once_is_forgiven() {
    run(|| {
        seated(3);
        for _ in 0..3 * STRIKES_MAX {
            told(&[USD, USD, 2 * USD]);
            told(&[USD, USD, USD]);
        }
        assert!(crate::Seats::<Test>::get().iter().all(|seat| !seat.suspended));
    });
}

#[test]
fn after_a_silence_the_first_median_counts_as_it_is() {
    run(|| {
        seated(3);
        told(&[USD; 3]);
        assert_eq!(Prices::twap(), Some(USD));
        pass(STALE + INTERVAL);
        assert_eq!(Prices::twap(), None, "stale is no price");
        told(&[3 * USD; 3]);
        assert_eq!((price(), Prices::twap()), (Some(3 * USD), Some(3 * USD)));
    });
}
