//! Whatever comes: any call by anybody, and bytes that are no call. Nothing panics, no block is overrun, and
//! nothing stays that its sender did not pay for.

use std::collections::BTreeSet;

use codec::DecodeLimit as _;
use dbc_runtime::{
    Balances, OriginCaller, Runtime, RuntimeCall, RuntimeOrigin, Session,
    configs::{
        governance::{CouncilCollective, TechnicalCollective, origins::Origin},
        system::BlockWeights,
    },
};
use frame_support::traits::{GetCallMetadata as _, fungible::Inspect as _};
use proptest::prelude::*;
use sp_runtime::traits::Dispatchable as _;

use crate::{
    random::{Luck, MACHINES, Maker, PEOPLE},
    world::*,
    *,
};

/// Calls that cost nothing when they are accepted: of those who bonded for it.
const DUTIES: [&str; 8] =
    ["report", "open", "abstain", "commit", "reveal", "feed", "plan_visit", "reveal_visit"];

/// Pallets whose calls are tried as root: ours alone, for root may break anything of the others.
const OURS: [&str; 7] =
    ["Machines", "Leases", "Liveness", "Audits", "Rewards", "Disputes", "Prices"];

/// A network with some of everything, and without the key to everything.
fn busy<R>(test: impl FnOnce() -> R) -> R {
    world(|| {
        for (number, who) in MACHINES.into_iter().zip(PEOPLE) {
            let cards = if number < VERIFIED { 2 } else { 0 };
            registered(who, number, cards);
        }
        list(PEOPLE[0], MACHINES[0], 1_000);
        let mut watch = Watch::default();
        watch.pass(2, &MACHINES[..2]);
        rented(PEOPLE[1], MACHINES[0], &[0], 1_200);
        act(PEOPLE[2], pallet_audits::Call::<Runtime>::request { machine: machine(MACHINES[2]) })
            .unwrap();
        let report = pallet_disputes::Call::<Runtime>::report {
            machine: machine(MACHINES[1]),
            kind: pallet_disputes::Kind::Counterfeit,
            lease: None,
        };
        act(PEOPLE[3], report).unwrap();
        pallet_sudo::Key::<Runtime>::kill();
        test()
    })
}

fn cases(of: u32) -> u32 {
    if std::env::var_os("DBC_TEST_LONG").is_some() { 50 * of } else { of }
}

fn held(who: sp_keyring::Sr25519Keyring) -> u128 {
    Balances::total_balance(&who.to_account_id()) - free(who)
}

/// Who speaks for nobody alone.
fn origin(number: u64) -> RuntimeOrigin {
    let origins = [Origin::Operations, Origin::Parameters, Origin::SlashCanceller, Origin::Seats];
    match number % 8 {
        0 => RuntimeOrigin::none(),
        1 => pallet_collective::RawOrigin::<_, CouncilCollective>::Members(2, 3).into(),
        2 => pallet_collective::RawOrigin::<_, TechnicalCollective>::Members(3, 3).into(),
        3..=6 => OriginCaller::Origins(origins[(number % 8 - 3) as usize]).into(),
        _ => RuntimeOrigin::root(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(8), max_shrink_iters: 64, ..ProptestConfig::default() })]

    /// By people, through the executive: whatever is left behind was paid for.
    #[test]
    fn no_call_panics_or_fills_a_block_or_stays_unpaid(seeds in prop::collection::vec(any::<u64>(), 120)) {
        let maker = Maker::new();
        busy(|| {
            for block in seeds.chunks(4) {
                let session = Session::current_index();
                begin_after(1 + block[0] % 40);
                for seed in block {
                    let mut luck = Luck(*seed);
                    let who = PEOPLE[luck.below(6) as usize];
                    let pallets: &[&str] = if luck.below(3) == 0 { &[] } else { &OURS };
                    let Some(call) = maker.call(&mut luck, pallets) else { continue };
                    let name = call.get_call_metadata().function_name;
                    let told = format!("{call:?}");
                    let (before, had, held) = (state().len(), free(who), held(who));
                    let nonce = System::account_nonce(who.to_account_id());
                    let done = applied(signed(who, nonce, call));
                    // What was turned away did nothing; queues have their turn before the first.
                    let grown = done.is_ok() && state().len() > before;
                    // Whoever takes a bond back left it for what is there.
                    let paid = free(who) < had || self::held(who) < held;
                    let duty = DUTIES.contains(&name) && done == Ok(Ok(()));
                    prop_assert!(!grown || paid || duty, "{who}: {told} left something for nothing");
                }
                Executive::finalize_block();
                // The session pallet counts a whole block for itself when it turns one.
                let most = match Session::current_index() == session {
                    true => BlockWeights::get().max_block,
                    false => BlockWeights::get().max_block.saturating_mul(2),
                };
                let weight = System::block_weight();
                prop_assert!(weight.total().all_lte(most), "a block is overrun: {weight:?}");
            }
            Ok(())
        })?;
    }

    /// By whoever else there is: nobody, collectives, tracks, root. Beside the pallets' own rules nothing can
    /// go wrong.
    #[test]
    fn no_origin_makes_a_call_panic(seeds in prop::collection::vec(any::<u64>(), 150)) {
        let maker = Maker::new();
        busy(|| {
            for block in seeds.chunks(8) {
                begin_after(1 + block[0] % 40);
                for seed in block {
                    let mut luck = Luck(*seed);
                    let by = luck.next();
                    if let Some(call) = maker.call(&mut luck, &OURS) {
                        let _ = call.dispatch(origin(by));
                    }
                }
                Executive::finalize_block();
            }
        });
    }

    /// Bytes that are no call are refused, whatever is at their beginning.
    #[test]
    fn bytes_that_are_no_call_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..600), seed in any::<u64>(), cut in any::<u16>()) {
        let decode = |bytes: &[u8]| RuntimeCall::decode_all_with_depth_limit(32, &mut &bytes[..]);
        let _ = decode(&bytes);
        network(dbc_runtime::genesis::DEV).execute_with(|| {
            run_to(1);
            let maker = Maker::new();
            if let Some(whole) = maker.bytes(&mut Luck(seed), &[]) {
                // Cut short, or with something after it.
                let at = usize::from(cut) % whole.len().max(1);
                let _ = decode(&whole[..at]);
                let longer = [&whole[..], &bytes[..]].concat();
                prop_assert!(bytes.is_empty() || decode(&longer).is_err() || decode(&whole).is_err());
            }
            Ok(())
        })?;
    }
}

/// The maker reaches every call of ours, and most of the others'.
#[test]
fn every_call_is_tried() {
    network(dbc_runtime::genesis::DEV).execute_with(|| {
        run_to(1);
        let maker = Maker::new();
        let mut tried = BTreeSet::new();
        let mut luck = Luck(7);
        for pallets in [&OURS[..], &[]] {
            for _ in 0..20_000 {
                if let Some(call) = maker.call(&mut luck, pallets) {
                    let name = call.get_call_metadata();
                    tried.insert((name.pallet_name.to_string(), name.function_name.to_string()));
                }
            }
        }
        let missing: Vec<_> =
            maker.names().into_iter().filter(|name| !tried.contains(name)).collect();
        let ours = missing.iter().filter(|(pallet, _)| OURS.contains(&pallet.as_str()));
        assert_eq!(ours.collect::<Vec<_>>(), Vec::<&(String, String)>::new());
        assert!(missing.len() < 40, "{missing:?}");
    });
}
