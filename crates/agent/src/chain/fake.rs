//! A chain in memory for tests: two states, best and finalized, that the test moves by hand. Keeps
//! the contract of the traits: an away chain answers nothing, a receiver begins with a resync.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};

use super::{
    At, ChainActions, ChainError, ChainView, Change, CloseReason, Closed, Drawn, Head, LeaseRecord,
    MachineRecord, Slot, Terms,
};

/// Slot length of the fake.
pub const SLOT_MS: u64 = 3000;
/// Notices that a receiver may lag behind.
const CHANGES_MAX: usize = 256;

/// A [`ChainView`] and [`ChainActions`] in memory. Clones share their state.
#[derive(Clone)]
pub struct FakeChain {
    state: Arc<Mutex<State>>,
    head: Arc<watch::Sender<Head>>,
}

#[derive(Default)]
struct State {
    best: BTreeMap<u64, LeaseRecord>,
    finalized: BTreeMap<u64, LeaseRecord>,
    machine: Option<MachineRecord>,
    auditors: BTreeMap<(u64, [u8; 32]), Terms>,
    listeners: Vec<mpsc::Sender<Change>>,
    away: bool,
    started: Vec<u64>,
    settled: Vec<u64>,
}

impl FakeChain {
    /// A chain at slot `slot` with one machine.
    pub fn new(slot: Slot, machine: MachineRecord) -> Self {
        let chain =
            Self { state: Arc::default(), head: Arc::new(watch::channel(Head::default()).0) };
        chain.lock().machine = Some(machine);
        chain.advance_to(slot);
        chain
    }

    /// Changes what the machine is and offers, which nobody is told of by itself.
    pub fn set_machine(&self, machine: MachineRecord) {
        self.lock().machine = Some(machine);
    }

    /// Puts a lease into the best block alone.
    pub fn put_best(&self, lease: LeaseRecord) {
        let id = lease.id;
        let mut state = self.lock();
        state.best.insert(id, lease);
        state.tell(Change::Lease { id, at: At::Best });
    }

    /// Makes everything final that is in the best block.
    pub fn finalize(&self) {
        let mut state = self.lock();
        state.finalized = state.best.clone();
        let ids: Vec<_> = state.finalized.keys().copied().collect();
        for id in ids {
            state.tell(Change::Lease { id, at: At::Finalized });
        }
    }

    /// Puts a lease into the best and the finalized block.
    pub fn put(&self, lease: LeaseRecord) {
        self.put_best(lease);
        self.finalize();
    }

    /// Changes a lease in both states.
    pub fn change(&self, id: u64, change: impl FnOnce(&mut LeaseRecord)) {
        let changed = self.lock().best.get(&id).cloned();
        if let Some(mut lease) = changed {
            change(&mut lease);
            self.put(lease);
        }
    }

    fn set_down(&self, id: u64, down: bool) -> Result<(), ChainError> {
        drop(self.reach()?);
        self.change(id, |lease| lease.down = down);
        Ok(())
    }

    /// Closes a lease in both states.
    pub fn close(&self, id: u64, reason: CloseReason, retain_until: Slot) {
        let at = self.head.borrow().slot;
        self.change(id, |lease| {
            lease.closed = Some(Closed { at, reason, retain_until: Some(retain_until) });
        });
    }

    /// Removes a lease from both states, as when its record was pruned or its block taken back.
    pub fn remove(&self, id: u64) {
        self.lock().best.remove(&id);
        let mut state = self.lock();
        state.finalized.remove(&id);
        state.tell(Change::Lease { id, at: At::Finalized });
    }

    /// Draws an auditor, whose account is the key of his connections, for an audit of this machine.
    pub fn draw(&self, audit: u64, key: [u8; 32], terms: Terms) {
        self.lock().auditors.insert((audit, key), terms);
    }

    /// Moves the finalized head.
    pub fn advance_to(&self, slot: Slot) {
        let head = Head { number: slot, slot, unix_s: slot * SLOT_MS / 1000 };
        self.head.send_replace(head);
    }

    /// Takes the chain away, or brings it back with a resync.
    pub fn set_away(&self, away: bool) {
        let mut state = self.lock();
        state.away = away;
        if !away {
            state.tell(Change::Resync);
        }
    }

    /// Leases for which `started` got into a block, in order.
    pub fn started_calls(&self) -> Vec<u64> {
        self.lock().started.clone()
    }

    /// Leases for which `settle` got into a block, in order.
    pub fn settled_calls(&self) -> Vec<u64> {
        self.lock().settled.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reach(&self) -> Result<MutexGuard<'_, State>, ChainError> {
        let state = self.lock();
        if state.away {
            return Err(ChainError::Away("the fake chain is away".into()));
        }
        Ok(state)
    }
}

impl State {
    fn tell(&mut self, change: Change) {
        if !self.away {
            self.listeners.retain(|listener| listener.try_send(change).is_ok());
        }
    }

    fn at(&self, at: At) -> &BTreeMap<u64, LeaseRecord> {
        match at {
            At::Best => &self.best,
            At::Finalized => &self.finalized,
        }
    }
}

#[async_trait]
impl ChainView for FakeChain {
    fn slot_ms(&self) -> u64 {
        SLOT_MS
    }

    fn finalized(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    fn changes(&self) -> mpsc::Receiver<Change> {
        let (sender, receiver) = mpsc::channel(CHANGES_MAX);
        let _ = sender.try_send(Change::Resync);
        self.lock().listeners.push(sender);
        receiver
    }

    async fn lease(&self, id: u64, at: At) -> Result<Option<LeaseRecord>, ChainError> {
        Ok(self.reach()?.at(at).get(&id).cloned())
    }

    async fn leases_of_machine(
        &self,
        machine: [u8; 32],
        at: At,
    ) -> Result<Vec<LeaseRecord>, ChainError> {
        let state = self.reach()?;
        Ok(state.at(at).values().filter(|lease| lease.machine == machine).cloned().collect())
    }

    async fn drawn(
        &self,
        audit: u64,
        _machine: [u8; 32],
        key: [u8; 32],
    ) -> Result<Option<Drawn>, ChainError> {
        let terms = self.reach()?.auditors.get(&(audit, key)).copied();
        Ok(terms.map(|terms| Drawn { auditor: key, terms, cards: Vec::new() }))
    }

    async fn machine(&self, _machine: [u8; 32]) -> Result<Option<MachineRecord>, ChainError> {
        Ok(self.reach()?.machine.clone())
    }
}

#[async_trait]
impl ChainActions for FakeChain {
    async fn started(&self, lease: u64) -> Result<(), ChainError> {
        {
            let mut state = self.reach()?;
            let Some(record) = state.best.get_mut(&lease) else {
                return Err(ChainError::Refused("Leases.NoSuchLease".into()));
            };
            if record.started_at.is_some() {
                return Err(ChainError::Refused("Leases.AlreadyStarted".into()));
            }
            record.started_at = Some(self.head.borrow().slot);
            state.started.push(lease);
        }
        self.finalize();
        Ok(())
    }

    async fn report_down(&self, lease: u64) -> Result<(), ChainError> {
        self.set_down(lease, true)
    }

    async fn report_up(&self, lease: u64) -> Result<(), ChainError> {
        self.set_down(lease, false)
    }

    async fn settle(&self, lease: u64) -> Result<(), ChainError> {
        self.reach()?.settled.push(lease);
        Ok(())
    }
}
