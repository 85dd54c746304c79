//! What is remembered of machines: outages, silence by day, and when very many fell silent at once.

use frame_support::assert_ok;

use crate::{DAY, HISTORY, Liveness as _, bits::is_set, mock::*};

#[test]
fn sixteen_outages_are_kept_and_can_be_read() {
    run(5, 2, || {
        for _ in 0..20 {
            pass(&[0]);
            pass(&[0, 1]);
        }
        pass(&[0, 1]);
        pass(&[0, 1]);
        let all = Watch::outages(1);
        assert_eq!(all.len() as u32, HISTORY);
        assert!(all.windows(2).all(|two| two[0].since < two[1].since));
        assert!(all.iter().all(|outage| outage.blamed && outage.until.is_some()));
        assert!(Watch::outages(0).is_empty());
    });
}

#[test]
fn d66_the_live_part_of_thirty_days_falls_with_silence_and_rises_with_time() {
    run(5, 2, || {
        pass(&[0, 1]);
        let silent = interval() * LENGTH;
        pass(&[0]);
        pass(&[0]);
        assert_eq!(Watch::standing(1), (9_999, false), "what is told is never too much");
        // Thirty intervals of silence are 300 slots: a ten-thousandth has 86.4.
        for _ in 0..30 {
            pass(&[0]);
        }
        let share = Watch::live_share(1);
        assert!((9_995..=9_997).contains(&share), "while it goes on: {share}");
        for _ in 0..4 {
            pass(&[0, 1]);
        }
        assert_eq!(Watch::standing(1), (share, true));
        assert_eq!(Watch::standing(0), (10_000, true));
        let day = silent / DAY;
        let ring = crate::Downtimes::<Test>::get(1);
        assert!(ring.sum(day) >= 300 && ring.sum(day + 30) < ring.sum(day));
    });
}

#[test]
fn silence_for_which_nobody_waited_counts_against_nobody() {
    run(5, 2, || {
        IDLE.set(true);
        pass(&[0, 1]);
        for _ in 0..20 {
            pass(&[0]);
        }
        for _ in 0..4 {
            pass(&[0, 1]);
        }
        assert_eq!(Watch::live_share(1), 10_000);
        assert!(Watch::outages(1).iter().all(|outage| !outage.blamed));
        assert_eq!(Watch::blamed_by(1, Watch::horizon()), 0);
    });
}

#[test]
fn rule_11_silence_that_counts_against_a_provider_is_told_slot_by_slot() {
    run(5, 2, || {
        pass(&[0, 1]);
        let since = interval() * LENGTH;
        pass(&[0]);
        pass(&[0]);
        assert_eq!(Watch::blamed_by(1, since), 0);
        assert_eq!(Watch::blamed_by(1, since + 3), 3, "while it goes on");
        let horizon = Watch::horizon();
        assert_eq!(Watch::blamed_by(1, horizon + 100), horizon - since, "no slot unknown");
        (0..3).for_each(|_| pass(&[0, 1]));
        assert_eq!(Watch::blamed_by(1, Watch::horizon()), 2 * LENGTH);
        pass(&[0]);
        (0..3).for_each(|_| pass(&[0, 1]));
        assert_eq!(Watch::blamed_by(1, Watch::horizon()), 3 * LENGTH);
        assert_eq!(Watch::blamed_by(0, Watch::horizon()), 0);
        assert_eq!(Watch::blamed_by(9, Watch::horizon()), 0, "nobody stands there");
    });
}

#[test]
fn rule_14_time_that_is_charged_to_nobody_counts_against_nobody_either() {
    run(5, 2, || {
        (0..3).for_each(|_| pass(&[0, 1]));
        block(interval() * LENGTH + 1_000_000);
        pass_unheard();
        assert_eq!(Watch::blamed_by(0, Watch::horizon()), 0, "it was there all the time");
        // One that was silent before is blamed until then, and again from then on.
        (0..3).for_each(|_| pass(&[0]));
        let before = Watch::blamed_by(1, Watch::horizon());
        assert!(before > 0);
        block(interval() * LENGTH + 1_000_000);
        pass_unheard();
        let after = Watch::blamed_by(1, Watch::horizon());
        assert!(after - before <= GRACE + 3 * LENGTH, "{before} {after}");
        (0..3).for_each(|_| pass(&[0, 1]));
        let told = Watch::blamed_by(1, Watch::horizon());
        assert!((before..=after + LENGTH).contains(&told), "{told}");
    });
}

