//! Who validates, what it earns, what it costs to lie.

use dbc_runtime::{
    Babe, Balances, Executive, OriginCaller, Runtime, RuntimeCall, RuntimeOrigin, Session, Staking,
    VoterList,
    configs::{governance::origins::Origin, staking::Emission},
    constants::{DAYS, DBC},
    genesis,
};
use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect as _};
use pallet_session::historical::HistoricalSessions;
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie, Eve};
use sp_runtime::{DispatchError, Perbill, traits::Dispatchable as _};
use sp_staking::{
    EraPayout as _,
    offence::{OffenceDetails, OnOffenceHandler},
};

use crate::*;

#[test]
fn an_era_elects_and_leaves_a_root_to_prove_keys_against() {
    network(genesis::LOCAL).execute_with(|| {
        begin(1);
        let era = Staking::current_era();
        for _ in 0..73 {
            Session::rotate_session();
        }
        assert_eq!(Session::validators().len(), 4);
        assert!(Staking::current_era() > era, "an era is a day of sessions");
        assert!(HistoricalSessions::<Runtime>::contains_key(73));
    });
}

#[test]
fn whoever_equivocates_is_slashed_and_disabled() {
    network(genesis::LOCAL).execute_with(|| {
        begin(1);
        (0..74).for_each(|_| Session::rotate_session());
        let offence =
            OffenceDetails { offender: (Charlie.to_account_id(), ()), reporters: Vec::new() };
        let at = Session::current_index();
        let all = [Perbill::from_percent(100)];
        <Staking as OnOffenceHandler<_, _, _>>::on_offence(&[offence], &all, at);
        Executive::finalize_block();
        run_to(3);
        let index = Session::validator_id_to_index(&Charlie.to_account_id()).unwrap();
        assert_eq!(Session::disabled_validators(), vec![index]);
        let waiting = pallet_staking::UnappliedSlashes::<Runtime>::iter().next();
        assert!(waiting.is_some(), "a slash waits, so that it can be cancelled");
    });
}

#[test]
fn holders_nominate_and_validators_bond() {
    network(genesis::LOCAL).execute_with(|| {
        begin(1);
        let eve = RuntimeOrigin::signed(Eve.to_account_id());
        let amount = 5_000 * DBC;
        assert_ok!(Staking::bond(eve.clone(), amount, pallet_staking::RewardDestination::Staked));
        assert_ok!(Staking::nominate(eve, vec![Alice.to_account_id().into()]));
        assert_eq!(
            Balances::total_balance(&Eve.to_account_id()),
            1_000_000_000 * DBC,
            "what is bonded is on hold, and not gone"
        );
    });
}

/// The predecessor's genesis: 100, 50, 25 million a year (its §6.3).
#[test]
fn validators_earn_by_the_networks_age() {
    let year = 365 * DAYS;
    for (age, millions) in [(0, 100), (3 * year - 1, 100), (3 * year, 50), (8 * year, 25)] {
        assert_eq!(Emission::yearly(age), millions * 1_000_000 * DBC, "at {age}");
    }
    network(genesis::DEV).execute_with(|| {
        begin(1);
        assert_eq!(*Babe::genesis_slot(), FIRST_SLOT + 1);
        let (day, rest) = Emission::era_payout(0, 0, 86_400_000);
        assert_eq!((day / DBC, rest), (100_000_000 / 365, 0));
        let (stalled, _) = Emission::era_payout(0, 0, u64::MAX);
        assert_eq!(stalled / DBC, 2 * 100_000_000 / 365, "a stall earns no more than two days");
    });
}

#[test]
fn whoever_bonds_and_votes_for_nobody_stands_in_no_list_of_voters() {
    use frame_election_provider_support::SortedListProvider as _;
    use pallet_staking::RewardDestination;
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        let bob = Bob.to_account_id();
        let by = || RuntimeOrigin::signed(bob.clone());
        assert_ok!(Staking::bond(by(), 50_000 * DBC, RewardDestination::Staked));
        let _ = VoterList::rebag(by(), bob.clone().into());
        assert!(!VoterList::contains(&bob));
        let alice = Alice.to_account_id();
        assert_ok!(Staking::nominate(by(), vec![alice.into()]));
        let _ = VoterList::rebag(by(), bob.clone().into());
        assert!(VoterList::contains(&bob));
        assert_ok!(Staking::chill(by()));
        assert!(!VoterList::contains(&bob));
    });
}

#[test]
fn seats_are_opened_by_root_and_never_more_than_forty_one() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        let many = pallet_staking::Error::<Runtime>::TooManyValidators;
        assert_noop!(Staking::set_validator_count(RuntimeOrigin::root(), 42), many);
        assert_ok!(Staking::set_validator_count(RuntimeOrigin::root(), 41));
        let admin = RuntimeOrigin::from(Origin::StakingAdmin);
        assert_noop!(Staking::set_validator_count(admin, 21), DispatchError::BadOrigin);
    });
}

/// Whoever cancels slashes makes none, and writes nobody's bond.
#[test]
fn rule_14_a_power_over_slashes_is_one_to_cancel_them() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        let slash_fraction = Perbill::from_percent(1);
        let validator_stash = Alice.to_account_id();
        let (era, stash) = (0, Alice.to_account_id());
        let wide = [
            pallet_staking::Call::manual_slash { validator_stash, era, slash_fraction },
            pallet_staking::Call::restore_ledger {
                stash,
                maybe_controller: None,
                maybe_total: Some(1),
                maybe_unlocking: None,
            },
            pallet_staking::Call::set_min_commission { new: Perbill::from_percent(100) },
        ];
        let council = pallet_collective::RawOrigin::Members(3, 3);
        let council = || RuntimeOrigin::from(OriginCaller::Council(council.clone()));
        let filtered: DispatchError = frame_system::Error::<Runtime>::CallFiltered.into();
        for call in wide.map(RuntimeCall::Staking) {
            for origin in [Origin::SlashCanceller.into(), Origin::StakingAdmin.into(), council()] {
                let refused = call.clone().dispatch(origin).map_err(|refused| refused.error);
                assert_eq!(refused, Err(filtered), "{call:?}");
            }
            let by_root = call.clone().dispatch(RuntimeOrigin::root());
            let by_root = by_root.map_err(|refused| refused.error);
            assert!(by_root != Err(filtered) && by_root != Err(DispatchError::BadOrigin));
        }
        for origin in [Origin::SlashCanceller.into(), council()] {
            let cancel =
                pallet_staking::Call::cancel_deferred_slash { era: 0, slash_indices: vec![0] };
            let refused = RuntimeCall::Staking(cancel).dispatch(origin);
            let refused = refused.map_err(|refused| refused.error);
            assert_ne!(refused, Err(DispatchError::BadOrigin));
            assert_ne!(refused, Err(filtered));
        }
    });
}
