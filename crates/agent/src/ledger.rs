//! The leases of this machine as last heard from the chain: one task follows the chain, stores what
//! is final, and publishes each lease by a `watch`. Survives the chain's absence and the agent's own
//! restart; judges nothing ([`crate::entitlement`] does).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::{
    chain::{
        At, ChainClock, ChainError, ChainView, Change, Closed, LeaseRecord, MachineRecord, Slot,
        is_strike, why_closed,
    },
    entitlement::LeaseView,
    metrics::Metrics,
    store::{Store, StoreError},
};

/// Pause before the chain is asked again after it gave no answer.
const RETRY: Duration = Duration::from_secs(3);
/// After so much silence everything is read anew, in case that something was missed.
const RESYNC_TIME: Duration = Duration::from_secs(600);
/// A lease that nobody knew of is asked for at most this often.
const MISS_TIME: Duration = Duration::from_secs(2);
/// Remembered misses; beyond it the oldest answers are forgotten all at once.
const MISSES_MAX: usize = 1024;
/// Between two stored heads: each costs a disk write, and a restart counts on by itself.
const HEAD_SLOTS: u64 = 10;
/// A host clock this wrong is told of.
const CLOCK_OFF_S: u64 = 30;

/// What the agent knows of its leases. Shared by all tasks.
pub struct Ledger {
    machine_id: [u8; 32],
    view: Arc<dyn ChainView>,
    store: Store,
    clock: Arc<ChainClock>,
    metrics: Metrics,
    leases: Mutex<BTreeMap<u64, watch::Sender<LeaseView>>>,
    machine: watch::Sender<Option<MachineRecord>>,
    heads: watch::Sender<Slot>,
    misses: Mutex<HashMap<u64, Instant>>,
}

