//! Off-chain workers of the runtime. They may read and write statements; they have no HTTP.

use std::sync::Arc;

use futures::FutureExt as _;
use sc_client_api::Backend as _;
use sc_service::{Configuration, TaskManager};
use sc_transaction_pool_api::OffchainTransactionPoolFactory;

use super::{Common, Error};

/// Runs them after each block.
pub fn start(
    config: &Configuration,
    task_manager: &TaskManager,
    common: &Common,
    statements: Arc<sc_statement_store::Store>,
) -> Result<(), Error> {
    let workers = sc_offchain::OffchainWorkers::new(sc_offchain::OffchainWorkerOptions {
        runtime_api_provider: common.client.clone(),
        is_validator: config.role.is_authority(),
        keystore: Some(common.keystore.clone()),
        offchain_db: common.backend.offchain_storage(),
        transaction_pool: Some(OffchainTransactionPoolFactory::new(common.pool.clone())),
        network_provider: Arc::new(common.network.clone()),
        enable_http_requests: false,
        custom_extensions: move |_| {
            vec![Box::new(statements.clone().as_statement_store_ext()) as Box<_>]
        },
    })?;
    task_manager.spawn_handle().spawn(
        "offchain-workers-runner",
        Some("offchain-worker"),
        workers.run(common.client.clone(), task_manager.spawn_handle()).boxed(),
    );
    Ok(())
}
