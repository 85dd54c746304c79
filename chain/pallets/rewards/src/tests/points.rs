//! What decides a machine's points, and that bonuses add up.

use frame_support::assert_ok;

use crate::{ONE, Rewards as _, mock::*};

fn all_points() -> u64 {
    crate::All::<Test>::get().points
}

/// Predecessor §10.4: 59,890 points and 4 GPUs count 59,890 + 0.04 % (23); its 30 % for rent are no points
/// here but come out of what the rent paid, and only for the part that is rented.
#[test]
fn predecessor_10_4_a_rented_machine_of_four_cards() {
    run(|| {
        enter(1, 10, 59_890, 4);
        assert_eq!(all_points() / ONE, 59_890 + 23);
        enter(2, 20, 59_890, 4);
        Rewards::rented(machine(1), ONE as u32);
        Rewards::fee_paid(machine(1), dbc_primitives::DBC * 100_000_000);
        eras(1);
        let (rented, idle) = (provisional(1), provisional(2));
        // 77,880 to 59,913 at its largest.
        about(rented * 10, idle * 13);
        eras(1);
        Rewards::rented(machine(1), ONE as u32 / 4);
        let before = provisional(1);
        eras(1);
        about((provisional(1) - before) * 1_000, era_sum() / 2 * 1_075);
    });
}

/// Predecessor §10.3, corrected where it lost a release: 1,100,000 of one machine alone are 1,089,000 after
/// the hundredth for duties; a quarter is free that day, and half a per cent of it with the next day's.
#[test]
fn predecessor_10_3_one_machine_alone() {
    let sum = 1_100_000;
    let earned = sum - DutyShare::get().mul_floor(sum);
    assert_eq!(earned, 1_089_000);
    let mut release = crate::Release::new(0);
    release.add(earned);
    assert_eq!(release.claimable, 272_250);
    release.claimable = 0;
    release.pass_to(1);
    release.add(earned);
    assert_eq!(release.claimable, 277_695, "280,500 less a hundredth");
    run(|| {
        enter(1, 10, 59_890, 4);
        eras(1);
        about(provisional(1), era_sum());
    });
}

#[test]
fn d66_bonuses_of_a_machine_and_of_its_fleet_add_up() {
    run(|| {
        enter_rated(1, 10, 10);
        enter_rated(2, 20, 10);
        know(1, |known| known.bonus = 700);
        assert_ok!(Rewards::poke(RuntimeOrigin::signed(1), machine(1)));
        // 1,000 points each, ten cards in each fleet: 1 + 0.1 % + 7 %, and 1 + 0.1 %.
        assert_eq!(all_points(), 1_000 * (ONE + 10 + 700) + 1_000 * (ONE + 10));
        eras(1);
        let (with, without) = (provisional(1), provisional(2));
        about(with + without, era_sum());
        about(with * u128::from(ONE + 10), without * u128::from(ONE + 710));
        // The fleet grows: its bonus does, and the flat one stays what it is.
        enter_rated(3, 10, 15);
        assert_eq!(all_points(), 2_500 * (ONE + 25) + 1_000 * 700 + 1_000 * (ONE + 10));
        Rewards::count(machine(1), false);
        assert_eq!(all_points(), 1_500 * (ONE + 15) + 1_000 * (ONE + 10));
    });
}

#[test]
fn d66_interruptions_lower_points_and_thirty_good_days_restore_them() {
    run(|| {
        enter_rated(1, 10, 10);
        for (uptime, points) in [(10_000, 1_000), (9_000, 900), (7_000, 700), (10_000, 1_000)] {
            know(1, |known| known.uptime = uptime);
            assert_ok!(Rewards::poke(RuntimeOrigin::signed(77), machine(1)));
            assert_eq!(Rewards::earned(machine(1)).map(|found| found.0), Some(points));
        }
    });
}

#[test]
fn what_is_to_come_is_told_in_stretches() {
    run(|| {
        enter(1, 10, 100, 1);
        eras(1);
        Rewards::proven(machine(1));
        let told = Rewards::vesting(10);
        assert_eq!(told.len(), 2, "149 alike, and what does not divide with the last: {told:?}");
        assert_eq!((told[0].eras, told[1].eras), (149, 1));
        let sum: u128 = told.iter().map(|part| part.each * u128::from(part.eras)).sum();
        assert_eq!(sum, Rewards::owed(10).1);
        eras(100);
        assert_eq!(Rewards::vesting(10).iter().map(|part| part.eras).sum::<u32>(), 50);
        assert!(Rewards::vesting(11).is_empty());
    });
}
