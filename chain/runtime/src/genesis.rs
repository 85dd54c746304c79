//! The first state of networks for development. Keys are the well-known ones that everybody has:
//! nothing made here may hold anything of value. A real network's genesis is not a preset.

use alloc::{string::String, vec, vec::Vec};

use frame_support::build_struct_json_patch;
use sp_genesis_builder::PresetId;
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

use crate::BabeConfig;
use crate::{
    AccountId, Balance, BalancesConfig, RuntimeGenesisConfig, SessionConfig, SessionKeys,
    SudoConfig,
    configs::money::{ExistentialDeposit, TreasuryAccount},
    constants::{BABE_EPOCH_CONFIG, DBC},
};

/// One validator: Alice.
pub const DEV: &str = "dev";
/// Four validators: Alice, Bob, Charlie and Dave.
pub const LOCAL: &str = "local";

/// What each well-known account begins with.
const ENDOWMENT: Balance = 1_000_000_000 * DBC;

/// Names of the presets.
pub fn preset_names() -> Vec<PresetId> {
    vec![PresetId::from(DEV), PresetId::from(LOCAL)]
}

/// A preset as JSON, to be merged over the default genesis.
pub fn preset(id: &PresetId) -> Option<Vec<u8>> {
    let validators: &[(Sr25519Keyring, Ed25519Keyring)] = match id.as_str() {
        DEV => &VALIDATORS[..1],
        LOCAL => &VALIDATORS,
        _ => return None,
    };
    Some(json(validators).into_bytes())
}

const VALIDATORS: [(Sr25519Keyring, Ed25519Keyring); 4] = [
    (Sr25519Keyring::Alice, Ed25519Keyring::Alice),
    (Sr25519Keyring::Bob, Ed25519Keyring::Bob),
    (Sr25519Keyring::Charlie, Ed25519Keyring::Charlie),
    (Sr25519Keyring::Dave, Ed25519Keyring::Dave),
];

fn json(validators: &[(Sr25519Keyring, Ed25519Keyring)]) -> String {
    use alloc::string::ToString as _;

    let keys = |(author, finalizer): &(Sr25519Keyring, Ed25519Keyring)| {
        let account = author.to_account_id();
        let keys = SessionKeys { babe: author.public().into(), grandpa: finalizer.public().into() };
        (account.clone(), account, keys)
    };
    let endowed: Vec<(AccountId, Balance)> = [
        Sr25519Keyring::Alice,
        Sr25519Keyring::Bob,
        Sr25519Keyring::Charlie,
        Sr25519Keyring::Dave,
        Sr25519Keyring::Eve,
        Sr25519Keyring::Ferdie,
    ]
    .into_iter()
    .map(|who| (who.to_account_id(), ENDOWMENT))
    // It must exist, or fees below the existential deposit would be lost.
    .chain([(TreasuryAccount::get(), ExistentialDeposit::get())])
    .collect();
    build_struct_json_patch!(RuntimeGenesisConfig {
        balances: BalancesConfig { balances: endowed },
        session: SessionConfig { keys: validators.iter().map(keys).collect::<Vec<_>>() },
        babe: BabeConfig { epoch_config: BABE_EPOCH_CONFIG },
        sudo: SudoConfig { key: Some(Sr25519Keyring::Alice.to_account_id()) },
    })
    .to_string()
}
