//! Random calls by random people through the executive, over simulated weeks: everything of ours must hold after
//! each block and everything of all pallets at the end, whatever was refused, and money must be where the accounts
//! say it is.

mod calls;

use dbc_runtime::{Runtime, System, constants::HOURS};
use proptest::{
    prelude::*,
    test_runner::{FileFailurePersistence, RngAlgorithm, TestRng, TestRunner},
};
use sp_keyring::Sr25519Keyring;

use crate::{
    random::{MACHINES, Maker, PEOPLE},
    world::*,
    *,
};

/// One thing that somebody tries. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
struct Op {
    who: usize,
    what: u8,
    number: u64,
    other: u64,
}

/// Operations of one network.
const OPS: usize = 400;
/// Operations of one block.
const BLOCK: usize = 8;

fn op() -> impl Strategy<Value = Op> {
    (0..PEOPLE.len(), 0u8..100, any::<u64>(), any::<u64>())
        .prop_map(|(who, what, number, other)| Op { who, what, number, other })
}

/// Slots to the next block: mostly one, often some minutes, sometimes hours, seldom a day or two.
fn apart(luck: u64) -> u64 {
    let within = |most: u64| 1 + (luck >> 8) % most;
    match luck % 16 {
        0 => within(48 * HOURS),
        1 | 2 => within(12 * HOURS),
        3 | 4 => within(HOURS),
        5..=8 => within(100),
        _ => 1,
    }
}

/// Runs the operations, so many in a block; in half of the blocks a watcher tells whom he hears.
fn play(ops: &[Op]) {
    let maker = Maker::new();
    world(|| {
        let nonce = |who: Sr25519Keyring| System::account_nonce(who.to_account_id());
        calls::begin();
        let mut watch = Watch::default();
        for block in ops.chunks(BLOCK) {
            let last = &block[block.len() - 1];
            begin_after(apart(last.number));
            if last.other % 2 == 0 {
                let there = |number: &u8| {
                    let found = pallet_machines::Machines::<Runtime>::get(machine(*number));
                    found.is_some() && last.other >> number & 3 != 0
                };
                let heard: Vec<u8> = MACHINES.into_iter().filter(there).collect();
                // He may have left, or told of it before.
                let _ = watch.tell((now() / INTERVAL).saturating_sub(1), &heard);
            }
            for op in block {
                let who = PEOPLE[op.who];
                // Whoever has nothing left, or calls too large a thing, is turned away at the door.
                if let Some(call) = calls::call(op, &maker) {
                    let _ = applied(signed(who, nonce(who), call));
                }
            }
            Executive::finalize_block();
            everything_holds(&format!("{block:?}"));
        }
        everybody_holds();
    });
}

/// Every pallet's own invariants, those of the SDK included.
fn everybody_holds() {
    use frame_support::traits::{PalletsInfoAccess as _, TryState as _, TryStateSelect};
    for pallet in dbc_runtime::AllPalletsWithSystem::infos() {
        let only = TryStateSelect::Only(vec![pallet.name.as_bytes().to_vec()]);
        let state = dbc_runtime::AllPalletsWithSystem::try_state(System::block_number(), only);
        assert!(state.is_ok(), "{}: {state:?}", pallet.name);
    }
}

/// Threads, each with random numbers of its own that follow from the seed.
const THREADS: u8 = 5;

/// Networks of each thread: 10,000 operations in all, a million in the long tests.
fn cases() -> u32 {
    if std::env::var_os("DBC_TEST_LONG").is_some() { 500 } else { 5 }
}

/// What the random numbers begin with: `DBC_TEST_SEED`, 64 hex digits, or new ones.
fn seed() -> [u8; 32] {
    match std::env::var("DBC_TEST_SEED") {
        Ok(text) => sp_core::bytes::from_hex(&text)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .expect("DBC_TEST_SEED has 64 hex digits"),
        Err(_) => rand_seed(),
    }
}

fn rand_seed() -> [u8; 32] {
    use std::hash::{BuildHasher as _, Hasher as _};
    let mut seed = [0; 32];
    for part in seed.chunks_mut(8) {
        let number = std::collections::hash_map::RandomState::new().build_hasher().finish();
        part.copy_from_slice(&number.to_le_bytes());
    }
    seed
}

#[test]
fn whatever_people_do_everything_holds() {
    let seed = seed();
    let told = sp_core::bytes::to_hex(&seed, false);
    println!("replay with DBC_TEST_SEED={told}");
    let failed: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let mut seed = seed;
                seed[0] ^= thread;
                scope.spawn(move || try_networks(&seed))
            })
            .collect();
        let done = threads.into_iter().map(|thread| thread.join().expect("it tells what failed"));
        done.filter_map(Result::err).collect()
    });
    assert!(failed.is_empty(), "DBC_TEST_SEED={told}\n{}", failed.join("\n"));
}

fn try_networks(seed: &[u8; 32]) -> Result<(), String> {
    let config = ProptestConfig {
        cases: cases(),
        max_shrink_iters: 200,
        source_file: Some(file!()),
        failure_persistence: Some(Box::new(FileFailurePersistence::SourceParallel(
            "proptest-regressions",
        ))),
        ..ProptestConfig::default()
    };
    let numbers = TestRng::from_seed(RngAlgorithm::ChaCha, seed);
    let mut runner = TestRunner::new_with_rng(config, numbers);
    let done = runner.run(&prop::collection::vec(op(), OPS), |ops| {
        play(&ops);
        Ok(())
    });
    done.map_err(|failed| failed.to_string())
}
