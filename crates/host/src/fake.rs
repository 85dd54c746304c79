//! Fakes of every trait, in memory, for tests of crates that use them. They keep the contract
//! (idempotent, same errors), count what was done, and fail where a test says so. Compiled always:
//! they are code of ours like any other and no `cfg(test)` swap.

mod backend;
mod faults;
mod gpus;
mod network;
mod pool;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use backend::FakeBackend;
pub use faults::Faults;
pub use gpus::FakeGpus;
pub use network::FakeNetwork;
pub use pool::FakePool;

/// All fakes of one machine, for the usual case.
#[derive(Debug, Clone, Default)]
pub struct FakeHost {
    /// Containers.
    pub backend: FakeBackend,
    /// Files.
    pub pool: FakePool,
    /// Networks.
    pub network: FakeNetwork,
    /// GPUs.
    pub gpus: FakeGpus,
}

/// A poisoned lock means that a test already failed; its state is still of use to the others.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
