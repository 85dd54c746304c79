//! Prices from anybody, powers of few, money that is mixed up.

use dbc_primitives::{Amount, MachineId};
use dbc_runtime::{
    Machines, Prices, Runtime, RuntimeCall, RuntimeOrigin,
    constants::{DBC, HOURS, MINUTES},
    genesis,
};
use pallet_disputes::Kind;
use pallet_machines::{Fleet as _, Part};
use scale_info::{TypeDef, TypeInfo as _};
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie, Dave, Ferdie, One};
use sp_runtime::{traits::Dispatchable as _, transaction_validity::TransactionSource};

use crate::{world::*, *};

#[test]
fn predecessor_flaw_01_a_price_from_anybody() {
    world(|| {
        let feed = |price| pallet_prices::Call::<Runtime>::feed { price };
        let unsigned = || UncheckedExtrinsic::new_bare(feed(20_000).into());
        let source = TransactionSource::External;
        let valid = Executive::validate_transaction(source, unsigned(), System::parent_hash());
        assert!(valid.is_err(), "no node carries it on");
        begin_after(1);
        assert_ne!(Executive::apply_extrinsic(unsigned()), Ok(Ok(())), "no block does it");
        Executive::finalize_block();
        let not_feeder = pallet_prices::Error::<Runtime>::NotFeeder;
        assert_eq!(act(Bob, feed(20_000)), Err(not_feeder.into()));
        assert_eq!(Prices::average(), None);
        act(One, feed(20_000)).unwrap();
        assert_eq!(Prices::average(), Some(20_000));
        let bad = sp_runtime::DispatchError::from(pallet_prices::Error::<Runtime>::BadPrice);
        pass(2 * MINUTES);
        for price in [0, u128::MAX] {
            assert_eq!(act(One, feed(price)), Err(bad));
        }
        // A thousandfold price, by whoever may tell one, is a step of five in a hundred.
        act(One, feed(20_000_000)).unwrap();
        let last = *pallet_prices::Buckets::<Runtime>::get().last().unwrap();
        assert!(last.price <= 21_000, "{}", last.price);
        assert!(Prices::average() <= Some(21_000));
    });
}

#[test]
fn predecessor_flaw_09_powers_of_few() {
    world(|| {
        // Nobody puts a machine out, and whoever cancels is more than one of five.
        let RuntimeCallNames(names) = names();
        assert!(names.iter().all(|(_, call)| !call.contains("force_machine")), "{names:?}");
        let offence = offence_of(registered(Alice, 0, 2));
        let cancel = pallet_disputes::Call::<Runtime>::cancel { offence };
        for who in [Alice, Bob, Charlie] {
            assert!(act(who, cancel.clone()).is_err(), "one alone");
        }
        let cancel = RuntimeCall::from(cancel);
        let technical = pallet_collective::RawOrigin::<_, Technical>::Members(3, 3);
        assert!(
            cancel.clone().dispatch(RuntimeOrigin::from(technical)).is_err(),
            "all technicians"
        );
        let third = pallet_collective::RawOrigin::<_, Council>::Members(1, 3);
        assert!(cancel.clone().dispatch(RuntimeOrigin::from(third)).is_err(), "a third");
        council(cancel);
        assert!(pallet_disputes::Offences::<Runtime>::get(offence).is_none());
    });
    // No network but that of one developer has a key to everything.
    for preset in [genesis::LOCAL, genesis::TEST] {
        network(preset).execute_with(|| assert_eq!(pallet_sudo::Key::<Runtime>::get(), None));
    }
    for preset in [genesis::STAGING, genesis::MAIN] {
        let patch = genesis::preset(&preset.to_string()).unwrap();
        let patch: serde_json::Value = serde_json::from_slice(&patch).unwrap();
        assert!(patch.get("sudo").is_none(), "{preset}");
    }
}

type Council = dbc_runtime::configs::governance::CouncilCollective;
type Technical = dbc_runtime::configs::governance::TechnicalCollective;

/// All calls, as (pallet, call).
struct RuntimeCallNames(Vec<(String, String)>);

fn names() -> RuntimeCallNames {
    use frame_support::traits::GetCallName as _;
    let TypeDef::Variant(pallets) = RuntimeCall::type_info().type_def else {
        panic!("calls are of pallets");
    };
    let ours = [
        ("Machines", pallet_machines::Call::<Runtime>::get_call_names()),
        ("Leases", pallet_leases::Call::<Runtime>::get_call_names()),
        ("Liveness", pallet_liveness::Call::<Runtime>::get_call_names()),
        ("Audits", pallet_audits::Call::<Runtime>::get_call_names()),
        ("Rewards", pallet_rewards::Call::<Runtime>::get_call_names()),
        ("Disputes", pallet_disputes::Call::<Runtime>::get_call_names()),
        ("Prices", pallet_prices::Call::<Runtime>::get_call_names()),
    ];
    let known: Vec<_> = pallets.variants.iter().map(|variant| variant.name).collect();
    assert!(ours.iter().all(|(name, _)| known.contains(name)));
    // And the chain runs no contracts, whose word moves money.
    for name in ["EVM", "Ethereum", "Contracts", "Revive", "Democracy", "Elections", "Tips"] {
        assert!(!known.contains(&name), "{name}");
    }
    let all = ours.iter().flat_map(|(pallet, calls)| {
        calls.iter().map(|call| ((*pallet).to_string(), (*call).to_string()))
    });
    RuntimeCallNames(all.collect())
}

