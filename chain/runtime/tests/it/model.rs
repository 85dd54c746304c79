//! Random calls by random people through the executive, over random times: everything of ours must hold
//! after each block, whatever was refused, and money must be where the accounts say it is.

use dbc_primitives::{
    Amount, Gpu, HardwareFacts, Location, MachineClass, MachineId, NetworkFacts, Offer, Order,
    Price, Profile,
    audit::{Findings, Verdict, commitment},
    liveness,
    proof::register_message,
};
use dbc_runtime::{
    AccountId, Audits, Balances, Disputes, Leases, Liveness, Machines, Prices, Rewards, Runtime,
    RuntimeCall, System,
    constants::{DBC, MINUTES},
    genesis,
};
use frame_support::traits::fungible::Inspect as _;
use pallet_conviction_voting::{AccountVote, Conviction, Vote};
use pallet_disputes::Kind;
use proptest::prelude::*;
use sp_core::{Pair as _, ed25519};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Dave, Eve, Ferdie, One};

use crate::*;

const PEOPLE: [Sr25519Keyring; 6] = [Alice, Bob, One, Dave, Eve, Ferdie];
const MACHINES: u8 = 4;

/// One thing that somebody tries. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
struct Op {
    who: usize,
    what: u8,
    number: u64,
    other: u64,
}

fn op() -> impl Strategy<Value = Op> {
    (0..PEOPLE.len(), 0u8..44, any::<u64>(), any::<u64>())
        .prop_map(|(who, what, number, other)| Op { who, what, number, other })
}

fn key(number: u64) -> ed25519::Pair {
    ed25519::Pair::from_seed(&[(number % u64::from(MACHINES)) as u8 + 50; 32])
}

fn machine(number: u64) -> MachineId {
    MachineId(key(number).public().0)
}

fn now() -> u64 {
    pallet_babe::CurrentSlot::<Runtime>::get().into()
}

fn register(who: Sr25519Keyring, number: u64, other: u64) -> RuntimeCall {
    let account: [u8; 32] = who.to_account_id().into();
    let proof = key(number).sign(&register_message(&System::block_hash(0).0, &account)).0;
    let card = Gpu {
        model: b"NVIDIA GeForce RTX 4090".to_vec().try_into().unwrap(),
        memory_mib: 24_576,
        ..Gpu::default()
    };
    // The first two machines are of the genesis, and have cards; the others are audited.
    let cards = if number % u64::from(MACHINES) < 2 { 1 + other as usize % 3 } else { 0 };
    let facts = HardwareFacts {
        gpus: vec![card; cards].try_into().unwrap(),
        cpu_cores: 8,
        memory_mib: 16_384,
        disk_gib: 100,
        ..HardwareFacts::default()
    };
    let class = if cards == 0 { MachineClass::Cpu } else { MachineClass::Inference };
    RuntimeCall::Machines(pallet_machines::Call::register {
        machine: machine(number),
        proof,
        class,
        facts,
        location: Location::default(),
        network: NetworkFacts::default(),
    })
}

fn order(number: u64, other: u64) -> RuntimeCall {
    let cards = number % u64::from(MACHINES) < 2;
    let found = pallet_machines::Machines::<Runtime>::get(machine(number));
    let order = Order {
        machine: machine(number),
        gpus: if cards { vec![(other % 3) as u8] } else { vec![] }.try_into().unwrap(),
        profile: if cards { Profile::Gpu } else { Profile::Cpu },
        term: 100 + other % 3_000,
        offer_version: found.map_or(0, |record| record.offer_version),
        max_rate: 1_000 * DBC,
        cap: None,
        access_key: [7; 32],
        spec_hash: None,
        platform: None,
        receiver: (other % 5 == 0).then(|| AccountId::new([other as u8; 32])),
        tag: other % 1_000,
    };
    RuntimeCall::Leases(pallet_leases::Call::create { order })
}

