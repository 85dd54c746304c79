//! Puts the node's parts together: client, pool, BABE, GRANDPA, statement store, network, RPC.

mod consensus;
mod offchain;
mod parts;
mod statements;

use std::{path::PathBuf, sync::Arc};

use sc_network::{
    NetworkBackend,
    config::{FullNetworkConfiguration, NetworkBackendType},
};
use sc_network_sync::WarpSyncConfig;
use sc_service::{Configuration, TaskManager};

pub use parts::{Setup, parts};

/// An account.
pub type AccountId = sp_runtime::AccountId32;
/// Money, in the smallest unit.
pub type Balance = u128;
/// Number of an account's next transaction.
pub type Nonce = u32;
/// Height of a block.
pub type BlockNumber = u32;
/// Hash of a block.
pub type Hash = sp_core::H256;
/// A block with opaque extrinsics: the node never looks into them.
pub type Block = sp_runtime::generic::Block<
    sp_runtime::generic::Header<BlockNumber, sp_runtime::traits::BlakeTwo256>,
    sp_runtime::OpaqueExtrinsic,
>;
/// What a runtime may call on the node beside the standard set.
pub type HostFunctions = sp_statement_store::runtime_api::HostFunctions;

/// The client.
pub type Client = sc_service::TFullClient<
    Block,
    crate::fake_runtime::RuntimeApi,
    sc_executor::WasmExecutor<(sp_io::SubstrateHostFunctions, HostFunctions)>,
>;
/// The database.
pub type Backend = sc_service::TFullBackend<Block>;
/// The longest chain wins among those that GRANDPA allows.
pub type SelectChain = sc_consensus::LongestChain<Backend, Block>;
/// The transaction pool.
pub type Pool = sc_transaction_pool::TransactionPoolHandle<Block, Client>;

type Error = sc_service::Error;

/// Blocks between two justifications that are kept for light clients and warp sync.
const JUSTIFICATION_PERIOD: u32 = 512;

/// Starts a node with the network back end that the configuration names. Compiled runtimes are
/// kept in `wasm_cache`, else beside the database.
pub fn start(config: Configuration, wasm_cache: Option<PathBuf>) -> Result<TaskManager, Error> {
    match config.network.network_backend {
        NetworkBackendType::Libp2p => {
            start_with::<sc_network::NetworkWorker<_, _>>(config, wasm_cache)
        }
        NetworkBackendType::Litep2p => {
            start_with::<sc_network::Litep2pNetworkBackend>(config, wasm_cache)
        }
    }
}

