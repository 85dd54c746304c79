//! The first state of networks. Keys of the presets for development are the well-known ones that
//! everybody has: nothing made of them may hold anything of value. A real network's preset has no keys
//! and refuses to be built without a file that names them (see `launch`).

pub mod launch;

use alloc::{string::String, vec, vec::Vec};

use frame_support::build_struct_json_patch;
use pallet_audits::Pace;
use sp_genesis_builder::PresetId;
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

use crate::{
    AccountId, AuditsConfig, BabeConfig, Balance, BalancesConfig, CouncilConfig, LaunchConfig,
    LivenessConfig, NominationPoolsConfig, OriginsConfig, PricesConfig, Runtime,
    RuntimeGenesisConfig, SessionConfig, SessionKeys, StakingConfig, SudoConfig,
    TechnicalCommitteeConfig,
    configs::money::{ExistentialDeposit, TreasuryAccount},
    constants::{BABE_EPOCH_CONFIG, DBC},
};

/// One validator: Alice, who also has sudo.
pub const DEV: &str = "dev";
/// Four validators: Alice, Bob, Charlie and Dave.
pub const LOCAL: &str = "local";
/// A public network for trying: four validators of well-known keys until others are elected, decisions
/// within hours, and Eve's well-known account as the faucet that everybody may draw from.
pub const TEST: &str = "test";
/// The main network's rules with a file of keys of those who rehearse it.
pub const STAGING: &str = "staging";
/// The main network.
pub const MAIN: &str = "main";

/// What each well-known account begins with.
const ENDOWMENT: Balance = 1_000_000_000 * DBC;
/// What each well-known validator bonds.
const STAKE: Balance = 1_000_000 * DBC;
/// Least that a validator bonds in a network of value.
const VALIDATOR_BOND: Balance = 10_000 * DBC;
/// Least that a nominator bonds.
const NOMINATOR_BOND: Balance = 100 * DBC;
/// Least that a member of a pool brings; without one, places in pools are free.
const POOL_BOND: Balance = DBC;
/// Validators of the main network, until a referendum opens more seats, up to 41.
const SEATS: u32 = 21;

/// Audits of development: verified in two minutes, by one auditor.
const HURRIED: Pace = Pace {
    window: 5,
    draw_delay: 5,
    commit: 15,
    reveal: 6,
    back_off: 10,
    visit_every: 20,
    visit: 160,
};

/// Names of the presets.
pub fn preset_names() -> Vec<PresetId> {
    [DEV, LOCAL, TEST, STAGING, MAIN].into_iter().map(PresetId::from).collect()
}

/// A preset as JSON, to be merged over the default genesis.
pub fn preset(id: &PresetId) -> Option<Vec<u8>> {
    let json = match id.as_str() {
        DEV => {
            let alice = Sr25519Keyring::Alice.to_account_id();
            well_known(&VALIDATORS[..1], 10_000, Some(HURRIED), Some(alice))
        }
        LOCAL => well_known(&VALIDATORS, 10_000, Some(HURRIED), None),
        TEST => well_known(&VALIDATORS, 100, None, None),
        STAGING => real(24),
        MAIN => real(1),
        _ => return None,
    };
    Some(json.into_bytes())
}

const VALIDATORS: [(Sr25519Keyring, Ed25519Keyring); 4] = [
    (Sr25519Keyring::Alice, Ed25519Keyring::Alice),
    (Sr25519Keyring::Bob, Ed25519Keyring::Bob),
    (Sr25519Keyring::Charlie, Ed25519Keyring::Charlie),
    (Sr25519Keyring::Dave, Ed25519Keyring::Dave),
];

