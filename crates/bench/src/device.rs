//! What answers challenges: a real processor, and a modelled device for tests of the rules. Cheats are
//! modelled by memory, speed and a simulated clock, never by the time that a test takes.

use alloc::vec::Vec;

use crate::{Opening, Params, Place, Prover, Reject, questions, tree::Hash, verify};

/// Something that answers challenges, with a clock of its own.
pub trait Device {
    /// Seconds that have passed for it.
    fn seconds(&self) -> f64;

    /// Computes the chain and gives its root.
    fn commit(&mut self, params: Params) -> Hash;

    /// Opens rows of it; fewer, if it cannot.
    fn open(&mut self, places: &[Place]) -> Vec<Opening>;
}

/// How long a device may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deadlines {
    /// Seconds until the root.
    pub commit_s: f64,
    /// Seconds from the questions to the openings: too short to compute again what was not kept.
    pub open_s: f64,
}

/// What an audit found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// Everything came in time and holds.
    Passed {
        /// Seconds that the root took, which tells how fast the device is.
        commit_s: f64,
    },
    /// The root came too late.
    LateRoot,
    /// The openings came too late.
    LateOpenings,
    /// An opening does not hold.
    Rejected(Reject),
}

/// Audits a device: `secret` is the auditor's own, `block` one from after the root, `luck` his alone.
pub fn audit(
    device: &mut impl Device,
    params: Params,
    (secret, block, luck): (&Hash, &Hash, &Hash),
    count: usize,
    deadlines: Deadlines,
) -> Outcome {
    let start = device.seconds();
    let root = device.commit(params);
    let committed = device.seconds();
    if committed - start > deadlines.commit_s {
        return Outcome::LateRoot;
    }
    let asked = questions(&params, &root, secret, block, count);
    let openings = device.open(&asked);
    if device.seconds() - committed > deadlines.open_s {
        return Outcome::LateOpenings;
    }
    match verify(&params, &root, &asked, &openings, luck) {
        Ok(()) => Outcome::Passed { commit_s: committed - start },
        Err(reject) => Outcome::Rejected(reject),
    }
}

/// This machine's processor, one core of it.
#[cfg(feature = "std")]
pub struct CpuDevice {
    since: std::time::Instant,
    prover: Option<Prover>,
}

#[cfg(feature = "std")]
impl Default for CpuDevice {
    fn default() -> Self {
        Self { since: std::time::Instant::now(), prover: None }
    }
}

#[cfg(feature = "std")]
impl Device for CpuDevice {
    fn seconds(&self) -> f64 {
        self.since.elapsed().as_secs_f64()
    }

    fn commit(&mut self, params: Params) -> Hash {
        self.prover.insert(Prover::run(params)).root()
    }

    fn open(&mut self, places: &[Place]) -> Vec<Opening> {
        let prover = self.prover.iter();
        prover.flat_map(|prover| places.iter().filter_map(|place| prover.open(*place))).collect()
    }
}

/// A modelled device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// Bytes of its memory.
    pub memory_bytes: u64,
    /// Multiplications per second.
    pub speed: f64,
    /// Machines that it answers for at once: more than one is a cheat.
    pub machines: u32,
    /// Share of the rows, from 0 to 1, that it makes up instead of computing them.
    pub made_up: f64,
}

/// A device that follows a model: its answers are real, its time is reckoned.
pub struct VirtualDevice {
    model: Model,
    clock: f64,
    params: Option<Params>,
    prover: Option<Prover>,
}

impl VirtualDevice {
    /// Of a model.
    pub fn new(model: Model) -> Self {
        Self { model, clock: 0.0, params: None, prover: None }
    }

    /// Products that it can keep, of each machine that it answers for.
    fn kept(&self, params: &Params) -> u32 {
        let each = self.model.memory_bytes / u64::from(self.model.machines.max(1));
        let link = u64::from(params.edge).pow(2) * 4;
        u32::try_from(each / link).unwrap_or(u32::MAX).min(params.products())
    }

    /// Products' worth of work for the chain, over the chain itself: each row needs an earlier one, and a row
    /// that was not kept is computed again, from one that may not have been kept either. What a lone
    /// row costs beyond its multiplications, its link's whole right factor, is left out in the cheat's favour.
    fn again(&self, params: &Params) -> f64 {
        let kept = f64::from(self.kept(params));
        let missing = |step: u32| (1.0 - kept / f64::from(step.max(1))).max(0.0);
        (0..params.products()).map(|step| missing(step) / (1.0 - missing(step)).max(0.001)).sum()
    }
}

impl Device for VirtualDevice {
    fn seconds(&self) -> f64 {
        self.clock
    }

    fn commit(&mut self, params: Params) -> Hash {
        let share = self.model.made_up;
        let skips = |place: Place| {
            let seed = place.link.wrapping_mul(0x9e37_79b1) ^ place.row.wrapping_mul(0x85eb_ca6b);
            f64::from(seed.wrapping_mul(0xc2b2_ae35) >> 8) < share * f64::from(1u32 << 24)
        };
        let product = u64::from(params.edge).pow(3) as f64;
        let work = params.multiplications() as f64 * (1.0 - share) + self.again(&params) * product;
        self.clock += work * f64::from(self.model.machines.max(1)) / self.model.speed;
        self.params = Some(params);
        self.prover.insert(Prover::run_but(params, skips)).root()
    }

    fn open(&mut self, places: &[Place]) -> Vec<Opening> {
        let (Some(params), Some(prover)) = (self.params, &self.prover) else { return Vec::new() };
        let kept = self.kept(&params);
        // A row that was not kept is a row's work again, and that of its link's right factor.
        let lost = places.iter().filter(|place| place.link >= kept).count();
        let again = lost as f64 * 2.0 * u64::from(params.edge).pow(2) as f64;
        let openings = places.iter().filter_map(|place| prover.open(*place)).collect();
        self.clock += again * f64::from(self.model.machines.max(1)) / self.model.speed;
        openings
    }
}
