//! Puts the parts together and starts them: ledger, fleet, server, the collecting of rent. The same
//! constructor serves the daemon and the tests; what differs is handed in.

use std::{sync::Arc, time::Duration};

use dbc_tunnel::Listener;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    cards,
    chain::{ChainActions, ChainView},
    downtime,
    driver::Context,
    entitlement::{Entitlement, entitlement},
    error::StepError,
    execute::{Bounds, Checkpoint, Executor},
    fleet::Fleet,
    host::Host,
    keys::Keys,
    ledger::Ledger,
    metrics::Metrics,
    server::{
        Server,
        audit::Examinee,
        authorize::{Gate, Identity},
    },
    store::Store,
};

/// Everything that an agent is made of.
pub struct Parts {
    /// Genesis hash of the network.
    pub genesis: [u8; 32],
    /// Keys of the machine.
    pub keys: Arc<Keys>,
    /// The machine.
    pub host: Host,
    /// Reads the chain.
    pub view: Arc<dyn ChainView>,
    /// Signs as operator.
    pub actions: Arc<dyn ChainActions>,
    /// The agent's memory.
    pub store: Store,
    /// The door; `None` serves nobody.
    pub listener: Option<Arc<Listener>>,
    /// Where tests end the agent.
    pub checkpoint: Arc<dyn Checkpoint>,
    /// Bounds of steps.
    pub bounds: Bounds,
    /// How long an open lease still runs after its end.
    pub grace: Duration,
    /// How long a fault of the machine may keep a workload from running before the chain is told.
    pub patience: Duration,
    /// How often rent is collected; `None` leaves it to others.
    pub settle_every: Option<Duration>,
    /// Counters.
    pub metrics: Metrics,
}

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Its database cannot be used.
    #[error(transparent)]
    State(#[from] StepError),
    /// Its database belongs to another network or machine.
    #[error(
        "the state folder belongs to another network or machine; use another folder, or restore \
         the machine key that it was made with"
    )]
    Foreign,
}

/// A running agent.
pub struct Agent {
    /// Its workloads.
    pub fleet: Arc<Fleet>,
    /// Its leases.
    pub ledger: Arc<Ledger>,
    tasks: JoinSet<()>,
    shutdown: CancellationToken,
}

impl Agent {
    /// Starts everything. Needs neither chain nor engine to answer.
    ///
    /// # Errors
    /// When the database cannot be used or is another machine's.
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let Parts { genesis, keys, host, view, actions, store, checkpoint, metrics, .. } = parts;
        let identity = Identity { genesis, machine: keys.machine() };
        if !store.bind(genesis, identity.machine).await.map_err(StepError::from)? {
            return Err(StartError::Foreign);
        }
        let ledger =
            Ledger::open(identity.machine, view.clone(), store.clone(), metrics.clone()).await;
        let ledger = Arc::new(ledger.map_err(StepError::from)?);
        let (engine_sender, engine) = watch::channel(0);
        let (lost, cards) = watch::channel(None);
        let gpus = host.gpus.clone();
        let grace = ledger.clock().slots(parts.grace);
        let executor = Executor {
            host,
            view: view.clone(),
            actions: actions.clone(),
            store: store.clone(),
            checkpoint,
            bounds: parts.bounds,
        };
        let context = Context {
            executor,
            ledger: ledger.clone(),
            engine,
            cards,
            metrics: metrics.clone(),
            grace,
        };
        let gate = Gate::open(identity, ledger.clone(), store.clone()).await;
        let gate = gate.map_err(StepError::from)?;
        // Before the ledger follows the chain: what closed meanwhile is wanted by its driver.
        let fleet = Fleet::open(context, engine_sender).await?;

        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(ledger.clone().run(shutdown.clone()));
        tasks.spawn(fleet.clone().run(shutdown.clone()));
        tasks.spawn(cards::run(ledger.clone(), gpus, lost, parts.patience, shutdown.clone()));
        if let Some(listener) = parts.listener {
            let examinee = Examinee::new(identity.machine, view);
            let fleet = fleet.clone();
            let server = Arc::new(Server { genesis, keys, store, fleet, gate, examinee, metrics });
            tasks.spawn(server.run(listener, shutdown.clone()));
        }
        tasks.spawn(downtime::run(
            ledger.clone(),
            fleet.clone(),
            actions.clone(),
            grace,
            parts.patience,
            shutdown.clone(),
        ));
        if let Some(every) = parts.settle_every {
            tasks.spawn(collect(ledger.clone(), actions, grace, every, shutdown.clone()));
        }
        Ok(Self { fleet, ledger, tasks, shutdown })
    }

    /// Ends in order: no stream is accepted any more, workloads go on without us.
    pub async fn shutdown(mut self) {
        self.shutdown.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.fleet.abort();
    }

    /// Ends at once, wherever it stands, as a crash would.
    pub async fn kill(mut self) {
        self.fleet.abort();
        self.tasks.shutdown().await;
    }

    /// Resolves when a part of the agent ended that never should.
    pub async fn failed(&mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                warn!(%error, "a part of the agent panicked");
                return;
            }
        }
    }
}

/// Settles the leases that run, now and then: rent is paid when a lease is touched, and a renter who
/// stays for a month touches nothing.
async fn collect(
    ledger: Arc<Ledger>,
    actions: Arc<dyn ChainActions>,
    grace: u64,
    every: Duration,
    shutdown: CancellationToken,
) {
    let mut ticks = interval(every.max(Duration::from_secs(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    let work = async {
        loop {
            ticks.tick().await;
            let now = ledger.clock().now();
            for id in ledger.ids() {
                let entitled = entitlement(&ledger.now(id), now, grace);
                if entitled != (Entitlement::Active { reported: true }) {
                    continue;
                }
                match actions.settle(id).await {
                    Ok(()) => debug!(lease_id = id, "rent collected"),
                    Err(error) => {
                        let error = dbc_service::error_chain(&error);
                        warn!(lease_id = id, error, "rent not collected");
                    }
                }
            }
        }
    };
    shutdown.run_until_cancelled(work).await;
}
