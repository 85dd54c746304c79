//! Machines: names that others take, proofs that fit everywhere, facts that change under a renter, exits that
//! leave traces.

use codec::Encode as _;
use dbc_primitives::{BoundedVec, Location, MachineStatus, NetworkFacts, proof::register_message};
use dbc_runtime::{Runtime, RuntimeCall, constants::DAYS};
use sp_core::Pair as _;
use sp_keyring::Sr25519Keyring::{self as Keyring, Alice, Bob, Charlie, Dave};

use crate::{world::*, *};

fn set_operator(operator: Keyring) -> RuntimeCall {
    let operator = operator.to_account_id();
    pallet_machines::Call::<Runtime>::set_operator { operator }.into()
}

/// Anybody could name anybody his controller, and the account was of no use to its owner any more.
#[test]
fn predecessor_flaw_08_accounts_that_others_take() {
    world(|| {
        let serve = |provider: Keyring| {
            let provider = provider.to_account_id();
            RuntimeCall::from(pallet_machines::Call::<Runtime>::serve { provider })
        };
        // Charlie names Alice, who was not asked, and Dave, whom Bob wants.
        act(Charlie, set_operator(Alice)).unwrap();
        act(Alice, serve(Alice)).unwrap();
        act(Alice, set_operator(Alice)).unwrap();
        act(Alice, registration(Alice, 0, facts(1, CARD))).unwrap();
        assert_eq!(record(0).provider, Alice.to_account_id());
        act(Charlie, set_operator(Dave)).unwrap();
        act(Dave, serve(Bob)).unwrap();
        act(Bob, set_operator(Dave)).unwrap();
        let taken = pallet_machines::Error::<Runtime>::OperatorTaken;
        assert_eq!(act(Charlie, set_operator(Dave)), Err(taken.into()), "and not again");
        act(Dave, registration(Bob, 1, facts(1, CARD))).unwrap();
        assert_eq!(record(1).provider, Bob.to_account_id());
    });
}

/// The signature that bonds a machine names purpose, network and provider.
#[test]
fn predecessor_flaw_10_proofs_without_purpose_or_network() {
    world(|| {
        provider(Alice);
        provider(Bob);
        let genesis = System::block_hash(0).0;
        let alice: [u8; 32] = Alice.to_account_id().into();
        let messages = [
            register_message(&[1; 32], &alice),
            (genesis, alice).encode(),
            (b"dbc/beat/1", genesis, alice).encode(),
            alice.to_vec(),
        ];
        let RuntimeCall::Machines(whole) = registration(Alice, 0, facts(1, CARD)) else {
            panic!("a call of machines");
        };
        let pallet_machines::Call::<Runtime>::register { class, facts, location, network, .. } =
            whole.clone()
        else {
            panic!("a registration");
        };
        let bad = sp_runtime::DispatchError::from(pallet_machines::Error::<Runtime>::BadProof);
        for message in messages {
            let register = pallet_machines::Call::<Runtime>::register {
                machine: machine(0),
                proof: key(0).sign(&message).0,
                class,
                facts: facts.clone(),
                location,
                network: network.clone(),
            };
            assert_eq!(act(Alice, register), Err(bad));
        }
        // What Alice's machine signed binds it to nobody else.
        assert_eq!(act(Bob, whole.clone()), Err(bad));
        act(Alice, whole).unwrap();
    });
}

/// Owners rewrote place and bandwidth at any moment, also under a renter.
#[test]
fn predecessor_flaw_11_facts_that_change_under_a_renter() {
    world(|| {
        let mut watch = Watch::default();
        listed(Alice, 0, 2);
        watch.pass(2, &[0]);
        rented(Bob, 0, &[0], 1_200);
        let before = record(0);
        let network =
            NetworkFacts { up_mbps: 100_000, down_mbps: 100_000, ..before.network.clone() };
        act(Alice, pallet_machines::Call::<Runtime>::set_network { machine: machine(0), network })
            .unwrap();
        let after = record(0);
        assert_eq!((after.facts, after.location, after.class), {
            (before.facts.clone(), before.location, before.class)
        });
        // To say something else about it nobody may rent of it.
        let mut other = before.facts;
        other.cpu_cores = 500;
        let change = pallet_machines::Call::<Runtime>::change_hardware {
            machine: machine(0),
            class: before.class,
            facts: other,
            location: Location { region: 276, site: 1 },
        };
        let leased = pallet_machines::Error::<Runtime>::StillLeased;
        assert_eq!(act(Alice, change.clone()), Err(leased.into()));
        assert_eq!(act(Bob, change), Err(pallet_machines::Error::<Runtime>::NotProvider.into()));
    });
}

