//! The life of a machine.

use codec::{Decode as _, Encode as _};
use dbc_primitives::{
    DenseIndex, Gpu, HardwareFacts, Location, MachineClass, MachineStatus, NetworkFacts,
};
use frame_support::{assert_noop, assert_ok};
use sp_core::{Pair as _, ed25519};
use sp_runtime::{DispatchError::BadOrigin, TokenError};

use crate::{Error, Event, MachineAt, Machines as Records, Relays, mock::*};

fn status(number: u8) -> MachineStatus {
    Records::<Test>::get(machine(number)).unwrap().status
}

fn index(number: u8) -> DenseIndex {
    Records::<Test>::get(machine(number)).unwrap().index
}

#[test]
fn stake_is_held_for_each_gpu_and_once_without_any() {
    run(|| {
        assert_ok!(register(1, 4));
        assert_eq!(staked(), 4 * STAKE);
        assert_ok!(register(2, 0));
        assert_eq!(staked(), 5 * STAKE);
        assert_eq!(free(PROVIDER), 100_000 - 5 * STAKE);
        assert_eq!(register(3, 16), Err(TokenError::FundsUnavailable.into()));
        assert_ok!(register(3, 14));
        assert_eq!((staked(), free(OPERATOR)), (19 * STAKE, 100), "the provider's money alone");
    });
}

#[test]
fn a_machine_has_at_most_16_gpus() {
    let sixteen = facts(16);
    assert_eq!(HardwareFacts::decode(&mut &sixteen.encode()[..]).as_ref(), Ok(&sixteen));
    let HardwareFacts { cpu_model, cpu_cores, memory_mib, disk_gib, .. } = sixteen;
    let seventeen = (vec![Gpu::default(); 17], cpu_model, cpu_cores, memory_mib, disk_gib);
    assert!(HardwareFacts::decode(&mut &seventeen.encode()[..]).is_err());
    run(|| {
        assert_ok!(register(1, 16));
        assert_eq!(staked(), 16 * STAKE);
    });
}

#[test]
fn what_is_registered_is_what_was_said() {
    run(|| {
        assert_ok!(Machines::set_operator(RuntimeOrigin::signed(PROVIDER), OPERATOR));
        let (place, network) =
            (Location { region: 276, site: 3 }, NetworkFacts { up_mbps: 5, ..Default::default() });
        assert_ok!(Machines::register(
            RuntimeOrigin::signed(OPERATOR),
            machine(1),
            proof(1, genesis(), PROVIDER),
            MachineClass::Rendering,
            facts(2),
            place,
            network.clone(),
        ));
        let found = Records::<Test>::get(machine(1)).unwrap();
        assert_eq!((found.provider, found.class), (PROVIDER, MachineClass::Rendering));
        assert_eq!((found.location, &found.network, found.registered_at), (place, &network, 1_000));
        assert_eq!((found.facts, found.offer, found.offer_version), (facts(2), None, 0));
        let stake = 2 * STAKE;
        let event = Event::Registered {
            machine: machine(1),
            provider: PROVIDER,
            index: found.index,
            stake,
        };
        System::assert_has_event(event.into());
    });
}

#[test]
fn the_network_s_facts_change_alone_and_by_its_own_people() {
    run(|| {
        assert_ok!(register(1, 1));
        let before = Records::<Test>::get(machine(1)).unwrap();
        let network = NetworkFacts { endpoint: [5; 32], down_mbps: 9, ..Default::default() };
        let set =
            |who| Machines::set_network(RuntimeOrigin::signed(who), machine(1), network.clone());
        assert_noop!(set(OTHER), Error::<Test>::NotProvider);
        assert_ok!(Machines::set_operator(RuntimeOrigin::signed(OTHER), OTHER));
        assert_noop!(set(OTHER), Error::<Test>::NotYours);
        assert_ok!(set(OPERATOR));
        let after = Records::<Test>::get(machine(1)).unwrap();
        assert_eq!(after, crate::Machine { network: network.clone(), ..before });
        System::assert_last_event(Event::NetworkChanged { machine: machine(1) }.into());
    });
}

