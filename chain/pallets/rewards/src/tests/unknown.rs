//! Time of which nobody knows who was there: nothing is shared for it.

use crate::{Rewards as _, mock::*};

#[test]
fn rule_14_time_of_which_nobody_told_is_shared_to_nobody_and_the_schedule_waits() {
    run(|| {
        enter(1, 10, 100, 1);
        eras(1);
        let (earned, age) = (provisional(1), crate::Age::<Test>::get());
        let issued = pallet_balances::TotalIssuance::<Test>::get();
        pass_to(now() + 5 * LENGTH, false);
        assert_eq!(provisional(1), earned);
        assert_eq!(pallet_balances::TotalIssuance::<Test>::get(), issued, "nothing is emitted");
        assert_eq!(crate::Age::<Test>::get(), age, "and nothing of the schedule is lost");
        eras(1);
        about(provisional(1), earned + era_sum());
    });
}

#[test]
fn rule_09_a_cohort_of_which_too_few_told_earns_nothing_and_the_others_what_they_would_have() {
    run(|| {
        for (number, cohort) in [(1, 0), (2, 1)] {
            enter_rated(number, 10 * u64::from(number), 1);
            know(number, |known| known.cohort = cohort);
            Rewards::rate(machine(number));
        }
        eras(1);
        // Cohort 1 is unknown for an era: it is told so before that era's emission.
        Rewards::pause(1, true);
        eras(1);
        Rewards::pause(1, true);
        eras(1);
        Rewards::pause(1, false);
        eras(1);
        Rewards::do_try_state().expect("every invariant holds");
        let treasury = Balances::free_balance(TREASURY);
        about(provisional(1), 4 * era_sum() / 2);
        about(provisional(2), 2 * era_sum() / 2);
        about(Balances::free_balance(TREASURY) - treasury, 2 * era_sum() / 2);
        // A second time, on top of the first.
        Rewards::pause(1, true);
        eras(1);
        about(provisional(2), 2 * era_sum() / 2);
        Rewards::pause(1, false);
        eras(1);
        about(provisional(2), 3 * era_sum() / 2);
    });
}

#[test]
fn rule_09_a_machine_that_comes_during_unknown_time_is_not_charged_with_what_was_before() {
    run(|| {
        enter_rated(1, 10, 1);
        Rewards::pause(0, true);
        eras(3);
        enter_rated(2, 20, 1);
        Rewards::pause(0, false);
        eras(1);
        about(provisional(1), era_sum() / 2);
        about(provisional(2), era_sum() / 2);
    });
}