/// The call that an operation makes.
fn call(op: &Op) -> RuntimeCall {
    let (number, other) = (op.number, op.other);
    let who = PEOPLE[op.who];
    let someone = PEOPLE[(other % 6) as usize].to_account_id();
    let last_lease = pallet_leases::NextLease::<Runtime>::get();
    let lease = 1 + number % last_lease.max(1);
    let audit = 1 + number % pallet_audits::NextAudit::<Runtime>::get().max(1);
    let offence = 1 + number % pallet_disputes::NextOffence::<Runtime>::get().max(1);
    let id = machine(number);
    let verdict = match other % 3 {
        0 => Verdict::Pass(Findings { throughput: 5, ..Findings::default() }),
        1 => Verdict::Fail,
        _ => Verdict::Unreachable,
    };
    let root = [who as u8; 32];
    match op.what {
        0 => RuntimeCall::Machines(pallet_machines::Call::set_operator { operator: someone }),
        1..=3 => register(who, number, other),
        4..=5 => {
            let amount = match other % 3 {
                0 => Amount::UsdMicro(u128::from(other % 1_000_000)),
                _ => Amount::Dbc(u128::from(other % 100) * DBC),
            };
            let price = Price { gpu_hour: amount, cpu_hour: amount };
            let offer = Offer { price, min_term: 100, max_term: 10_000 };
            RuntimeCall::Machines(pallet_machines::Call::set_offer { machine: id, offer })
        }
        6..=7 => RuntimeCall::Machines(pallet_machines::Call::list { machine: id }),
        8 => RuntimeCall::Machines(pallet_machines::Call::unlist { machine: id }),
        9 => RuntimeCall::Machines(pallet_machines::Call::retire { machine: id }),
        10 => RuntimeCall::Machines(pallet_machines::Call::withdraw_stake { machine: id }),
        11 => RuntimeCall::Machines(pallet_machines::Call::top_up { machine: id }),
        12..=15 => order(number, other),
        16..=17 => RuntimeCall::Leases(pallet_leases::Call::started { lease }),
        18 => RuntimeCall::Leases(pallet_leases::Call::settle { lease }),
        19 => RuntimeCall::Leases(pallet_leases::Call::end { lease }),
        20 => RuntimeCall::Leases(pallet_leases::Call::terminate { lease }),
        21 => RuntimeCall::Leases(pallet_leases::Call::extend {
            lease,
            slots: other % 2_000,
            offer_version: 1,
            max_rate: 1_000 * DBC,
        }),
        22 => RuntimeCall::Leases(pallet_leases::Call::close_expired { lease }),
        23..=24 => RuntimeCall::Audits(pallet_audits::Call::request { machine: id }),
        25..=26 => {
            let commit = commitment(&who.to_account_id(), &root, &verdict);
            RuntimeCall::Audits(pallet_audits::Call::commit { audit, commit })
        }
        27..=28 => RuntimeCall::Audits(pallet_audits::Call::reveal { audit, root, verdict }),
        29 => RuntimeCall::Audits(pallet_audits::Call::demand { audit, auditor: someone }),
        30 => RuntimeCall::Audits(pallet_audits::Call::leave {}),
        31 => RuntimeCall::Disputes(pallet_disputes::Call::report {
            machine: id,
            kind: if other % 2 == 0 { Kind::Malfunction } else { Kind::Counterfeit },
            lease: (other % 3 == 0).then_some(lease),
        }),
        32 => RuntimeCall::Disputes(pallet_disputes::Call::appeal { offence }),
        33 => RuntimeCall::Rewards(pallet_rewards::Call::claim { provider: someone }),
        34 => RuntimeCall::Rewards(pallet_rewards::Call::poke { machine: id }),
        35 => RuntimeCall::Prices(pallet_prices::Call::feed {
            price: 15_000 + u128::from(other % 10_000),
        }),
        36 => RuntimeCall::Liveness(pallet_liveness::Call::join {}),
        37 => RuntimeCall::Liveness(pallet_liveness::Call::leave {}),
        38..=39 => {
            let mut heard = liveness::none();
            (0..4)
                .filter(|bit| other >> bit & 1 == 1)
                .for_each(|bit| liveness::set(&mut heard, bit, true));
            RuntimeCall::Liveness(pallet_liveness::Call::report {
                interval: now() / 10 - 1,
                cohort: 0,
                heard,
                root: [0; 32],
                opening: None,
            })
        }
        // He locks everything that he has, holds included (rule 12).
        40 => RuntimeCall::ConvictionVoting(pallet_conviction_voting::Call::vote {
            poll_index: 0,
            vote: AccountVote::Standard {
                vote: Vote { aye: other % 2 == 0, conviction: Conviction::Locked6x },
                balance: Balances::total_balance(&who.to_account_id()),
            },
        }),
        41 => RuntimeCall::Balances(pallet_balances::Call::transfer_all {
            dest: someone.into(),
            keep_alive: other % 2 == 0,
        }),
        _ => RuntimeCall::Balances(pallet_balances::Call::transfer_allow_death {
            dest: someone.into(),
            value: u128::from(other) * 1_000_000,
        }),
    }
}

