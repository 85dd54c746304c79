//! What cheats try.

use frame_support::{assert_noop, assert_ok};

use crate::{Error, Phase, Verdict, mock::*};

#[test]
fn rule_04_who_is_drawn_depends_on_blocks_after_the_booking() {
    let mut draws = std::collections::BTreeSet::new();
    for luck in 0..8 {
        run(15, || {
            let id = booked(1);
            // Everything that the provider could choose is the same; what blocks bring is not.
            LUCK.set(luck);
            go_to(audit(id).starts);
            draws.insert(auditors_of(id));
        });
    }
    assert!(draws.len() > 4, "{draws:?}");
}

#[test]
fn rule_04_nobody_joins_for_an_audit_that_is_booked() {
    run(2, || {
        let id = booked(1);
        for friend in 20..=25 {
            assert_ok!(Audits::seat(RuntimeOrigin::root(), friend, true));
            assert_ok!(Audits::join(RuntimeOrigin::signed(friend), [0; 32]));
        }
        go_to(audit(id).starts);
        assert!(auditors_of(id).iter().all(|who| *who <= 2), "{:?}", auditors_of(id));
    });
}

#[test]
fn rule_36_all_audits_of_a_window_start_at_one_block() {
    run(3, || {
        let first = booked(1);
        go_to(now() + 30);
        let second = booked(2);
        assert_eq!(audit(first).starts, audit(second).starts);
        go_to(audit(first).starts);
        assert_eq!(audit(first).phase, Phase::Commit);
        assert_eq!(audit(second).phase, Phase::Commit);
        assert_ne!(audit(first).seed, audit(second).seed, "no answer is good for two");
    });
}

#[test]
fn nobody_audits_his_own_machine() {
    run(3, || {
        assert_ok!(Audits::seat(RuntimeOrigin::root(), PROVIDER, true));
        assert_ok!(Audits::join(RuntimeOrigin::signed(PROVIDER), [0; 32]));
        go_to(now() + 5);
        let id = drawn(1);
        assert!(!auditors_of(id).contains(&PROVIDER));
    });
}

#[test]
fn a_copied_commitment_opens_for_nobody() {
    run(3, || {
        let id = drawn(1);
        let drawn = auditors_of(id);
        let theirs = Audits::commitment(&drawn[0], &root_of(drawn[0]), &pass());
        for who in &drawn[..2] {
            assert_ok!(Audits::commit(RuntimeOrigin::signed(*who), id, theirs));
        }
        go_to(audit(id).next);
        let root = root_of(drawn[0]);
        let reveals = |who| Audits::reveal(RuntimeOrigin::signed(who), id, root, pass());
        assert_noop!(reveals(drawn[1]), Error::<Test>::OtherThanCommitted);
        assert_ok!(reveals(drawn[0]));
        assert_noop!(reveals(drawn[0]), Error::<Test>::SaidAlready);
    });
}

#[test]
fn a_verdict_cannot_be_changed_after_the_commit_or_said_by_a_stranger() {
    run(3, || {
        let id = drawn(1);
        let who = auditors_of(id)[0];
        commit(id, who, pass());
        go_to(audit(id).next);
        let fail = Verdict::Fail;
        let by = |who| Audits::reveal(RuntimeOrigin::signed(who), id, root_of(who), fail);
        assert_noop!(by(who), Error::<Test>::OtherThanCommitted);
        assert_noop!(by(40), Error::<Test>::NotDrawn);
    });
}

#[test]
fn rule_22_a_lie_is_shown_by_its_transcript_and_costs_the_bond() {
    run(3, || {
        let id = drawn(1);
        // All three were bought: the machine failed, and they say that it passed.
        say(id, &[Some(pass()); 3]);
        let liar = auditors_of(id)[0];
        let transcript = |truth: &[u8]| {
            let bytes = [&root_of(liar)[..], truth].concat();
            bytes.try_into().expect("short")
        };
        let convict = |bytes| Audits::convict(RuntimeOrigin::signed(30), id, liar, bytes);
        assert_noop!(convict(transcript(&[1])), Error::<Test>::ShowsNothing);
        assert_noop!(convict(transcript(&[7])), Error::<Test>::ShowsNothing);
        assert_ok!(convict(transcript(&[0])));
        assert_eq!(Balances::free_balance(30), 10 * BOND + BOND / 10);
        assert_eq!(Balances::free_balance(TREASURY), 1 + BOND - BOND / 10);
        assert_noop!(convict(transcript(&[0])), Error::<Test>::ShowsNothing);
        let leaves = crate::Auditors::<Test>::get(liar).expect("known").leaving;
        assert!(leaves.is_some() && !crate::Seats::<Test>::contains_key(liar));
    });
}

#[test]
fn one_machine_has_one_audit_at_a_time() {
    run(3, || {
        booked(1);
        assert_noop!(
            Audits::request(RuntimeOrigin::signed(PROVIDER), machine(1)),
            Error::<Test>::AuditOpen
        );
        assert_noop!(
            Audits::request(RuntimeOrigin::signed(40), machine(2)),
            Error::<Test>::NotYours
        );
    });
}
