//! Storage: no value grows with the number of machines, and nothing stays that no one pays for.

use std::collections::BTreeMap;

use dbc_runtime::{AllPalletsWithSystem, Runtime, constants::DAYS};
use frame_support::traits::StorageInfoTrait as _;
use sp_keyring::Sr25519Keyring::{Alice, Bob};

use crate::{world::*, *};

/// The pallets of ours.
pub const OURS: [&str; 8] =
    ["Machines", "Leases", "Liveness", "Audits", "Rewards", "Disputes", "Prices", "Launch"];

/// Largest value that one key of ours may have, in bytes.
const VALUE_MAX: u32 = 64 * 1_024;

fn is_ours(pallet: &[u8]) -> bool {
    OURS.iter().any(|name| name.as_bytes() == pallet)
}

/// Lists of everything in one value, without a bound.
#[test]
fn predecessor_flaw_33_values_without_a_bound() {
    let mut seen = 0;
    let all = network(genesis::DEV).execute_with(AllPalletsWithSystem::storage_info);
    for info in all {
        if !is_ours(&info.pallet_name) {
            continue;
        }
        seen += 1;
        let name = String::from_utf8_lossy(&info.storage_name).into_owned();
        let bound = info.max_size.unwrap_or_else(|| panic!("{name} has no bound"));
        assert!(bound <= VALUE_MAX, "{name} may have {bound} bytes");
    }
    assert!(seen > 40, "{seen} items of ours");
}

/// How many entries pallets of ours have, and how large the largest is.
fn sizes() -> (usize, usize) {
    let prefixes = OURS.map(|name| sp_io::hashing::twox_128(name.as_bytes()));
    let all: BTreeMap<_, _> = state()
        .into_iter()
        .filter(|(key, _)| prefixes.iter().any(|prefix| key.starts_with(prefix)))
        .collect();
    (all.len(), all.values().map(Vec::len).max().unwrap_or_default())
}

/// Maps of all machines for each era, never pruned.
#[test]
fn predecessor_flaw_34_maps_of_everybody_for_each_era() {
    world(|| {
        let mut watch = Watch::default();
        for number in 0..VERIFIED {
            registered(if number % 2 == 0 { Alice } else { Bob }, number, 1);
        }
        let all: Vec<u8> = (0..VERIFIED).collect();
        // Rings and epochs fill up once.
        watch.pass(45, &all);
        pass_by(9 * DAYS, DAYS);
        watch.pass(45, &all);
        let before = sizes();
        pass_by(9 * DAYS, DAYS);
        watch.pass(45, &all);
        assert_eq!(sizes(), before, "nine more eras are no more entries and no larger ones");
    });
}

/// What is written when one machine of six changes is what is written when one of one does.
#[test]
fn predecessor_flaw_34_a_change_that_rewrites_everybody() {
    let written = |machines: u8| {
        let mut written = Vec::new();
        world(|| {
            for number in 0..machines {
                registered(Alice, number, 2);
            }
            // The same slot, whatever came before.
            to_slot(FIRST_SLOT + 40);
            let before = state();
            list(Alice, 0, 1);
            let listed = state();
            ordered(Bob, 0, &[0], 1_200);
            let ordered = state();
            written = OURS
                .iter()
                .flat_map(|pallet| {
                    [changed(&before, &listed, pallet), changed(&listed, &ordered, pallet)]
                })
                .collect();
        });
        written
    };
    assert_eq!(written(1), written(VERIFIED));
}

/// Counters were rebuilt with every upgrade, and versions of storage kept by hand.
#[test]
fn predecessor_flaw_40_upgrades_that_rebuild() {
    world(|| {
        listed(Alice, 0, 2);
        ordered(Bob, 0, &[0], 1_200);
        let before = state();
        begin_after(1);
        frame_system::LastRuntimeUpgrade::<Runtime>::kill();
        Executive::finalize_block();
        let older = state();
        // The same code, as if it were new: all hooks of upgrades run.
        begin_after(1);
        Executive::finalize_block();
        assert!(frame_system::LastRuntimeUpgrade::<Runtime>::get().is_some());
        let after = state();
        for pallet in ["Machines", "Leases", "Disputes", "Prices"] {
            let beside = changed(&before, &older, pallet);
            let upgraded = changed(&older, &after, pallet);
            assert!(upgraded <= beside, "{pallet}: {upgraded}, and {beside} in any block");
        }
    });
}