#[test]
fn a_machine_that_is_not_there_is_named_so_and_strangers_are_turned_away() {
    run(|| {
        assert_ok!(Machines::set_operator(RuntimeOrigin::signed(PROVIDER), OPERATOR));
        let results = |who: u64| {
            let by = || RuntimeOrigin::signed(who);
            [
                Machines::set_network(by(), machine(9), NetworkFacts::default()),
                Machines::set_offer(by(), machine(9), offer(dbc_primitives::Amount::Dbc(1))),
                Machines::list(by(), machine(9)),
                Machines::unlist(by(), machine(9)),
                Machines::retire(by(), machine(9)),
                Machines::withdraw_stake(by(), machine(9)),
                Machines::top_up(by(), machine(9)),
                Machines::announce_maintenance(by(), machine(9), 1_000, 1_001),
                Machines::cancel_maintenance(by(), machine(9)),
                Machines::join_tier(by(), machine(9)),
                Machines::leave_tier(by(), machine(9)),
                Machines::release_stake(by(), machine(9)),
                Machines::change_hardware(
                    by(),
                    machine(9),
                    MachineClass::Training,
                    facts(1),
                    Location::default(),
                ),
            ]
        };
        assert_eq!(results(PROVIDER), [Err(Error::<Test>::MachineNotFound.into()); 13]);
        assert_eq!(results(OTHER), [Err(Error::<Test>::NotProvider.into()); 13]);
        let by = || RuntimeOrigin::signed(OTHER);
        for refused in [
            Machines::offer_handover(by(), machine(9), PROVIDER),
            Machines::withdraw_handover(by(), machine(9)),
            Machines::accept_handover(by(), machine(9)),
        ] {
            assert_eq!(refused, Err(Error::<Test>::MachineNotFound.into()));
        }
    });
}

#[test]
fn every_call_but_the_relays_needs_a_signature() {
    run(|| {
        let machine = listed(1, 1);
        for origin in [RuntimeOrigin::none(), RuntimeOrigin::root()] {
            let with = || origin.clone();
            let proof = proof(2, genesis(), PROVIDER);
            assert_noop!(Machines::set_operator(with(), OPERATOR), BadOrigin);
            assert_noop!(
                Machines::register(
                    with(),
                    machine,
                    proof,
                    MachineClass::Cpu,
                    facts(0),
                    Default::default(),
                    Default::default(),
                ),
                BadOrigin
            );
            assert_noop!(Machines::set_network(with(), machine, Default::default()), BadOrigin);
            let offer = offer(dbc_primitives::Amount::Dbc(1));
            assert_noop!(Machines::set_offer(with(), machine, offer), BadOrigin);
            assert_noop!(Machines::list(with(), machine), BadOrigin);
            assert_noop!(Machines::unlist(with(), machine), BadOrigin);
            assert_noop!(Machines::retire(with(), machine), BadOrigin);
            assert_noop!(Machines::withdraw_stake(with(), machine), BadOrigin);
            assert_noop!(Machines::top_up(with(), machine), BadOrigin);
            let announced = Machines::announce_maintenance(with(), machine, 1_000, 1_001);
            assert_eq!(announced, Err(BadOrigin));
            assert_noop!(Machines::cancel_maintenance(with(), machine), BadOrigin);
            assert_noop!(Machines::join_tier(with(), machine), BadOrigin);
            assert_noop!(Machines::leave_tier(with(), machine), BadOrigin);
            assert_noop!(Machines::release_stake(with(), machine), BadOrigin);
            let (class, place) = (MachineClass::Training, Location::default());
            let changed = Machines::change_hardware(with(), machine, class, facts(2), place);
            assert_eq!(changed, Err(BadOrigin));
            assert_noop!(Machines::offer_handover(with(), machine, OTHER), BadOrigin);
            assert_noop!(Machines::accept_handover(with(), machine), BadOrigin);
            assert_noop!(Machines::withdraw_handover(with(), machine), BadOrigin);
        }
    });
}

