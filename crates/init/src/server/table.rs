//! All sessions: a bounded number of them, found by number or name, swept when nobody came back.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, Instant},
};

use super::session::Session;
use crate::protocol::{Refusal, SESSIONS_MAX, SessionInfo, SessionRef};

/// The sessions.
#[derive(Debug)]
pub struct Table {
    sessions: RefCell<BTreeMap<u64, Rc<Session>>>,
    /// Places taken by what has no session: SFTP servers and probes.
    others: Rc<Cell<usize>>,
    next: Cell<u64>,
    /// How long a session waits for a client.
    patience: Duration,
}

/// A place of an SFTP server or probe; free again when dropped.
#[derive(Debug)]
pub struct Place(Rc<Cell<usize>>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Table {
    /// An empty table.
    pub fn new(patience: Duration) -> Self {
        Self { sessions: RefCell::default(), others: Rc::default(), next: Cell::new(1), patience }
    }

    /// A new number, for a session or an attachment.
    pub fn number(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }

    /// Makes sure that one more fits; what has ended and nobody asked for makes room.
    pub fn ensure_place(&self) -> Result<(), Refusal> {
        if self.taken() >= SESSIONS_MAX {
            let ended = |session: &&Rc<Session>| {
                let state = session.state.borrow();
                state.attached.is_none() && state.finished().is_some()
            };
            let oldest = self.sessions.borrow().values().find(ended).map(|session| session.id);
            self.remove(oldest.ok_or(Refusal::Busy)?);
        }
        Ok(())
    }

    /// Takes a place for what is no session.
    pub fn place(&self) -> Result<Place, Refusal> {
        self.ensure_place()?;
        self.others.set(self.others.get() + 1);
        Ok(Place(self.others.clone()))
    }

    /// Whether the name is free.
    pub fn is_free(&self, name: &str) -> bool {
        !self.sessions.borrow().values().any(|session| session.name.as_deref() == Some(name))
    }

    /// Adds a session.
    pub fn insert(&self, session: Rc<Session>) {
        self.sessions.borrow_mut().insert(session.id, session);
    }

    /// Finds a session.
    pub fn find(&self, which: &SessionRef) -> Option<Rc<Session>> {
        let sessions = self.sessions.borrow();
        match which {
            SessionRef::Id(id) => sessions.get(id).cloned(),
            SessionRef::Name(name) => {
                sessions.values().find(|session| session.name.as_ref() == Some(name)).cloned()
            }
        }
    }

    /// Ends a session and forgets it.
    pub fn remove(&self, id: u64) {
        let removed = self.sessions.borrow_mut().remove(&id);
        if let Some(session) = removed {
            session.hang_up();
        }
    }

    /// What there is.
    pub fn list(&self) -> Vec<SessionInfo> {
        self.sessions.borrow().values().map(|session| session.info()).collect()
    }

    /// Ends the sessions that nobody came back to.
    pub fn sweep(&self, now: Instant) {
        let forgotten = |session: &&Rc<Session>| {
            let state = session.state.borrow();
            state.attached.is_none()
                && now.saturating_duration_since(state.detached_at) > self.patience
        };
        let ids: Vec<u64> =
            self.sessions.borrow().values().filter(forgotten).map(|session| session.id).collect();
        for id in ids {
            self.remove(id);
        }
    }

    /// Ends all.
    pub fn clear(&self) {
        let ids: Vec<u64> = self.sessions.borrow().keys().copied().collect();
        for id in ids {
            self.remove(id);
        }
    }

    fn taken(&self) -> usize {
        self.sessions.borrow().len() + self.others.get()
    }
}
