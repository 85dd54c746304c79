//! Who gets which part.

use dbc_primitives::DBC;

use crate::{ONE, Rewards as _, mock::*};

#[test]
fn points_share_and_a_fleet_counts_a_little_more() {
    run(|| {
        // Predecessor §10.4: three machines with 12 GPUs, 197,693 points, count 197,930.
        enter(1, 10, 51_775, 4);
        enter(2, 10, 51_775, 4);
        enter(3, 10, 94_143, 4);
        let all = crate::All::<Test>::get().points;
        assert_eq!(all, 197_693 * (ONE + 12));
        assert_eq!(all / ONE, 197_930);
        enter(4, 20, 197_693, 0);
        eras(1);
        let fleet = provisional(1) + provisional(2) + provisional(3);
        let alone = provisional(4);
        about(fleet + alone, era_sum());
        about(fleet * u128::from(ONE), alone * u128::from(ONE + 12));
    });
}

#[test]
fn a_fleets_bonus_ends_at_a_tenth() {
    run(|| {
        enter(1, 10, 100, 5_000);
        assert_eq!(crate::All::<Test>::get().points, 100 * ONE * 11 / 10);
    });
}

#[test]
fn rule_05_a_change_counts_from_now_on_and_touches_nobody_else() {
    run(|| {
        enter(1, 10, 100, 1);
        enter(2, 20, 100, 1);
        block(START + LENGTH / 2);
        // Half an era later one doubles; nobody touched the other since.
        set(1, 10, 200, 1);
        block(START + LENGTH);
        about(provisional(1), era_sum() / 4 + era_sum() / 3);
        about(provisional(2), era_sum() / 4 + era_sum() / 6);
    });
}

#[test]
fn silence_earns_nothing_and_costs_the_others_nothing() {
    run(|| {
        enter(1, 10, 100, 1);
        enter(2, 20, 100, 1);
        Rewards::count(machine(1), false);
        eras(1);
        assert_eq!(provisional(1), 0);
        about(provisional(2), era_sum());
        Rewards::count(machine(1), true);
        eras(1);
        about(provisional(1), era_sum() / 2);
    });
}

/// Rule 2: renting to oneself never pays more than the fee that it cost.
#[test]
fn rule_02_a_bonus_for_rent_is_bounded_by_what_the_rent_paid() {
    run(|| {
        enter(1, 10, 100, 1);
        enter(2, 20, 100, 1);
        Rewards::rented(machine(1), ONE as u32);
        eras(1);
        let base = era_sum() / 2;
        about(provisional(1), base);
        // Its rent paid little: half of that returns.
        Rewards::fee_paid(machine(1), 100 * DBC);
        eras(1);
        about(provisional(1), 2 * base + 50 * DBC);
        about(provisional(2), 2 * base);
        // Its rent paid very much: 30 % of what it earned, and the rest waits.
        Rewards::fee_paid(machine(1), 10_000_000 * DBC);
        eras(1);
        let bonus = provisional(1) - (3 * base + 50 * DBC);
        about(bonus, base * 3 / 10);
        eras(1);
        about(provisional(1), 4 * base + 50 * DBC + 2 * (base * 3 / 10));
    });
}
