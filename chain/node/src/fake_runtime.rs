//! Names the runtime APIs that the node calls, without a runtime. `sp_api` derives the client's
//! types from an implementation; this one is never executed, since every call goes into the
//! WebAssembly of the chain spec.

use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_core::{OpaqueMetadata, crypto::KeyTypeId};
use sp_runtime::{
    ApplyExtrinsicResult, ExtrinsicInclusionMode,
    traits::{Block as BlockT, NumberFor},
    transaction_validity::{TransactionSource, TransactionValidity},
};
use sp_version::RuntimeVersion;

use crate::service::{AccountId, Balance, Block, Nonce};

#[expect(dead_code, reason = "only its implementations are named")]
struct Runtime;

sp_api::impl_runtime_apis! {
    impl sp_api::Core<Block> for Runtime {
        fn version() -> RuntimeVersion { unimplemented!() }
        fn execute_block(_: <Block as BlockT>::LazyBlock) { unimplemented!() }
        fn initialize_block(_: &<Block as BlockT>::Header) -> ExtrinsicInclusionMode { unimplemented!() }
    }

    impl sp_api::Metadata<Block> for Runtime {
        fn metadata() -> OpaqueMetadata { unimplemented!() }
        fn metadata_at_version(_: u32) -> Option<OpaqueMetadata> { unimplemented!() }
        fn metadata_versions() -> Vec<u32> { unimplemented!() }
    }

    impl sp_block_builder::BlockBuilder<Block> for Runtime {
        fn apply_extrinsic(_: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult { unimplemented!() }
        fn finalize_block() -> <Block as BlockT>::Header { unimplemented!() }
        fn inherent_extrinsics(_: sp_inherents::InherentData) -> Vec<<Block as BlockT>::Extrinsic> { unimplemented!() }
        fn check_inherents(_: <Block as BlockT>::LazyBlock, _: sp_inherents::InherentData) -> sp_inherents::CheckInherentsResult { unimplemented!() }
    }

    impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
        fn validate_transaction(_: TransactionSource, _: <Block as BlockT>::Extrinsic, _: <Block as BlockT>::Hash) -> TransactionValidity { unimplemented!() }
    }

    impl sp_offchain::OffchainWorkerApi<Block> for Runtime {
        fn offchain_worker(_: &<Block as BlockT>::Header) { unimplemented!() }
    }

    impl sp_consensus_grandpa::GrandpaApi<Block> for Runtime {
        fn grandpa_authorities() -> Vec<(GrandpaId, u64)> { unimplemented!() }
        fn current_set_id() -> sp_consensus_grandpa::SetId { unimplemented!() }
        fn submit_report_equivocation_unsigned_extrinsic(
            _: sp_consensus_grandpa::EquivocationProof<<Block as BlockT>::Hash, NumberFor<Block>>,
            _: sp_consensus_grandpa::OpaqueKeyOwnershipProof,
        ) -> Option<()> { unimplemented!() }
        fn generate_key_ownership_proof(_: sp_consensus_grandpa::SetId, _: GrandpaId) -> Option<sp_consensus_grandpa::OpaqueKeyOwnershipProof> { unimplemented!() }
    }

    impl sp_consensus_babe::BabeApi<Block> for Runtime {
        fn configuration() -> sp_consensus_babe::BabeConfiguration { unimplemented!() }
        fn current_epoch_start() -> sp_consensus_babe::Slot { unimplemented!() }
        fn current_epoch() -> sp_consensus_babe::Epoch { unimplemented!() }
        fn next_epoch() -> sp_consensus_babe::Epoch { unimplemented!() }
        fn generate_key_ownership_proof(_: sp_consensus_babe::Slot, _: sp_consensus_babe::AuthorityId) -> Option<sp_consensus_babe::OpaqueKeyOwnershipProof> { unimplemented!() }
        fn submit_report_equivocation_unsigned_extrinsic(
            _: sp_consensus_babe::EquivocationProof<<Block as BlockT>::Header>,
            _: sp_consensus_babe::OpaqueKeyOwnershipProof,
        ) -> Option<()> { unimplemented!() }
    }

    impl sp_session::SessionKeys<Block> for Runtime {
        fn generate_session_keys(_: Vec<u8>, _: Option<Vec<u8>>) -> sp_session::OpaqueGeneratedSessionKeys { unimplemented!() }
        fn decode_session_keys(_: Vec<u8>) -> Option<Vec<(Vec<u8>, KeyTypeId)>> { unimplemented!() }
    }

    impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
        fn account_nonce(_: AccountId) -> Nonce { unimplemented!() }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance> for Runtime {
        fn query_info(_: <Block as BlockT>::Extrinsic, _: u32) -> pallet_transaction_payment_rpc_runtime_api::RuntimeDispatchInfo<Balance> { unimplemented!() }
        fn query_fee_details(_: <Block as BlockT>::Extrinsic, _: u32) -> pallet_transaction_payment_rpc_runtime_api::FeeDetails<Balance> { unimplemented!() }
        fn query_weight_to_fee(_: sp_runtime::Weight) -> Balance { unimplemented!() }
        fn query_length_to_fee(_: u32) -> Balance { unimplemented!() }
    }
}
