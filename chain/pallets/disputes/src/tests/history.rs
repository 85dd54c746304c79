//! What a silence costs follows from how its machine was heard before, and from how many were silent with it.

use crate::{Kind, mock::*};

const IDLE: Kind = Kind::Unreachable { rented: false };

fn flap(minutes: u64) {
    Disputes::begin(machine(1), IDLE, now(), None);
    pass(minutes * MINUTE);
    Disputes::end(machine(1), now(), |_| true);
}

#[test]
fn rule_11_very_many_flaps_in_thirty_days_reach_the_first_band_once() {
    run(|| {
        flap(6);
        assert!(Disputes::is_clear(machine(1)));
        // More than half a per cent of thirty days: 3.6 hours.
        LIVE.set(9_949);
        flap(6);
        assert!(!Disputes::is_clear(machine(1)));
        for _ in 0..20 {
            flap(6);
        }
        pass(APPEAL + HOUR);
        assert_eq!(stake(1), STAKE - 16_000, "4 % of 400,000, once");
        pass(720 * HOUR);
        flap(6);
        pass(APPEAL + HOUR);
        assert_eq!(stake(1), STAKE - 16_000 - 15_360, "and once more in the next thirty days");
    });
}

#[test]
fn rule_11_exactly_half_a_per_cent_is_no_more_than_that() {
    run(|| {
        LIVE.set(9_950);
        flap(6);
        assert!(Disputes::is_clear(machine(1)));
    });
}

#[test]
fn rule_11_what_answered_by_its_length_does_not_answer_again_by_the_months_sum() {
    run(|| {
        LIVE.set(9_000);
        flap(8 * 60);
        pass(APPEAL + HOUR);
        assert_eq!(stake(1), STAKE - 16_000);
        flap(6);
        assert!(Disputes::is_clear(machine(1)));
        Disputes::forget(machine(1));
        flap(6);
        assert!(!Disputes::is_clear(machine(1)), "another machine with that key is another");
    });
}

#[test]
fn rule_23_a_silence_that_lay_in_a_maintenance_costs_nothing_however_often_there_was_one() {
    run(|| {
        LIVE.set(9_000);
        // It is dated to the maintenance's end, and over before.
        Disputes::begin(machine(1), IDLE, now() + HOUR, None);
        pass(10 * MINUTE);
        Disputes::end(machine(1), now(), |_| true);
        assert!(Disputes::is_clear(machine(1)));
    });
}

#[test]
fn rule_11_a_silence_of_very_many_is_forgotten_when_that_comes_out() {
    run(|| {
        Disputes::begin(machine(1), IDLE, now(), None);
        Disputes::begin(machine(2), IDLE, now() - 1, None);
        EXCUSED.set(vec![now()]);
        assert_eq!(Disputes::preview(machine(1)).map(|found| found.now), Some(0));
        pass(50 * HOUR);
        assert!(Disputes::is_clear(machine(1)));
        assert!(!Disputes::is_clear(machine(2)), "it began elsewhere");
        // One that ends before its first deadline.
        EXCUSED.set(vec![now()]);
        LIVE.set(0);
        Disputes::begin(machine(3), IDLE, now(), None);
        Disputes::end(machine(3), now() + 5, |_| true);
        assert!(Disputes::is_clear(machine(3)));
    });
}

#[test]
fn rule_11_a_check_that_found_silence_is_not_excused_by_others() {
    run(|| {
        let id = crate::NextOffence::<Test>::get();
        let by = RuntimeOrigin::signed(RENTER);
        frame_support::assert_ok!(Disputes::report(by, machine(1), IDLE, Some(1)));
        EXCUSED.set(vec![now()]);
        Disputes::checked(id, Some(true), false);
        pass(HOUR);
        assert!(offence(id).is_some_and(|found| found.band == 1));
    });
}

#[test]
fn what_it_costs_to_come_back_now_is_told() {
    run(|| {
        assert_eq!(Disputes::preview(machine(1)), None);
        let since = now();
        Disputes::begin(machine(1), Kind::Malfunction, since, None);
        pass(5 * HOUR);
        let preview = Disputes::preview(machine(1)).expect("it runs");
        assert_eq!((preview.now, preview.since), (STAKE * 12 / 100, since));
        assert_eq!(preview.next, Some((since + 24 * HOUR, STAKE * 16 / 100)));
        Disputes::end(machine(1), now(), |_| true);
        assert_eq!(Disputes::preview(machine(1)), None, "nothing runs any more");
        // What was told is what is taken.
        pass(APPEAL + HOUR);
        assert_eq!(stake(1), STAKE * 88 / 100);
        LIVE.set(9_000);
        Disputes::begin(machine(2), IDLE, now(), None);
        pass(MINUTE);
        assert_eq!(Disputes::preview(machine(2)).map(|found| found.now), Some(STAKE * 4 / 100));
    });
}

#[test]
fn each_kind_by_its_table() {
    let hour = |hours: u64| hours * HOUR;
    // Kind, length, per cent of the stake.
    for (kind, length, percent) in [
        (Kind::Unreachable { rented: true }, 8 * MINUTE, 8),
        (Kind::Unreachable { rented: true }, hour(49), 60),
        (IDLE, 8 * MINUTE, 4),
        (IDLE, hour(241), 80),
        (Kind::Malfunction, 1, 6),
        (Kind::Malfunction, hour(25), 16),
        (Kind::Counterfeit, 1, 12),
        (Kind::Counterfeit, hour(25), 32),
        (Kind::NotRentable, 1, 6),
        (Kind::NotRentable, hour(121), 100),
    ] {
        run(|| {
            Disputes::begin(machine(1), kind, now(), None);
            pass(length);
            Disputes::end(machine(1), now(), |_| true);
            pass(APPEAL + HOUR);
            assert_eq!(stake(1), STAKE - STAKE * percent / 100, "{kind:?} for {length} slots");
        });
    }
}