fn start_with<N: NetworkBackend<Block, Hash>>(
    config: Configuration,
    wasm_cache: Option<PathBuf>,
) -> Result<TaskManager, Error> {
    let mut parts = parts(&config, wasm_cache)?;
    let registry = config.prometheus_registry().cloned();
    let mut net_config =
        FullNetworkConfiguration::<Block, Hash, N>::new(&config.network, registry.clone());
    let metrics = N::register_notification_metrics(registry.as_ref());
    let genesis = parts.client.chain_info().genesis_hash;
    let finality = consensus::finality_protocol(&config, genesis, &metrics, &mut net_config);
    let statement_protocol = statements::protocol(&config, genesis, &metrics, &mut net_config);

    let warp_sync = Arc::new(sc_consensus_grandpa::warp_proof::NetworkProvider::new(
        parts.backend.clone(),
        parts.other.grandpa_link.shared_authority_set().clone(),
        Vec::new(),
    ));
    let (network, system_rpc_tx, tx_handler_controller, sync_service, _) =
        sc_service::build_network(sc_service::BuildNetworkParams {
            config: &config,
            net_config,
            client: parts.client.clone(),
            transaction_pool: parts.transaction_pool.clone(),
            spawn_handle: parts.task_manager.spawn_handle(),
            spawn_essential_handle: parts.task_manager.spawn_essential_handle(),
            import_queue: parts.import_queue,
            block_announce_validator_builder: None,
            warp_sync_config: Some(WarpSyncConfig::WithProvider(warp_sync)),
            block_relay: None,
            metrics,
            gap_sync_body_policy: None,
        })?;
    let statements = statements::start(
        &config,
        &parts.task_manager,
        parts.client.clone(),
        network.clone(),
        sync_service.clone(),
        parts.keystore_container.local_keystore(),
        statement_protocol,
    )?;

    let common = Common {
        client: parts.client,
        backend: parts.backend,
        pool: parts.transaction_pool,
        select_chain: parts.select_chain,
        keystore: parts.keystore_container.keystore(),
        network,
        sync: sync_service,
        registry,
        telemetry: parts.other.telemetry.as_ref().map(|telemetry| telemetry.handle()),
    };
    if config.offchain_worker.enabled {
        offchain::start(&config, &parts.task_manager, &common, statements.clone())?;
    }
    let role = consensus::Role::of(&config);
    let voter_state = sc_consensus_grandpa::SharedVoterState::empty();
    let rpc_builder = rpc_builder(&config, &common, &parts.other, voter_state.clone(), statements);
    sc_service::spawn_tasks(sc_service::SpawnTasksParams {
        config,
        backend: common.backend.clone(),
        client: common.client.clone(),
        keystore: common.keystore.clone(),
        network: common.network.clone(),
        sync_service: common.sync.clone(),
        rpc_builder,
        transaction_pool: common.pool.clone(),
        task_manager: &mut parts.task_manager,
        system_rpc_tx,
        tx_handler_controller,
        telemetry: parts.other.telemetry.as_mut(),
        tracing_execute_block: None,
    })?;
    consensus::start(&parts.task_manager, common, role, parts.other, voter_state, finality)?;
    // Tasks report through it until the node ends.
    Ok(parts.task_manager)
}

/// What most parts of a running node need.
pub struct Common {
    /// The client.
    pub client: Arc<Client>,
    /// The database.
    pub backend: Arc<Backend>,
    /// The transaction pool.
    pub pool: Arc<Pool>,
    /// How the best chain is chosen.
    pub select_chain: SelectChain,
    /// Keys of the node.
    pub keystore: sp_keystore::KeystorePtr,
    /// The network.
    pub network: Arc<dyn sc_network::service::traits::NetworkService>,
    /// State of syncing.
    pub sync: Arc<sc_network_sync::SyncingService<Block>>,
    /// Where metrics are registered.
    pub registry: Option<substrate_prometheus_endpoint::Registry>,
    /// Where telemetry goes.
    pub telemetry: Option<sc_telemetry::TelemetryHandle>,
}

type RpcBuilder =
    Box<dyn Fn(sc_rpc::SubscriptionTaskExecutor) -> Result<jsonrpsee::RpcModule<()>, Error>>;

fn rpc_builder(
    config: &Configuration,
    common: &Common,
    setup: &Setup,
    voter_state: sc_consensus_grandpa::SharedVoterState,
    statements: Arc<sc_statement_store::Store>,
) -> RpcBuilder {
    let client = common.client.clone();
    let pool = common.pool.clone();
    let select_chain = common.select_chain.clone();
    let keystore = common.keystore.clone();
    let chain_spec = config.chain_spec.cloned_box();
    let babe = setup.babe_worker.clone();
    let authority_set = setup.grandpa_link.shared_authority_set().clone();
    let justifications = setup.grandpa_link.justification_stream();
    let finality = sc_consensus_grandpa::FinalityProofProvider::new_for_service(
        common.backend.clone(),
        Some(authority_set.clone()),
    );
    Box::new(move |executor| {
        crate::rpc::create(crate::rpc::Deps {
            client: client.clone(),
            pool: pool.clone(),
            select_chain: select_chain.clone(),
            chain_spec: chain_spec.cloned_box(),
            babe: babe.clone(),
            keystore: keystore.clone(),
            grandpa: crate::rpc::GrandpaDeps {
                voter_state: voter_state.clone(),
                authority_set: authority_set.clone(),
                justifications: justifications.clone(),
                finality: finality.clone(),
            },
            statements: statements.clone(),
            executor,
        })
        .map_err(Into::into)
    })
}
