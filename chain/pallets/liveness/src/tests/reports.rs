//! Reports and what proves them.

use frame_support::{assert_noop, assert_ok, dispatch::Pays};

use crate::{Error, Liveness as _, Watchers, bits, mock::*};

fn paid(watcher: u64) -> u32 {
    PAID.with_borrow(|paid| paid.get(&watcher).copied().unwrap_or_default())
}

#[test]
fn a_report_comes_in_time_once_from_who_is_on_duty_and_costs_nothing() {
    run(16, 1, || {
        let of = interval();
        let watcher = on_duty(of)[0];
        let (map, notes) = listen(watcher, of, &[0]);
        let early = tell(watcher, of, map.clone(), notes.root(), None);
        assert_noop!(early, Error::<Test>::NotInTime);
        block((of + 1) * LENGTH);
        let idle = (1..=16).find(|watcher| !on_duty(of).contains(watcher)).unwrap();
        let other = tell(idle, of, map.clone(), notes.root(), None);
        assert_noop!(other, Error::<Test>::NotOnDuty);
        let stranger = tell(19, of, map.clone(), notes.root(), None);
        assert_noop!(stranger, Error::<Test>::NotWatcher);
        let taken = tell(watcher, of, map.clone(), notes.root(), None).unwrap();
        assert_eq!(taken.pays_fee, Pays::No);
        let again = tell(watcher, of, map.clone(), notes.root(), None);
        assert_noop!(again, Error::<Test>::ToldAlready);
        block((of + 2) * LENGTH);
        let late = tell(on_duty(of)[1], of, map, notes.root(), None);
        assert_noop!(late, Error::<Test>::NotInTime);
    });
}

#[test]
fn who_listened_is_paid_whatever_he_found() {
    run(5, 3, || {
        for round in 0..8 {
            pass(if round % 2 == 0 { &[0, 1, 2] } else { &[0] });
        }
        // The last report is not proven yet, and the one before it was not closed when it was asked for.
        for watcher in 1..=5 {
            assert!(paid(watcher) >= 1, "{watcher}: {}", paid(watcher));
            assert_eq!(Watchers::<Test>::get(watcher).unwrap().strikes, 0);
        }
    });
}

#[test]
fn rule_09_a_lazy_watcher_who_says_all_alive_loses() {
    run(1, 3, || {
        let mut rounds = 0;
        while Watchers::<Test>::get(1).unwrap().bond > 0 {
            let of = interval();
            block((of + 1) * LENGTH);
            // He heard nobody and has no beat to show.
            let (map, _) = listen(1, of, &[0, 1, 2]);
            if tell(1, of, map, [7; 32], None).is_err() {
                break;
            }
            pass_unheard();
            pass_unheard();
            rounds += 1;
            assert!(rounds < 40, "he is never struck out");
        }
        let watcher = Watchers::<Test>::get(1).unwrap();
        assert_eq!((watcher.strikes, watcher.bond), (STRIKES_MAX, 0));
        assert!(watcher.leaving.is_some());
        assert_eq!(Balances::free_balance(TREASURY), BOND);
        assert_eq!(paid(1), 0);
    });
}

#[test]
fn rule_09_a_copied_report_cannot_be_opened() {
    run(2, 2, || {
        let of = interval();
        block((of + 1) * LENGTH);
        let (map, notes) = listen(1, of, &[0, 1]);
        assert_ok!(tell(1, of, map.clone(), notes.root(), None));
        // He takes map and root from the pool, and the openings later as well.
        assert_ok!(tell(2, of, map, notes.root(), None));
        pass_unheard();
        pass_unheard();
        let of = interval();
        block((of + 1) * LENGTH);
        for watcher in [1, 2] {
            let opening = notes.open(watcher, 0);
            let (map, notes) = listen(watcher, of, &[0, 1]);
            assert_ok!(tell(watcher, of, map, notes.root(), opening));
        }
        assert_eq!((paid(1), paid(2)), (1, 0));
        assert_eq!(Watchers::<Test>::get(2).unwrap().strikes, 1);
    });
}

#[test]
fn a_beat_of_another_interval_network_or_machine_opens_nothing() {
    let beat = |genesis, number, generation, interval| {
        bits::beat(&[genesis; 32], machine(number), generation, interval, &[0; 32])
    };
    let all =
        [beat(1, 1, 0, 5), beat(2, 1, 0, 5), beat(1, 2, 0, 5), beat(1, 1, 1, 5), beat(1, 1, 0, 6)];
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len());
}

#[test]
fn maps_of_any_length_are_taken() {
    run(5, 2, || {
        for _ in 0..4 {
            let of = interval();
            block((of + 1) * LENGTH);
            for watcher in on_duty(of) {
                let short = crate::Bitmap::truncate_from(vec![0b11]);
                let _ = tell(watcher, of, short, [0; 32], None);
            }
        }
        assert!(Watch::is_live(0) && Watch::is_live(1) && outages().is_empty());
    });
}
