//! Bands, deadlines, and who gets what.

use crate::{Kind, mock::*};

const RENTED: Kind = Kind::Unreachable { rented: true };

#[test]
fn rule_11_a_flap_costs_its_time_and_nothing_else() {
    run(|| {
        for _ in 0..25 {
            Disputes::begin(machine(1), RENTED, now(), None);
            pass(6 * MINUTE);
            Disputes::end(machine(1), now(), |_| true);
        }
        assert_eq!(stake(1), STAKE);
        assert!(Disputes::is_clear(machine(1)));
    });
}

/// Predecessor §10.5, and its flaw: it charged on return alone, so whoever never came back paid nothing.
#[test]
fn rule_23_bands_execute_without_anybodys_call() {
    run(|| {
        Disputes::begin(machine(1), RENTED, now(), None);
        pass(121 * HOUR);
        assert_eq!(stake(1), STAKE, "it can still be appealed against");
        assert!(!Disputes::is_clear(machine(1)), "and the stake stays");
        pass(APPEAL);
        assert_eq!(stake(1), 0);
        assert!(Disputes::is_clear(machine(1)));
    });
}

#[test]
fn an_offence_costs_its_highest_band_once_and_dates_from_its_start() {
    run(|| {
        // Watchers say so three intervals later.
        Disputes::begin(machine(1), Kind::Malfunction, now() - 30, None);
        pass(50 * HOUR);
        Disputes::end(machine(1), now(), |_| true);
        pass(APPEAL + 300);
        assert_eq!(stake(1), STAKE - 240_000, "60 % of 400,000");
    });
}

#[test]
fn one_offence_for_a_machine_and_time() {
    run(|| {
        Disputes::begin(machine(1), RENTED, now(), None);
        Disputes::begin(machine(1), Kind::Counterfeit, now(), None);
        assert_eq!(crate::Offences::<Test>::iter().count(), 1);
        Disputes::begin(machine(2), RENTED, now(), None);
        assert_eq!(crate::Offences::<Test>::iter().count(), 2, "machines are apart");
        Disputes::end(machine(3), now(), |_| true);
    });
}

/// A provider who reports himself for little is not shielded from what costs more.
#[test]
fn rule_11_a_dearer_offence_takes_the_place_of_a_silence_that_costs_less() {
    run(|| {
        let (id, idle) = (crate::NextOffence::<Test>::get(), Kind::Unreachable { rented: false });
        Disputes::begin(machine(1), idle, now(), None);
        pass(HOUR);
        Disputes::begin(machine(1), RENTED, now(), Some(1));
        let cheap = offence(id).expect("it had reached a band");
        assert_eq!((cheap.ended, cheap.band), (Some(now()), 1), "its time is its own");
        let dear = offence(id + 1).expect("it runs");
        assert_eq!((dear.kind, dear.since, dear.lease), (RENTED, now(), Some(1)));
        // What costs no more changes nothing, and what is no silence makes no way.
        Disputes::begin(machine(1), idle, now(), None);
        Disputes::begin(machine(1), RENTED, now(), None);
        Disputes::begin(machine(2), Kind::Malfunction, now(), None);
        Disputes::begin(machine(2), Kind::Counterfeit, now(), None);
        assert_eq!(crate::NextOffence::<Test>::get(), id + 3);
    });
}

#[test]
fn rule_05_rewards_that_were_not_released_go_before_the_stake() {
    run(|| {
        UNRELEASED.set(100_000);
        Disputes::begin(machine(1), Kind::Malfunction, now(), None);
        pass(50 * HOUR);
        Disputes::end(machine(1), now(), |_| true);
        pass(APPEAL + 300);
        assert_eq!((UNRELEASED.get(), stake(1)), (0, STAKE - 140_000));
    });
}

#[test]
fn a_renter_gets_his_share_and_never_more_than_he_paid() {
    for (paid, expected) in [(1_000_000, 24_000), (5_000, 5_000)] {
        run(|| {
            PAID.set(paid);
            Disputes::begin(machine(1), Kind::Malfunction, now(), Some(1));
            pass(50 * HOUR);
            Disputes::end(machine(1), now(), |_| true);
            pass(APPEAL + 300);
            assert_eq!(Balances::free_balance(RENTER), 100_000 + expected);
            assert_eq!(Balances::free_balance(TREASURY), 1 + 240_000 - expected);
        });
    }
}

#[test]
fn nobody_slashes_himself_at_a_profit() {
    run(|| {
        Disputes::begin(machine(1), Kind::Malfunction, now(), Some(2));
        pass(50 * HOUR);
        Disputes::end(machine(1), now(), |_| true);
        pass(APPEAL + 300);
        assert_eq!(Balances::free_balance(PROVIDER), 100_000);
        assert_eq!(Balances::free_balance(TREASURY), 1 + 240_000);
    });
}
