//! The runtime as a whole, run natively: its presets, a block, fees, proxies and sessions. What a
//! single pallet does is tested beside it.

use codec::Encode as _;
use dbc_runtime::{
    Balances, Executive, Grandpa, Header, Runtime, RuntimeCall, RuntimeGenesisConfig, Session,
    SignedPayload, System, TxExtension, UncheckedExtrinsic,
    configs::{
        accounts::ProxyType,
        consensus::DisableOffenders,
        money::{ExistentialDeposit, TreasuryAccount},
    },
    constants::{DBC, MILLI_DBC, SLOT_MS},
    genesis,
};
use frame_support::{
    genesis_builder_helper::{build_state, get_preset},
    traits::InstanceFilter as _,
};
use pallet_session::historical::HistoricalSessions;
use sp_consensus_babe::{
    BABE_ENGINE_ID,
    digests::{PreDigest, SecondaryPlainPreDigest},
};
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie};
use sp_runtime::{
    Digest, DigestItem, MultiSignature, Perbill,
    generic::Era,
    traits::Header as _,
    transaction_validity::{InvalidTransaction, TransactionValidityError},
};
use sp_staking::offence::{OffenceDetails, OnOffenceHandler as _};

const FIRST_SLOT: u64 = 600_000_000;

fn merge(into: &mut serde_json::Value, patch: serde_json::Value) {
    match (into, patch) {
        (serde_json::Value::Object(into), serde_json::Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}

/// A chain at its genesis.
fn network(preset: &str) -> sp_io::TestExternalities {
    let mut externalities = sp_io::TestExternalities::default();
    externalities.execute_with(|| {
        let default = get_preset::<RuntimeGenesisConfig>(&None, |_| None).unwrap();
        let mut config: serde_json::Value = serde_json::from_slice(&default).unwrap();
        let patch = genesis::preset(&preset.to_string()).expect("a known preset");
        merge(&mut config, serde_json::from_slice(&patch).unwrap());
        build_state::<RuntimeGenesisConfig>(config.to_string().into_bytes()).unwrap();
    });
    externalities
}

fn header(number: u32) -> Header {
    let claim = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
        authority_index: 0,
        slot: (FIRST_SLOT + u64::from(number)).into(),
    });
    let digest = Digest { logs: vec![DigestItem::PreRuntime(BABE_ENGINE_ID, claim.encode())] };
    let parent = if number == 1 { Default::default() } else { System::parent_hash() };
    Header::new(number, Default::default(), Default::default(), parent, digest)
}

/// Begins block `number` and sets its time.
fn begin(number: u32) {
    Executive::initialize_block(&header(number));
    let now = (FIRST_SLOT + u64::from(number)) * SLOT_MS;
    let set = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now });
    Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(set)).unwrap().unwrap();
}

fn signed(who: sp_keyring::Sr25519Keyring, nonce: u32, call: RuntimeCall) -> UncheckedExtrinsic {
    let extension: TxExtension = (
        frame_system::AuthorizeCall::new(),
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckMortality::from(Era::Immortal),
        frame_system::CheckNonce::from(nonce),
        frame_system::CheckWeight::new(),
        pallet_transaction_payment::ChargeTransactionPayment::from(0),
        frame_metadata_hash_extension::CheckMetadataHash::new(false),
        frame_system::WeightReclaim::new(),
    );
    let payload = SignedPayload::new(call, extension).unwrap();
    let signature = payload.using_encoded(|bytes| who.sign(bytes));
    let (call, extension, _) = payload.deconstruct();
    UncheckedExtrinsic::new_signed(
        call,
        who.to_account_id().into(),
        MultiSignature::Sr25519(signature),
        extension,
    )
}

fn transfer(to: sp_keyring::Sr25519Keyring, value: u128) -> RuntimeCall {
    RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: to.to_account_id().into(),
        value,
    })
}

#[test]
fn each_preset_builds_its_genesis() {
    for (preset, validators) in [(genesis::DEV, 1), (genesis::LOCAL, 4)] {
        assert!(genesis::preset_names().contains(&preset.to_string()));
        network(preset).execute_with(|| {
            assert_eq!(Session::validators().len(), validators);
            assert_eq!(Grandpa::grandpa_authorities().len(), validators);
            assert_eq!(pallet_babe::Authorities::<Runtime>::get().len(), validators);
            assert_eq!(Balances::free_balance(Alice.to_account_id()), 1_000_000_000 * DBC);
            assert_eq!(
                pallet_sudo::Key::<Runtime>::get(),
                Some(Alice.to_account_id()),
                "only presets for development have a sudo key"
            );
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
fn the_standing_set_gets_one_root_and_one_change() {
    network(genesis::LOCAL).execute_with(|| {
        begin(1);
        for _ in 0..5 {
            Session::rotate_session();
        }
        assert_eq!(Session::validators().len(), 4);
        let root = HistoricalSessions::<Runtime>::get(3).expect("a root to prove keys against");
        assert_eq!(HistoricalSessions::<Runtime>::get(5), Some(root), "the set is the same");
        assert_eq!(
            pallet_session::QueuedChanged::<Runtime>::get(),
            false,
            "the set does not change any more"
        );
    });
}

#[test]
fn whoever_equivocates_is_disabled() {
    network(genesis::LOCAL).execute_with(|| {
        begin(1);
        let offence =
            OffenceDetails { offender: (Charlie.to_account_id(), ()), reporters: Vec::new() };
        DisableOffenders::on_offence(&[offence], &[Perbill::from_percent(1)], 0);
        let index = Session::validator_id_to_index(&Charlie.to_account_id()).unwrap();
        assert_eq!(Session::disabled_validators(), vec![index]);
    });
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
