//! How networks begin.

use std::panic::{AssertUnwindSafe, catch_unwind};

use dbc_runtime::{
    Balances, Grandpa, Runtime, Session,
    configs::money::TreasuryAccount,
    constants::DBC,
    genesis::{self, launch},
};
use frame_support::traits::fungible::Inspect as _;
use sp_keyring::{
    Ed25519Keyring,
    Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve, Ferdie, One, Two},
};

use crate::*;

#[test]
fn each_preset_for_trying_builds_its_genesis() {
    for (preset, validators) in [(genesis::DEV, 1), (genesis::LOCAL, 4), (genesis::TEST, 4)] {
        assert!(genesis::preset_names().contains(&preset.to_string()));
        network(preset).execute_with(|| {
            assert_eq!(Session::validators().len(), validators);
            assert_eq!(Grandpa::grandpa_authorities().len(), validators);
            assert_eq!(pallet_babe::Authorities::<Runtime>::get().len(), validators);
            assert_eq!(Balances::total_balance(&Alice.to_account_id()), 1_000_000_000 * DBC);
            let sudo = (preset == genesis::DEV).then(|| Alice.to_account_id());
            assert_eq!(pallet_sudo::Key::<Runtime>::get(), sudo, "only `dev` has sudo");
        });
    }
    assert!(genesis::preset(&"mainnet".to_string()).is_none());
}

#[test]
fn a_genesis_without_a_preset_has_no_sudo() {
    let default = get_preset::<RuntimeGenesisConfig>(&None, |_| None).unwrap();
    let config: serde_json::Value = serde_json::from_slice(&default).unwrap();
    assert!(config["sudo"]["key"].is_null());
}

/// A file of keys: four validators and the accounts of the table.
fn keys() -> serde_json::Value {
    let finalizers =
        [Ed25519Keyring::Alice, Ed25519Keyring::Bob, Ed25519Keyring::Charlie, Ed25519Keyring::Dave];
    let people = [Alice, Bob, Charlie, Dave];
    let validators: Vec<_> = people
        .iter()
        .zip(finalizers)
        .map(|(who, finalizer)| {
            let account = who.to_account_id();
            let keys = serde_json::json!({
                "babe": account,
                "grandpa": finalizer.to_account_id(),
                "authority_discovery": account,
            });
            serde_json::json!([account, account, keys])
        })
        .collect();
    let stakers = people.map(|who| {
        let account = who.to_account_id();
        serde_json::json!([account, account, 20_000 * DBC, "Validator"])
    });
    let team = [Ferdie, One, Two, Sr25519Keyring::AliceStash].map(Sr25519Keyring::to_account_id);
    let quarter = |who: Sr25519Keyring| (who.to_account_id(), 375_000_000);
    let sale = people.map(quarter);
    serde_json::json!({
        "session": {"keys": validators},
        "staking": {"stakers": stakers},
        "launch": {
            "foundation": Eve.to_account_id(),
            "team": team,
            "sale": sale,
            "mined": [(Ferdie.to_account_id(), 1_000_000_000)],
        },
    })
}

/// Why a genesis was refused.
fn refusal(preset: &str, keys: serde_json::Value) -> String {
    let made = catch_unwind(AssertUnwindSafe(|| {
        network_with(preset, keys);
    }));
    let why = made.expect_err("it must be refused");
    let text = why.downcast_ref::<String>().cloned();
    text.unwrap_or_else(|| why.downcast_ref::<&str>().copied().unwrap_or("no words").to_owned())
}

#[test]
fn a_network_of_value_needs_a_file_of_keys() {
    for preset in [genesis::STAGING, genesis::MAIN] {
        let why = refusal(preset, serde_json::json!({}));
        assert!(why.contains("launch.foundation"), "{why}");
    }
}

#[test]
fn the_main_networks_money_is_the_predecessors_table() {
    network_with(genesis::MAIN, keys()).execute_with(|| {
        let million = 1_000_000 * DBC;
        assert_eq!(Balances::total_issuance(), 6_000 * million, "60 %; the rest is earned");
        assert_eq!(Balances::total_balance(&TreasuryAccount::get()), 765 * million);
        assert_eq!(Balances::usable_balance(TreasuryAccount::get()), 0, "over fifteen years");
        assert_eq!(launch::TEAM.iter().sum::<u128>(), 1_000 * million);
        assert_eq!(pallet_staking::ValidatorCount::<Runtime>::get(), 21);
        assert_eq!(Session::validators().len(), 4);
        assert_eq!(pallet_sudo::Key::<Runtime>::get(), None);
        let spendable = Balances::usable_balance(Ferdie.to_account_id());
        assert_eq!(spendable, 1_000 * million, "what he mined, and none of what vests");
    });
}

#[test]
fn a_table_that_does_not_add_up_is_refused() {
    let mut keys = keys();
    keys["launch"]["mined"] = serde_json::json!([[Ferdie.to_account_id(), 999_999_999]]);
    let why = refusal(genesis::MAIN, keys);
    assert!(why.contains("`launch.mined` adds up to 999999999"), "{why}");
}

#[test]
fn forbidden_pallets_are_absent() {
    use frame_support::traits::PalletsInfoAccess as _;
    let names: Vec<_> =
        dbc_runtime::AllPalletsWithSystem::infos().iter().map(|info| info.module_name).collect();
    let forbidden = [
        "pallet_democracy",
        "pallet_elections_phragmen",
        "pallet_im_online",
        "pallet_tips",
        "pallet_fast_unstake",
        "pallet_election_provider_multi_phase",
        "pallet_contracts",
        "pallet_insecure_randomness_collective_flip",
    ];
    assert!(names.contains(&"pallet_referenda"), "names are those of crates: {names:?}");
    assert!(forbidden.iter().all(|name| !names.contains(name)));
}