/// An offence of ten minutes that is recorded.
fn offence_of(machine: MachineId) -> u64 {
    use dbc_runtime::configs::disputes::Outages;
    use pallet_liveness::OutageSink as _;
    let id = pallet_disputes::NextOffence::<Runtime>::get();
    Outages::silent(machine, now() - 10 * MINUTES, true);
    Outages::back(machine, now());
    assert!(pallet_disputes::Offences::<Runtime>::get(id).is_some());
    id
}

#[test]
fn predecessor_flaw_12_contracts_that_move_money_and_amounts_that_saturate() {
    assert!(!names().0.is_empty(), "no pallet of contracts");
    world(|| {
        // Above what 64 bits hold of units, 18,446 DBC.
        let hourly = 1_200_000 * DBC;
        registered(Alice, 0, 2);
        list(Alice, 0, hourly);
        let quote = Machines::quote(machine(0), Part::gpus(&[0, 1]), 1).unwrap();
        assert_eq!(quote.rate, 2 * hourly / 1_200);
        assert!(quote.rate * 1_200 > u128::from(u64::MAX));
        let lease_id = ordered(Bob, 0, &[0, 1], 1_200);
        assert_eq!(lease(lease_id).deposit, 2 * hourly);
    });
}

/// The predecessor's machine stake, rent, reports and appeals shared one reserve.
#[test]
fn predecessor_flaw_26_one_reserve_for_everything() {
    world(|| {
        let machine = listed(Alice, 0, 2);
        let lease_id = rented(Alice, 0, &[0], 1_200);
        listed(Bob, 1, 1);
        let report = |machine| pallet_disputes::Call::<Runtime>::report {
            machine,
            kind: Kind::Malfunction,
            lease: None,
        };
        act(Alice, report(self::machine(1))).unwrap();
        act(Alice, pallet_liveness::Call::<Runtime>::join {}).unwrap();
        let stake = || held(Alice, pallet_machines::HoldReason::Stake);
        let others = || {
            (
                held(Alice, pallet_leases::HoldReason::Deposit),
                held(Alice, pallet_disputes::HoldReason::Report),
                held(Alice, pallet_liveness::HoldReason::Watcher),
            )
        };
        let before = others();
        assert_eq!(before, (lease(lease_id).deposit, 1_000 * DBC, 1_000 * DBC));
        // All of the stake is taken, and nothing else.
        let treasury = dbc_runtime::configs::money::TreasuryAccount::get();
        assert_eq!(Machines::slash(machine, u128::MAX, &treasury), 20_000 * DBC);
        assert_eq!((stake(), others()), (0, before));
        everything_holds("the slash");
    });
}

#[test]
fn predecessor_flaw_27_rent_that_is_locked_up_as_stake() {
    world(|| {
        let mut watch = Watch::default();
        listed(Alice, 0, 1);
        watch.pass(2, &[0]);
        let before = (free(Alice), held(Alice, pallet_machines::HoldReason::Stake));
        let lease_id = ordered(Bob, 0, &[0], 1_200);
        act(Alice, pallet_leases::Call::<Runtime>::started { lease: lease_id }).unwrap();
        let fee = before.0 - free(Alice);
        watch.pass(20, &[0]);
        act(Bob, pallet_leases::Call::<Runtime>::settle { lease: lease_id }).unwrap();
        let paid = lease(lease_id).paid;
        assert!(paid > 0);
        // The provider has it free; what is on hold for his machine is what it was.
        assert_eq!(free(Alice), before.0 - fee + paid);
        assert_eq!(held(Alice, pallet_machines::HoldReason::Stake), before.1);
    });
}

/// Another's account gets what was not used; nobody's stake is made up for with it.
#[test]
fn predecessor_flaw_27_a_receiver_who_is_somebody_else() {
    world(|| {
        listed(Alice, 0, 1);
        let mut order = order(0, &[0], 1_200);
        order.receiver = Some(Dave.to_account_id());
        let lease_id = order.tag;
        act(Bob, pallet_leases::Call::<Runtime>::create { order }).unwrap();
        let before = free(Dave);
        act(Bob, pallet_leases::Call::<Runtime>::end { lease: lease_id }).unwrap();
        assert_eq!(free(Dave) - before, 12 * DBC);
        assert_eq!(held(Bob, pallet_leases::HoldReason::Deposit), 0);
    });
}

#[test]
fn predecessor_flaw_32_sums_that_wrap() {
    world(|| {
        listed(Alice, 0, 1);
        for term in [u64::MAX, u64::MAX / 2, 0] {
            let order = order(0, &[0], term);
            assert!(act(Bob, pallet_leases::Call::<Runtime>::create { order }).is_err(), "{term}");
        }
        let lease_id = rented(Bob, 0, &[0], 1_200);
        let ends_at = lease(lease_id).ends_at;
        for slots in [u64::MAX, u64::MAX - ends_at, 0] {
            let extend = pallet_leases::Call::<Runtime>::extend {
                lease: lease_id,
                slots,
                offer_version: 1,
                max_rate: u128::MAX,
            };
            assert!(act(Bob, extend).is_err(), "{slots}");
        }
        assert_eq!(lease(lease_id).ends_at, ends_at);
        // A price beyond the number range is refused when somebody asks, and stops nothing.
        registered(Alice, 1, 2);
        let offer = offer_of(Amount::Dbc(u128::MAX));
        act(Alice, pallet_machines::Call::<Runtime>::set_offer { machine: machine(1), offer })
            .unwrap();
        act(Alice, pallet_machines::Call::<Runtime>::list { machine: machine(1) }).unwrap();
        let order = order(1, &[0, 1], 1_200);
        assert!(act(Bob, pallet_leases::Call::<Runtime>::create { order }).is_err());
        assert!(held(Ferdie, pallet_liveness::HoldReason::Watcher) > 0, "and the rest goes on");
        pass(HOURS);
    });
}
