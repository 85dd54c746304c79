//! Intervals close, machines fall silent and come back, and time is counted.

use crate::{Liveness as _, mock::*};

#[test]
fn rule_05_nothing_is_settled_past_the_last_closed_interval() {
    run(5, 2, || {
        for _ in 0..30 {
            pass(&[0, 1]);
            let lag = interval() * LENGTH - Watch::horizon();
            assert!(lag <= 2 * LENGTH, "{lag}");
            assert!(Watch::horizon() <= interval() * LENGTH);
        }
        assert!(outages().is_empty());
    });
}

#[test]
fn a_silent_machine_s_time_stops_at_the_first_interval_that_it_missed() {
    run(5, 2, || {
        for _ in 0..4 {
            pass(&[0, 1]);
        }
        let missed = interval() * LENGTH;
        pass(&[0]);
        for _ in 0..5 {
            pass(&[0]);
        }
        assert_eq!(outages(), [(2, missed, Some(true))]);
        assert!(!Watch::is_live(1) && Watch::is_live(0));
        let stopped = live(1);
        let before = live(0);
        pass(&[0]);
        assert_eq!((live(0) - before, live(1) - stopped), (LENGTH, 0));
        // It comes back, and what it missed stays missed.
        let heard = interval() * LENGTH;
        pass(&[0, 1]);
        pass(&[0, 1]);
        pass(&[0, 1]);
        assert_eq!(outages()[1], (2, heard, None));
        assert_eq!(live(0) - live(1), heard - missed);
    });
}

#[test]
fn a_meter_stops_within_two_minutes() {
    run(5, 1, || {
        pass(&[0]);
        let falls_silent = interval() * LENGTH;
        let mut slots = 0;
        while Watch::is_live(0) {
            pass(&[]);
            slots = interval() * LENGTH - falls_silent;
        }
        assert!(slots * 3 <= 120, "{} s", slots * 3);
    });
}

#[test]
fn rule_09_too_few_reports_are_unknown_and_judge_nobody() {
    run(5, 1, || {
        pass(&[0]);
        let before = live(0);
        let of = interval();
        block((of + 1) * LENGTH);
        // Three of five say that it is silent: four would be two thirds of the drawn.
        for watcher in on_duty(of).into_iter().take(3) {
            let (map, notes) = listen(watcher, of, &[]);
            let _ = tell(watcher, of, map, notes.root(), None);
        }
        pass(&[0]);
        pass(&[0]);
        assert!(outages().is_empty());
        assert!(live(0) > before, "rent runs");
    });
}

#[test]
fn rule_10_a_minority_that_lies_moves_nothing() {
    run(5, 2, || {
        for _ in 0..6 {
            let of = interval();
            block((of + 1) * LENGTH);
            for (place, watcher) in on_duty(of).into_iter().enumerate() {
                let heard: &[u32] = if place < 3 { &[] } else { &[0, 1] };
                let (map, notes) = listen(watcher, of, heard);
                let _ = tell(watcher, of, map, notes.root(), None);
            }
        }
        assert!(outages().is_empty(), "three of five are no two thirds");
    });
}

#[test]
fn rule_11_many_at_once_are_not_blamed_but_not_paid() {
    run(5, 8, || {
        pass(&[0, 1, 2, 3, 4, 5, 6, 7]);
        let since = interval() * LENGTH;
        for _ in 0..4 {
            pass(&[0, 1, 2, 3]);
        }
        let expected: Vec<_> = (5..=8).map(|number| (number, since, Some(false))).collect();
        assert_eq!(outages(), expected);
        let stopped = live(5);
        pass(&[0, 1, 2, 3]);
        assert_eq!(live(5), stopped);
    });
}

#[test]
fn rule_14_time_without_any_report_is_free_beyond_ten_minutes() {
    run(5, 1, || {
        pass(&[0]);
        pass(&[0]);
        let (live_before, horizon) = (live(0), Watch::horizon());
        // A stall of a million slots is closed in one block.
        block(interval() * LENGTH + 1_000_000);
        pass_unheard();
        let passed = Watch::horizon() - horizon;
        assert!(passed > 900_000);
        let charged = live(0) - live_before;
        // The interval that was told of before the stall is charged beside the grace.
        assert!((GRACE..=GRACE + 2 * LENGTH).contains(&charged), "{charged}");
        assert!(outages().is_empty());
    });
}

#[test]
fn rule_14_a_short_stall_is_charged() {
    run(5, 1, || {
        for _ in 0..3 {
            pass(&[0]);
        }
        let (live_before, horizon) = (live(0), Watch::horizon());
        for _ in 0..10 {
            pass_unheard();
        }
        assert_eq!(live(0) - live_before, Watch::horizon() - horizon);
    });
}

#[test]
fn a_machine_that_enters_is_judged_from_the_next_interval_on() {
    run(5, 1, || {
        pass(&[0]);
        let index = enter(9);
        assert_eq!(live(index), 0);
        pass(&[0]);
        pass(&[0, 1]);
        pass(&[0, 1]);
        pass(&[0, 1]);
        assert!(outages().is_empty());
        assert!(live(index) > 0);
    });
}

#[test]
fn a_machine_at_another_s_index_begins_anew() {
    run(5, 2, || {
        for _ in 0..5 {
            pass(&[0]);
        }
        assert!(!Watch::is_live(1));
        replace(1, 7);
        assert!(Watch::is_live(1) && live(1) == 0);
        pass(&[0, 1]);
        pass(&[0, 1]);
        pass(&[0, 1]);
        assert!(live(1) > 0 && Watch::is_live(1));
        Watch::remove(1);
        assert_eq!(live(1), 0);
        pass(&[0, 1]);
        pass(&[0, 1]);
    });
}
