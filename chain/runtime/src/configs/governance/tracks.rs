//! The tracks of referenda: what each may decide, what it costs to ask, and how long it takes. Whatever
//! moves money or replaces the rules waits longer than seven days after it was decided, so that whoever
//! disagrees can leave first (mechanisms §4).

use alloc::borrow::Cow;

use pallet_referenda::{Curve, Track, TrackInfo, TracksInfo};
use sp_arithmetic::FixedI64;
use sp_runtime::str_array;

use super::{origins::Origin, period};
use crate::{
    Balance, BlockNumber, OriginCaller,
    constants::{DAYS_BLOCKS, DBC, HOURS_BLOCKS, MINUTES_BLOCKS},
};

/// A track's number.
pub type TrackId = u16;

const fn percent(share: i32) -> FixedI64 {
    FixedI64::from_rational(share as u128, 100)
}

/// Approval falls from all to half.
const APPROVAL: Curve = Curve::make_linear(28, 28, percent(50), percent(100));
/// Approval falls to two thirds and no further.
const TWO_THIRDS: Curve = Curve::make_linear(28, 28, FixedI64::from_rational(2, 3), percent(100));
/// Support falls from half of all to nobody.
const SUPPORT: Curve = Curve::make_linear(28, 28, percent(0), percent(50));
/// Support falls fast at first, for questions that are asked often.
const EASY_SUPPORT: Curve = Curve::make_reciprocal(7, 28, percent(5), percent(0), percent(25));

struct Row {
    id: TrackId,
    name: &'static str,
    deciding: u32,
    deposit: Balance,
    prepare: BlockNumber,
    decide: BlockNumber,
    confirm: BlockNumber,
    enact: BlockNumber,
    approval: Curve,
    support: Curve,
}

/// Longer than the longest notice of a lease.
const LEAVE_FIRST: BlockNumber = 8 * DAYS_BLOCKS;

const ROWS: [Row; 10] = [
    row(0, "root", 1, 100_000, DAYS_BLOCKS, 28, DAYS_BLOCKS, LEAVE_FIRST, APPROVAL, SUPPORT),
    row(
        10,
        "treasurer",
        10,
        10_000,
        DAYS_BLOCKS,
        28,
        2 * DAYS_BLOCKS,
        LEAVE_FIRST,
        APPROVAL,
        SUPPORT,
    ),
    row(
        11,
        "small_spender",
        50,
        1_000,
        4 * HOURS_BLOCKS,
        14,
        DAYS_BLOCKS,
        LEAVE_FIRST,
        APPROVAL,
        EASY_SUPPORT,
    ),
    row(20, "seats", 20, 10_000, DAYS_BLOCKS, 14, DAYS_BLOCKS, DAYS_BLOCKS, APPROVAL, EASY_SUPPORT),
    row(
        21,
        "parameters",
        20,
        5_000,
        2 * HOURS_BLOCKS,
        14,
        DAYS_BLOCKS,
        LEAVE_FIRST,
        APPROVAL,
        EASY_SUPPORT,
    ),
    row(
        22,
        "slash_canceller",
        10,
        5_000,
        2 * HOURS_BLOCKS,
        7,
        3 * HOURS_BLOCKS,
        10 * MINUTES_BLOCKS,
        TWO_THIRDS,
        EASY_SUPPORT,
    ),
    row(
        23,
        "staking_admin",
        10,
        5_000,
        2 * HOURS_BLOCKS,
        28,
        DAYS_BLOCKS,
        DAYS_BLOCKS,
        APPROVAL,
        EASY_SUPPORT,
    ),
    row(
        24,
        "operations",
        20,
        5_000,
        2 * HOURS_BLOCKS,
        14,
        3 * HOURS_BLOCKS,
        DAYS_BLOCKS,
        APPROVAL,
        EASY_SUPPORT,
    ),
    row(
        30,
        "referendum_canceller",
        100,
        10_000,
        2 * HOURS_BLOCKS,
        7,
        3 * HOURS_BLOCKS,
        10 * MINUTES_BLOCKS,
        APPROVAL,
        EASY_SUPPORT,
    ),
    row(
        31,
        "referendum_killer",
        100,
        50_000,
        2 * HOURS_BLOCKS,
        28,
        3 * HOURS_BLOCKS,
        10 * MINUTES_BLOCKS,
        APPROVAL,
        EASY_SUPPORT,
    ),
];

#[allow(clippy::too_many_arguments)] // one argument a column of the table above
const fn row(
    id: TrackId,
    name: &'static str,
    deciding: u32,
    deposit_dbc: Balance,
    prepare: BlockNumber,
    decide_days: BlockNumber,
    confirm: BlockNumber,
    enact: BlockNumber,
    approval: Curve,
    support: Curve,
) -> Row {
    let deposit = deposit_dbc * DBC;
    let decide = decide_days * DAYS_BLOCKS;
    Row { id, name, deciding, deposit, prepare, decide, confirm, enact, approval, support }
}

/// The tracks, with periods as this network's haste has them.
pub struct Tracks;

impl TracksInfo<Balance, BlockNumber> for Tracks {
    type Id = TrackId;
    type RuntimeOrigin = OriginCaller;

    fn tracks() -> impl Iterator<Item = Cow<'static, Track<TrackId, Balance, BlockNumber>>> {
        ROWS.iter().map(|row| {
            let info = TrackInfo {
                name: str_array(row.name),
                max_deciding: row.deciding,
                decision_deposit: row.deposit,
                prepare_period: period(row.prepare),
                decision_period: period(row.decide),
                confirm_period: period(row.confirm),
                min_enactment_period: period(row.enact),
                min_approval: row.approval.clone(),
                min_support: row.support.clone(),
            };
            Cow::Owned(Track { id: row.id, info })
        })
    }

    fn track_for(origin: &OriginCaller) -> Result<TrackId, ()> {
        match origin {
            OriginCaller::system(frame_system::RawOrigin::Root) => Ok(0),
            OriginCaller::Origins(origin) => Ok(match origin {
                Origin::Treasurer => 10,
                Origin::SmallSpender => 11,
                Origin::Seats => 20,
                Origin::Parameters => 21,
                Origin::SlashCanceller => 22,
                Origin::StakingAdmin => 23,
                Origin::Operations => 24,
                Origin::ReferendumCanceller => 30,
                Origin::ReferendumKiller => 31,
            }),
            _ => Err(()),
        }
    }
}
