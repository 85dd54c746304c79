//! Closing is weighed by what changed: where nothing did, many cohorts fit a block; where much did, it goes on in
//! the next ones, and no money depends on that.

use dbc_primitives::BoundedVec;
use frame_support::weights::Weight;

use crate::{
    COHORT, Cohorts, Config, Downtimes, LastReported, Liveness as _, NextInterval, Report, Reports,
    WeightInfo as _, bits, mock::*,
};

type Weights = <Test as Config>::WeightInfo;

/// A twentieth of a block's second and a half, as the runtime has it.
const SHARE: Weight = Weight::from_parts(75_000_000_000, u64::MAX);

/// What all five watchers of each cohort told of an interval: who was heard in it, by rising index.
fn told(interval: u64, cohorts: u32, heard: &[u32]) {
    for cohort in 0..cohorts {
        let mut map = bits::none();
        for index in heard.iter().filter(|index| **index / COHORT == cohort) {
            bits::set(&mut map, (index % COHORT) as u16, true);
        }
        let report = |watcher| Report { watcher, heard: map.clone(), drawn: 5, abstains: false };
        let reports = BoundedVec::truncate_from((1..=5).map(report).collect());
        Reports::<Test>::insert(interval, cohort, reports);
    }
    LastReported::<Test>::put(interval);
}

#[test]
fn rule_10_the_cohorts_of_100_000_machines_close_in_one_block_when_nobody_changed() {
    const COHORTS: u32 = 25;
    run(5, 0, || {
        let all: Vec<u32> = (0..COHORTS).map(|cohort| cohort * COHORT + 7).collect();
        all.iter().for_each(|index| stand(*index));
        CLOSE_WEIGHT.set(SHARE);
        for round in 0..5 {
            let of = interval();
            let used = block((of + 1) * LENGTH);
            assert!(used.all_lte(SHARE), "{used:?}");
            assert_eq!(NextInterval::<Test>::get(), of, "the first block closes what is told");
            if round > 1 {
                let tallied = Weights::tally().saturating_mul(COHORTS.into());
                assert!(used.all_gte(tallied), "each was tallied: {used:?}");
            }
            told(of, COHORTS, &all);
        }
        assert!(outages().is_empty());
        assert!((0..COHORTS).all(|cohort| Cohorts::<Test>::get(cohort).run == 0), "all are known");
        assert!(all.iter().all(|index| live(*index) == live(all[0]) && live(*index) > 0));
    });
}

/// Machines of two cohorts, so many that those who fall silent are no mass.
const HERE: u32 = 300;
const THERE: u32 = 200;
/// Those who fall silent, of both cohorts.
const LOST: usize = 101;

/// What becomes of the machines when `LOST` of them fall silent in one interval and come back three later, with
/// so much weight for closing: their time, what they are blamed for, and their outages.
fn story(limit: Weight) -> (Vec<String>, Vec<usize>) {
    let mut end = Vec::new();
    let mut written = Vec::new();
    run(5, 0, || {
        let all: Vec<u32> = (0..HERE).chain(COHORT..COHORT + THERE).collect();
        all.iter().for_each(|index| stand(*index));
        let lost = |at: &usize| at % 5 == 1 || *at == 0;
        let some: Vec<u32> = (0..all.len()).filter(|at| !lost(at)).map(|at| all[at]).collect();
        assert_eq!(all.len() - some.len(), LOST);
        CLOSE_WEIGHT.set(limit);
        for round in 0..16 {
            let of = interval();
            for slot in (of + 1) * LENGTH..(of + 2) * LENGTH {
                let (before, lived) = (outages().len(), live(all[0]));
                let used = block(slot);
                assert!(used.all_lte(limit), "{used:?}");
                written.push(outages().len() - before);
                assert!(live(all[0]) >= lived, "time falls");
                Watch::do_try_state().unwrap();
                if slot % LENGTH == 0 {
                    let heard = if (4..7).contains(&round) { &some } else { &all };
                    told(of, 2, heard);
                }
            }
        }
        let horizon = Watch::horizon();
        assert_eq!(horizon, (interval() - 1) * LENGTH, "it caught up");
        for index in all {
            let presence = crate::Presences::<Test>::get(index);
            end.push(format!(
                "{index}: {} {} {} {presence:?} {:?} {:?}",
                live(index),
                Watch::blamed_by(index, horizon),
                Watch::live_share(index),
                Watch::outages(index),
                Downtimes::<Test>::get(index),
            ));
        }
        let (silent, back): (Vec<_>, Vec<_>) =
            outages().into_iter().partition(|(_, _, blamed)| blamed.is_some());
        assert_eq!((silent.len(), back.len()), (LOST, LOST));
        assert!(silent.iter().all(|told| *told == (0, silent[0].1, Some(true))), "by one slot");
        assert!(back.iter().all(|told| told.1 == silent[0].1 + 3 * LENGTH));
        end.push(format!("{:?}", CLOSED.with_borrow(Clone::clone)));
    });
    written.retain(|count| *count > 0);
    (end, written)
}

#[test]
fn rule_10_transitions_beyond_a_blocks_weight_come_later_and_change_no_money() {
    let (money, at_once) = story(Weight::MAX);
    assert_eq!(at_once, [LOST, LOST], "each time in one block");
    // More blocks than an interval has: the horizon falls behind, and catches up.
    let (later, written) = story(room(9));
    assert_eq!(later, money);
    let mut sum = 0;
    let silent = written.iter().take_while(|count| {
        sum += **count;
        sum <= LOST
    });
    let silent: Vec<usize> = silent.copied().collect();
    assert!(silent.iter().all(|count| *count <= 9), "{written:?}");
    assert_eq!(silent.iter().sum::<usize>(), LOST, "{written:?}");
    assert!(silent.len() as u64 > LENGTH, "{written:?}");
    assert_eq!(written.iter().sum::<usize>(), 2 * LOST);
    // With the runtime's share of a block, in a few.
    let (later, written) = story(SHARE);
    assert_eq!(later, money);
    assert!((3..=6).contains(&written.len()), "{written:?}");
}

#[test]
fn closing_goes_on_where_the_weight_ended() {
    run(5, 0, || {
        (0..2).for_each(|cohort| stand(cohort * COHORT));
        let all = [0, COHORT];
        for _ in 0..3 {
            let of = interval();
            block((of + 1) * LENGTH);
            told(of, 2, &all);
        }
        let of = interval();
        block((of + 1) * LENGTH);
        told(of, 2, &[]);
        // Neither a tally nor the end fits a block beside a silence.
        CLOSE_WEIGHT.set(room(1));
        let begin = (of + 2) * LENGTH;
        let mut seen = Vec::new();
        for slot in begin..begin + 5 {
            block(slot);
            let at = crate::ClosingAt::<Test>::get().map(|at| (at.cohort, u32::from(at.bit)));
            seen.push((at, outages().len(), Watch::horizon() / LENGTH - of));
            Watch::do_try_state().unwrap();
        }
        let steps = [
            (Some((0, 0)), 0, 0),
            (Some((0, COHORT)), 1, 0),
            (Some((1, 0)), 1, 0),
            (Some((1, COHORT)), 2, 0),
            (None, 2, 1),
        ];
        assert_eq!(seen, steps);
        assert_eq!(live(0), live(COHORT), "silent since the same slot");
    });
}
