//! Weights: what blocks and calls do is counted, by what they do.

use dbc_runtime::{Runtime, RuntimeCall, configs::system::BlockWeights};
use frame_support::{
    dispatch::{DispatchClass, GetDispatchInfo as _},
    traits::Hooks as _,
    weights::WeightMeter,
};
use sp_keyring::Sr25519Keyring::{Alice, Bob};

use crate::{world::*, *};

/// Hooks said that they weigh nothing, and walked over everything.
#[test]
fn predecessor_flaw_35_hooks_that_say_they_weigh_nothing() {
    world(|| {
        listed(Alice, 0, 2);
        ordered(Bob, 0, &[0], 1_200);
        begin_after(1);
        let hooks = [
            ("liveness", dbc_runtime::Liveness::on_initialize(System::block_number())),
            ("audits", dbc_runtime::Audits::on_initialize(System::block_number())),
        ];
        for (name, weight) in hooks {
            assert!(weight.ref_time() > 0, "{name}");
        }
        let used = System::block_weight().get(DispatchClass::Mandatory).ref_time();
        let said: u64 = hooks.iter().map(|(_, weight)| weight.ref_time()).sum();
        assert!(used >= said, "{used} {said}");
        Executive::finalize_block();
    });
}

/// What queues do in a block ends with its weight.
#[test]
fn predecessor_flaw_35_queues_that_overrun_a_block() {
    world(|| {
        listed(Alice, 0, 2);
        let lease_id = ordered(Bob, 0, &[0], 1_200);
        let due = lease(lease_id).ends_at;
        begin_at(System::block_number() + 1, due + 1);
        // Something is due; with no weight left, queues do nothing at all.
        let before = state();
        let mut nothing = WeightMeter::with_limit(Default::default());
        dbc_runtime::Leases::on_poll(System::block_number(), &mut nothing);
        dbc_runtime::Audits::on_poll(System::block_number(), &mut nothing);
        dbc_runtime::Disputes::on_poll(System::block_number(), &mut nothing);
        assert_eq!(nothing.consumed(), Default::default());
        assert_eq!(before, state());
        Executive::finalize_block();
        assert!(lease(lease_id).is_closed());
        let most = BlockWeights::get().max_block;
        assert!(System::block_weight().total().all_lte(most));
    });
}

/// Nine in ten calls had one literal weight, and cost practically nothing.
#[test]
fn predecessor_flaw_37_calls_for_nothing() {
    world(|| {
        let machine = listed(Alice, 0, 2);
        let least = <Runtime as frame_system::Config>::DbWeight::get().reads_writes(1, 1);
        let calls: [RuntimeCall; 8] = [
            registration(Bob, 1, facts(1, CARD)),
            pallet_machines::Call::<Runtime>::retire { machine }.into(),
            pallet_leases::Call::<Runtime>::create { order: order(0, &[0], 1_200) }.into(),
            pallet_leases::Call::<Runtime>::settle { lease: 1 }.into(),
            pallet_audits::Call::<Runtime>::request { machine }.into(),
            pallet_disputes::Call::<Runtime>::appeal { offence: 1 }.into(),
            pallet_rewards::Call::<Runtime>::poke { machine }.into(),
            pallet_prices::Call::<Runtime>::feed { price: 1 }.into(),
        ];
        for call in calls {
            let weight = call.get_dispatch_info().call_weight;
            assert!(weight.all_gte(least), "{call:?}: {weight:?}");
        }
        // A refused call is paid for as well.
        let before = free(Bob);
        assert!(act(Bob, pallet_leases::Call::<Runtime>::settle { lease: 99 }).is_err());
        assert!(free(Bob) < before);
    });
}
