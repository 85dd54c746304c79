//! What watchers who do not listen, or lie, could try.

use frame_support::{assert_noop, assert_ok, dispatch::Pays};

use crate::{Error, Liveness as _, Watchers, bits, mock::*};

fn strikes(watcher: u64) -> u32 {
    Watchers::<Test>::get(watcher).map_or(0, |watcher| watcher.strikes)
}

#[test]
fn rule_09_who_hears_machines_that_do_not_exist_proves_nothing_with_them() {
    run(1, 3, || {
        // Nearly all bits name nobody, so that nearly every draw would ask for an invented one.
        for _ in 0..STRIKES_MAX {
            let of = interval();
            block((of + 1) * LENGTH);
            let (map, notes) = invent(1);
            let opening = notes.open(1, 0);
            if tell(1, of, map, notes.root(), opening).is_err() {
                break;
            }
        }
        PAID.with_borrow(|paid| assert!(paid.is_empty(), "invented beats are paid: {paid:?}"));
        assert_eq!(strikes(1), STRIKES_MAX - 1);
    });
}

#[test]
fn rule_09_each_cohort_of_a_watcher_is_judged() {
    run(1, 2, || {
        enter_second_cohort(9);
        for round in 0..3 {
            let of = interval();
            block((of + 1) * LENGTH);
            // He lies of cohort 0, and says of cohort 1 what needs no proof.
            let (map, _) = listen(1, of, &[0, 1]);
            assert!(tell_of(0, 1, of, map, [7; 32], None).is_ok() || round == STRIKES_MAX);
            let (nobody, notes) = listen(1, of, &[]);
            let _ = tell_of(1, 1, of, nobody, notes.root(), None);
        }
        assert_eq!(strikes(1), 2);
    });
}

#[test]
fn a_single_report_before_a_stall_is_no_majority() {
    for epochs in 1..4 {
        run(5, 2, || {
            let of = interval();
            block((of + 1) * LENGTH);
            let liar = on_duty(of)[0];
            let (map, notes) = listen(liar, of, &[]);
            tell(liar, of, map, notes.root(), None).expect("he is on duty");
            block((of + epochs * EPOCH) * LENGTH);
            pass_unheard();
            assert!(outages().is_empty(), "{epochs} epochs later one of five decides");
        });
    }
}

#[test]
fn who_lost_his_bond_tells_nothing_more() {
    run(1, 1, || {
        Watchers::<Test>::mutate(1, |watcher| watcher.as_mut().unwrap().strikes = STRIKES_MAX - 1);
        let lie = || {
            let of = interval();
            block((of + 1) * LENGTH);
            let (map, _) = listen(1, of, &[0]);
            tell(1, of, map, [7; 32], None)
        };
        lie().expect("the first is not judged yet");
        lie().expect("it is taken, and the one before it judged");
        assert_eq!(Watchers::<Test>::get(1).unwrap().bond, 0);
        let of = interval();
        block((of + 1) * LENGTH);
        assert!(on_duty(of).contains(&1));
        let third = tell(1, of, bits::none(), [0; 32], None);
        assert_noop!(third, Error::<Test>::NotWatcher);
    });
}

#[test]
fn rule_14_a_stall_within_a_long_closing_is_closed_in_few_blocks() {
    run(5, 40, || {
        let all: Vec<u32> = (0..40).collect();
        let half: Vec<u32> = (0..20).collect();
        pass(&all);
        pass(&half);
        // From now on a block takes one step, and forty machines need many.
        CLOSE_WEIGHT.set(room(1));
        pass(&half);
        block(interval() * LENGTH + 1_000_000);
        // Whoever is told of now, however far behind the closing is.
        for _ in 0..3 {
            let of = interval();
            block((of + 1) * LENGTH);
            for watcher in on_duty(of) {
                let (map, notes) = listen(watcher, of, &half);
                let _ = tell(watcher, of, map, notes.root(), None);
            }
        }
        let mut blocks = 0;
        let start = interval() * LENGTH;
        while Watch::horizon() + 3 * LENGTH < start {
            blocks += 1;
            block(start + blocks);
            assert!(blocks < 200, "the horizon stays at {} of {start}", Watch::horizon());
        }
    });
}

#[test]
fn rule_09_nobody_leaves_unjudged() {
    run(1, 1, || {
        let of = interval();
        let (map, notes) = listen(1, of, &[0]);
        block((of + 1) * LENGTH);
        tell(1, of, map.clone(), notes.root(), None).expect("he is on duty");
        assert_ok!(Watch::leave(RuntimeOrigin::signed(1)));
        // Before the interval is closed there is nothing to open, and no way around it.
        let early = Watch::open(RuntimeOrigin::signed(1), 0, None);
        assert_noop!(early, Error::<Test>::NotInTime);
        pass_unheard();
        let opening = notes.open(1, 0);
        assert!(opening.is_some());
        block(interval() * LENGTH + 2_000);
        assert_noop!(Watch::withdraw(RuntimeOrigin::signed(1)), Error::<Test>::Unproven);
        let opened = Watch::open(RuntimeOrigin::signed(1), 0, opening).expect("it is closed");
        assert_eq!(opened.pays_fee, Pays::No);
        assert_eq!((strikes(1), PAID.with_borrow(|paid| paid[&1])), (0, 1));
        let again = Watch::open(RuntimeOrigin::signed(1), 0, None);
        assert_noop!(again, Error::<Test>::NothingToProve);
        assert_ok!(Watch::withdraw(RuntimeOrigin::signed(1)));
    });
}

#[test]
fn rule_09_who_waits_until_nobody_asks_any_more_is_struck() {
    run(2, 1, || {
        let of = interval();
        block((of + 1) * LENGTH);
        let (map, _) = listen(1, of, &[0]);
        tell(1, of, map, [7; 32], None).expect("he is on duty");
        // The other one goes on for an epoch.
        for _ in 0..=EPOCH {
            let of = interval();
            block((of + 1) * LENGTH);
            tell(2, of, bits::none(), [0; 32], None).expect("two of two are on duty");
        }
        pass_unheard();
        assert_eq!(strikes(1), 0);
        Watch::open(RuntimeOrigin::signed(1), 0, None).expect("it is closed");
        assert_eq!(strikes(1), 1);
    });
}

#[test]
fn who_heard_a_machine_that_left_is_asked_for_another() {
    run(1, 2, || {
        let of = interval();
        let (map, notes) = listen(1, of, &[0, 1]);
        block((of + 1) * LENGTH);
        tell(1, of, map, notes.root(), None).expect("he is on duty");
        pass_unheard();
        Watch::remove(Watch::asked(&1, 0).expect("he heard two").into());
        Watch::open(RuntimeOrigin::signed(1), 0, notes.open(1, 0)).expect("it is closed");
        assert_eq!((strikes(1), PAID.with_borrow(|paid| paid[&1])), (0, 1));
    });
}
