//! The parts that every command on a database needs, running node or not.

use std::{path::PathBuf, sync::Arc};

use sc_consensus_babe::{BabeBlockImport, BabeLink, BabeWorkerHandle};
use sc_consensus_grandpa::{GrandpaBlockImport, GrandpaPruningFilter, LinkHalf};
use sc_executor::WasmExecutor;
use sc_service::{Configuration, PartialComponents};
use sc_telemetry::{Telemetry, TelemetryWorker};
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_consensus_babe::{SlotDuration, inherents::BabeCreateInherentDataProviders};

use super::{Backend, Block, Client, Error, JUSTIFICATION_PERIOD, Pool, SelectChain};
use crate::runtime_file::absolute;

type GrandpaImport = GrandpaBlockImport<Backend, Block, Client, SelectChain>;
/// How blocks enter the database.
pub type Import = BabeBlockImport<
    Block,
    Client,
    GrandpaImport,
    BabeCreateInherentDataProviders<Block>,
    SelectChain,
>;

/// GRANDPA's half of the import.
pub type GrandpaLink = LinkHalf<Block, Client, SelectChain>;

/// What consensus needs beside the common parts.
pub struct Setup {
    /// Where authored blocks go.
    pub block_import: Import,
    /// GRANDPA's half.
    pub grandpa_link: GrandpaLink,
    /// BABE's state.
    pub babe_link: BabeLink<Block>,
    /// Answers questions about epochs.
    pub babe_worker: BabeWorkerHandle<Block>,
    /// Reports to telemetry servers, if any is configured.
    pub telemetry: Option<Telemetry>,
}

/// Slot and time, as a block carries them.
pub fn inherents(
    slot_duration: SlotDuration,
) -> (sp_consensus_babe::inherents::InherentDataProvider, sp_timestamp::InherentDataProvider) {
    let timestamp = sp_timestamp::InherentDataProvider::from_system_time();
    let slot = sp_consensus_babe::inherents::InherentDataProvider::from_timestamp_and_slot_duration(
        *timestamp,
        slot_duration,
    );
    (slot, timestamp)
}

/// Opens the database and builds client, pool and import queue.
pub fn parts(
    config: &Configuration,
    wasm_cache: Option<PathBuf>,
) -> Result<
    PartialComponents<
        Client,
        Backend,
        SelectChain,
        sc_consensus::DefaultImportQueue<Block>,
        Pool,
        Setup,
    >,
    Error,
> {
    let telemetry = config
        .telemetry_endpoints
        .clone()
        .filter(|endpoints| !endpoints.is_empty())
        .map(|endpoints| -> Result<_, sc_telemetry::Error> {
            let worker = TelemetryWorker::new(16)?;
            let telemetry = worker.handle().new_telemetry(endpoints);
            Ok((worker, telemetry))
        })
        .transpose()?;
    let heap = config
        .executor
        .default_heap_pages
        .map_or(sc_executor::DEFAULT_HEAP_ALLOC_STRATEGY, |pages| {
            sc_executor::HeapAllocStrategy::Static { extra_pages: pages as _ }
        });
    let wasm_cache = wasm_cache.unwrap_or_else(|| config.data_path.join("wasm-cache"));
    let executor = WasmExecutor::builder()
        .with_execution_method(config.executor.wasm_method)
        .with_onchain_heap_alloc_strategy(heap)
        .with_offchain_heap_alloc_strategy(heap)
        .with_max_runtime_instances(config.executor.max_runtime_instances)
        .with_runtime_cache_size(config.executor.runtime_cache_size)
        // Compiling a runtime takes seconds, reading a compiled one milliseconds.
        .with_cache_path(absolute(wasm_cache).map_err(Error::Other)?)
        .build();
    // Pruned nodes keep the blocks that have justifications: warp sync of others needs them.
    let (client, backend, keystore_container, task_manager) = sc_service::new_full_parts(
        config,
        telemetry.as_ref().map(|(_, telemetry)| telemetry.handle()),
        executor,
        vec![Arc::new(GrandpaPruningFilter)],
    )?;
    let client = Arc::new(client);
    let telemetry = telemetry.map(|(worker, telemetry)| {
        task_manager.spawn_handle().spawn("telemetry", None, worker.run());
        telemetry
    });

    let select_chain = sc_consensus::LongestChain::new(backend.clone());
    let transaction_pool = Arc::from(
        sc_transaction_pool::Builder::new(
            task_manager.spawn_essential_handle(),
            client.clone(),
            config.role.is_authority().into(),
        )
        .with_options(config.transaction_pool.clone())
        .with_prometheus(config.prometheus_registry())
        .build(),
    );
    let (grandpa_import, grandpa_link) = sc_consensus_grandpa::block_import(
        client.clone(),
        JUSTIFICATION_PERIOD,
        &client,
        select_chain.clone(),
        telemetry.as_ref().map(|telemetry| telemetry.handle()),
    )?;
    let babe_config = sc_consensus_babe::configuration(&*client)?;
    let slot_duration = babe_config.slot_duration();
    let (block_import, babe_link) = sc_consensus_babe::block_import(
        babe_config,
        grandpa_import.clone(),
        client.clone(),
        Arc::new(move |_, _| async move { Ok(inherents(slot_duration)) })
            as BabeCreateInherentDataProviders<Block>,
        select_chain.clone(),
        OffchainTransactionPoolFactory::new(transaction_pool.clone()),
    )?;
    let (import_queue, babe_worker) =
        sc_consensus_babe::import_queue(sc_consensus_babe::ImportQueueParams {
            link: babe_link.clone(),
            block_import: block_import.clone(),
            justification_import: Some(Box::new(grandpa_import)),
            client: client.clone(),
            slot_duration,
            spawner: &task_manager.spawn_essential_handle(),
            registry: config.prometheus_registry(),
            telemetry: telemetry.as_ref().map(|telemetry| telemetry.handle()),
        })?;
    Ok(PartialComponents {
        client,
        backend,
        task_manager,
        import_queue,
        keystore_container,
        select_chain,
        transaction_pool,
        other: Setup { block_import, grandpa_link, babe_link, babe_worker, telemetry },
    })
}
