//! The life of a machine.

use dbc_primitives::{DenseIndex, HardwareFacts, MachineClass, MachineStatus, NetworkFacts};
use frame_support::{assert_noop, assert_ok};

use crate::{Error, Machines as Records, mock::*};

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
        let poor = register(3, 16);
        assert!(poor.is_err(), "16 GPUs cost more than is left");
    });
}

#[test]
fn predecessor_flaw_ownership_proof_without_network_or_purpose_is_refused() {
    run(|| {
        assert_ok!(Machines::set_operator(RuntimeOrigin::signed(PROVIDER), OPERATOR));
        for wrong in [
            proof(1, [9; 32], PROVIDER),
            proof(1, genesis(), OTHER),
            proof(2, genesis(), PROVIDER),
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
fn only_a_machine_of_the_genesis_is_verified_until_audits_exist() {
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
fn relays_are_governance_s_alone() {
    run(|| {
        assert!(Machines::set_relays(RuntimeOrigin::signed(PROVIDER), Default::default()).is_err());
        assert_ok!(Machines::set_relays(RuntimeOrigin::root(), Default::default()));
    });
}
