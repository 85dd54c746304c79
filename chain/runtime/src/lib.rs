//! The state transition function of the chain: which pallets run, in which order, with which
//! parameters. Rules live in the pallets; parameters in `configs`; what nodes call in `apis`.
//! Built as WebAssembly by `cargo xtask wasm`; the native build exists for tests.

#![cfg_attr(not(feature = "std"), no_std)]
#![recursion_limit = "512"]

extern crate alloc;

pub mod apis;
pub mod configs;
pub mod constants;
pub mod genesis;
pub mod migrations;

use alloc::{borrow::Cow, vec::Vec};

use sp_runtime::{
    MultiAddress, MultiSignature, generic,
    traits::{BlakeTwo256, IdentifyAccount, Verify},
};
use sp_version::RuntimeVersion;

pub use apis::RuntimeApi;

/// A signature of any of the supported kinds.
pub type Signature = MultiSignature;
/// Public key or its hash.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// How transactions name an account.
pub type Address = MultiAddress<AccountId, ()>;
/// Money in units of 10⁻¹⁵ DBC.
pub type Balance = u128;
/// Number of transactions of an account.
pub type Nonce = u32;
/// Height of a block. Money and terms never count blocks, only slots.
pub type BlockNumber = u32;
/// Hash of a block.
pub type Hash = sp_core::H256;
/// Header of a block.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;

/// What every transaction carries beside its call, checked in this order. `AuthorizeCall` comes first, because it
/// makes the origin that the others look at; `WeightReclaim` last, because it counts what the others used.
pub type TxExtension = (
    frame_system::AuthorizeCall<Runtime>,
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckMortality<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_system::CheckWeight<Runtime>,
    pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
    frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
    frame_system::WeightReclaim<Runtime>,
);

/// A transaction or an inherent, as it stands in a block.
pub type UncheckedExtrinsic =
    generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;

/// What a transaction's signature covers.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

/// Executes blocks.
pub type Executive = frame_executive::Executive<
    Runtime,
    Block,
    frame_system::ChainContext<Runtime>,
    Runtime,
    AllPalletsWithSystem,
>;

/// Keys of one session of a validator.
pub mod session_keys {
    use alloc::vec::Vec;

    use crate::{AuthorityDiscovery, Babe, Grandpa};

    sp_runtime::impl_opaque_keys! {
        /// One key for authoring blocks, one for finalizing them, one for being found by the others.
        pub struct SessionKeys {
            /// Authors blocks.
            pub babe: Babe,
            /// Finalizes blocks.
            pub grandpa: Grandpa,
            /// Signs where this validator can be reached.
            pub authority_discovery: AuthorityDiscovery,
        }
    }
}
pub use session_keys::SessionKeys;

macro_rules! version {
    ($spec:tt) => {
        #[sp_version::runtime_version]
        /// Version of this runtime. Each release raises `spec_version`; `transaction_version` rises when a
        /// call's index or encoding changes, since hardware wallets sign by it.
        pub const VERSION: RuntimeVersion = RuntimeVersion {
            spec_name: Cow::Borrowed("dbc"),
            impl_name: Cow::Borrowed("dbc"),
            authoring_version: 1,
            spec_version: $spec,
            impl_version: 1,
            apis: apis::RUNTIME_API_VERSIONS,
            transaction_version: 1,
            system_version: 1,
        };
    };
}
#[cfg(not(all(feature = "rehearsal", not(feature = "std"))))]
version!(1);
// The one after it, with which an upgrade is rehearsed on a running network (`cargo xtask wasm --rehearsal`).
#[cfg(all(feature = "rehearsal", not(feature = "std")))]
version!(2);

/// The pallets. An index is part of every encoded call and never changes hands; the order is that of
/// hooks and genesis: money before whatever holds it, the author before the session that he ends, staking
/// before the session that it elects.
#[frame_support::runtime]
mod runtime {
    /// The runtime.
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Runtime;

    #[runtime::pallet_index(0)]
    pub type System = frame_system::Pallet<Runtime>;
    #[runtime::pallet_index(1)]
    pub type Timestamp = pallet_timestamp::Pallet<Runtime>;

    #[runtime::pallet_index(8)]
    pub type Balances = pallet_balances::Pallet<Runtime>;
    #[runtime::pallet_index(9)]
    pub type TransactionPayment = pallet_transaction_payment::Pallet<Runtime>;
    #[runtime::pallet_index(15)]
    pub type Vesting = pallet_vesting::Pallet<Runtime>;
    #[runtime::pallet_index(18)]
    pub type Launch = genesis::launch::Pallet<Runtime>;
    // Before whoever reads its numbers at genesis.
    #[runtime::pallet_index(50)]
    pub type Parameters = pallet_parameters::Pallet<Runtime>;
    #[runtime::pallet_index(36)]
    pub type Origins = configs::governance::origins::Pallet<Runtime>;

