//! The statement store: signed messages of bonded machines, gossiped without transactions. Who may
//! write how much is chain state; the store reads it.

use std::sync::Arc;

use sc_network::{
    NetworkBackend, NotificationMetrics, config::FullNetworkConfiguration,
    service::traits::NetworkService,
};
use sc_network_statement::StatementHandlerPrototype;
use sc_network_sync::service::syncing_service::SyncingService;
use sc_service::{Configuration, TaskManager};
use sc_statement_store::Store;

use super::{Block, Client, Error, Hash};

/// Registers the gossip protocol.
pub fn protocol<N: NetworkBackend<Block, Hash>>(
    config: &Configuration,
    genesis: Hash,
    metrics: &NotificationMetrics,
    net_config: &mut FullNetworkConfiguration<Block, Hash, N>,
) -> StatementHandlerPrototype {
    let (prototype, protocol) = StatementHandlerPrototype::new::<_, _, N>(
        genesis,
        config.chain_spec.fork_id(),
        metrics.clone(),
        net_config.peer_store_handle(),
    );
    net_config.add_notification_protocol(protocol);
    prototype
}

/// Opens the store and starts its gossip.
pub fn start(
    config: &Configuration,
    task_manager: &TaskManager,
    client: Arc<Client>,
    network: Arc<dyn NetworkService>,
    sync_service: Arc<SyncingService<Block>>,
    keystore: Arc<sc_keystore::LocalKeystore>,
    prototype: StatementHandlerPrototype,
) -> Result<Arc<Store>, Error> {
    let limits = sc_statement_store::Config::default();
    let store = Store::new_shared(
        &config.data_path,
        limits,
        client,
        keystore,
        config.prometheus_registry(),
        Box::new(task_manager.spawn_handle()),
    )
    .map_err(|error| Error::Application(Box::new(error)))?;
    let spawner = task_manager.spawn_handle();
    let handler = prototype.build(
        network,
        sync_service,
        store.clone(),
        config.prometheus_registry(),
        Box::new(move |task| {
            spawner.spawn("network-statement-validator", Some("networking"), task)
        }),
        limits.network_workers,
        limits.rate_limit,
    )?;
    task_manager.spawn_handle().spawn(
        "network-statement-handler",
        Some("networking"),
        handler.run(),
    );
    Ok(store)
}
