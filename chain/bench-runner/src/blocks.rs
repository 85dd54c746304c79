//! Blocks that do what not every block does, each without transactions.

use anyhow::{Context as _, Result};
use codec::Encode as _;
use dbc_primitives::{Slot, liveness};
use dbc_runtime::{Runtime, System};

use crate::{
    chain::{header, now, time},
    crowd::Crowd,
    state::{BlockCase, Entry},
    subjects::{LAST, told_interval},
};

/// Machines that fall silent in the block that says so: so few that their provider is to blame.
pub const SILENT: u32 = 9;
/// Slots of an era of rewards.
const ERA: Slot = dbc_runtime::constants::DAYS;

/// All that are measured; calls are tried in the first.
///
/// # Errors
/// When the patterns are not there.
pub fn all(crowd: &Crowd) -> Result<Vec<BlockCase>> {
    use pallet_staking::{ForceEra, Forcing};
    let elects = (ForceEra::<Runtime>::hashed_key().to_vec(), Forcing::ForceNew.encode());
    let looked = pallet_audits::LastWindow::<Runtime>::hashed_key().to_vec();
    let emitted = pallet_rewards::EmittedTo::<Runtime>::hashed_key().to_vec();
    let yesterday = now().saturating_sub(ERA);
    Ok(vec![
        case("nothing special", 1, vec![]),
        case("second looks are drawn", 1, vec![(looked, 1u64.encode())]),
        case("an era of rewards ends", 1, vec![(emitted, yesterday.encode())]),
        case("a session ends", 2, vec![]),
        case("a session ends, validators are elected", 2, vec![elects]),
        case("an interval closes, all were heard", 3, vec![]),
        case(&format!("an interval closes, {SILENT} fell silent"), 3, silent(crowd)?),
    ])
}

fn case(name: &str, later: Slot, changes: Vec<Entry>) -> BlockCase {
    let slot = LAST + later;
    // The last block's hash is not noted before the next one begins.
    let parent = System::parent_hash();
    let header = header(System::block_number() + 1, parent, slot).encode();
    BlockCase { name: name.into(), header, time: time(slot).encode(), changes }
}

/// Reports of the first cohort of the crowd in which some are missing.
fn silent(crowd: &Crowd) -> Result<Vec<Entry>> {
    let interval = told_interval();
    let cohort = crowd.first_index() / liveness::COHORT;
    let mut reports = pallet_liveness::Reports::<Runtime>::get(interval, cohort);
    for report in &mut reports {
        for n in 0..SILENT.min(crowd.machines) {
            let bit = (crowd.first_index() + n) % liveness::COHORT;
            liveness::set(&mut report.heard, u16::try_from(bit)?, false);
        }
    }
    let one = reports.first().context("nobody told anything of the crowd")?;
    anyhow::ensure!(!one.heard.is_empty(), "nobody was heard");
    let key = pallet_liveness::Reports::<Runtime>::hashed_key_for(interval, cohort);
    Ok(vec![(key, reports.encode())])
}