    #[runtime::pallet_index(2)]
    pub type Babe = pallet_babe::Pallet<Runtime>;
    #[runtime::pallet_index(3)]
    pub type Grandpa = pallet_grandpa::Pallet<Runtime>;
    #[runtime::pallet_index(4)]
    pub type Authorship = pallet_authorship::Pallet<Runtime>;
    #[runtime::pallet_index(20)]
    pub type Staking = pallet_staking::Pallet<Runtime>;
    #[runtime::pallet_index(21)]
    pub type VoterList = pallet_bags_list::Pallet<Runtime, Instance1>;
    #[runtime::pallet_index(5)]
    pub type Session = pallet_session::Pallet<Runtime>;
    #[runtime::pallet_index(6)]
    pub type Historical = pallet_session::historical::Pallet<Runtime>;
    #[runtime::pallet_index(7)]
    pub type Offences = pallet_offences::Pallet<Runtime>;
    #[runtime::pallet_index(22)]
    pub type NominationPools = pallet_nomination_pools::Pallet<Runtime>;
    #[runtime::pallet_index(23)]
    pub type DelegatedStaking = pallet_delegated_staking::Pallet<Runtime>;
    #[runtime::pallet_index(24)]
    pub type AuthorityDiscovery = pallet_authority_discovery::Pallet<Runtime>;

    #[runtime::pallet_index(10)]
    pub type Utility = pallet_utility::Pallet<Runtime>;
    #[runtime::pallet_index(11)]
    pub type Multisig = pallet_multisig::Pallet<Runtime>;
    #[runtime::pallet_index(12)]
    pub type Proxy = pallet_proxy::Pallet<Runtime>;
    // Only the `dev` preset sets a key; without one nobody can use it.
    #[runtime::pallet_index(13)]
    pub type Sudo = pallet_sudo::Pallet<Runtime>;
    #[runtime::pallet_index(14)]
    pub type Identity = pallet_identity::Pallet<Runtime>;
    #[runtime::pallet_index(16)]
    pub type MetaTx = pallet_meta_tx::Pallet<Runtime>;
    #[runtime::pallet_index(17)]
    pub type VerifySignature = pallet_verify_signature::Pallet<Runtime>;

    #[runtime::pallet_index(30)]
    pub type Scheduler = pallet_scheduler::Pallet<Runtime>;
    #[runtime::pallet_index(31)]
    pub type Preimage = pallet_preimage::Pallet<Runtime>;
    #[runtime::pallet_index(32)]
    pub type Referenda = pallet_referenda::Pallet<Runtime>;
    #[runtime::pallet_index(33)]
    pub type ConvictionVoting = pallet_conviction_voting::Pallet<Runtime>;
    #[runtime::pallet_index(34)]
    pub type Council = pallet_collective::Pallet<Runtime, Instance1>;
    #[runtime::pallet_index(35)]
    pub type TechnicalCommittee = pallet_collective::Pallet<Runtime, Instance2>;
    #[runtime::pallet_index(37)]
    pub type Treasury = pallet_treasury::Pallet<Runtime>;
    #[runtime::pallet_index(38)]
    pub type Bounties = pallet_bounties::Pallet<Runtime>;

    #[runtime::pallet_index(51)]
    pub type SafeMode = pallet_safe_mode::Pallet<Runtime>;
    #[runtime::pallet_index(52)]
    pub type TxPause = pallet_tx_pause::Pallet<Runtime>;
    #[runtime::pallet_index(53)]
    pub type MultiBlockMigrations = pallet_migrations::Pallet<Runtime>;

    // Before whoever asks how far time is known.
    #[runtime::pallet_index(43)]
    pub type Liveness = pallet_liveness::Pallet<Runtime>;
    #[runtime::pallet_index(42)]
    pub type Audits = pallet_audits::Pallet<Runtime>;
    #[runtime::pallet_index(44)]
    pub type Rewards = pallet_rewards::Pallet<Runtime>;
    #[runtime::pallet_index(45)]
    pub type Disputes = pallet_disputes::Pallet<Runtime>;
    #[runtime::pallet_index(46)]
    pub type Prices = pallet_prices::Pallet<Runtime>;
    #[runtime::pallet_index(40)]
    pub type Machines = pallet_machines::Pallet<Runtime>;
    #[runtime::pallet_index(41)]
    pub type Leases = pallet_leases::Pallet<Runtime>;
}
