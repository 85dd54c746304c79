//! Whoever is deaf says nothing of anybody, and is not struck for it; what nobody knows is told on.

use frame_support::{assert_noop, assert_ok, dispatch::Pays};

use crate::{Error, Watchers, mock::*};

fn abstain(watcher: u64, of: u64) -> frame_support::dispatch::DispatchResultWithPostInfo {
    Watch::abstain(RuntimeOrigin::signed(watcher), of, 0, None)
}

#[test]
fn rule_09_who_heard_less_than_half_abstains_and_is_not_struck() {
    run(5, 8, || {
        let of = interval();
        block((of + 1) * LENGTH);
        let drawn = on_duty(of);
        let (map, notes) = listen(drawn[0], of, &[0, 1, 2]);
        let deaf = tell(drawn[0], of, map, notes.root(), None);
        assert_noop!(deaf, Error::<Test>::HeardTooFew);
        let taken = abstain(drawn[0], of).expect("he is on duty");
        assert_eq!(taken.pays_fee, Pays::No);
        assert_noop!(abstain(drawn[0], of), Error::<Test>::ToldAlready);
        assert_noop!(abstain(drawn[1], of + 1), Error::<Test>::NotInTime);
        assert_noop!(abstain(19, of), Error::<Test>::NotWatcher);
        // Exactly half is enough.
        let (map, notes) = listen(drawn[1], of, &[0, 1, 2, 3]);
        assert_ok!(tell(drawn[1], of, map, notes.root(), None));
        assert_eq!(Watchers::<Test>::get(drawn[0]).unwrap().strikes, 0);
        assert!(pending(drawn[0], 0).is_none(), "he has nothing to prove of it");
    });
}

#[test]
fn rule_09_who_abstains_still_proves_the_report_before() {
    run(1, 2, || {
        pass(&[0, 1]);
        pass_unheard();
        pass_unheard();
        let before = pending(1, 0).expect("of the last report");
        let notes = listen(1, before.interval, &[0, 1]).1;
        let opening = notes.open(1, 0);
        assert!(opening.is_some());
        let of = interval();
        block((of + 1) * LENGTH);
        assert_ok!(Watch::abstain(RuntimeOrigin::signed(1), of, 0, opening));
        assert_eq!(PAID.with_borrow(|paid| paid[&1]), 1);
        assert_eq!(Watchers::<Test>::get(1).unwrap().unproven, 0);
    });
}

#[test]
fn rule_09_with_too_many_deaf_nothing_is_known_and_that_is_told_on() {
    run(5, 8, || {
        let all = [0, 1, 2, 3, 4, 5, 6, 7];
        for _ in 0..3 {
            pass(&all);
        }
        PAUSED.take();
        CLOSED.take();
        let unknown = interval();
        block((unknown + 1) * LENGTH);
        for (place, watcher) in on_duty(unknown).into_iter().enumerate() {
            // Three of five are fewer than two thirds.
            if place < 2 {
                assert_ok!(abstain(watcher, unknown));
            } else {
                let (map, notes) = listen(watcher, unknown, &[0, 1, 2, 3]);
                assert_ok!(tell(watcher, unknown, map, notes.root(), None));
            }
        }
        for _ in 0..3 {
            pass(&all);
        }
        assert!(outages().is_empty());
        assert_eq!(PAUSED.take(), [(0, true), (0, false)]);
        let told: Vec<_> =
            CLOSED.take().into_iter().map(|(from, _, told)| (from / LENGTH, told)).collect();
        let expected: Vec<_> =
            (unknown - 1..=unknown + 2).map(|interval| (interval, interval != unknown)).collect();
        assert_eq!(told, expected);
    });
}

#[test]
fn rule_14_a_stall_is_told_on_as_unknown_in_one_piece() {
    run(5, 1, || {
        pass(&[0]);
        pass(&[0]);
        CLOSED.take();
        block(interval() * LENGTH + 1_000);
        pass_unheard();
        let closed = CLOSED.take();
        assert!(closed.windows(2).all(|two| two[0].1 == two[1].0), "without gaps: {closed:?}");
        let unknown: u64 =
            closed.iter().filter(|(.., told)| !told).map(|(from, to, _)| to - from).sum();
        assert!((900..=1_020).contains(&unknown), "{closed:?}");
    });
}