/// A good key, the right network and provider, but not said what for.
fn without_purpose() -> [u8; 64] {
    let message = (genesis(), PROVIDER, [0u8; 24]).encode();
    ed25519::Pair::from_seed(&[1; 32]).sign(&message).0
}

#[test]
fn predecessor_flaw_ownership_proof_without_network_or_purpose_is_refused() {
    run(|| {
        assert_ok!(Machines::set_operator(RuntimeOrigin::signed(PROVIDER), OPERATOR));
        for wrong in [
            proof(1, [9; 32], PROVIDER),
            proof(1, genesis(), OTHER),
            proof(2, genesis(), PROVIDER),
            without_purpose(),
            [0; 64],
        ] {
            assert_noop!(register_as(PROVIDER, 1, facts(1), wrong), Error::<Test>::BadProof);
        }
        assert_ok!(register_as(OPERATOR, 1, facts(1), proof(1, genesis(), PROVIDER)));
        assert_noop!(
            register_as(OPERATOR, 1, facts(1), proof(1, genesis(), PROVIDER)),
            Error::<Test>::MachineExists
        );
    });
}

#[test]
fn facts_must_fit_the_class() {
    run(|| {
        assert_ok!(Machines::set_operator(RuntimeOrigin::signed(PROVIDER), OPERATOR));
        let try_class = |class, facts| {
            let proof = proof(1, genesis(), PROVIDER);
            Machines::register(
                RuntimeOrigin::signed(PROVIDER),
                machine(1),
                proof,
                class,
                facts,
                Default::default(),
                NetworkFacts::default(),
            )
        };
        assert_noop!(try_class(MachineClass::Training, facts(0)), Error::<Test>::ClassNeedsGpu);
        assert_noop!(try_class(MachineClass::Cpu, facts(1)), Error::<Test>::ClassWithoutGpu);
        let empty = HardwareFacts::default();
        assert_noop!(try_class(MachineClass::Cpu, empty), Error::<Test>::EmptyFacts);
    });
}

#[test]
fn a_machine_takes_orders_while_it_has_a_proof() {
    run(|| {
        let list = || Machines::list(RuntimeOrigin::signed(PROVIDER), machine(2));
        Machines::verify(machine(2));
        Machines::unverify(machine(2));
        assert_ok!(register(2, 1));
        assert_ok!(Machines::set_offer(
            RuntimeOrigin::signed(PROVIDER),
            machine(2),
            offer(dbc_primitives::Amount::Dbc(1))
        ));
        assert_noop!(list(), Error::<Test>::WrongStatus);
        Machines::verify(machine(2));
        assert_ok!(list());
        // A second proof changes nothing.
        Machines::verify(machine(2));
        assert_eq!(status(2), MachineStatus::Listed);
        Machines::unverify(machine(2));
        assert_eq!(status(2), MachineStatus::Registered);
        assert_noop!(list(), Error::<Test>::WrongStatus);
        assert_ok!(Machines::retire(RuntimeOrigin::signed(PROVIDER), machine(2)));
        Machines::verify(machine(2));
        assert!(matches!(status(2), MachineStatus::Retiring { .. }), "nobody is held back");
    });
}

#[test]
fn without_an_audit_only_a_machine_of_the_genesis_is_verified() {
    run(|| {
        assert_ok!(register(1, 1));
        assert_ok!(register(2, 1));
        assert_eq!(Records::<Test>::get(machine(1)).unwrap().status, MachineStatus::Verified);
        assert_eq!(Records::<Test>::get(machine(2)).unwrap().status, MachineStatus::Registered);
        assert_noop!(
            Machines::list(RuntimeOrigin::signed(PROVIDER), machine(2)),
            Error::<Test>::WrongStatus
        );
    });
}

