//! A region is what auditors of that region saw (mechanisms rule 37).

use frame_support::assert_ok;

use crate::{Findings, MembersAt, OF_REGION, Verdict, mock::*};

const HERE: u16 = 156;

fn place(auditor: u64, region: Option<u16>) {
    assert_ok!(Audits::place(RuntimeOrigin::root(), auditor, region));
}

fn seen(open_ms: u32) -> Option<Verdict> {
    Some(Verdict::Pass(Findings { gpus: 4, throughput: 1_000, open_ms, ..Findings::default() }))
}

#[test]
fn rule_37_some_of_those_drawn_are_of_the_machines_region() {
    run(20, || {
        REGION.set(Some(HERE));
        (17..=20).for_each(|auditor| place(auditor, Some(HERE)));
        place(16, Some(840));
        for _ in 0..8 {
            let id = drawn(1);
            let here = auditors_of(id).iter().filter(|auditor| **auditor > 16).count();
            assert!(here >= OF_REGION, "{here}");
            assert_eq!(auditors_of(id).len(), 5);
            say(id, &[Some(Verdict::Fail); 5]);
            go_to(now() + 300 * BACK_OFF);
        }
    });
}

#[test]
fn rule_37_a_proof_counts_for_a_region_if_auditors_there_saw_its_rows_in_time() {
    for (near, far, counts) in [(NEAR_MS, 900, true), (NEAR_MS + 1, 900, false)] {
        run(20, || {
            REGION.set(Some(HERE));
            (17..=20).for_each(|auditor| place(auditor, Some(HERE)));
            let id = drawn(1);
            let ms = |auditor: &u64| if *auditor > 16 { seen(near) } else { seen(far) };
            let verdicts: Vec<_> = auditors_of(id).iter().map(ms).collect();
            say(id, &verdicts);
            let region = counts.then_some(HERE);
            assert_eq!(proof(1).map(|proof| proof.region), Some(region));
        });
    }
    // Nor where there is one auditor, or too few for a full proof.
    for (auditors, here) in [(20, 1), (5, 4)] {
        run(auditors, || {
            REGION.set(Some(HERE));
            (1..=here).for_each(|auditor| place(auditor, Some(HERE)));
            let id = drawn(1);
            say(id, &[seen(1); 5]);
            assert_eq!(proof(1).map(|proof| proof.region), Some(None));
        });
    }
}

#[test]
fn whoever_leaves_is_of_no_region_any_more() {
    run(3, || {
        place(1, Some(HERE));
        place(2, Some(HERE));
        place(2, Some(840));
        assert_eq!(MembersAt::<Test>::get(HERE), vec![1]);
        assert_ok!(Audits::leave(RuntimeOrigin::signed(1)));
        assert!(!MembersAt::<Test>::contains_key(HERE));
        place(2, None);
        assert_eq!(MembersAt::<Test>::iter().count(), 0);
        assert!(Audits::place(RuntimeOrigin::root(), 1, Some(HERE)).is_err(), "he leaves");
        assert!(Audits::place(RuntimeOrigin::signed(2), 2, Some(HERE)).is_err());
    });
}
