//! Authoring with BABE and finalizing with GRANDPA. Every node follows finality; only authorities
//! vote and author.

use std::{sync::Arc, time::Duration};

use sc_consensus_grandpa::SharedVoterState;
use sc_network::{
    NetworkBackend, NotificationMetrics, NotificationService, ProtocolName,
    config::FullNetworkConfiguration,
};
use sc_service::{Configuration, TaskManager};
use sc_transaction_pool_api::OffchainTransactionPoolFactory;

use super::{Block, Common, Error, Hash, JUSTIFICATION_PERIOD, Setup, parts};

/// Blocks that authors leave out at most, for each that they make, while finality lags far behind.
const BACKOFF_BLOCKS_MAX: u32 = 10;

/// Half of a slot to make a block, the other half for it to spread.
const PROPOSAL_PORTION: f32 = 0.5;

/// How often votes are repeated to peers.
const GOSSIP_EVERY: Duration = Duration::from_millis(333);

/// GRANDPA's place in the network.
pub struct FinalityProtocol {
    name: ProtocolName,
    notifications: Box<dyn NotificationService>,
}

/// Registers GRANDPA's protocol.
pub fn finality_protocol<N: NetworkBackend<Block, Hash>>(
    config: &Configuration,
    genesis: Hash,
    metrics: &NotificationMetrics,
    net_config: &mut FullNetworkConfiguration<Block, Hash, N>,
) -> FinalityProtocol {
    let name = sc_consensus_grandpa::protocol_standard_name(&genesis, &config.chain_spec);
    let (protocol, notifications) = sc_consensus_grandpa::grandpa_peers_set_config::<_, N>(
        name.clone(),
        metrics.clone(),
        net_config.peer_store_handle(),
    );
    net_config.add_notification_protocol(protocol);
    FinalityProtocol { name, notifications }
}

/// What the command line says about the node's part in consensus.
pub struct Role {
    local: sc_service::Role,
    name: String,
    force_authoring: bool,
    disable_grandpa: bool,
}

impl Role {
    /// Reads it.
    pub fn of(config: &Configuration) -> Self {
        Self {
            local: config.role,
            name: config.network.node_name.clone(),
            force_authoring: config.force_authoring,
            disable_grandpa: config.disable_grandpa,
        }
    }
}

/// Starts what this node has to do.
pub fn start(
    task_manager: &TaskManager,
    common: Common,
    role: Role,
    setup: Setup,
    voter_state: SharedVoterState,
    protocol: FinalityProtocol,
) -> Result<(), Error> {
    let Setup { block_import, grandpa_link, babe_link, .. } = setup;
    if role.local.is_authority() {
        author(task_manager, &common, &role, block_import, babe_link)?;
    }
    if !role.disable_grandpa {
        finalize(task_manager, common, role, grandpa_link, voter_state, protocol)?;
    }
    Ok(())
}

fn author(
    task_manager: &TaskManager,
    common: &Common,
    role: &Role,
    block_import: parts::Import,
    babe_link: sc_consensus_babe::BabeLink<Block>,
) -> Result<(), Error> {
    let slot_duration = babe_link.config().slot_duration();
    let babe = sc_consensus_babe::start_babe(sc_consensus_babe::BabeParams {
        keystore: common.keystore.clone(),
        client: common.client.clone(),
        select_chain: common.select_chain.clone(),
        env: sc_basic_authorship::ProposerFactory::new(
            task_manager.spawn_handle(),
            common.client.clone(),
            common.pool.clone(),
            common.registry.as_ref(),
            common.telemetry.clone(),
        ),
        block_import,
        sync_oracle: common.sync.clone(),
        justification_sync_link: common.sync.clone(),
        create_inherent_data_providers: move |_, ()| async move { Ok(parts::inherents(slot_duration)) },
        force_authoring: role.force_authoring,
        backoff_authoring_blocks: Some(
            sc_consensus_slots::BackoffAuthoringOnFinalizedHeadLagging {
                max_interval: BACKOFF_BLOCKS_MAX,
                ..Default::default()
            },
        ),
        babe_link,
        block_proposal_slot_portion: sc_consensus_babe::SlotProportion::new(PROPOSAL_PORTION),
        max_block_proposal_slot_portion: None,
        telemetry: common.telemetry.clone(),
    })?;
    task_manager.spawn_essential_handle().spawn_blocking(
        "babe-proposer",
        Some("block-authoring"),
        babe,
    );
    Ok(())
}

fn finalize(
    task_manager: &TaskManager,
    common: Common,
    role: Role,
    link: parts::GrandpaLink,
    voter_state: SharedVoterState,
    protocol: FinalityProtocol,
) -> Result<(), Error> {
    let voter = sc_consensus_grandpa::run_grandpa_voter(sc_consensus_grandpa::GrandpaParams {
        config: sc_consensus_grandpa::Config {
            gossip_duration: GOSSIP_EVERY,
            justification_generation_period: JUSTIFICATION_PERIOD,
            name: Some(role.name),
            observer_enabled: false,
            // Without keys the voter follows and never votes.
            keystore: role.local.is_authority().then_some(common.keystore),
            local_role: role.local,
            telemetry: common.telemetry.clone(),
            protocol_name: protocol.name,
        },
        link,
        network: common.network,
        sync: Arc::new(common.sync),
        notification_service: protocol.notifications,
        // No rule holds votes back from the newest blocks: everybody acts on finalized blocks alone, and the usual
        // two blocks of distance would add six seconds to every action.
        voting_rule: sc_consensus_grandpa::VotingRulesBuilder::new()
            .add(sc_consensus_grandpa::ThreeQuartersOfTheUnfinalizedChain)
            .build(),
        prometheus_registry: common.registry,
        shared_voter_state: voter_state,
        telemetry: common.telemetry,
        offchain_tx_pool_factory: OffchainTransactionPoolFactory::new(common.pool),
    })?;
    task_manager.spawn_essential_handle().spawn_blocking("grandpa-voter", None, voter);
    Ok(())
}
