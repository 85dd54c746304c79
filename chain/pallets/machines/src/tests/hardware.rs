//! Hardware that changes, and classes.

use dbc_primitives::{
    HardwareFacts, Location, MachineClass, MachineStatus, NetworkFacts, classes::minimum,
};
use frame_support::{assert_noop, assert_ok, dispatch::DispatchResult};
use sp_runtime::TokenError;

use crate::{Error, Event, Fleet, Machines as Records, Part, Tier, Unproven, mock::*};

fn change(facts: HardwareFacts) -> DispatchResult {
    let class = if facts.gpus.is_empty() { MachineClass::Cpu } else { MachineClass::Training };
    Machines::change_hardware(by_provider(), machine(1), class, facts, Location::default())
}

#[test]
fn d75_what_is_below_its_class_is_refused_at_the_door_and_later() {
    run(|| {
        let _ = Machines::set_operator(by_provider(), OPERATOR);
        let poor = HardwareFacts { cpu_cores: 7, ..facts(1) };
        let with = |facts| register_as(PROVIDER, 1, facts, proof(1, genesis(), PROVIDER));
        assert_noop!(with(poor.clone()), Error::<Test>::BelowClass);
        assert_ok!(with(facts(1)));
        assert_noop!(change(poor.clone()), Error::<Test>::BelowClass);
        assert!(minimum(MachineClass::Inference).is_met(&poor));
        assert_ok!(Machines::change_hardware(
            by_provider(),
            machine(1),
            MachineClass::Inference,
            poor,
            Location::default(),
        ));
        assert_noop!(change(HardwareFacts::default()), Error::<Test>::EmptyFacts);
        let class = MachineClass::Cpu;
        let place = Location::default();
        assert_noop!(
            Machines::change_hardware(by_provider(), machine(1), class, facts(1), place),
            Error::<Test>::ClassWithoutGpu
        );
        let class = MachineClass::Hpc;
        assert_noop!(
            Machines::change_hardware(by_provider(), machine(1), class, facts(0), place),
            Error::<Test>::ClassNeedsGpu
        );
    });
}

#[test]
fn other_cards_void_the_proof_and_the_stake_follows_their_number() {
    run(|| {
        let machine = listed(1, 2);
        told();
        assert_ok!(change(facts(4)));
        let found = record(1);
        assert_eq!((found.status, found.stake), (MachineStatus::Registered, 4 * STAKE));
        assert_eq!((found.facts, staked()), (facts(4), 4 * STAKE));
        assert_eq!(told(), [Told::Changed(machine, true)]);
        let (status, stake) = (MachineStatus::Registered, 4 * STAKE);
        System::assert_last_event(Event::HardwareChanged { machine, status, stake }.into());
        assert_ok!(Balances::transfer_allow_death(by_provider(), OTHER, 60_000));
        assert_noop!(change(facts(16)), TokenError::FundsUnavailable);
        assert_ok!(change(facts(1)));
        assert_eq!((record(1).stake, staked(), free(PROVIDER)), (STAKE, STAKE, 40_000 - STAKE));
        Machines::verify(machine);
        assert_eq!(record(1).status, MachineStatus::Verified);
    });
}

#[test]
fn predecessor_flaw_17_a_machine_is_never_both_listed_and_unproven_and_no_stake_is_lost() {
    run(|| {
        let machine = listed(1, 4);
        assert_eq!(Machines::slash(machine, STAKE, &OTHER), STAKE);
        assert_ok!(Machines::top_up(by_provider(), machine));
        assert_ok!(change(facts(2)));
        // What four cards had on hold beyond what two ask for is back, to the unit.
        assert_eq!((staked(), free(PROVIDER)), (2 * STAKE, 100_000 - 3 * STAKE));
        for refused in [
            Machines::list(by_provider(), machine),
            Machines::unlist(by_provider(), machine),
            Machines::join_tier(by_provider(), machine),
        ] {
            assert_eq!(refused, Err(Error::<Test>::WrongStatus.into()));
        }
    });
}

#[test]
fn predecessor_flaw_18_what_a_change_does_not_touch_stays_and_followers_keep_what_was_earned() {
    run(|| {
        let machine = listed(1, 1);
        told();
        let before = record(1);
        assert_ok!(change(HardwareFacts { disk_gib: 500, ..facts(1) }));
        let after = record(1);
        assert_eq!((after.status, after.stake), (before.status, before.stake));
        assert_eq!((after.offer_version, after.registered_at), (1, before.registered_at));
        assert_eq!(after.index, before.index, "it is the same machine in all bitmaps");
        assert_eq!(told(), [Told::Changed(machine, false)], "no proof is void");
    });
}

