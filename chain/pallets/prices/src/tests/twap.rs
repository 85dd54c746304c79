//! The average, and sums in DBC.

use dbc_primitives::DBC;

use crate::{DbcPrice as _, PRICE_MAX, mock::*};

#[test]
fn the_average_weighs_prices_by_the_time_they_stood() {
    run(|| {
        seated(3);
        told(&[1_000_000; 3]);
        pass(INTERVAL); // stands for two intervals
        told(&[1_090_000; 3]);
        // The second for an interval and the slot that is now.
        let slots = [(1_000_000, 40), (1_090_000, 21)];
        let sum: u128 = slots.iter().map(|(price, slots)| price * slots).sum();
        assert_eq!(Prices::twap(), Some(sum / 61));
    });
}

#[test]
fn what_is_older_than_the_window_no_longer_counts() {
    run(|| {
        seated(3);
        told(&[1_000_000; 3]);
        for _ in 0..WINDOW / INTERVAL + 1 {
            told(&[1_050_000; 3]);
        }
        assert_eq!(Prices::twap(), Some(1_050_000));
        assert_eq!(crate::Buckets::<Test>::get().len(), 61);
    });
}

#[test]
fn dollars_become_dbc_rounded_up() {
    run(|| {
        assert_eq!(Prices::to_dbc(USD), None, "no price, no sum");
        seated(3);
        told(&[3 * USD; 3]);
        assert_eq!(Prices::to_dbc(0), Some(0));
        assert_eq!(Prices::to_dbc(3 * USD), Some(DBC));
        assert_eq!(Prices::to_dbc(1), Some(333_333_334));
        assert_eq!(Prices::to_dbc(u128::MAX), None, "beyond the number range");
    });
}

#[test]
fn the_extremes_do_not_overflow() {
    run(|| {
        seated(3);
        for _ in 0..70 {
            told(&[PRICE_MAX; 3]);
        }
        assert_eq!(Prices::twap(), Some(PRICE_MAX));
    });
}
