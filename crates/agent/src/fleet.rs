//! All workloads of the machine: one driver each, found by key. Takes specs for new ones, watches
//! the container engine for all of them, and keeps the firewall. A workload can be had by lease and
//! number alone.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dbc_agent_api::{ApiError, ErrorCode, WorkloadSpec, control::WorkloadStatus};
use dbc_host::{Digest, WorkloadKey};
use futures::StreamExt;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::AbortHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    driver::{Command, Context, Driver, Handle, Wish, admit},
    error::StepError,
    plan::Want,
    record::WorkloadRecord,
};

/// Workloads of one machine. It has at most 16 GPUs, and closed leases are kept for a while.
const WORKLOADS_MAX: usize = 1024;
/// This agent runs one workload a lease; the number of any other is refused.
const WORKLOAD_FIRST: u32 = 0;
/// How long a client waits for its wish to be stored, or for its workload to stop.
const WISH_TIME: Duration = Duration::from_secs(60);
/// Pause before the engine is asked again after its event stream broke.
const ENGINE_RETRY: Duration = Duration::from_secs(1);
/// How often the pool's free space is looked at, and below which share of it images are dropped.
const ROOM_TIME: Duration = Duration::from_secs(60);
const ROOM_PERCENT: u64 = 15;
/// Others may flush the firewall's tables.
const FIREWALL_TIME: Duration = Duration::from_secs(60);

/// The drivers of this machine.
pub struct Fleet {
    context: Context,
    /// Counts breaks of the engine's event stream; drivers watch it.
    engine: watch::Sender<u64>,
    drivers: Mutex<HashMap<WorkloadKey, Entry>>,
    /// One new workload at a time.
    adding: tokio::sync::Mutex<()>,
}

struct Entry {
    handle: Handle,
    task: AbortHandle,
}

