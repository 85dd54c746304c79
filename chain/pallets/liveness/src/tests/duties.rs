//! Watchers come, are drawn, and go.

use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold as _};

use crate::{Error, HoldReason, mock::*};

fn held(watcher: u64) -> u128 {
    Balances::balance_on_hold(&HoldReason::Watcher.into(), &watcher)
}

#[test]
fn a_bond_is_held_until_after_the_delay() {
    run(1, 1, || {
        assert_eq!(held(1), BOND);
        assert_noop!(Watch::join(RuntimeOrigin::signed(1)), Error::<Test>::WatcherExists);
        assert_noop!(Watch::withdraw(RuntimeOrigin::signed(1)), Error::<Test>::NotLeaving);
        assert_ok!(Watch::leave(RuntimeOrigin::signed(1)));
        assert_noop!(Watch::leave(RuntimeOrigin::signed(1)), Error::<Test>::LeavingAlready);
        assert_noop!(Watch::withdraw(RuntimeOrigin::signed(1)), Error::<Test>::TooEarly);
        block(interval() * LENGTH + 2_000);
        // What he told last is judged first.
        assert_ok!(Watch::open(RuntimeOrigin::signed(1), 0, None));
        assert_ok!(Watch::withdraw(RuntimeOrigin::signed(1)));
        assert_eq!(held(1), 0);
        assert_noop!(Watch::leave(RuntimeOrigin::signed(1)), Error::<Test>::NotWatcher);
    });
}

#[test]
fn watchers_are_bounded() {
    run(16, 1, || {
        assert_noop!(Watch::join(RuntimeOrigin::signed(17)), Error::<Test>::NoSeat);
    });
}

#[test]
fn rule_04_who_joins_is_drawn_only_by_randomness_from_after() {
    run(0, 1, || {
        assert!(on_duty(interval()).is_empty());
        assert_ok!(Watch::join(RuntimeOrigin::signed(1)));
        let mut epochs = 0;
        while on_duty(interval()).is_empty() {
            block((interval() + EPOCH) * LENGTH);
            epochs += 1;
            assert!(epochs < 5, "he is never drawn");
        }
        // Frozen at the first turn, seeded by the epoch after it, drawn at the second.
        assert_eq!(epochs, 2);
    });
}

#[test]
fn a_draw_is_of_different_watchers_and_changes_with_cohort_and_epoch() {
    run(16, 1, || {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..6 {
            for cohort in 0..4 {
                let mut drawn = Watch::duties(interval() / EPOCH, cohort).into_inner();
                assert_eq!(drawn.len(), 5);
                seen.insert(drawn.clone());
                drawn.sort_unstable();
                drawn.dedup();
                assert_eq!(drawn.len(), 5, "nobody twice");
            }
            block((interval() + EPOCH) * LENGTH);
        }
        assert!(seen.len() > 20, "{}", seen.len());
    });
}

#[test]
fn fewer_watchers_than_seats_all_watch() {
    run(2, 1, || {
        assert_eq!(on_duty(interval()).len(), 2);
        for _ in 0..4 {
            pass(&[]);
        }
        assert_eq!(outages().len(), 1, "two of two are two thirds");
    });
}
