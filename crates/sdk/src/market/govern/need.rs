//! What a referendum needs to pass at a moment, what is missing of it, and what comes next: reckoned by the chain's
//! own curves.

use dbc_chain_client::{OpenReferendum, PARTS, ReferendumStage, TrackRecord};

use crate::{
    convert::Calendar,
    money::Money,
    view::{MissingView, NextView},
};

/// What a referendum needs at a moment, in parts of [`PARTS`].
pub(super) struct Need {
    pub(super) approval: u64,
    pub(super) support: u64,
}

impl Need {
    pub(super) fn of(track: &TrackRecord, stage: ReferendumStage, now: u32) -> Self {
        let time = match stage {
            ReferendumStage::Deciding { since, .. } => {
                let gone = u64::from(now.saturating_sub(since));
                gone.saturating_mul(PARTS) / u64::from(track.decide.max(1))
            }
            _ => 0,
        };
        Self { approval: track.approval.needed(time), support: track.support.needed(time) }
    }

    pub(super) fn missing(
        &self,
        open: &OpenReferendum,
        electorate: u128,
        deposit: Money,
    ) -> MissingView {
        let whole = u128::from(PARTS);
        // Ayes such that ayes / (ayes + nays) is enough; of "all" a thousand-millionth may be missing.
        let against = whole.saturating_sub(self.approval.into());
        let enough = u128::from(self.approval).saturating_mul(open.nays).div_ceil(against.max(1));
        let ayes = enough.max(1).saturating_sub(open.ayes);
        let support = u128::from(self.support).saturating_mul(electorate).div_ceil(whole);
        let support = support.saturating_sub(open.support);
        let wanted = |missing: u128| (missing > 0).then_some(Money(missing));
        MissingView {
            deposit: (!open.deposited).then_some(deposit),
            ayes: wanted(ayes),
            support: wanted(support),
        }
    }
}

pub(super) fn parts(of: u128, whole: u128) -> u64 {
    let share = of.saturating_mul(PARTS.into()).checked_div(whole).unwrap_or(0);
    u64::try_from(share).unwrap_or(PARTS)
}

pub(super) fn next(
    track: &TrackRecord,
    stage: ReferendumStage,
    open: &OpenReferendum,
    now: u32,
    calendar: Calendar,
) -> NextView {
    let (what, block) = match stage {
        ReferendumStage::Preparing { .. } if !open.deposited => ("waits for its deposit", None),
        ReferendumStage::Preparing { until } => ("deciding begins", Some(until)),
        ReferendumStage::Queued => ("waits for a place on its track", None),
        ReferendumStage::Deciding { confirming: Some(at), .. } => {
            ("passes if nothing changes", Some(at))
        }
        ReferendumStage::Deciding { since, .. } => {
            ("rejected unless it passes before", Some(since.saturating_add(track.decide)))
        }
        _ => ("nothing", None),
    };
    let in_s = block.map(|block| calendar.seconds(block.saturating_sub(now).into()));
    NextView { what: what.into(), block, in_s }
}

#[cfg(test)]
mod tests {
    use dbc_chain_client::Curve;

    use super::*;
    use crate::account::AccountId;

    fn open(ayes: u128, nays: u128, support: u128) -> OpenReferendum {
        OpenReferendum {
            track: 21,
            proposer: AccountId([0; 32]),
            deposited: true,
            submitted: 0,
            ayes,
            nays,
            support,
            proposal: None,
            noted: None,
        }
    }

    #[test]
    fn what_is_missing_is_exactly_what_makes_it_pass() {
        let line = Curve::Linear { length: PARTS, floor: PARTS / 2, ceil: PARTS };
        let track = TrackRecord {
            id: 21,
            name: "parameters".into(),
            deposit: 5,
            prepare: 1,
            decide: 100,
            confirm: 1,
            enact: 1,
            approval: line,
            support: Curve::Linear { length: PARTS, floor: 0, ceil: PARTS / 2 },
        };
        let stage = ReferendumStage::Deciding { since: 0, confirming: None };
        let need = Need::of(&track, stage, 50);
        assert_eq!((need.approval, need.support), (PARTS / 4 * 3, PARTS / 4));
        let missing = need.missing(&open(100, 100, 10), 1_000, Money(5));
        assert_eq!((missing.ayes, missing.support), (Some(Money(200)), Some(Money(240))));
        let there = need.missing(&open(300, 100, 250), 1_000, Money(5));
        assert_eq!(there, MissingView { deposit: None, ayes: None, support: None });
        let none = need.missing(&open(0, 0, 0), 1_000, Money(5));
        assert_eq!(none.ayes, Some(Money(1)), "nobody's word is nobody's yes");
    }
}
