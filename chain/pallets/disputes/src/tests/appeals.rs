//! Appeals have their whole window, and an answer in time.

use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{Error, Kind, mock::*};

/// A slash of 60 % that is recorded now; gives the offence.
fn recorded() -> u64 {
    let id = crate::NextOffence::<Test>::get();
    Disputes::begin(machine(1), Kind::Malfunction, now(), None);
    pass(50 * HOUR);
    Disputes::end(machine(1), now(), |_| true);
    id
}

fn appeal(id: u64) -> sp_runtime::DispatchResult {
    Disputes::appeal(RuntimeOrigin::signed(PROVIDER), id)
}

#[test]
fn predecessor_flaw_02_an_appeal_is_open_for_its_whole_window_and_no_longer() {
    run(|| {
        let id = recorded();
        pass(APPEAL - 1);
        assert_ok!(appeal(id));
        let id = {
            let id = crate::NextOffence::<Test>::get();
            Disputes::begin(machine(2), Kind::Malfunction, now(), None);
            Disputes::end(machine(2), now() + 1, |_| true);
            id
        };
        pass(APPEAL);
        assert_noop!(appeal(id), Error::<Test>::OffenceNotFound);
    });
}

#[test]
fn whoever_cancels_gives_everything_back() {
    run(|| {
        let id = recorded();
        assert_ok!(appeal(id));
        assert_eq!(Balances::free_balance(PROVIDER), 99_000);
        assert_noop!(
            Disputes::cancel(RuntimeOrigin::signed(PROVIDER), id),
            DispatchError::BadOrigin
        );
        assert_ok!(Disputes::cancel(RuntimeOrigin::root(), id));
        assert_eq!((stake(1), Balances::free_balance(PROVIDER)), (STAKE, 100_000));
        pass(DECIDE + APPEAL);
        assert_eq!(stake(1), STAKE);
    });
}

#[test]
fn an_appeal_that_nobody_answers_lets_the_slash_stand_and_costs_its_bond() {
    run(|| {
        let id = recorded();
        assert_ok!(appeal(id));
        pass(DECIDE - 1);
        assert_eq!(stake(1), STAKE);
        pass(600);
        assert_eq!(stake(1), STAKE - 240_000);
        assert_eq!(Balances::free_balance(PROVIDER), 99_000);
        assert_eq!(Balances::free_balance(TREASURY), 1 + 240_000 + 1_000);
    });
}

#[test]
fn only_the_provider_appeals_and_once() {
    run(|| {
        let id = recorded();
        assert_noop!(Disputes::appeal(RuntimeOrigin::signed(RENTER), id), Error::<Test>::NoAppeal);
        assert_ok!(appeal(id));
        assert_noop!(appeal(id), Error::<Test>::NoAppeal);
        assert_noop!(appeal(77), Error::<Test>::OffenceNotFound);
    });
}

#[test]
fn what_runs_cannot_be_appealed_against_but_cancelled() {
    run(|| {
        let id = crate::NextOffence::<Test>::get();
        Disputes::begin(machine(1), Kind::Counterfeit, now(), None);
        assert_noop!(appeal(id), Error::<Test>::NoAppeal);
        assert_ok!(Disputes::cancel(RuntimeOrigin::root(), id));
        assert!(Disputes::is_clear(machine(1)));
    });
}