#[test]
fn disk_place_and_bandwidth_stand_as_unproven_since_no_challenge_measures_them() {
    run(|| {
        let machine = listed(1, 1);
        assert_eq!(record(1).unproven, Unproven::CLAIMED);
        Records::<Test>::mutate(machine, |record| {
            record.as_mut().expect("it is registered").unproven = Unproven::NOTHING;
        });
        let with = |disk_gib, site| {
            let place = Location { region: 276, site };
            let facts = HardwareFacts { disk_gib, ..facts(1) };
            let class = MachineClass::Training;
            Machines::change_hardware(by_provider(), machine, class, facts, place)
        };
        assert_ok!(with(500, 0));
        assert_eq!(record(1).unproven, Unproven(Unproven::DISK.0 | Unproven::LOCATION.0));
        let faster = NetworkFacts { up_mbps: 1_000, ..NetworkFacts::default() };
        assert_ok!(Machines::set_network(by_provider(), machine, faster.clone()));
        assert!(record(1).unproven.has(Unproven::BANDWIDTH));
        assert_eq!(record(1).status, MachineStatus::Listed);
        Machines::unverify(machine);
        Machines::verify(machine);
        assert_eq!(record(1).unproven, Unproven::CLAIMED, "a proof is not of them");
        assert_eq!(record(1).status, MachineStatus::Verified);
    });
}

#[test]
fn nothing_changes_while_it_is_leased_looked_at_or_on_its_way_out() {
    run(|| {
        let machine = listed(1, 1);
        assert_ok!(Machines::occupy(machine, Part::gpus(&[0])));
        assert_noop!(change(facts(2)), Error::<Test>::StillLeased);
        Machines::vacate(machine, Part::gpus(&[0]));
        audited(true);
        assert_noop!(change(facts(2)), Error::<Test>::UnderAudit);
        let faster = NetworkFacts { up_mbps: 1_000, ..NetworkFacts::default() };
        assert_noop!(
            Machines::set_network(by_provider(), machine, faster),
            Error::<Test>::UnderAudit
        );
        audited(false);
        assert_ok!(Machines::retire(by_provider(), machine));
        assert_noop!(change(facts(2)), Error::<Test>::WrongStatus);
    });
}

#[test]
fn rule_01_hardware_that_voids_a_proof_changes_seldom() {
    run(|| {
        let machine = listed(1, 1);
        assert_ok!(change(facts(2)));
        // Until it is proven it may be corrected at once.
        assert_ok!(change(facts(1)));
        Machines::verify(machine);
        pass(CHANGES - 1);
        assert_noop!(change(facts(2)), Error::<Test>::ChangedLately);
        assert_ok!(change(HardwareFacts { disk_gib: 500, ..facts(1) }));
        pass(1);
        assert_ok!(change(facts(2)));
    });
}

#[test]
fn rule_01_the_first_change_waits_as_long_after_the_proof_as_others() {
    run(|| {
        let machine = listed(1, 4);
        Machines::unverify(machine);
        Machines::verify(machine);
        // Eight hired cards are proven; one would prove the next, and release what eight earned.
        assert_noop!(change(facts(1)), Error::<Test>::ChangedLately);
        pass(CHANGES - 1);
        Machines::verify(machine);
        assert_noop!(change(facts(1)), Error::<Test>::ChangedLately);
        pass(1);
        assert_ok!(change(facts(1)));
        // A proof that it lost keeps it waiting too, once it has another.
        Machines::verify(machine);
        pass(CHANGES);
        Machines::unverify(machine);
        Machines::verify(machine);
        assert_noop!(change(facts(2)), Error::<Test>::ChangedLately);
    });
}

#[test]
fn each_fact_of_the_proof_voids_it_when_it_changes() {
    let mut other = card();
    other.id.uuid = [1; 16];
    let mut swapped = facts(1);
    swapped.gpus[0] = other;
    for changed in [
        swapped,
        HardwareFacts { cpu_model: b"other".to_vec().try_into().unwrap(), ..facts(1) },
        HardwareFacts { cpu_cores: 9, ..facts(1) },
        HardwareFacts { memory_mib: (1 << 16) + 1, ..facts(1) },
    ] {
        run(|| {
            listed(1, 1);
            assert_ok!(Machines::join_tier(by_provider(), machine(1)));
            assert_ok!(change(changed.clone()));
            assert_eq!(record(1).status, MachineStatus::Registered, "{changed:?}");
            assert_eq!(record(1).tier, Tier::Lost, "other hardware was not there so long");
        });
    }
}

#[test]
fn in_dispute_hardware_can_be_mended_and_no_stake_leaves() {
    run(|| {
        let machine = listed(1, 4);
        disputed(true);
        assert_ok!(change(facts(3)));
        assert_eq!((record(1).stake, staked()), (4 * STAKE, 4 * STAKE));
        disputed(false);
        assert_ok!(Machines::release_stake(by_provider(), machine));
        assert_eq!(staked(), 3 * STAKE);
    });
}

#[test]
fn an_offer_that_fewer_cores_cannot_keep_is_withdrawn() {
    run(|| {
        let machine = listed(1, 0);
        assert_ok!(change(HardwareFacts { cpu_cores: 2, ..facts(0) }));
        assert_eq!((record(1).offer, record(1).offer_version), (None, 2));
        Machines::verify(machine);
        assert_noop!(Machines::list(by_provider(), machine), Error::<Test>::NoOffer);
    });
}
