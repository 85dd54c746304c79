//! A chain at its genesis with people on it, and blocks run natively: what `subjects` are made on.

use anyhow::{Result, anyhow};
use codec::Encode as _;
use dbc_primitives::Slot;
use dbc_runtime::{
    AccountId, Balances, Executive, Header, Runtime, RuntimeCall, RuntimeGenesisConfig,
    RuntimeOrigin, SignedPayload, System, TxExtension, UncheckedExtrinsic,
    constants::{DBC, SLOT_MS},
    genesis,
};
use frame_support::{
    genesis_builder_helper::{build_state, get_preset},
    traits::fungible::Mutate as _,
};
use serde_json::{Value, json};
use sp_consensus_babe::{
    BABE_ENGINE_ID,
    digests::{PreDigest, SecondaryPlainPreDigest},
};
use sp_core::{Pair as _, ed25519, sr25519};
use sp_io::{TestExternalities, hashing::blake2_256};
use sp_runtime::{
    Digest, DigestItem, MultiSignature,
    generic::Era,
    traits::{Dispatchable as _, Header as _},
};

/// A call of machines.
pub type MachinesCall = pallet_machines::Call<Runtime>;
/// A call of leases.
pub type LeasesCall = pallet_leases::Call<Runtime>;
/// A call of liveness.
pub type LivenessCall = pallet_liveness::Call<Runtime>;
/// A call of audits.
pub type AuditsCall = pallet_audits::Call<Runtime>;
/// A call of rewards.
pub type RewardsCall = pallet_rewards::Call<Runtime>;
/// A call of disputes.
pub type DisputesCall = pallet_disputes::Call<Runtime>;
/// A call of prices.
pub type PricesCall = pallet_prices::Call<Runtime>;

/// What each person begins with.
const RICHES: u128 = 100_000_000 * DBC;

/// Roles of people; each has as many as are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Owns machines.
    Provider,
    /// Runs a provider's machines.
    Operator,
    /// Rents.
    Renter,
    /// Watches from the genesis on.
    Watcher,
    /// Audits from the genesis on.
    Auditor,
    /// Feeds prices from the genesis on.
    Feeder,
    /// Validates and nominates, without keys of its own.
    Staker,
    /// Takes machines over, pledges, owns a platform, issues vouchers.
    Taker,
    /// Has done nothing yet.
    Fresh,
}

/// Key of a person.
pub fn person(role: Role, number: u32) -> sr25519::Pair {
    sr25519::Pair::from_seed(&blake2_256(&(b"person", role as u8, number).encode()))
}

/// A person's account.
pub fn account(role: Role, number: u32) -> AccountId {
    person(role, number).public().into()
}

/// Key of a machine among so many of a kind.
pub fn machine_key(kind: &str, number: u32) -> ed25519::Pair {
    ed25519::Pair::from_seed(&blake2_256(&(b"machine", kind, number).encode()))
}

/// How many people of each role a genesis has.
#[derive(Debug, Clone, Copy)]
pub struct Cast {
    /// Watchers.
    pub watchers: u32,
    /// Auditors.
    pub auditors: u32,
    /// Feeders.
    pub feeders: u32,
    /// Validators beside Alice, without session keys.
    pub validators: u32,
    /// Nominators, each of sixteen validators or of all.
    pub nominators: u32,
}

/// The `dev` preset with these people.
///
/// # Errors
/// When the genesis is refused.
pub fn network(cast: &Cast) -> Result<TestExternalities> {
    let mut externalities = TestExternalities::default();
    externalities.execute_with(|| {
        let default = get_preset::<RuntimeGenesisConfig>(&None, |_| None);
        let mut config: Value = serde_json::from_slice(&default.unwrap_or_default())?;
        let patch = genesis::preset(&genesis::DEV.to_string()).unwrap_or_default();
        merge(&mut config, serde_json::from_slice(&patch)?);
        people(&mut config, cast);
        build_state::<RuntimeGenesisConfig>(config.to_string().into_bytes())
            .map_err(|error| anyhow!("the genesis is refused: {error}"))
    })?;
    Ok(externalities)
}

