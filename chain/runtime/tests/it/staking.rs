//! Who validates, what it earns, what it costs to lie.

use dbc_runtime::{
    Babe, Balances, Executive, Runtime, RuntimeOrigin, Session, Staking, VoterList,
    configs::staking::Emission,
    constants::{DAYS, DBC},
    genesis,
};
use frame_support::{assert_ok, traits::fungible::Inspect as _};
use pallet_session::historical::HistoricalSessions;
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie, Eve};
use sp_runtime::Perbill;
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
