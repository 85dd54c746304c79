//! What a visit asks for next. Pure: from what is on disk and what the chain has, to a step.

use std::time::Duration;

use dbc_chain_client::VisitRecord;
use dbc_primitives::Slot;

use super::record::{Draw, Order, Visit};

/// Kept for ending the lease, its last minutes, and telling.
const RESERVE: Duration = Duration::from_secs(300);
/// From an order to a verdict, at most: a machine has a quarter of an hour to start.
const RENTING: Duration = Duration::from_secs(20 * 60);
/// Before the end of its time a visit is told, settled or not.
const TELLING: Duration = Duration::from_secs(60);
/// Of a window that is shorter than those, each takes such a part.
const PART: u64 = 3;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Bind oneself: tell the chain.
    Plan,
    /// Blocks to come draw.
    Wait,
    /// A visit of this auditor is open of which nothing is known here.
    Foreign,
    /// Write down what was drawn.
    Draw,
    /// It is not the moment to rent, or no more.
    Rest,
    /// Look for the first candidate that can be rented.
    Choose,
    /// Order it.
    Place,
    /// See that its workload runs.
    Start,
    /// Challenge it.
    Examine,
    /// There is no time left for it to answer.
    Silent,
    /// End the lease.
    Leave,
    /// Tell.
    Reveal,
    /// The chain has no such visit open any more.
    Close,
    /// Take what is left on the account.
    Sweep,
}

/// The auditor's visit that is open, as the chain has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// In the newest block.
    pub best: Option<VisitRecord>,
    /// In the newest that cannot be taken back: only there a draw is believed.
    pub last: Option<VisitRecord>,
}

/// Now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// Slot of the newest block.
    pub slot: Slot,
    /// Length of a slot.
    pub slot_ms: u64,
}

impl Now {
    fn slots(&self, time: Duration) -> Slot {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        ms.div_ceil(self.slot_ms.max(1))
    }

    /// So much of a window, or its part if it is short.
    fn of(&self, draw: &Draw, time: Duration) -> Slot {
        self.slots(time).min(draw.until.saturating_sub(draw.at) / PART)
    }

    /// Whether it is too late to order.
    fn ends(&self, draw: &Draw) -> bool {
        let needed = self.of(draw, RESERVE) + self.of(draw, RENTING);
        self.slot.saturating_add(needed) > draw.until
    }

    /// Whether no answer is waited for any more.
    fn is_late(&self, draw: &Draw) -> bool {
        self.slot.saturating_add(self.of(draw, RESERVE)) >= draw.until
    }

    /// Whether it has to be told at once.
    fn is_last(&self, draw: &Draw) -> bool {
        self.slot.saturating_add(self.slots(TELLING).min(self.of(draw, RESERVE))) >= draw.until
    }

    /// How long may be waited for the lease's last minutes.
    pub fn left(&self, draw: &Draw) -> Duration {
        let slots = draw.until.saturating_sub(self.slot).saturating_sub(self.slots(TELLING));
        Duration::from_millis(slots.saturating_mul(self.slot_ms))
    }

    /// When renting begins: within the first half of the window, such that all of the rest fits twice; at once where
    /// the window is short. `luck` decides.
    pub fn moment(&self, at: Slot, until: Slot, luck: u64) -> Slot {
        let window = until.saturating_sub(at);
        let first = (window / 2).min(window.saturating_sub(2 * self.slots(RENTING + RESERVE)));
        at.saturating_add(luck % (first + 1)).max(self.slot)
    }
}

/// What comes next. `commit` is what this visit binds the auditor to.
pub(super) fn next(visit: &Visit, commit: &[u8; 32], seen: &Seen, now: Now) -> Step {
    if visit.end.is_some() {
        return Step::Sweep;
    }
    let mine = |record: &Option<VisitRecord>| record.as_ref().is_some_and(|r| r.commit == *commit);
    let open = mine(&seen.best) || mine(&seen.last);
    let Some(draw) = &visit.draw else {
        return match &seen.last {
            Some(record) if record.commit == *commit && record.draw.is_some() => Step::Draw,
            _ if open => Step::Wait,
            None if seen.best.is_none() => Step::Plan,
            _ => Step::Foreign,
        };
    };
    match &visit.found {
        _ if !open => Step::Close,
        Some(_) if visit.left || now.is_last(draw) => Step::Reveal,
        Some(_) => Step::Leave,
        None if visit.giving_up => Step::Choose,
        None => search(visit.order.as_ref(), draw, now),
    }
}

/// What comes next while nothing is found.
fn search(order: Option<&Order>, draw: &Draw, now: Now) -> Step {
    match order {
        Some(Order { lease: Some(_), .. }) if now.is_late(draw) => Step::Silent,
        Some(Order { lease: Some(_), runs: true, .. }) => Step::Examine,
        Some(Order { lease: Some(_), .. }) => Step::Start,
        _ if now.slot < draw.rent_at || now.ends(draw) => Step::Rest,
        Some(_) => Step::Place,
        None => Step::Choose,
    }
}
