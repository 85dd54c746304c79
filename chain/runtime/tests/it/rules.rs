//! Rules of the mechanisms that only the runtime as a whole keeps; `docs/reference/rules.md` says where the others are.

use codec::Encode as _;
use dbc_bench::{Case, Prover, Transcript, hash_of};
use dbc_primitives::{
    NetworkFacts,
    audit::{Findings, Terms, Verdict},
};
use dbc_runtime::{
    AccountId, Runtime, RuntimeCall,
    configs::{audits::Audited, system::BlockWeights},
    constants::DAYS,
};
use frame_support::{
    BoundedVec,
    dispatch::{DispatchClass, GetDispatchInfo as _},
};
use pallet_audits::AuditedMachines;
use sp_keyring::Sr25519Keyring::{Alice, Bob};
use sp_statement_store::get_allowance;

use crate::world::*;

/// What the chain checks again is small: a verdict can be judged within a block.
#[test]
fn rule_08_what_the_chain_checks_again_fits_a_block() {
    world(|| {
        registered(Alice, VERIFIED + 1, 0);
        let of = machine(VERIFIED + 1);
        let terms = <Audited as AuditedMachines<AccountId>>::terms(of).unwrap();
        assert!(terms.edge <= 1_024, "{}", terms.edge);
        assert!(terms.openings >= 16 && terms.open_ms <= 5_000);
        let class = BlockWeights::get().get(DispatchClass::Normal).max_extrinsic.unwrap();
        let mut heaviest = 0;
        for (cards, terms) in [(0, terms), (1, Terms { gpus: 1, edge: 1_024, links: 2, ..terms })] {
            // As large as an honest one of the longest chain: only its ways are longer.
            let case = Case { genesis: [1; 32], machine: of, audit: 1, seed: [2; 32], terms };
            let (secret, block) = ([3; 32], [4; 32]);
            let prover = Prover::run(case.params(&secret));
            let root = prover.root();
            let asked = case.questions(&secret, &root, &block);
            let openings: Vec<_> = asked.iter().filter_map(|place| prover.open(*place)).collect();
            let transcript = Transcript { secret, block, root, commit_ms: 1, open_ms: 1, openings };
            let bytes = transcript.encode();
            let begun = std::time::Instant::now();
            let found = Verdict::Pass(Findings::default());
            let _ = case.supports(&hash_of(&bytes), &found, &bytes, &[5; 32]);
            println!("{cards} cards: {} bytes, {:?} to check", bytes.len(), begun.elapsed());
            let transcript = BoundedVec::truncate_from(bytes.clone());
            assert_eq!(transcript.len(), bytes.len(), "the chain reads it");
            let call: RuntimeCall =
                pallet_audits::Call::<Runtime>::show { audit: 1, transcript }.into();
            let weight = call.get_dispatch_info().call_weight;
            println!("{weight:?} of {class:?}");
            heaviest = heaviest.max(weight.ref_time());
        }
        assert!(heaviest <= class.ref_time(), "{heaviest} of {}", class.ref_time());
    });
}

/// Whoever is bonded may keep his beat in the store, without a transaction; whoever left may not.
#[test]
fn rule_21_only_a_bonded_machine_is_heard() {
    world(|| {
        let of = machine(0).0;
        assert!(get_allowance(of).is_depleted());
        registered(Alice, 0, 1);
        assert!(!get_allowance(of).is_depleted());
        act(Alice, pallet_machines::Call::<Runtime>::retire { machine: machine(0) }).unwrap();
        assert!(!get_allowance(of).is_depleted(), "it is still on its way out");
        pass(10 * DAYS + 1);
        act(Alice, pallet_machines::Call::<Runtime>::withdraw_stake { machine: machine(0) })
            .unwrap();
        assert!(get_allowance(of).is_depleted());
    });
}

/// The chain has the key of an endpoint and its home relays, a few and no addresses, and a change is one call of
/// whoever runs it.
#[test]
fn rule_34_the_chain_holds_endpoint_and_home_relays() {
    world(|| {
        registered(Alice, 0, 1);
        let relay = |number: u8| {
            BoundedVec::truncate_from(format!("https://relay{number}.example").into_bytes())
        };
        let mut network = NetworkFacts { endpoint: [3; 32], ..NetworkFacts::default() };
        for number in 0..4 {
            network.relays.try_push(relay(number)).unwrap();
        }
        assert!(network.relays.try_push(relay(4)).is_err(), "four at most");
        let call = pallet_machines::Call::<Runtime>::set_network {
            machine: machine(0),
            network: network.clone(),
        };
        assert!(act(Bob, call.clone()).is_err());
        act(Alice, call).unwrap();
        assert_eq!(record(0).network, network);
    });
}
