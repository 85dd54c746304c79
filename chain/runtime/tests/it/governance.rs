//! Decisions: walked from the proposal to what it changes; and what no decision can do.

use dbc_runtime::{
    Balances, ConvictionVoting, Council, OriginCaller, Parameters, Referenda, Runtime, RuntimeCall,
    RuntimeOrigin, SafeMode, System, TechnicalCommittee, Treasury, TxPause,
    configs::{
        governance::{CouncilCollective, TechnicalCollective, origins::Origin, tracks::Tracks},
        parameters::{
            RuntimeParameters,
            dynamic_params::{governance, leases},
            numbers,
        },
        safety::{BaseCallFilter, CALLS},
    },
    constants::{DAYS_BLOCKS, DBC},
    genesis,
};
use frame_support::{
    BoundedVec, assert_ok,
    dispatch::GetDispatchInfo as _,
    traits::{Bounded, Contains as _, Get as _, GetCallName as _, schedule::DispatchTime},
};
use pallet_conviction_voting::{AccountVote, Conviction, Vote};
use pallet_referenda::TracksInfo as _;
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve};
use sp_runtime::{
    Permill,
    traits::{Dispatchable as _, Hash as _},
};

use crate::*;

fn by(who: Sr25519Keyring) -> RuntimeOrigin {
    RuntimeOrigin::signed(who.to_account_id())
}

/// Proposes a call as an origin; four of six vote for it with nearly all they have. Gives the block by
/// which it is done.
fn decide(origin: Origin, call: RuntimeCall) -> u32 {
    let index = pallet_referenda::ReferendumCount::<Runtime>::get();
    let proposal = Bounded::Inline(BoundedVec::truncate_from(call.encode()));
    let as_whom = Box::new(OriginCaller::Origins(origin));
    assert_ok!(Referenda::submit(by(Eve), as_whom, proposal, DispatchTime::After(0)));
    assert_ok!(Referenda::place_decision_deposit(by(Eve), index));
    for who in [Alice, Bob, Charlie, Dave] {
        let vote = Vote { aye: true, conviction: Conviction::Locked1x };
        let vote = AccountVote::Standard { vote, balance: 900_000_000 * DBC };
        assert_ok!(ConvictionVoting::vote(by(who), index, vote));
    }
    System::block_number() + 60
}

fn fee(percent: u32) -> RuntimeCall {
    let share = Permill::from_percent(percent);
    let value = leases::Parameters::ProtocolFee(leases::ProtocolFee, Some(share));
    RuntimeCall::Parameters(pallet_parameters::Call::set_parameter {
        key_value: RuntimeParameters::Leases(value),
    })
}

fn protocol_fee() -> u32 {
    <Runtime as pallet_leases::Config>::ProtocolFee::get().deconstruct() / 10_000
}

#[test]
fn a_referendum_changes_a_parameter() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        assert_eq!(protocol_fee(), 5);
        let done = decide(Origin::Parameters, fee(7));
        run_to(done);
        assert_eq!(protocol_fee(), 7);
    });
}

#[test]
fn rule_26_a_parameter_keeps_its_limits_whoever_decides() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        // At most doubled or halved at once, at most 30 %, never nothing.
        for (new, passes) in [(10, true), (11, false), (3, true), (2, false), (0, false)] {
            assert_eq!(BaseCallFilter::contains(&fee(new)), passes, "{new} %");
        }
        let done = decide(Origin::Parameters, fee(40));
        run_to(done);
        assert_eq!(protocol_fee(), 5, "what is beyond the limits is not done");
    });
}

/// What `dbc params` shows is what is kept: the limits that a decision meets, and what stood before any.
#[test]
fn rule_26_each_number_is_told_with_its_default_and_its_limits() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        let told = |name: &str| {
            let found = numbers().into_iter().find(|number| number.name == name);
            found.unwrap_or_else(|| panic!("{name} is not told"))
        };
        let before = told("ProtocolFee");
        assert_eq!((before.value, before.default), (50_000, 50_000));
        let (least, most) = (before.reach().start() / 10_000, before.reach().end() / 10_000);
        for (percent, passes) in [(least + 1, true), (most, true), (most + 1, false)] {
            let percent = u32::try_from(percent).unwrap();
            assert_eq!(BaseCallFilter::contains(&fee(percent)), passes, "{percent} %");
        }
        assert_ok!(fee(7).dispatch(Origin::Parameters.into()));
        let after = told("ProtocolFee");
        assert_eq!((after.value, after.default), (70_000, 50_000));
        assert_eq!(protocol_fee(), 7, "looking changes nothing");
        for number in numbers() {
            assert!((number.least..=number.most).contains(&number.default), "{}", number.name);
        }
    });
}

#[test]
fn a_track_decides_its_own_things_only() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        assert!(fee(7).dispatch(Origin::Seats.into()).is_err());
        let members = vec![Dave.to_account_id()];
        assert!(Council::set_members(Origin::Treasurer.into(), members.clone(), None, 21).is_err());
        assert_ok!(Council::set_members(Origin::Seats.into(), members.clone(), None, 21));
        assert_eq!(pallet_collective::Members::<Runtime, CouncilCollective>::get(), members);
    });
}

#[test]
fn relays_are_kept_by_operations_or_root() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        let relays = |url: &[u8]| {
            let relays = vec![url.to_vec().try_into().unwrap()].try_into().unwrap();
            RuntimeCall::Machines(pallet_machines::Call::set_relays { relays })
        };
        assert!(relays(b"http://a").dispatch(Origin::Seats.into()).is_err());
        assert!(relays(b"http://a").dispatch(by(Alice)).is_err());
        assert_ok!(relays(b"http://b").dispatch(Origin::Operations.into()));
        assert_eq!(pallet_machines::Relays::<Runtime>::get()[0].as_slice(), b"http://b");
        assert_ok!(relays(b"http://c").dispatch(RuntimeOrigin::root()));
        assert_eq!(pallet_machines::Relays::<Runtime>::get()[0].as_slice(), b"http://c");
    });
}