/// Puts the cast into a genesis.
fn people(config: &mut Value, cast: &Cast) {
    let mut add = |place: [&str; 2], value: Value| {
        if let Some(list) = config[place[0]][place[1]].as_array_mut() {
            list.push(value);
        }
    };
    let groups = [
        (Role::Watcher, cast.watchers, ["liveness", "watchers"]),
        (Role::Auditor, cast.auditors, ["audits", "auditors"]),
        (Role::Feeder, cast.feeders, ["prices", "feeders"]),
    ];
    for (role, count, place) in groups {
        for who in (0..count).map(|number| account(role, number)) {
            add(["balances", "balances"], json!([who, RICHES]));
            add(place, json!(who));
        }
    }
    let stakers: Vec<_> =
        (0..cast.validators + cast.nominators).map(|n| account(Role::Staker, n)).collect();
    for (number, who) in stakers.iter().enumerate() {
        add(["balances", "balances"], json!([who, RICHES]));
        let votes: Vec<_> = stakers[..cast.validators as usize]
            .iter()
            .cycle()
            .skip(number)
            .take(cast.validators.min(16) as usize)
            .collect();
        let nominates = number >= cast.validators as usize;
        let status = if nominates { json!({ "Nominator": votes }) } else { json!("Validator") };
        let stake = 1_000 * DBC + number as u128 * DBC;
        add(["staking", "stakers"], json!([who, who, stake, status]));
    }
    config["staking"]["validatorCount"] = json!(1 + cast.validators);
}

fn merge(into: &mut Value, patch: Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}

/// Gives a person what he needs.
///
/// # Errors
/// When money overflows.
pub fn endow(role: Role, number: u32) -> Result<AccountId> {
    let who = account(role, number);
    Balances::mint_into(&who, RICHES).map_err(|error| anyhow!("{error:?}"))?;
    Ok(who)
}

/// Header of a block in a slot, by Alice.
pub fn header(number: u32, parent: dbc_runtime::Hash, slot: Slot) -> Header {
    let claim = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
        authority_index: 0,
        slot: slot.into(),
    });
    let digest = Digest { logs: vec![DigestItem::PreRuntime(BABE_ENGINE_ID, claim.encode())] };
    Header::new(number, Default::default(), Default::default(), parent, digest)
}

/// The transaction by which a block's author tells the time.
pub fn time(slot: Slot) -> UncheckedExtrinsic {
    let now = slot * SLOT_MS;
    UncheckedExtrinsic::new_bare(RuntimeCall::Timestamp(pallet_timestamp::Call::set { now }))
}

/// Runs a block in a slot, with what happens in it; gives its header.
///
/// # Errors
/// When what happens in it fails.
pub fn block(slot: Slot, inside: impl FnOnce() -> Result<()>) -> Result<Header> {
    let number = System::block_number() + 1;
    let parent = if number == 1 { Default::default() } else { System::parent_hash() };
    Executive::initialize_block(&header(number, parent, slot));
    Executive::apply_extrinsic(time(slot))
        .map_err(|error| anyhow!("{error:?}"))?
        .map_err(|error| anyhow!("{error:?}"))?;
    inside()?;
    Ok(Executive::finalize_block())
}

/// Empty blocks in each slot up to this one.
///
/// # Errors
/// Never; a block's errors are told all the same.
pub fn blocks_to(slot: Slot) -> Result<()> {
    while now() < slot {
        block(now() + 1, || Ok(()))?;
    }
    Ok(())
}

/// The slot of the last block.
pub fn now() -> Slot {
    pallet_babe::CurrentSlot::<Runtime>::get().into()
}

/// Makes a call for somebody, without a transaction.
///
/// # Errors
/// Why it is refused, with the call.
pub fn act(who: &AccountId, call: impl Into<RuntimeCall>) -> Result<()> {
    dispatch(RuntimeOrigin::signed(who.clone()), call.into())
}

/// Makes a call for governance.
///
/// # Errors
/// Why it is refused, with the call.
pub fn govern(call: impl Into<RuntimeCall>) -> Result<()> {
    dispatch(RuntimeOrigin::root(), call.into())
}

fn dispatch(origin: RuntimeOrigin, call: RuntimeCall) -> Result<()> {
    let told = format!("{call:?}");
    let told: String = told.chars().take(120).collect();
    call.dispatch(origin).map(drop).map_err(|error| anyhow!("{told}…: {:?}", error.error))
}

/// A signed transaction, as the network carries it. Reads the nonce and the genesis.
///
/// # Errors
/// When what a signature covers cannot be read.
pub fn signed(pair: &sr25519::Pair, call: RuntimeCall) -> Result<UncheckedExtrinsic> {
    let who = AccountId::from(pair.public());
    let extension: TxExtension = (
        frame_system::AuthorizeCall::new(),
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckMortality::from(Era::Immortal),
        frame_system::CheckNonce::from(System::account_nonce(&who)),
        frame_system::CheckWeight::new(),
        pallet_transaction_payment::ChargeTransactionPayment::from(0),
        frame_metadata_hash_extension::CheckMetadataHash::new(false),
        frame_system::WeightReclaim::new(),
    );
    let payload =
        SignedPayload::new(call, extension).map_err(|error| anyhow!("no payload: {error:?}"))?;
    let signature = payload.using_encoded(|bytes| pair.sign(bytes));
    let (call, extension, _) = payload.deconstruct();
    let signature = MultiSignature::Sr25519(signature);
    Ok(UncheckedExtrinsic::new_signed(call, who.into(), signature, extension))
}
