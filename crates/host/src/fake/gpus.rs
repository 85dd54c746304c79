//! GPUs that a test made up, and loses.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use super::{Faults, lock};
use crate::gpus::{Gpu, GpuError, Gpus, Links, Loss};

/// [`Gpus`] in memory. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct FakeGpus {
    faults: Faults<GpuError>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    gpus: Vec<Gpu>,
    ailing: BTreeMap<String, Loss>,
}

impl FakeGpus {
    /// What fails next, and what was called. Names of operations are those of the trait's methods.
    pub fn faults(&self) -> &Faults<GpuError> {
        &self.faults
    }

    /// Puts a card of this UUID into the machine.
    pub fn plug(&self, uuid: &str) {
        lock(&self.state).gpus.push(Gpu {
            uuid: uuid.to_owned(),
            name: "NVIDIA H100 80GB HBM3".into(),
            memory_bytes: 80 << 30,
            pci: "00000000:3B:00.0".into(),
            driver: "550.54.14".into(),
            links: Links::default(),
        });
    }

    /// Takes it out.
    pub fn unplug(&self, uuid: &str) {
        lock(&self.state).gpus.retain(|gpu| gpu.uuid != uuid);
    }

    /// Makes a card that is there unusable, or well again.
    pub fn ail(&self, uuid: &str, loss: Option<Loss>) {
        let mut state = lock(&self.state);
        state.ailing.remove(uuid);
        state.ailing.extend(loss.map(|loss| (uuid.to_owned(), loss)));
    }
}

impl Gpus for FakeGpus {
    fn list(&self) -> Result<Vec<Gpu>, GpuError> {
        self.faults.enter("list", "")?;
        Ok(lock(&self.state).gpus.clone())
    }

    fn lost(&self, wanted: &BTreeSet<String>) -> Result<BTreeMap<String, Loss>, GpuError> {
        self.faults.enter("lost", "")?;
        let state = lock(&self.state);
        let loss = |uuid: &String| match state.gpus.iter().any(|gpu| gpu.uuid == *uuid) {
            true => state.ailing.get(uuid).copied(),
            false => Some(Loss::Gone),
        };
        Ok(wanted.iter().filter_map(|uuid| Some((uuid.clone(), loss(uuid)?))).collect())
    }
}