#[test]
fn rule_11_very_many_of_a_region_are_excused_also_those_who_were_looked_at_first() {
    run(5, 20, || {
        let all: Vec<u32> = (0..20).collect();
        pass(&all);
        let since = interval() * LENGTH;
        // Machines 15 to 20 are a region; four of six fall silent, which is a fifth of all.
        let heard: Vec<u32> = (0..16).collect();
        for _ in 0..3 {
            pass(&heard);
        }
        let blamed: Vec<_> = outages().iter().map(|(_, _, blamed)| *blamed).collect();
        assert_eq!(blamed, [Some(true), Some(true), Some(true), Some(false)]);
        assert!((16..20).all(|index| Watch::is_excused(index, since)));
        assert!(!Watch::is_excused(1, since), "elsewhere the same slot excuses nobody");
        assert!(!Watch::is_excused(17, since + LENGTH), "nor another slot there");
        for _ in 0..3 {
            pass(&all);
        }
        assert!((16..20).all(|index| Watch::outages(index).iter().all(|outage| !outage.blamed)));
        assert_eq!(Watch::live_share(17), 10_000);
        assert!((16..20).all(|index| Watch::blamed_by(index, Watch::horizon()) == 0));
    });
}

#[test]
fn rule_11_nobody_is_a_region_alone() {
    run(5, 18, || {
        // Four machines are the whole of their region, and too few to be one.
        let all: Vec<u32> = (0..18).collect();
        pass(&all);
        let since = interval() * LENGTH;
        let heard: Vec<u32> = (0..14).collect();
        for _ in 0..3 {
            pass(&heard);
        }
        assert!((14..18).all(|index| !Watch::is_excused(index, since)));
        assert!(outages().iter().all(|(_, _, blamed)| *blamed == Some(true)));
    });
}

/// Tells of both cohorts what was heard in them.
fn pass_both(heard: &[u32]) {
    let of = interval();
    block((of + 1) * LENGTH);
    for cohort in [0, 1] {
        let here: Vec<u32> =
            heard.iter().copied().filter(|index| index / crate::COHORT == cohort).collect();
        for watcher in Watch::duties(of / EPOCH, cohort) {
            let opening = pending(watcher, cohort).and_then(|pending| {
                let bits = (0..crate::COHORT as u16).filter(|bit| is_set(&pending.heard, *bit));
                let before: Vec<_> =
                    bits.map(|bit| cohort * crate::COHORT + u32::from(bit)).collect();
                listen(watcher, pending.interval, &before).1.open(watcher, cohort)
            });
            let (map, notes) = listen(watcher, of, &here);
            assert_ok!(tell_of(cohort, watcher, of, map, notes.root(), opening));
        }
    }
}

#[test]
fn rule_11_very_many_over_all_cohorts_are_excused_where_no_cohort_has_many() {
    run(5, 8, || {
        // Cohort 0 has eight, cohort 1 four: three and two of them are five of twelve.
        for number in 9..=12 {
            match number {
                9 => enter_second_cohort(number),
                _ => enter(number),
            };
        }
        let second: Vec<u32> = (crate::COHORT..crate::COHORT + 4).collect();
        let all = [(0..8).collect::<Vec<u32>>(), second].concat();
        for _ in 0..3 {
            pass_both(&all);
        }
        let since = interval() * LENGTH;
        let gone = [5, 6, 7, crate::COHORT, crate::COHORT + 1];
        let heard: Vec<u32> = all.iter().copied().filter(|index| !gone.contains(index)).collect();
        for _ in 0..3 {
            pass_both(&heard);
        }
        assert_eq!(outages().len(), 5);
        assert_eq!(outages()[0].2, Some(true), "nobody knew yet");
        let everywhere = crate::Masses::<Test>::get().iter().any(|mass| mass.region.is_none());
        assert!(everywhere, "no cohort and no region said so");
        assert!(gone.iter().all(|index| Watch::is_excused(*index, since)));
    });
}

#[test]
fn a_machine_that_moves_is_counted_where_it_stands() {
    run(5, 2, || {
        let count = |region| crate::Regions::<Test>::get(region).machines;
        assert_eq!((count(0), count(7)), (2, 0));
        replace(1, 16);
        assert_eq!((count(0), count(7)), (1, 1));
        Watch::moved(1);
        assert_eq!((count(0), count(7)), (1, 1));
        Watch::remove(1);
        assert_eq!((count(0), count(7)), (1, 0));
    });
}