/// A network of well-known keys.
fn well_known(
    validators: &[(Sr25519Keyring, Ed25519Keyring)],
    haste: u32,
    pace: Option<Pace>,
    sudo: Option<AccountId>,
) -> String {
    use alloc::string::ToString as _;

    let keys = |(author, finalizer): &(Sr25519Keyring, Ed25519Keyring)| {
        let account = author.to_account_id();
        let keys = SessionKeys {
            babe: author.public().into(),
            grandpa: finalizer.public().into(),
            authority_discovery: author.public().into(),
        };
        (account.clone(), account, keys)
    };
    let stakers = validators.iter().map(|(author, _)| {
        let account = author.to_account_id();
        (account.clone(), account, STAKE, pallet_staking::StakerStatus::<AccountId>::Validator)
    });
    let seats = u32::try_from(validators.len()).unwrap_or(1);
    let people: Vec<AccountId> =
        [Sr25519Keyring::Alice, Sr25519Keyring::Bob, Sr25519Keyring::Charlie]
            .into_iter()
            .map(Sr25519Keyring::to_account_id)
            .collect();
    let endowed: Vec<(AccountId, Balance)> = [
        Sr25519Keyring::Alice,
        Sr25519Keyring::Bob,
        Sr25519Keyring::Charlie,
        Sr25519Keyring::Dave,
        Sr25519Keyring::Eve,
        Sr25519Keyring::Ferdie,
        Sr25519Keyring::One,
    ]
    .into_iter()
    .map(|who| (who.to_account_id(), ENDOWMENT))
    // It must exist, or fees below the existential deposit would be lost.
    .chain([(TreasuryAccount::get(), ExistentialDeposit::get())])
    .collect();
    build_struct_json_patch!(RuntimeGenesisConfig {
        balances: BalancesConfig { balances: endowed },
        origins: OriginsConfig { haste: Some(haste) },
        staking: StakingConfig {
            validator_count: seats,
            minimum_validator_count: 1,
            stakers: stakers.collect::<Vec<_>>(),
            slash_reward_fraction: sp_runtime::Perbill::from_percent(10),
        },
        nomination_pools: pools(),
        session: SessionConfig { keys: validators.iter().map(keys).collect::<Vec<_>>() },
        babe: BabeConfig { epoch_config: BABE_EPOCH_CONFIG },
        audits: AuditsConfig { auditors: vec![Sr25519Keyring::Eve.to_account_id()], pace },
        // One feeder of development makes a price alone, like one auditor a proof.
        prices: PricesConfig {
            feeders: vec![Sr25519Keyring::One.to_account_id()],
            least: pace.map(|_| 1),
        },
        liveness: LivenessConfig { watchers: vec![Sr25519Keyring::Ferdie.to_account_id()] },
        council: CouncilConfig { members: people.clone() },
        technical_committee: TechnicalCommitteeConfig { members: people },
        sudo: SudoConfig { key: sudo },
    })
    .to_string()
}

/// What no single pallet can check of a genesis.
///
/// # Errors
/// When machines count as verified without an audit in a network that is not for development.
pub fn check() -> sp_genesis_builder::Result {
    let hurried = pallet_audits::PaceAtGenesis::<Runtime>::exists();
    let verified = pallet_machines::VerifiedAtGenesis::<Runtime>::iter_keys().next().is_some();
    match verified && !hurried {
        true => Err("`machines.verified` is for networks of development alone".into()),
        false => Ok(()),
    }
}

/// A network of value, without its keys.
fn real(haste: u32) -> String {
    use alloc::string::ToString as _;

    build_struct_json_patch!(RuntimeGenesisConfig {
        launch: LaunchConfig { required: true },
        origins: OriginsConfig { haste: Some(haste) },
        staking: StakingConfig {
            validator_count: SEATS,
            minimum_validator_count: 4,
            slash_reward_fraction: sp_runtime::Perbill::from_percent(10),
            min_validator_bond: VALIDATOR_BOND,
            min_nominator_bond: NOMINATOR_BOND,
            max_validator_count: Some(1_000),
            max_nominator_count: Some(50_000),
        },
        nomination_pools: pools(),
        babe: BabeConfig { epoch_config: BABE_EPOCH_CONFIG },
    })
    .to_string()
}

/// Bounds of pools, the same in every network.
fn pools() -> NominationPoolsConfig {
    NominationPoolsConfig {
        min_join_bond: POOL_BOND,
        min_create_bond: NOMINATOR_BOND,
        max_pools: Some(1_000),
        max_members_per_pool: Some(10_000),
        max_members: Some(100_000),
        global_max_commission: None,
    }
}
