//! The runtime as a whole, run natively. What a single pallet does is tested beside it.

mod audits;
mod blocks;
mod cases;
mod figures;
mod flaws;
mod golden;
mod governance;
mod input;
mod liveness;
mod machines;
mod model;
mod presets;
mod random;
mod rewards;
mod rules;
mod staking;
mod upgrade;
mod world;

use std::{collections::BTreeMap, sync::LazyLock};

use codec::Encode as _;
use dbc_runtime::{
    Executive, Header, RuntimeCall, RuntimeGenesisConfig, SignedPayload, System, TxExtension,
    UncheckedExtrinsic, constants::SLOT_MS, genesis,
};
use frame_support::genesis_builder_helper::{build_state, get_preset};
use sp_consensus_babe::{
    BABE_ENGINE_ID,
    digests::{PreDigest, SecondaryPlainPreDigest},
};
use sp_core::Pair as _;
use sp_runtime::{Digest, DigestItem, MultiSignature, generic::Era, traits::Header as _};

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
    network_with(preset, serde_json::json!({}))
}

/// A chain at its genesis, with a file of keys or another patch.
fn network_with(preset: &str, more: serde_json::Value) -> sp_io::TestExternalities {
    let mut externalities = sp_io::TestExternalities::default();
    externalities.execute_with(|| {
        let default = get_preset::<RuntimeGenesisConfig>(&None, |_| None).unwrap();
        let mut config: serde_json::Value = serde_json::from_slice(&default).unwrap();
        let patch = genesis::preset(&preset.to_string()).expect("a known preset");
        merge(&mut config, serde_json::from_slice(&patch).unwrap());
        merge(&mut config, more);
        build_state::<RuntimeGenesisConfig>(config.to_string().into_bytes()).unwrap();
    });
    externalities
}

fn header(number: u32, slot: u64) -> Header {
    let claim = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
        authority_index: 0,
        slot: slot.into(),
    });
    let digest = Digest { logs: vec![DigestItem::PreRuntime(BABE_ENGINE_ID, claim.encode())] };
    let parent = if number == 1 { Default::default() } else { System::parent_hash() };
    Header::new(number, Default::default(), Default::default(), parent, digest)
}

/// Begins block `number` and sets its time.
fn begin(number: u32) {
    begin_at(number, FIRST_SLOT + u64::from(number));
}

/// Begins block `number` in a slot, and sets its time.
fn begin_at(number: u32, slot: u64) {
    Executive::initialize_block(&header(number, slot));
    let now = slot * SLOT_MS;
    let set = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now });
    Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(set)).unwrap().unwrap();
}

/// Blocks without transactions, up to `number`.
fn run_to(number: u32) {
    while System::block_number() < number {
        begin(System::block_number() + 1);
        Executive::finalize_block();
    }
}

/// The key of somebody. To make one takes longer than all that a test does with it.
fn pair(who: sp_keyring::Sr25519Keyring) -> &'static sp_core::sr25519::Pair {
    static PAIRS: LazyLock<BTreeMap<sp_keyring::Sr25519Keyring, sp_core::sr25519::Pair>> =
        LazyLock::new(|| sp_keyring::Sr25519Keyring::iter().map(|who| (who, who.pair())).collect());
    &PAIRS[&who]
}

/// A transaction in the open block, as authors do it: what a block does not take leaves nothing behind.
fn applied(transaction: UncheckedExtrinsic) -> sp_runtime::ApplyExtrinsicResult {
    sp_io::storage::start_transaction();
    let done = Executive::apply_extrinsic(transaction);
    match done {
        Ok(_) => sp_io::storage::commit_transaction(),
        Err(_) => sp_io::storage::rollback_transaction(),
    }
    done
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
    let signature = payload.using_encoded(|bytes| pair(who).sign(bytes));
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