#[test]
fn the_treasury_pays_what_was_decided_and_a_small_spender_no_more_than_he_may() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        let treasury = Treasury::account_id();
        assert_ok!(Balances::transfer_keep_alive(by(Alice), treasury.into(), 1_000_000 * DBC));
        let spend = |amount| {
            RuntimeCall::Treasury(pallet_treasury::Call::spend {
                asset_kind: Box::new(()),
                amount,
                beneficiary: Box::new(Dave.to_account_id()),
                valid_from: None,
            })
        };
        assert!(spend(100_001 * DBC).dispatch(Origin::SmallSpender.into()).is_err());
        assert!(spend(1).dispatch(Origin::Parameters.into()).is_err());
        assert_ok!(spend(50_000 * DBC).dispatch(Origin::SmallSpender.into()));
        let before = Balances::free_balance(Dave.to_account_id());
        assert_ok!(Treasury::payout(by(Eve), 0));
        assert_eq!(Balances::free_balance(Dave.to_account_id()) - before, 50_000 * DBC);
    });
}

/// Mechanisms §4: what moves money or replaces the rules is enacted later than renters can leave.
#[test]
fn money_and_rules_wait_longer_than_the_longest_notice() {
    // No state: the haste of a network of value.
    sp_io::TestExternalities::default().execute_with(|| {
        let mut slow = 0;
        for track in Tracks::tracks() {
            let name = String::from_utf8_lossy(&track.info.name);
            let name = name.trim_end_matches('\0');
            if ["root", "treasurer", "small_spender", "parameters"].contains(&name) {
                assert!(track.info.min_enactment_period > 7 * DAYS_BLOCKS, "{name}");
                slow += 1;
            }
        }
        assert_eq!(slow, 4);
        Tracks::check_integrity().expect("the tracks are in order");
    });
}

#[test]
fn the_haste_of_a_network_is_no_question_for_referenda() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        assert_eq!(governance::Haste::get(), 10_000);
        let value = governance::Parameters::Haste(governance::Haste, Some(1));
        let key_value = RuntimeParameters::Governance(value);
        assert!(Parameters::set_parameter(RuntimeOrigin::root(), key_value).is_err());
    });
}

/// Passes by two of three members of the technical committee.
fn committee(call: RuntimeCall) {
    let hash = <Runtime as frame_system::Config>::Hashing::hash_of(&call);
    let length = call.encoded_size() as u32;
    let weight = call.get_dispatch_info().call_weight;
    let index = pallet_collective::ProposalCount::<Runtime, TechnicalCollective>::get();
    assert_ok!(TechnicalCommittee::propose(by(Alice), 2, Box::new(call), length));
    for who in [Alice, Bob] {
        assert_ok!(TechnicalCommittee::vote(by(who), hash, index, true));
    }
    assert_ok!(TechnicalCommittee::close(by(Bob), hash, index, weight, length));
}

#[test]
fn rule_14_a_pause_stops_no_one_from_leaving() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        committee(RuntimeCall::SafeMode(pallet_safe_mode::Call::force_enter {}));
        assert!(SafeMode::is_entered());
        let lease = 1;
        let ends = [
            RuntimeCall::Leases(pallet_leases::Call::end { lease }),
            RuntimeCall::Leases(pallet_leases::Call::settle { lease }),
            RuntimeCall::Liveness(pallet_liveness::Call::open { cohort: 0, opening: None }),
            RuntimeCall::Session(pallet_session::Call::purge_keys {}),
        ];
        assert!(ends.iter().all(BaseCallFilter::contains));
        assert!(!BaseCallFilter::contains(&transfer(Bob, DBC)), "all else waits");
        let close = RuntimeCall::Leases(pallet_leases::Call::close_expired { lease });
        assert!(!BaseCallFilter::contains(&close));
        committee(RuntimeCall::SafeMode(pallet_safe_mode::Call::force_exit {}));
        assert!(BaseCallFilter::contains(&transfer(Bob, DBC)));
    });
}

#[test]
fn rule_14_what_always_passes_cannot_be_paused() {
    network(genesis::DEV).execute_with(|| {
        run_to(1);
        let name = |pallet: &str, call: &str| {
            let bounded = |text: &str| text.as_bytes().to_vec().try_into().expect("a short name");
            (bounded(pallet), bounded(call))
        };
        let root = RuntimeOrigin::root();
        assert!(TxPause::pause(root.clone(), name("Leases", "end")).is_err());
        assert_ok!(TxPause::pause(root, name("Leases", "create")));
    });
}

/// So that a renamed call does not fall out of the list unseen.
#[test]
fn rule_14_names_in_the_list_are_calls() {
    for (pallet, call) in CALLS {
        let names = match pallet {
            "Audits" => pallet_audits::Call::<Runtime>::get_call_names(),
            "Disputes" => pallet_disputes::Call::<Runtime>::get_call_names(),
            "Leases" => pallet_leases::Call::<Runtime>::get_call_names(),
            "Liveness" => pallet_liveness::Call::<Runtime>::get_call_names(),
            "Machines" => pallet_machines::Call::<Runtime>::get_call_names(),
            "Prices" => pallet_prices::Call::<Runtime>::get_call_names(),
            other => panic!("{other} is not looked at"),
        };
        assert!(names.contains(&call), "{pallet}.{call}");
    }
}
