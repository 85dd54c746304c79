//! What becomes of a reward: provisional, then a quarter at once and the rest over 150 eras.

use frame_support::assert_noop;

use crate::{Error, RELEASE_ERAS, Release, Rewards as _, mock::*};

/// Predecessor §10.9, corrected: 1,000 on day 0 are 250 then and 5 on each of 150 days; its code lost the
/// last.
#[test]
fn rule_38_a_sum_is_released_whole_whatever_the_gaps_between_claims() {
    for gap in [1, 7, 40, 149, 150, 151, 1_000] {
        let mut release = Release::new(77);
        release.add(1_000);
        let mut claimed = core::mem::take(&mut release.claimable);
        assert_eq!(claimed, 250);
        let mut era = 77;
        while era < 77 + u64::from(RELEASE_ERAS) {
            era += gap;
            release.pass_to(era);
            claimed += core::mem::take(&mut release.claimable);
            let days = (era - 77).min(150);
            assert_eq!(claimed, 250 + 5 * u128::from(days), "after {days} days by {gap}");
        }
        assert_eq!((claimed, release.locked()), (1_000, 0));
    }
}

#[test]
fn rule_38_sums_of_several_eras_overlap_and_none_is_lost() {
    let mut release = Release::new(0);
    let mut claimed = 0;
    for era in 0..400u64 {
        release.pass_to(era);
        if era < 200 {
            // A sum that does not divide.
            release.add(999);
        }
        if era % 3 == 0 {
            claimed += core::mem::take(&mut release.claimable);
        }
    }
    claimed += release.claimable;
    assert_eq!((claimed, release.locked()), (200 * 999, 0));
}

#[test]
fn rule_01_a_reward_is_nobodys_before_the_proof_and_lost_if_it_fails() {
    run(|| {
        enter(1, 10, 100, 1);
        eras(2);
        assert_noop!(Rewards::claim(RuntimeOrigin::signed(1), 10), Error::<Test>::NothingToClaim);
        let earned = provisional(1);
        Rewards::proven(machine(1));
        about(claim(10), earned / 4);
        eras(1);
        let treasury = Balances::free_balance(TREASURY);
        Rewards::failed(machine(1));
        assert!(Balances::free_balance(TREASURY) > treasury, "the second part is lost");
        eras(10);
        assert_eq!(provisional(1), 0, "and nothing is earned until it is proven");
        about(claim(10), earned / 200 * 11);
    });
}

#[test]
fn rule_23_what_is_not_released_stays_forfeitable_after_the_exit() {
    run(|| {
        enter(1, 10, 100, 1);
        eras(1);
        let earned = provisional(1);
        Rewards::proven(machine(1));
        Rewards::remove(machine(1));
        eras(30);
        let taken = Rewards::forfeit(&10, u128::MAX);
        about(taken, earned / 200 * 120);
        about(claim(10), earned / 4 + earned / 200 * 30);
        assert_eq!(claim(10), 0);
        assert_eq!(Rewards::forfeit(&11, 5), 0, "nobody has nothing");
    });
}
