//! The high-stability tier.

use frame_support::{assert_noop, assert_ok, dispatch::DispatchResult};
use sp_runtime::TokenError;

use crate::{Error, Event, Tier, mock::*};

fn join() -> DispatchResult {
    Machines::join_tier(by_provider(), machine(1))
}

fn leave() -> DispatchResult {
    Machines::leave_tier(by_provider(), machine(1))
}

#[test]
fn d62_the_tier_takes_proven_uptime_and_a_pledge() {
    run(|| {
        let machine = listed(1, 2);
        there_since(None);
        assert_noop!(join(), Error::<Test>::NotSteady);
        there_since(Some(1_001 - STEADY));
        assert_noop!(join(), Error::<Test>::NotSteady);
        assert_eq!(Machines::steady_since(machine), Some((false, 1_001 - STEADY)));
        there_since(Some(1_000 - STEADY));
        assert_ok!(join());
        assert_eq!((record(1).tier, record(1).extra), (Tier::Stable, STAKE));
        assert_eq!((record(1).stake, staked()), (3 * STAKE, 3 * STAKE));
        let event = Event::TierChanged { machine, tier: Tier::Stable, extra: STAKE };
        System::assert_last_event(event.into());
        assert_eq!(told().last(), Some(&Told::Tier(machine)));
        assert_noop!(join(), Error::<Test>::InTier);
        assert_noop!(
            Machines::release_stake(by_provider(), machine),
            Error::<Test>::NothingToRelease
        );
    });
}

#[test]
fn d62_leaving_returns_the_pledge_and_nothing_else() {
    run(|| {
        let machine = listed(1, 2);
        assert_noop!(leave(), Error::<Test>::NotInTier);
        assert_ok!(join());
        disputed(true);
        assert_noop!(leave(), Error::<Test>::InDispute);
        disputed(false);
        assert_ok!(leave());
        assert_eq!((record(1).tier, record(1).extra, staked()), (Tier::Normal, 0, 2 * STAKE));
        assert_noop!(leave(), Error::<Test>::NotInTier);
        assert_ok!(join());
        assert_ok!(Machines::retire(by_provider(), machine));
        assert_noop!(leave(), Error::<Test>::WrongStatus);
        pass(1_000);
        assert_ok!(Machines::withdraw_stake(by_provider(), machine));
        assert_eq!((staked(), free(PROVIDER)), (0, 100_000));
    });
}

#[test]
fn d62_a_blamed_outage_costs_the_tier_and_the_pledge_stays_until_it_is_left() {
    run(|| {
        let machine = listed(1, 1);
        assert_ok!(join());
        Machines::lose_tier(machine);
        assert_eq!((record(1).tier, staked()), (Tier::Lost, STAKE + STAKE / 2));
        let event = Event::TierChanged { machine, tier: Tier::Lost, extra: STAKE / 2 };
        System::assert_last_event(event.into());
        assert_noop!(
            Machines::release_stake(by_provider(), machine),
            Error::<Test>::NothingToRelease
        );
        told();
        Machines::lose_tier(machine);
        Machines::lose_tier(super::super::mock::machine(9));
        assert!(told().is_empty(), "it is lost once");
        there_since(Some(1_000));
        assert_noop!(join(), Error::<Test>::NotSteady);
        pass(STEADY);
        // What is pledged already is not held twice.
        assert_ok!(join());
        assert_eq!((record(1).tier, staked()), (Tier::Stable, STAKE + STAKE / 2));
    });
}

#[test]
fn d62_a_slash_costs_the_tier_and_what_is_left_still_backs_the_machine() {
    run(|| {
        let machine = listed(1, 2);
        assert_ok!(join());
        assert_eq!(Machines::slash(machine, STAKE / 2, &OTHER), STAKE / 2);
        assert_eq!(record(1).tier, Tier::Lost);
        let listed = dbc_primitives::MachineStatus::Listed;
        assert_eq!(record(1).status, listed, "its cards are backed as before");
        assert_ok!(leave());
        assert_eq!(staked(), 2 * STAKE, "what was taken is missing from the pledge");
        assert_ok!(join());
        assert_eq!(Machines::slash(machine, 2 * STAKE, &OTHER), 2 * STAKE);
        assert_ok!(leave());
        assert_eq!((staked(), record(1).stake), (STAKE, STAKE), "nothing is left of the pledge");
        assert_noop!(Machines::list(by_provider(), machine), Error::<Test>::StakeTooLow);
    });
}

#[test]
fn only_a_proven_machine_with_nothing_in_dispute_joins_and_pays() {
    run(|| {
        assert_ok!(register(2, 1));
        assert_noop!(Machines::join_tier(by_provider(), machine(2)), Error::<Test>::WrongStatus);
        listed(1, 16);
        disputed(true);
        assert_noop!(join(), Error::<Test>::InDispute);
        disputed(false);
        assert_noop!(join(), TokenError::FundsUnavailable);
    });
}
