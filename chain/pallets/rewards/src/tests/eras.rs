//! Emission, the galaxy bonus, standstills.

use dbc_primitives::DBC;

use crate::mock::*;

#[test]
fn an_era_emits_what_the_schedule_says_and_a_hundredth_of_it_for_duties() {
    run(|| {
        enter(1, 10, 59_890, 4);
        let duties = Balances::free_balance(DUTIES);
        eras(1);
        // 400 million a year: predecessor §2.3, 1,095,890 a day.
        about(era_sum() * 100 / 99, 1_095_890_410_958_904 * DBC / 1_000_000_000);
        about(provisional(1), era_sum());
        about(Balances::free_balance(DUTIES) - duties, era_sum() / 99);
    });
}

#[test]
fn without_anybody_nothing_is_emitted() {
    run(|| {
        let before = pallet_balances::TotalIssuance::<Test>::get();
        eras(5);
        assert_eq!(pallet_balances::TotalIssuance::<Test>::get(), before);
    });
}

#[test]
fn the_galaxy_doubles_once_by_the_mean_of_seven_eras() {
    run(|| {
        enter(1, 10, 100, 4_999);
        eras(10);
        assert_eq!(crate::Galaxy::<Test>::get(), None, "a cartel parks below");
        // A day's flood moves the mean by a seventh.
        set(1, 10, 100, 5_005);
        eras(1);
        assert_eq!(crate::Galaxy::<Test>::get(), None);
        eras(1);
        let base = crate::schedule::per_era(0);
        assert!(crate::Galaxy::<Test>::get().is_some(), "5,001 on the mean of seven");
        assert_eq!(Rewards::emission(Rewards::era()), 2 * base);
        eras(60);
        assert_eq!(Rewards::emission(Rewards::era()), base);
        eras(20);
        assert_eq!(Rewards::emission(Rewards::era()), base, "once");
    });
}

#[test]
fn a_standstill_emits_no_more_than_ten_eras() {
    run(|| {
        enter(1, 10, 100, 1);
        block(START + 1_000 * LENGTH);
        assert!(provisional(1) <= 10 * era_sum() + 1_000);
    });
}