/// After a change of hardware the owner could come online by himself, beside the audit.
#[test]
fn predecessor_flaw_17_online_beside_the_audit() {
    world(|| {
        const NEW: u8 = VERIFIED + 1;
        registered(Alice, NEW, 0);
        act(Alice, pallet_audits::Call::<Runtime>::request { machine: machine(NEW) }).unwrap();
        let offer = offer_of(dbc_primitives::Amount::Dbc(1));
        act(Alice, pallet_machines::Call::<Runtime>::set_offer { machine: machine(NEW), offer })
            .unwrap();
        let wrong = pallet_machines::Error::<Runtime>::WrongStatus;
        let list = pallet_machines::Call::<Runtime>::list { machine: machine(NEW) };
        assert_eq!(act(Alice, list), Err(wrong.into()), "while it is audited");
        assert_eq!(record(NEW).status, MachineStatus::Registered);
        assert_eq!(record(NEW).stake, held(Alice, pallet_machines::HoldReason::Stake));
        // A listed machine whose cards change is no more listed, and the record is what is on hold.
        listed(Bob, 0, 2);
        let change = |cards| pallet_machines::Call::<Runtime>::change_hardware {
            machine: machine(0),
            class: record(0).class,
            facts: facts(cards, CARD),
            location: record(0).location,
        };
        act(Bob, change(1)).unwrap();
        assert_eq!(record(0).status, MachineStatus::Registered);
        let list = pallet_machines::Call::<Runtime>::list { machine: machine(0) };
        assert_eq!(act(Bob, list), Err(pallet_machines::Error::<Runtime>::WrongStatus.into()));
        assert_eq!(record(0).stake, held(Bob, pallet_machines::HoldReason::Stake));
        // What is too much came back, to the unit.
        assert_eq!(record(0).stake, 10_000 * dbc_runtime::constants::DBC);
        assert_eq!(record(0).stake, held(Bob, pallet_machines::HoldReason::Stake));
    });
}

/// Machines that were put out stayed in lists, their renters were not paid back, their names were gone.
#[test]
fn predecessor_flaw_25_exits_that_leave_traces() {
    world(|| {
        let before = free(Alice) + held(Alice, pallet_machines::HoldReason::Stake);
        listed(Alice, 0, 2);
        let lease_id = ordered(Bob, 0, &[0], 1_200);
        let retire = pallet_machines::Call::<Runtime>::retire { machine: machine(0) };
        let leased = pallet_machines::Error::<Runtime>::StillLeased;
        assert_eq!(act(Alice, retire.clone()), Err(leased.into()));
        act(Bob, pallet_leases::Call::<Runtime>::end { lease: lease_id }).unwrap();
        assert_eq!(held(Bob, pallet_leases::HoldReason::Deposit), 0);
        act(Alice, retire).unwrap();
        pass(11 * DAYS);
        act(Alice, pallet_machines::Call::<Runtime>::withdraw_stake { machine: machine(0) })
            .unwrap();
        assert_eq!(held(Alice, pallet_machines::HoldReason::Stake), 0);
        let fees = before - free(Alice);
        assert!(fees < dbc_runtime::constants::DBC, "all but fees: {fees}");
        // Its name stands nowhere, but in the genesis of this network.
        let name = machine(0).0;
        let traces: Vec<_> = state()
            .into_iter()
            .filter(|(key, value)| has(key, &name) || has(value, &name))
            .map(|(key, _)| key)
            .collect();
        let genesis = pallet_machines::VerifiedAtGenesis::<Runtime>::hashed_key_for(machine(0));
        let events = sp_io::hashing::twox_128(b"System");
        let left: Vec<_> = traces
            .into_iter()
            .filter(|key| *key != genesis && !key.starts_with(&events))
            .map(|key| sp_core::bytes::to_hex(&key, false))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        // And it comes back like any other.
        act(Alice, registration(Alice, 0, facts(2, CARD))).unwrap();
        assert_eq!(record(0).index.generation, 1);
    });
}

fn has(bytes: &[u8], name: &[u8]) -> bool {
    bytes.windows(name.len()).any(|window| window == name)
}

/// A name in bytes that are no letters stopped the predecessor's chain.
#[test]
fn predecessor_flaw_29_text_that_panics() {
    world(|| {
        provider(Alice);
        let texts: [&[u8]; 4] =
            [b"\xff\xfe\xfd", "é".repeat(32).as_bytes(), "🎮🎮🎮🎮".as_bytes(), b"\0\0\0"]
                .map(|text| &*text.to_vec().leak());
        for (number, text) in (0u8..).zip(texts) {
            let mut odd = facts(1, text);
            odd.cpu_model = BoundedVec::truncate_from(text.to_vec());
            let mut call = registration(Alice, number, odd);
            if let RuntimeCall::Machines(pallet_machines::Call::<Runtime>::register {
                network,
                ..
            }) = &mut call
            {
                network.relays = vec![BoundedVec::truncate_from(text.to_vec())].try_into().unwrap();
            }
            act(Alice, call).unwrap();
            let earns = dbc_runtime::Rewards::earned(machine(number)).map(|(points, ..)| points);
            assert!(earns.is_some(), "it has a share like any other");
        }
    });
}
