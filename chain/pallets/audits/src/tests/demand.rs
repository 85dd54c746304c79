//! Transcripts that somebody wants to see.

use frame_support::{assert_noop, assert_ok};

use crate::{AuditId, Error, Verdict, mock::*};

fn demand(id: AuditId, auditor: u64) -> sp_runtime::DispatchResult {
    Audits::demand(RuntimeOrigin::signed(30), id, auditor)
}

fn closed(verdict: Verdict) -> (AuditId, u64) {
    let id = drawn(1);
    say(id, &[Some(verdict); 3]);
    (id, auditors_of(id)[0])
}

#[test]
fn rule_22_a_transcript_that_holds_earns_the_bond_of_whoever_doubted() {
    run(3, || {
        let (id, who) = closed(pass());
        assert_ok!(demand(id, who));
        assert_noop!(demand(id, who), Error::<Test>::DemandOpen);
        let show = |auditor, passed| {
            Audits::show(RuntimeOrigin::signed(auditor), id, transcript(who, passed))
        };
        assert_noop!(show(auditors_of(id)[1], true), Error::<Test>::NotDemanded);
        assert_ok!(show(who, true));
        assert_eq!(Balances::free_balance(who), 9 * BOND + DEMAND);
        assert_eq!(Balances::free_balance(30), 10 * BOND - DEMAND);
        assert_noop!(show(who, true), Error::<Test>::NotDemanded);
        go_to(now() + SHOW + 5);
        assert!(crate::Auditors::<Test>::get(who).expect("known").leaving.is_none());
    });
}

#[test]
fn rule_22_whoever_shows_nothing_in_time_loses_as_if_he_had_lied() {
    run(3, || {
        let (id, who) = closed(pass());
        assert_ok!(demand(id, who));
        go_to(now() + SHOW + 5);
        assert_eq!(Balances::free_balance(30), 10 * BOND + BOND / 10, "his bond is his again");
        assert_eq!(crate::Auditors::<Test>::get(who).expect("known").bond, 0);
        assert_noop!(demand(id, who), Error::<Test>::ShowsNothing);
    });
}

#[test]
fn rule_22_whoever_shows_his_own_lie_is_convicted_by_it() {
    run(3, || {
        let (id, who) = closed(pass());
        assert_ok!(demand(id, who));
        assert_ok!(Audits::show(RuntimeOrigin::signed(who), id, transcript(who, false)));
        assert_eq!(crate::Auditors::<Test>::get(who).expect("known").bond, 0);
        assert_eq!(Balances::free_balance(30), 10 * BOND + BOND / 10);
    });
}

#[test]
fn a_conviction_ends_the_wish_to_see_the_transcript() {
    run(3, || {
        let (id, who) = closed(pass());
        assert_ok!(demand(id, who));
        assert_ok!(Audits::convict(RuntimeOrigin::signed(31), id, who, transcript(who, false)));
        assert_eq!(Balances::free_balance(30), 10 * BOND);
        go_to(now() + SHOW + 5);
    });
}

#[test]
fn nothing_can_be_shown_of_silence_or_after_the_record() {
    run(3, || {
        let (id, who) = closed(Verdict::Unreachable);
        assert_noop!(demand(id, who), Error::<Test>::ShowsNothing);
        assert_noop!(demand(id, 29), Error::<Test>::NotDrawn);
        let id = drawn(2);
        assert_noop!(demand(id, auditors_of(id)[0]), Error::<Test>::WrongPhase);
        say(id, &[Some(pass()); 3]);
        go_to(now() + KEPT - SHOW);
        assert_noop!(demand(id, auditors_of(id)[0]), Error::<Test>::TooLate);
    });
}
