//! A machine changes hands: what was earned before stays who earned it, and waits like all of it.

use crate::{EARLIER_MAX, Rewards as _, mock::*};

#[test]
fn d71_what_was_earned_before_a_hand_over_is_the_old_providers_once_the_machine_is_proven() {
    run(|| {
        enter(1, 10, 100, 2);
        enter(2, 30, 100, 2);
        eras(2);
        Rewards::handed_over(machine(1), &20);
        Rewards::do_try_state().expect("every invariant holds");
        eras(1);
        assert_eq!((Rewards::owed(10), Rewards::owed(20)), ((0, 0), (0, 0)), "provisional");
        Rewards::proven(machine(1));
        let sum = |provider| {
            let (claimable, locked) = Rewards::owed(provider);
            claimable + locked
        };
        about(sum(10), era_sum());
        about(sum(20), era_sum() / 2);
        assert!(claim(10) > 0 && claim(20) > 0);
        assert_eq!(crate::Fleets::<Test>::get(10).machines, 0);
        assert_eq!(crate::Fleets::<Test>::get(20).gpus, 2, "its cards make his bonus");
    });
}

#[test]
fn d71_a_proof_that_fails_after_a_hand_over_loses_what_both_earned() {
    run(|| {
        enter(1, 10, 100, 1);
        eras(1);
        Rewards::handed_over(machine(1), &20);
        eras(1);
        let treasury = Balances::free_balance(TREASURY);
        Rewards::failed(machine(1));
        about(Balances::free_balance(TREASURY) - treasury, 2 * era_sum());
        Rewards::proven(machine(1));
        assert_eq!((Rewards::owed(10), Rewards::owed(20)), ((0, 0), (0, 0)));
    });
}

#[test]
fn d71_what_an_old_provider_was_not_released_stays_forfeitable() {
    run(|| {
        enter(1, 10, 100, 1);
        eras(1);
        Rewards::handed_over(machine(1), &20);
        Rewards::proven(machine(1));
        let locked = Rewards::owed(10).1;
        assert!(locked > 0);
        assert_eq!(Rewards::forfeit(&10, u128::MAX), locked);
    });
}

#[test]
fn a_machine_that_goes_back_and_forth_keeps_one_sum_for_each() {
    run(|| {
        enter(1, 10, 100, 1);
        for to in [20, 10, 20, 10] {
            eras(1);
            Rewards::handed_over(machine(1), &to);
        }
        let share = crate::Shares::<Test>::get(machine(1)).expect("there");
        assert_eq!(share.earlier.len(), 2);
        Rewards::proven(machine(1));
        let sum = |provider| Rewards::owed(provider).0 + Rewards::owed(provider).1;
        about(sum(10), 2 * era_sum());
        about(sum(20), 2 * era_sum());
    });
}

#[test]
fn very_many_hands_before_a_proof_are_bounded_and_nobody_else_pays_for_them() {
    run(|| {
        enter(1, 10, 100, 1);
        for to in 0..u64::from(EARLIER_MAX) + 3 {
            eras(1);
            Rewards::handed_over(machine(1), &(40 + to));
            Rewards::do_try_state().expect("every invariant holds");
        }
        let share = crate::Shares::<Test>::get(machine(1)).expect("there");
        assert_eq!(share.earlier.len() as u32, EARLIER_MAX);
    });
}

#[test]
fn a_machine_that_does_not_count_is_handed_over_as_it_is() {
    run(|| {
        enter(1, 10, 100, 1);
        Rewards::count(machine(1), false);
        Rewards::handed_over(machine(1), &20);
        assert_eq!(crate::All::<Test>::get().points, 0);
        Rewards::handed_over(machine(9), &20);
        Rewards::count(machine(1), true);
        eras(1);
        about(provisional(1), era_sum());
    });
}