#[test]
fn a_machine_leaves_after_the_delay_and_its_index_returns_with_the_next_generation() {
    run(|| {
        assert_ok!(register(1, 1));
        assert_ok!(register(2, 1));
        let retire = |number| Machines::retire(RuntimeOrigin::signed(OPERATOR), machine(number));
        let withdraw =
            |number| Machines::withdraw_stake(RuntimeOrigin::signed(OPERATOR), machine(number));
        assert_noop!(withdraw(1), Error::<Test>::WrongStatus);
        assert_ok!(retire(1));
        assert_noop!(retire(1), Error::<Test>::WrongStatus);
        pass(999);
        assert_noop!(withdraw(1), Error::<Test>::TooEarly);
        pass(1);
        assert_ok!(withdraw(1));
        assert_eq!(staked(), STAKE);
        assert_ok!(register(3, 1));
        assert_eq!(index(3), DenseIndex { index: 0, generation: 1 });
        assert_eq!(index(2), DenseIndex { index: 1, generation: 0 });
        assert_ok!(register(1, 1));
        assert_eq!(index(1), DenseIndex { index: 2, generation: 0 });
    });
}

#[test]
fn retiring_is_one_way_and_returns_the_whole_stake() {
    run(|| {
        let machine = listed(1, 3);
        let by = || RuntimeOrigin::signed(PROVIDER);
        assert_ok!(Machines::retire(by(), machine));
        assert_eq!(status(1), MachineStatus::Retiring { since: 1_000 });
        let wrong: sp_runtime::DispatchError = Error::<Test>::WrongStatus.into();
        let offer = offer(dbc_primitives::Amount::Dbc(1));
        assert_noop!(Machines::set_offer(by(), machine, offer), wrong);
        assert_noop!(Machines::list(by(), machine), wrong);
        assert_noop!(Machines::unlist(by(), machine), wrong);
        assert_eq!(register(1, 3), Err(Error::<Test>::MachineExists.into()));
        pass(1_000);
        assert_eq!(free(PROVIDER), 100_000 - 3 * STAKE);
        assert_ok!(Machines::withdraw_stake(by(), machine));
        assert_eq!((free(PROVIDER), staked()), (100_000, 0));
        assert_eq!(MachineAt::<Test>::get(0), None);
        let stake = 3 * STAKE;
        System::assert_last_event(Event::Withdrawn { machine, stake }.into());
        assert_noop!(Machines::withdraw_stake(by(), machine), Error::<Test>::MachineNotFound);
    });
}

#[test]
fn indexes_that_come_back_go_out_before_new_ones_each_a_generation_later() {
    run(|| {
        let by = || RuntimeOrigin::signed(PROVIDER);
        for number in 1..=4 {
            assert_ok!(register(number, 1));
        }
        for number in [2, 4] {
            assert_ok!(Machines::retire(by(), machine(number)));
            pass(1_000);
            assert_ok!(Machines::withdraw_stake(by(), machine(number)));
        }
        for number in 5..=7 {
            assert_ok!(register(number, 1));
        }
        let place = |number| (index(number).index, index(number).generation);
        assert_eq!([place(5), place(6), place(7)], [(3, 1), (1, 1), (4, 0)]);
        assert_ok!(Machines::retire(by(), machine(5)));
        pass(1_000);
        assert_ok!(Machines::withdraw_stake(by(), machine(5)));
        assert_ok!(register(8, 1));
        assert_eq!(place(8), (3, 2));
    });
}

#[test]
fn relays_are_governance_s_alone() {
    run(|| {
        let urls = |text: &str| vec![text.as_bytes().to_vec().try_into().unwrap()];
        let relays: crate::RelayList = urls("https://relay.example").try_into().unwrap();
        for origin in [RuntimeOrigin::signed(PROVIDER), RuntimeOrigin::none()] {
            assert_noop!(Machines::set_relays(origin, relays.clone()), BadOrigin);
        }
        assert_ok!(Machines::set_relays(RuntimeOrigin::root(), relays.clone()));
        assert_eq!(Relays::<Test>::get(), relays);
    });
}
