//! Failure injection: which call of a fake fails next, and how. Holds no state of the fake itself.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex},
};

use super::lock;

type Make<E> = Arc<dyn Fn() -> E + Send + Sync>;

/// Faults of one fake, and the calls it got. Clones share their state.
pub struct Faults<E> {
    state: Arc<Mutex<State<E>>>,
}

struct State<E> {
    queued: HashMap<&'static str, VecDeque<Make<E>>>,
    always: HashMap<&'static str, Make<E>>,
    calls: Vec<String>,
}

impl<E> Faults<E> {
    /// Makes the next `times` calls of the method `op` fail with what `make` gives.
    pub fn fail(
        &self,
        op: &'static str,
        times: usize,
        make: impl Fn() -> E + Send + Sync + 'static,
    ) {
        let make: Make<E> = Arc::new(make);
        let mut state = lock(&self.state);
        state.queued.entry(op).or_default().extend(std::iter::repeat_n(make, times));
    }

    /// Makes every call of `op` fail until [`Self::clear`].
    pub fn fail_always(&self, op: &'static str, make: impl Fn() -> E + Send + Sync + 'static) {
        lock(&self.state).always.insert(op, Arc::new(make));
    }

    /// Forgets all faults; calls stay.
    pub fn clear(&self) {
        let mut state = lock(&self.state);
        state.queued.clear();
        state.always.clear();
    }

    /// The calls so far, oldest first, e.g. `start 1-0`.
    pub fn calls(&self) -> Vec<String> {
        lock(&self.state).calls.clone()
    }

    /// How many calls begin with `prefix`.
    pub fn count(&self, prefix: &str) -> usize {
        lock(&self.state).calls.iter().filter(|call| call.starts_with(prefix)).count()
    }

    /// Notes a call, and fails it when a fault waits for it.
    pub(super) fn enter(&self, op: &'static str, subject: impl fmt::Display) -> Result<(), E> {
        let mut state = lock(&self.state);
        state.calls.push(format!("{op} {subject}").trim_end().to_owned());
        let queued = state.queued.get_mut(op).and_then(VecDeque::pop_front);
        match queued.or_else(|| state.always.get(op).cloned()) {
            Some(make) => Err(make()),
            None => Ok(()),
        }
    }
}

impl<E> Clone for Faults<E> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state) }
    }
}

impl<E> Default for Faults<E> {
    fn default() -> Self {
        let state = State { queued: HashMap::new(), always: HashMap::new(), calls: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }
}

impl<E> fmt::Debug for Faults<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("calls", &self.calls()).finish_non_exhaustive()
    }
}
