//! Stake that is taken, made up for, and given back.

use dbc_primitives::MachineStatus;
use frame_support::{assert_noop, assert_ok};

use crate::{Error, Event, Machines as Records, mock::*};

#[test]
fn a_slashed_machine_takes_no_orders_until_its_stake_is_made_up_for() {
    run(|| {
        let machine = listed(1, 4);
        assert_noop!(Machines::top_up(by_provider(), machine), Error::<Test>::WrongStatus);
        assert_eq!(Machines::slash(machine, STAKE, &OTHER), STAKE);
        let record = || Records::<Test>::get(machine).unwrap();
        assert_eq!((record().stake, record().status), (3 * STAKE, MachineStatus::Verified));
        assert_eq!((staked(), free(OTHER)), (3 * STAKE, 100_000 + STAKE));
        assert_noop!(Machines::list(by_provider(), machine), Error::<Test>::StakeTooLow);
        assert_noop!(
            Machines::top_up(RuntimeOrigin::signed(OTHER), machine),
            Error::<Test>::NotProvider
        );
        assert_ok!(Machines::top_up(by_provider(), machine));
        assert_eq!(staked(), 4 * STAKE);
        assert_ok!(Machines::list(by_provider(), machine));
    });
}

#[test]
fn no_more_is_taken_than_there_is_and_a_machine_without_stake_can_leave() {
    run(|| {
        let machine = listed(1, 1);
        assert_eq!(Machines::slash(machine, 10 * STAKE, &OTHER), STAKE);
        assert_eq!(Machines::slash(machine, 1, &OTHER), 0);
        assert_eq!(Machines::slash(super::super::mock::machine(9), 1, &OTHER), 0);
        assert_ok!(Machines::retire(by_provider(), machine));
        assert_noop!(Machines::top_up(by_provider(), machine), Error::<Test>::WrongStatus);
        pass(1_000);
        assert_ok!(Machines::withdraw_stake(by_provider(), machine));
        assert_eq!(staked(), 0);
    });
}

#[test]
fn rule_12_a_lock_on_everything_saves_no_stake() {
    use frame_support::traits::{LockableCurrency as _, WithdrawReasons};
    run(|| {
        let machine = listed(1, 1);
        Balances::set_lock(*b"allofit ", &PROVIDER, u128::MAX, WithdrawReasons::all());
        assert_eq!(Machines::slash(machine, STAKE, &OTHER), STAKE);
        assert_eq!(free(OTHER), 100_000 + STAKE);
    });
}

#[test]
fn predecessor_flaw_17_what_is_held_beyond_what_is_asked_returns() {
    run(|| {
        let machine = listed(1, 4);
        let release = || Machines::release_stake(by_provider(), machine);
        assert_noop!(release(), Error::<Test>::NothingToRelease);
        StakePerGpu::set(&(STAKE / 2));
        disputed(true);
        assert_noop!(release(), Error::<Test>::InDispute);
        disputed(false);
        let operator = RuntimeOrigin::signed(OPERATOR);
        assert_ok!(Machines::release_stake(operator, machine));
        let amount = 2 * STAKE;
        System::assert_last_event(Event::StakeReleased { machine, amount }.into());
        assert_eq!((staked(), free(PROVIDER)), (2 * STAKE, 100_000 - 2 * STAKE));
        assert_eq!(record(1).stake, 2 * STAKE);
        assert_noop!(release(), Error::<Test>::NothingToRelease);
        StakePerGpu::set(&1);
        assert_ok!(Machines::retire(by_provider(), machine));
        assert_noop!(release(), Error::<Test>::WrongStatus);
    });
}

#[test]
fn what_is_asked_for_now_is_made_up_for_and_no_more() {
    run(|| {
        let machine = listed(1, 2);
        StakePerGpu::set(&(2 * STAKE));
        assert_eq!(Machines::stake_of(machine), Some((4 * STAKE, 0)));
        assert_ok!(Machines::top_up(by_provider(), machine));
        assert_eq!(staked(), 4 * STAKE);
        StakePerGpu::set(&STAKE);
        assert_eq!(Machines::stake_of(machine), Some((2 * STAKE, 2 * STAKE)));
        assert_ok!(Machines::release_stake(by_provider(), machine));
        assert_eq!(staked(), 2 * STAKE);
    });
}

#[test]
fn rule_06_what_a_provider_owes_is_no_slash_until_half_of_the_stake_is_gone() {
    run(|| {
        let machine = listed(1, 4);
        assert_ok!(Machines::join_tier(by_provider(), machine));
        assert_eq!(Machines::make_good(machine, &OTHER, 3 * STAKE), 3 * STAKE);
        let found = record(1);
        assert_eq!((found.status, found.tier), (MachineStatus::Listed, crate::Tier::Stable));
        assert_eq!(
            (found.stake, staked(), free(OTHER)),
            (3 * STAKE, 3 * STAKE, 100_000 + 3 * STAKE)
        );
        assert_eq!(Machines::make_good(machine, &OTHER, 1), 1);
        assert_eq!(
            (record(1).status, record(1).tier),
            (MachineStatus::Verified, crate::Tier::Stable)
        );
        assert_noop!(Machines::list(by_provider(), machine), Error::<Test>::StakeTooLow);
        assert_ok!(Machines::top_up(by_provider(), machine));
        assert_ok!(Machines::list(by_provider(), machine));
        assert_eq!(Machines::make_good(machine, &OTHER, 100 * STAKE), 6 * STAKE, "all there is");
    });
}
