//! Blocks, fees, proxies.

use dbc_runtime::{
    Balances, Executive, Runtime, RuntimeCall,
    configs::{
        accounts::ProxyType,
        money::{ExistentialDeposit, TreasuryAccount},
    },
    constants::{DBC, MILLI_DBC},
    genesis,
};
use frame_support::traits::InstanceFilter as _;
use sp_keyring::Sr25519Keyring::{Alice, Bob};
use sp_runtime::{
    traits::Header as _,
    transaction_validity::{InvalidTransaction, TransactionValidityError},
};

use crate::*;

#[test]
fn a_transfer_costs_about_a_hundredth_and_the_treasury_gets_it() {
    network(genesis::DEV).execute_with(|| {
        begin(1);
        let before = Balances::free_balance(Alice.to_account_id());
        Executive::apply_extrinsic(signed(Alice, 0, transfer(Bob, 5 * DBC))).unwrap().unwrap();
        let fee = before - 5 * DBC - Balances::free_balance(Alice.to_account_id());
        assert!(fee > 5 * MILLI_DBC && fee < 20 * MILLI_DBC, "the fee is {fee}");
        assert_eq!(Balances::free_balance(TreasuryAccount::get()), fee + ExistentialDeposit::get());
        assert_eq!(
            Executive::apply_extrinsic(signed(Alice, 0, transfer(Bob, 5 * DBC))),
            Err(TransactionValidityError::Invalid(InvalidTransaction::Stale)),
        );
        let header = Executive::finalize_block();
        assert_eq!(*header.number(), 1);
    });
}

#[test]
fn the_market_reads_the_slot_of_the_block() {
    use frame_support::traits::Get as _;

    network(genesis::DEV).execute_with(|| {
        begin(1);
        let slot = <Runtime as pallet_machines::Config>::Clock::get();
        assert_eq!(slot, FIRST_SLOT + 1);
    });
}

#[test]
fn proxies_do_what_their_kind_says() {
    let pay = transfer(Bob, DBC);
    let settle = RuntimeCall::Leases(pallet_leases::Call::settle { lease: 1 });
    let end = RuntimeCall::Leases(pallet_leases::Call::end { lease: 1 });
    let kinds = [
        (ProxyType::Any, [true, true, true]),
        (ProxyType::NonTransfer, [false, false, false]),
        (ProxyType::Leases, [false, true, true]),
        (ProxyType::Machines, [false, true, false]),
        (ProxyType::CancelProxy, [false, false, false]),
    ];
    for (kind, expected) in kinds {
        let found = [&pay, &settle, &end].map(|call| kind.filter(call));
        assert_eq!(found, expected, "{kind:?}");
        assert!(ProxyType::Any.is_superset(&kind));
    }
}

#[test]
fn empty_blocks_follow_each_other() {
    network(genesis::DEV).execute_with(|| {
        for number in 1..20 {
            begin(number);
            let header = Executive::finalize_block();
            assert_eq!(*header.number(), number);
            assert_ne!(*header.state_root(), Default::default());
        }
    });
}