impl Fleet {
    /// Starts a driver for each stored workload. `engine` is the sending side of the context's.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open(
        context: Context,
        engine: watch::Sender<u64>,
    ) -> Result<Arc<Self>, StepError> {
        let records = context.executor.store.workloads().await?;
        let fleet = Arc::new(Self {
            context,
            engine,
            drivers: Mutex::default(),
            adding: tokio::sync::Mutex::default(),
        });
        info!(workloads = records.len(), "workloads read");
        for record in records {
            fleet.spawn(record);
        }
        fleet.context.ledger.sweep().await?;
        Ok(fleet)
    }

    fn spawn(self: &Arc<Self>, record: WorkloadRecord) {
        let key = record.key;
        let (driver, handle) = Driver::new(self.context.clone(), record);
        let fleet = Arc::downgrade(self);
        let mut drivers = self.drivers();
        let task = tokio::spawn(async move {
            driver.run().await;
            if let Some(fleet) = fleet.upgrade() {
                fleet.remove(key).await;
            }
        });
        drivers.insert(key, Entry { handle, task: task.abort_handle() });
    }

    async fn remove(&self, key: WorkloadKey) {
        let others = {
            let mut drivers = self.drivers();
            drivers.remove(&key);
            drivers.keys().any(|other| other.lease == key.lease)
        };
        info!(lease_id = key.lease, workload_id = key.workload, "workload forgotten");
        if !others {
            if let Err(error) = self.context.ledger.forget(key.lease).await {
                warn!(error = dbc_service::error_chain(&error), "lease not forgotten");
            }
        }
    }

    /// Stores a spec and makes the workload match it. Returns when the spec is stored.
    ///
    /// # Errors
    /// What is wrong with the spec or the lease; `busy` when too much waits.
    pub async fn put(
        self: &Arc<Self>,
        key: WorkloadKey,
        spec: WorkloadSpec,
    ) -> Result<(), ApiError> {
        if key.workload != WORKLOAD_FIRST {
            return Err(ApiError::new(
                ErrorCode::InvalidInput,
                format!("workload {}: this agent runs one a lease, number 0", key.workload),
            ));
        }
        let adding = self.adding.lock().await;
        if self.handle(key).is_some() {
            drop(adding);
            return self.wish(key, Wish::Put(Box::new(spec))).await;
        }
        let lease = self.context.ledger.now(key.lease);
        let machine = self.context.ledger.machine().borrow().clone();
        admit(&spec, &lease, machine.as_ref())?;
        if self.drivers().len() >= WORKLOADS_MAX {
            return Err(ApiError::new(ErrorCode::Busy, "this machine keeps too many workloads"));
        }
        let record = WorkloadRecord::new(key, spec);
        self.context.executor.save(&record).await.map_err(|error| {
            warn!(error = dbc_service::error_chain(&error), "spec not stored");
            error.api()
        })?;
        info!(lease_id = key.lease, workload_id = key.workload, "workload accepted");
        self.spawn(record);
        Ok(())
    }

    /// Hands a wish to the workload's driver and waits for its answer.
    ///
    /// # Errors
    /// `workload_not_found`, `busy`, or what the driver says.
    pub async fn wish(&self, key: WorkloadKey, wish: Wish) -> Result<(), ApiError> {
        let handle = self.handle(key).ok_or_else(not_found)?;
        let (reply, answer) = oneshot::channel();
        let busy = || ApiError::new(ErrorCode::Busy, "the workload has too many requests waiting");
        handle.queue.try_send(Command { wish, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => busy(),
            mpsc::error::TrySendError::Closed(_) => not_found(),
        })?;
        match timeout(WISH_TIME, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(not_found()),
            Err(_) => Err(ApiError::new(ErrorCode::Busy, "the workload's driver is busy")),
        }
    }

    /// State of a workload and its changes; `None` when no spec was sent.
    pub fn status(&self, key: WorkloadKey) -> Option<watch::Receiver<WorkloadStatus>> {
        self.handle(key).map(|handle| handle.status)
    }

    /// The workloads that are to run: their renters want it, and they have not ended by themselves.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn wanted(&self) -> Result<BTreeSet<WorkloadKey>, StepError> {
        let records = self.context.executor.store.workloads().await?;
        let ended = |record: &WorkloadRecord| record.done.is_some() && !record.restart;
        let wanted = |record: &WorkloadRecord| record.want == Want::Run && !ended(record);
        Ok(records.iter().filter(|record| wanted(record)).map(|record| record.key).collect())
    }

    /// The host, for what is no step: output, ports, sessions.
    pub fn host(&self) -> &crate::host::Host {
        &self.context.executor.host
    }

    /// Says on the log what of this network is on the host without a record. Nothing is touched: it
    /// may be a renter's data, and the agent's database may be the part that was lost.
    pub async fn report_orphans(&self) {
        let host = self.host();
        if let Ok(pool) = host.pool.list().await {
            let known = self.drivers();
            for key in pool.roots.iter().filter(|key| !known.contains_key(*key)) {
                warn!(lease_id = key.lease, workload_id = key.workload, "root without a record");
            }
        }
        if let Ok(containers) = host.backend.list().await {
            let known = self.drivers();
            for container in containers.iter().filter(|seen| !known.contains_key(&seen.key)) {
                let (lease_id, id) = (container.key.lease, container.id.to_string());
                warn!(lease_id, container = id, "container without a record");
            }
        }
    }

    /// Watches the engine for all drivers, and keeps the firewall, until `shutdown`.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let work = async {
            tokio::join!(self.watch_engine(), self.keep_firewall(), self.keep_room());
        };
        shutdown.run_until_cancelled(work).await;
    }

    async fn watch_engine(&self) {
        loop {
            let mut events = self.host().backend.events();
            // What happened before the subscription is found by looking.
            self.nudge_all();
            while let Some(event) = events.next().await {
                match event {
                    Ok(event) => self.nudge(event.key),
                    Err(error) => {
                        warn!(
                            error = dbc_service::error_chain(&error),
                            "engine's events broke off"
                        );
                        break;
                    }
                }
            }
            self.context.metrics.engine_breaks.inc();
            self.engine.send_modify(|breaks| *breaks += 1);
            sleep(ENGINE_RETRY).await;
        }
    }

    async fn keep_firewall(&self) {
        let mut breaks = self.engine.subscribe();
        loop {
            if let Err(error) = self.host().network.ensure_firewall().await {
                warn!(error = dbc_service::error_chain(&error), "firewall not set");
            }
            // An engine that restarts may rewrite tables, too.
            let _ = timeout(FIREWALL_TIME, breaks.changed()).await;
        }
    }

    /// Drops images that no workload uses when the pool gets full; until then they are kept, so that
    /// the next lease starts at once.
    async fn keep_room(&self) {
        loop {
            match self.drop_images().await {
                Ok(0) => {}
                Ok(dropped) => info!(dropped, "images dropped: the data pool is nearly full"),
                Err(error) => warn!(error = dbc_service::error_chain(&error), "pool not looked at"),
            }
            sleep(ROOM_TIME).await;
        }
    }

    /// Gives how many were dropped.
    async fn drop_images(&self) -> Result<usize, StepError> {
        let host = self.host();
        let health = host.pool.health().await?;
        if health.free_bytes >= health.total_bytes / 100 * ROOM_PERCENT {
            return Ok(0);
        }
        let records = self.context.executor.store.workloads().await?;
        let used = |image: &Digest| {
            records.iter().any(|record| {
                record.root_image.as_ref() == Some(image)
                    || record.image.as_ref().is_some_and(|stored| stored.pulled.id == *image)
            })
        };
        let mut dropped = 0;
        for image in host.pool.list().await?.images.into_iter().filter(|image| !used(image)) {
            host.pool.remove_image(&image).await?;
            dropped += 1;
        }
        Ok(dropped)
    }

    fn nudge(&self, key: WorkloadKey) {
        if let Some(entry) = self.drivers().get(&key) {
            entry.handle.nudge.notify_one();
        }
    }

    fn nudge_all(&self) {
        for entry in self.drivers().values() {
            entry.handle.nudge.notify_one();
        }
    }

    /// Ends all drivers where they stand. What they did is stored; the next run goes on from there.
    pub fn abort(&self) {
        for (_, entry) in self.drivers().drain() {
            entry.task.abort();
        }
    }

    fn handle(&self, key: WorkloadKey) -> Option<Handle> {
        self.drivers().get(&key).map(|entry| entry.handle.clone())
    }

    fn drivers(&self) -> MutexGuard<'_, HashMap<WorkloadKey, Entry>> {
        // A panic while the lock was held cannot leave the map half-written.
        self.drivers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.abort();
    }
}

/// The container of a workload, asked of the engine.
///
/// # Errors
/// When the engine does not answer.
pub async fn container_of(
    fleet: &Fleet,
    key: WorkloadKey,
) -> Result<Option<dbc_host::ContainerId>, StepError> {
    let found = fleet.host().backend.list().await?;
    Ok(found.into_iter().find(|container| container.key == key).map(|container| container.id))
}

fn not_found() -> ApiError {
    ApiError::new(ErrorCode::WorkloadNotFound, "no spec was sent for this workload")
}
