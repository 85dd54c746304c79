//! Makes a state: the network, the subjects, the crowd, and what is tried on them.

use anyhow::{Result, anyhow};
use codec::Encode as _;
use dbc_runtime::{Runtime, configs::system::BlockWeights, constants::SLOT_MS};
use frame_support::{dispatch::DispatchClass, traits::Get as _, weights::Weight};
use pallet_liveness::WeightInfo as _;
use sp_state_machine::{Backend as _, IterArgs};

use crate::{
    blocks, calls,
    chain::{self, Cast, Role},
    crowd::Crowd,
    state::{Entry, Figures, Seed, Store, build},
    subjects,
};

/// How a state is made.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Machines of the crowd.
    pub machines: u32,
    /// Leases of the crowd.
    pub leases: u32,
    /// Tries of each call.
    pub samples: u32,
    /// Whether calls that take a transcript are tried.
    pub transcripts: bool,
    /// Validators and nominators.
    pub voters: (u32, u32),
}

/// Makes a state and puts it into a store.
///
/// # Errors
/// When the runtime refuses something, or the store does.
pub fn seed(plan: &Plan, store: &mut Store) -> Result<Seed> {
    let (validators, nominators) = plan.voters;
    let cast = Cast { watchers: 16, auditors: 16, feeders: 10, validators, nominators };
    let mut network = chain::network(&cast)?;
    let mut entries: Vec<Entry> = Vec::new();
    let (first, cases, blocks) = network.execute_with(|| {
        let subjects = subjects::make(plan.samples, plan.transcripts)?;
        let crowd = Crowd::enter(&subjects, plan.machines, plan.leases)?;
        crowd.entries(|entry| entries.push(entry))?.enter();
        subjects::date_back(&subjects)?;
        chain::endow(Role::Fresh, 3_000)?;
        let remark = frame_system::Call::<Runtime>::remark { remark: vec![] };
        let first = chain::signed(&chain::person(Role::Fresh, 3_000), remark.into())?.encode();
        Ok::<_, anyhow::Error>((first, calls::all(&subjects)?, blocks::all(&crowd)?))
    })?;
    network.commit_all().map_err(|error| anyhow!(error))?;
    let made = network.backend.pairs(IterArgs::default()).map_err(|error| anyhow!(error))?;
    for entry in made {
        entries.push(entry.map_err(|error| anyhow!(error))?);
    }
    let root = build(&mut entries, store)?;
    let not_measured = calls::not_measured(&cases);
    Ok(Seed {
        root,
        machines: plan.machines,
        leases: plan.leases,
        entries: entries.len() as u64,
        first,
        cases,
        blocks,
        not_measured,
        figures: figures(),
    })
}

/// What the runtime declares.
fn figures() -> Figures {
    type Watching = <Runtime as pallet_liveness::Config>::WeightInfo;
    let database = <Runtime as frame_system::Config>::DbWeight::get();
    let limits = BlockWeights::get();
    let signed = limits.get(DispatchClass::Normal).base_extrinsic;
    let close_limit: Weight = <Runtime as pallet_liveness::Config>::CloseWeight::get();
    Figures {
        read: database.reads(1).ref_time(),
        write: database.writes(1).ref_time(),
        block: limits.max_block.ref_time(),
        report: Watching::report().saturating_add(signed).ref_time(),
        tick: Watching::tick().ref_time(),
        tally: Watching::tally().ref_time(),
        transition: Watching::transition().ref_time(),
        close: Watching::close_interval().ref_time(),
        close_limit: close_limit.ref_time(),
        interval: <Runtime as pallet_liveness::Config>::IntervalSlots::get(),
        slot_ms: SLOT_MS,
        watchers: <Runtime as pallet_liveness::Config>::WatchersPerCohort::get(),
        cohort: pallet_liveness::COHORT,
    }
}
