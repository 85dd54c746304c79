//! JSON-RPC of the node beside what every node serves: accounts, fees, BABE, GRANDPA, the sync
//! state for light clients, and the statement store.

use std::sync::Arc;

use jsonrpsee::RpcModule;
use sc_client_api::AuxStore;
use sc_consensus_babe::BabeWorkerHandle;
use sc_consensus_grandpa::{
    FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState,
};
use sc_rpc::SubscriptionTaskExecutor;
use sp_keystore::KeystorePtr;

use crate::service::{Backend, Block, BlockNumber, Client, Hash, Pool, SelectChain};

/// What the RPC methods need.
pub struct Deps {
    /// The client.
    pub client: Arc<Client>,
    /// The transaction pool.
    pub pool: Arc<Pool>,
    /// How the best chain is chosen.
    pub select_chain: SelectChain,
    /// The spec that light clients get a copy of.
    pub chain_spec: Box<dyn sc_chain_spec::ChainSpec>,
    /// BABE's worker.
    pub babe: BabeWorkerHandle<Block>,
    /// Keys of the node.
    pub keystore: KeystorePtr,
    /// GRANDPA's part.
    pub grandpa: GrandpaDeps,
    /// Statements of machines.
    pub statements: Arc<sc_statement_store::Store>,
    /// Runs subscriptions.
    pub executor: SubscriptionTaskExecutor,
}

/// GRANDPA's part of [`Deps`].
pub struct GrandpaDeps {
    /// State of the voter.
    pub voter_state: SharedVoterState,
    /// The authorities.
    pub authority_set: SharedAuthoritySet<Hash, BlockNumber>,
    /// Justifications as they come.
    pub justifications: GrandpaJustificationStream<Block>,
    /// Proofs of finality.
    pub finality: Arc<FinalityProofProvider<Backend, Block>>,
}

/// Builds the module.
pub fn create(deps: Deps) -> Result<RpcModule<()>, Box<dyn std::error::Error + Send + Sync>>
where
    Client: AuxStore,
{
    use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
    use sc_consensus_babe_rpc::{Babe, BabeApiServer};
    use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
    use sc_rpc::statement::{StatementApiServer, StatementStore};
    use sc_rpc_spec_v2::statement::{StatementSpec, StatementSpecApiServer};
    use sc_sync_state_rpc::{SyncState, SyncStateApiServer};
    use substrate_frame_rpc_system::{System, SystemApiServer};

    let Deps {
        client,
        pool,
        select_chain,
        chain_spec,
        babe,
        keystore,
        grandpa,
        statements,
        executor,
    } = deps;
    let mut module = RpcModule::new(());
    module.merge(System::new(client.clone(), pool).into_rpc())?;
    module.merge(TransactionPayment::new(client.clone()).into_rpc())?;
    module.merge(Babe::new(client.clone(), babe.clone(), keystore, select_chain).into_rpc())?;
    module.merge(
        Grandpa::new(
            executor.clone(),
            grandpa.authority_set.clone(),
            grandpa.voter_state,
            grandpa.justifications,
            grandpa.finality,
        )
        .into_rpc(),
    )?;
    module.merge(SyncState::new(chain_spec, client, grandpa.authority_set, babe)?.into_rpc())?;
    module.merge(StatementStore::new(statements.clone(), executor.clone()).into_rpc())?;
    module.merge(StatementSpec::new(statements, executor).into_rpc())?;
    Ok(module)
}