/// A poll to vote on.
fn poll() -> RuntimeCall {
    RuntimeCall::Referenda(pallet_referenda::Call::submit {
        proposal_origin: Box::new(frame_system::RawOrigin::Root.into()),
        proposal: frame_support::traits::Bounded::Inline(vec![0, 0, 0].try_into().unwrap()),
        enactment_moment: frame_support::traits::schedule::DispatchTime::After(1),
    })
}

/// Everything of ours, and the sum of all money.
fn all_holds(after: &Op) {
    for (name, state) in [
        ("machines", Machines::do_try_state()),
        ("leases", Leases::do_try_state()),
        ("liveness", Liveness::do_try_state()),
        ("audits", Audits::do_try_state()),
        ("rewards", Rewards::do_try_state()),
        ("disputes", Disputes::do_try_state()),
        ("prices", Prices::do_try_state()),
    ] {
        assert!(state.is_ok(), "{name}: {state:?} after {after:?}");
    }
    let accounts = frame_system::Account::<Runtime>::iter_values();
    let sum = accounts.fold(0, |sum, account| sum + account.data.free + account.data.reserved);
    assert_eq!(sum, Balances::total_issuance(), "money is where the accounts say, after {after:?}");
}

/// Runs the operations, four in a block; between blocks a slot, or minutes.
fn play(ops: &[Op]) {
    let verified: Vec<_> = (0..2).map(|number| machine(number).0).collect();
    let patch = serde_json::json!({ "machines": { "verified": verified } });
    network_with(genesis::DEV, patch).execute_with(|| {
        run_to(1);
        begin(2);
        let nonce = |who: Sr25519Keyring| System::account_nonce(who.to_account_id());
        Executive::apply_extrinsic(signed(Alice, nonce(Alice), poll())).unwrap().unwrap();
        Executive::finalize_block();
        for block in ops.chunks(4) {
            let last = &block[block.len() - 1];
            // Mostly the next slot, often some minutes, sometimes most of an hour.
            let apart = match last.other % 8 {
                0 => 1 + last.number % 900,
                1 | 2 => 1 + last.number % (5 * MINUTES),
                _ => 1,
            };
            begin_at(System::block_number() + 1, now() + apart);
            for op in block {
                let who = PEOPLE[op.who];
                // Whoever has nothing left, or calls too large a thing, is turned away at the door.
                let _ = Executive::apply_extrinsic(signed(who, nonce(who), call(op)));
            }
            Executive::finalize_block();
            all_holds(last);
        }
    });
}

fn cases() -> u32 {
    if std::env::var_os("DBC_TEST_LONG").is_some() { 1_000 } else { 4 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_people_do_everything_holds(ops in prop::collection::vec(op(), 400)) {
        play(&ops);
    }
}