impl Ledger {
    /// Reads what was stored. The chain is not asked yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open(
        machine_id: [u8; 32],
        view: Arc<dyn ChainView>,
        store: Store,
        metrics: Metrics,
    ) -> Result<Self, StoreError> {
        let clock = Arc::new(ChainClock::new(view.slot_ms(), store.head().await?));
        let mut leases = BTreeMap::new();
        for lease in store.leases().await? {
            let view = LeaseView { best: None, finalized: Some(lease.clone()) };
            leases.insert(lease.id, watch::channel(view).0);
        }
        let machine = watch::channel(store.machine().await?).0;
        Ok(Self {
            machine_id,
            view,
            store,
            clock,
            metrics,
            leases: Mutex::new(leases),
            machine,
            heads: watch::channel(0).0,
            misses: Mutex::default(),
        })
    }

    /// Chain time.
    pub fn clock(&self) -> &Arc<ChainClock> {
        &self.clock
    }

    /// The machine's record; `None` until the chain was once asked.
    pub fn machine(&self) -> watch::Receiver<Option<MachineRecord>> {
        self.machine.subscribe()
    }

    /// Slot of the newest finalized head; changes after the clock knows it.
    pub fn heads(&self) -> watch::Receiver<Slot> {
        self.heads.subscribe()
    }

    /// A lease and its changes; one that is not known is empty until it is.
    pub fn lease(&self, id: u64) -> watch::Receiver<LeaseView> {
        self.leases().entry(id).or_default().subscribe()
    }

    /// A lease as it is known now.
    pub fn now(&self, id: u64) -> LeaseView {
        self.leases().get(&id).map(|lease| lease.borrow().clone()).unwrap_or_default()
    }

    /// The leases that are known.
    pub fn ids(&self) -> Vec<u64> {
        self.leases().keys().copied().collect()
    }

    /// A lease that a client named: as known, else as the chain says now. An unknown number is asked
    /// for every two seconds at most, so that strangers cannot make the agent ask on and on.
    pub async fn find(&self, id: u64) -> Result<Option<LeaseRecord>, ChainError> {
        if let Some(lease) = self.now(id).newest() {
            return Ok(Some(lease.clone()));
        }
        {
            let mut misses = lock(&self.misses);
            let recent = misses.get(&id).is_some_and(|asked| asked.elapsed() < MISS_TIME);
            if recent {
                return Ok(None);
            }
            if misses.len() >= MISSES_MAX {
                misses.clear();
            }
            misses.insert(id, Instant::now());
        }
        let found = self.view.lease(id, At::Best).await?;
        let found = found.filter(|lease| lease.machine == self.machine_id);
        if let Some(lease) = &found {
            let machine = self.view.machine(self.machine_id).await?;
            if machine.is_some() && *self.machine.borrow() != machine {
                self.machine.send_replace(machine);
            }
            self.set_best(id, Some(lease.clone()));
        }
        Ok(found)
    }

    /// Forgets a lease whose workloads are gone.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn forget(&self, id: u64) -> Result<(), StoreError> {
        self.store.delete_lease(id).await?;
        self.leases().remove(&id);
        Ok(())
    }

    /// Forgets leases that are over here and that no driver watches.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let over = |lease: &watch::Sender<LeaseView>| {
            let over = |lease: &LeaseRecord| lease.closed.is_some() || lease.moved;
            lease.borrow().finalized.as_ref().is_some_and(over) && lease.receiver_count() == 0
        };
        let ids: Vec<u64> =
            self.leases().iter().filter(|(_, lease)| over(lease)).map(|(id, _)| *id).collect();
        for id in ids {
            self.forget(id).await?;
        }
        Ok(())
    }

    /// Follows the chain until `shutdown`.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let work = async {
            tokio::join!(self.follow_heads(), self.follow_changes());
        };
        shutdown.run_until_cancelled(work).await;
    }

    async fn follow_heads(&self) {
        let mut heads = self.view.finalized();
        let (mut stored, mut clock_told) = (0, false);
        loop {
            let head = *heads.borrow_and_update();
            if head.slot > 0 {
                let observed = self.clock.observe(head);
                self.heads.send_replace(head.slot);
                self.metrics.head.set(i64::try_from(head.number).unwrap_or(i64::MAX));
                let off = self.clock.host_ahead_s();
                if off.unsigned_abs() > CLOCK_OFF_S && !clock_told {
                    clock_told = true;
                    warn!(host_ahead_s = off, "the host's clock is off; chain time is used");
                }
                if head.slot >= stored + HEAD_SLOTS {
                    stored = head.slot;
                    if let Err(error) = self.store.save_head(observed).await {
                        warn!(error = dbc_service::error_chain(&error), "head not stored");
                    }
                }
            }
            if heads.changed().await.is_err() {
                // The chain's side ended, which happens at shutdown alone.
                return std::future::pending().await;
            }
        }
    }

    async fn follow_changes(&self) {
        let mut changes = self.view.changes();
        loop {
            match timeout(RESYNC_TIME, changes.recv()).await {
                Ok(Some(change)) => self.take(change, &mut changes).await,
                Ok(None) => {
                    sleep(RETRY).await;
                    changes = self.view.changes();
                }
                Err(_) => self.take(Change::Resync, &mut changes).await,
            }
        }
    }

    /// Takes over one change. What cannot be read is asked for again until it can.
    async fn take(&self, mut change: Change, changes: &mut mpsc::Receiver<Change>) {
        loop {
            let taken = match change {
                Change::Resync => self.resync().await,
                Change::Lease { id, at } => self.update(id, at).await,
            };
            let Err(failure) = taken else { return };
            debug!(error = dbc_service::error_chain(&failure), "chain not read");
            sleep(RETRY).await;
            // Whatever else came meanwhile is in a resync too.
            while changes.try_recv().is_ok() {}
            change = Change::Resync;
        }
    }

    async fn resync(&self) -> Result<(), LedgerError> {
        self.refresh_machine().await?;
        for lease in self.view.leases_of_machine(self.machine_id, At::Finalized).await? {
            self.set_finalized(lease).await?;
        }
        let best = self.view.leases_of_machine(self.machine_id, At::Best).await?;
        for id in self.ids() {
            let found = best.iter().find(|lease| lease.id == id);
            self.set_best(id, found.cloned());
        }
        for lease in best {
            self.set_best(lease.id, Some(lease));
        }
        // Leases that the lists leave out, e.g. because they are closed, are asked for by number.
        for id in self.ids() {
            if self.now(id).finalized.as_ref().is_none_or(|lease| lease.closed.is_none()) {
                self.update(id, At::Finalized).await?;
            }
        }
        self.sweep().await?;
        Ok(())
    }

    async fn refresh_machine(&self) -> Result<(), LedgerError> {
        if let Some(machine) = self.view.machine(self.machine_id).await? {
            if self.machine.borrow().as_ref() != Some(&machine) {
                self.store.save_machine(&machine).await?;
                self.machine.send_replace(Some(machine));
            }
        }
        Ok(())
    }

    async fn update(&self, id: u64, at: At) -> Result<(), LedgerError> {
        let known = self.now(id).finalized.is_some();
        let found = match self.view.lease(id, at).await? {
            Some(lease) if lease.machine == self.machine_id => Some(lease),
            // A fail-over: from here on the record tells how long the data here is kept (rule 15).
            Some(lease) if known && at == At::Finalized => {
                return self.set_finalized(LeaseRecord { moved: true, ..lease }).await;
            }
            _ => None,
        };
        // What a new lease's share is hangs on the offer, which does not change from here on while it is open;
        // an agent that started before its machine was registered learns of it by the first lease, too.
        if found.is_some() && self.now(id).newest().is_none() {
            self.refresh_machine().await?;
        }
        match at {
            At::Best => self.set_best(id, found),
            At::Finalized => match found {
                Some(lease) => self.set_finalized(lease).await?,
                // A record that is gone tells nothing; what was known last holds.
                None if known => {
                    warn!(lease_id = id, "the chain has no record of a known lease any more");
                }
                None => {}
            },
        }
        Ok(())
    }

    fn set_best(&self, id: u64, lease: Option<LeaseRecord>) {
        let mut leases = self.leases();
        if lease.is_none() && !leases.contains_key(&id) {
            return;
        }
        leases.entry(id).or_default().send_if_modified(|view| {
            let changed = view.best != lease;
            view.best = lease;
            changed
        });
    }

    async fn set_finalized(&self, lease: LeaseRecord) -> Result<(), LedgerError> {
        let before = self.now(lease.id).finalized;
        if before.as_ref() == Some(&lease) {
            return Ok(());
        }
        if lease.closed.is_some() && !self.leases().contains_key(&lease.id) {
            // Over before we ever heard of it: nothing of it is here.
            return Ok(());
        }
        if before.is_none() {
            // The lease's machine as finalized no earlier than the lease: nothing starts with an older share.
            self.refresh_machine().await?;
        }
        // Stored first: what is acted on must be known after a crash.
        self.store.save_lease(&lease).await?;
        if lease.moved {
            if before.is_none_or(|before| !before.moved) {
                info!(lease_id = lease.id, "another machine has taken the lease over");
            }
        } else if let Some(closed) = lease.closed {
            if before.is_none_or(|before| before.closed.is_none()) {
                self.note_close(lease.id, closed).await?;
            }
        }
        let mut leases = self.leases();
        leases.entry(lease.id).or_default().send_modify(|view| {
            // The best block is never behind the finalized one.
            let behind = view.best.as_ref().is_none_or(|best| best.closed.is_none());
            if (lease.closed.is_some() || lease.moved) && behind {
                view.best = Some(lease.clone());
            }
            view.finalized = Some(lease.clone());
        });
        Ok(())
    }

    async fn note_close(&self, lease_id: u64, closed: Closed) -> Result<(), LedgerError> {
        let reason = why_closed(closed.reason);
        info!(lease_id, reason, retain_until = closed.retain_until, "lease closed");
        if is_strike(closed.reason) {
            let strikes = self.store.strike(lease_id, closed.reason).await?;
            self.metrics.strikes.set(i64::try_from(strikes).unwrap_or(i64::MAX));
            error!(lease_id, reason, strikes, "a lease ended by this machine's fault");
        }
        Ok(())
    }

    fn leases(&self) -> MutexGuard<'_, BTreeMap<u64, watch::Sender<LeaseView>>> {
        lock(&self.leases)
    }
}

/// Why a change could not be taken over.
#[derive(Debug, thiserror::Error)]
enum LedgerError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A panic while the lock was held cannot leave these maps half-written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
