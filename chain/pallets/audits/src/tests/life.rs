//! An audit from booking to proof, and the proof to its end.

use frame_support::{assert_noop, assert_ok};

use crate::{Error, Outcome, Phase, Purpose, Verdict, mock::*};

#[test]
fn a_machine_that_passes_has_a_proof_and_the_median_of_what_was_found() {
    run(3, || {
        let id = drawn(1);
        let found = |throughput| {
            Some(Verdict::Pass(crate::Findings { gpus: 4, throughput, ..Default::default() }))
        };
        // One of three exaggerates.
        say(id, &[found(1_000), found(1_010), found(900_000)]);
        let proof = proof(1).expect("it passed");
        // Three challenges ran at once, each with the median.
        assert_eq!((proof.audit, proof.findings.throughput), (id, 3 * 1_010));
        assert!(proof.provisional, "three auditors are no full draw");
        assert_eq!(audit(id).phase, Phase::Closed(Outcome::Passed));
        assert_eq!(heard(), vec![(machine(1), true)]);
    });
}

#[test]
fn a_full_draw_gives_a_full_proof() {
    run(15, || {
        let id = drawn(1);
        assert_eq!(audit(id).duties.len(), 5);
        say(id, &[Some(pass()), Some(pass()), Some(pass()), Some(pass()), None]);
        assert!(!proof(1).expect("four of five are two thirds").provisional);
    });
}

#[test]
fn a_machine_that_fails_loses_its_proof_and_waits_twice_as_long_each_time() {
    run(3, || {
        let fail = [Some(Verdict::Fail); 3];
        say(drawn(1), &[Some(pass()); 3]);
        go_to(now() + LIFE - LIFE / 4);
        say(drawn(1), &fail);
        assert_eq!(proof(1), None);
        assert_eq!(heard().last(), Some(&(machine(1), false)));
        let request = || Audits::request(RuntimeOrigin::signed(PROVIDER), machine(1));
        assert_noop!(request(), Error::<Test>::BackingOff);
        go_to(now() + BACK_OFF);
        say(drawn(1), &fail);
        go_to(now() + BACK_OFF);
        assert_noop!(request(), Error::<Test>::BackingOff);
        go_to(now() + BACK_OFF);
        assert_ok!(request());
    });
}

#[test]
fn rule_03_a_proof_expires_and_can_be_renewed_before() {
    run(3, || {
        say(drawn(1), &[Some(pass()); 3]);
        let request = || Audits::request(RuntimeOrigin::signed(PROVIDER), machine(1));
        assert_noop!(request(), Error::<Test>::ProofFresh);
        go_to(now() + LIFE - LIFE / 3);
        let first = proof(1).expect("not over").until;
        say(drawn(1), &[Some(pass()); 3]);
        let second = proof(1).expect("renewed").until;
        assert!(second > first);
        go_to(first + 10);
        assert!(proof(1).is_some(), "the old end is nobody's end");
        go_to(second + 10);
        assert_eq!(proof(1), None);
        assert_eq!(heard().last(), Some(&(machine(1), false)));
    });
}

#[test]
fn what_two_thirds_do_not_decide_is_drawn_once_more() {
    run(5, || {
        let id = drawn(1);
        let first = audit(id).seed;
        let split = [Some(pass()), Some(pass()), Some(pass()), Some(Verdict::Fail), None];
        say(id, &split);
        assert_eq!(audit(id).phase, Phase::Booked);
        go_to(audit(id).starts);
        assert_ne!(audit(id).seed, first, "with a challenge of its own");
        say(id, &split);
        assert_eq!(audit(id).phase, Phase::Closed(Outcome::Undecided));
        assert_eq!((proof(1), heard().len()), (None, 0), "nobody failed");
        go_to(now() + KEPT + 10);
        assert!(crate::Audits::<Test>::get(id).is_none(), "the record goes in the end");
    });
}

/// A machine that answers two of five would otherwise keep its proof for ever.
#[test]
fn rule_01_a_proof_that_two_draws_do_not_bear_out_counts_no_more() {
    let doubted = [Some(pass()), Some(pass()), Some(Verdict::Fail), Some(Verdict::Fail), None];
    for (verdicts, stays) in
        [(doubted, false), ([Some(pass()), Some(pass()), None, None, None], true)]
    {
        run(5, || {
            say(drawn(1), &[Some(pass()); 5]);
            let id = crate::NextAudit::<Test>::get();
            assert_ok!(Audits::book(machine(1), Purpose::Random));
            for _ in 0..2 {
                assert!(proof(1).is_some(), "one draw takes nothing");
                go_to(audit(id).starts);
                say(id, &verdicts);
            }
            assert_eq!(audit(id).phase, Phase::Closed(Outcome::Undecided));
            assert_eq!(proof(1).is_some(), stays);
            // It may ask at once: nothing is counted against it.
            let request = || Audits::request(RuntimeOrigin::signed(PROVIDER), machine(1));
            assert_eq!(request().is_ok(), !stays);
        });
    }
}

#[test]
fn without_auditors_an_audit_waits() {
    run(0, || {
        let id = booked(1);
        go_to(now() + 5 * WINDOW);
        assert_eq!(audit(id).phase, Phase::Booked);
    });
}

#[test]
fn phases_go_by_the_slot_and_not_by_the_queue() {
    run(3, || {
        let id = drawn(1);
        let who = auditors_of(id)[0];
        // No block comes for a while: the queue is late, the clock is not.
        sleep_to(audit(id).next);
        let commit = Audits::commitment(&who, &root_of(who), &pass());
        assert_noop!(
            Audits::commit(RuntimeOrigin::signed(who), id, commit),
            Error::<Test>::WrongPhase
        );
    });
}

#[test]
fn rule_03_a_leased_machine_is_challenged_when_it_is_free() {
    run(3, || {
        LEASED.set(Some(machine(1)));
        let id = booked(1);
        go_to(now() + 5 * WINDOW);
        assert_eq!(audit(id).phase, Phase::Booked);
        LEASED.set(None);
        go_to(now() + WINDOW + 5);
        assert_ne!(audit(id).phase, Phase::Booked);
    });
}

#[test]
fn a_machine_that_leaves_during_its_audit_leaves_nothing_behind() {
    run(3, || {
        let (early, late) = (booked(1), drawn(2));
        GONE.set(vec![machine(1), machine(2)]);
        say(late, &[Some(pass()); 3]);
        go_to(now() + 2 * WINDOW);
        assert_eq!(audit(early).phase, Phase::Closed(Outcome::Undecided));
        assert!(matches!(audit(late).phase, Phase::Closed(_)));
        assert_eq!((proof(1), proof(2), heard().len()), (None, None, 0));
        assert_eq!(paid(1), 1, "the duty was done");
    });
}

#[test]
fn rule_01_the_chain_takes_second_looks_at_machines_that_are_proven() {
    run(3, || {
        say(drawn(1), &[Some(pass()); 3]);
        let first = crate::NextAudit::<Test>::get();
        SHARE.set(100);
        go_to(now() + 28 * WINDOW);
        let looks: Vec<_> = crate::Audits::<Test>::iter().filter(|(id, _)| *id >= first).collect();
        assert!(!looks.is_empty(), "each machine is drawn about twice");
        let right = looks
            .iter()
            .all(|(_, audit)| audit.machine == machine(1) && audit.purpose == Purpose::Random);
        assert!(right, "only who has a proof is looked at again: {looks:?}");
    });
}

#[test]
fn a_genesis_in_a_hurry_has_its_own_pace() {
    run(3, || {
        let (visit_every, visit) = (5, 5);
        let pace = crate::Pace {
            window: 5,
            draw_delay: 5,
            commit: 5,
            reveal: 5,
            back_off: 5,
            visit_every,
            visit,
        };
        crate::PaceAtGenesis::<Test>::put(pace);
        let id = booked(1);
        assert!(audit(id).starts <= now() + 10);
        go_to(audit(id).starts);
        say(id, &[Some(pass()); 3]);
        assert!(proof(1).is_some());
    });
}

#[test]
fn rule_07_a_reported_machine_is_looked_at_also_while_it_is_leased() {
    run(3, || {
        LEASED.set(Some(machine(1)));
        for (report, verdict, upheld) in [
            (7, Some(Verdict::Unreachable), Some(true)),
            (8, Some(pass()), Some(false)),
            (9, None, None),
        ] {
            let silent = upheld == Some(true);
            check(report, verdict, (upheld, silent));
        }
    });
}

/// Books a check of machine 1, in which all say the same; compares what came out.
fn check(report: u64, verdict: Option<Verdict>, (upheld, silent): (Option<bool>, bool)) {
    let id = crate::NextAudit::<Test>::get();
    assert_ok!(Audits::book(machine(1), Purpose::Check(report)));
    // Nobody's word draws a second time.
    for _ in 0..if verdict.is_none() { 2 } else { 1 } {
        go_to(audit(id).starts);
        say(id, &[verdict; 3]);
    }
    assert_eq!(CHECKED.with_borrow(|all| all.last().copied()), Some((report, upheld, silent)));
}

#[test]
fn rule_07_a_leased_machine_is_asked_for_no_card_that_a_renter_holds() {
    run(3, || {
        say(drawn(1), &[Some(pass()); 3]);
        let (proven, told) = (proof(1), heard());
        LEASED.set(Some(machine(1)));
        // Whatever is wrong with an answer then, it is none of the cards'.
        for (report, verdict, found) in [
            (1, Verdict::Fail, (Some(true), true)),
            (2, Verdict::Unreachable, (Some(true), true)),
            (3, pass(), (Some(false), false)),
        ] {
            check(report, Some(verdict), found);
            assert_eq!((proof(1), heard()), (proven, told.clone()), "no proof, and none lost");
        }
        assert_eq!(ANSWERED.take(), vec![machine(1)]);
        LEASED.set(None);
        check(4, Some(Verdict::Unreachable), (Some(true), true));
        assert_eq!(proof(1), None, "free, it is looked at whole");
        check(5, Some(Verdict::Fail), (Some(true), false));
    });
}

#[test]
fn rule_07_a_check_does_not_wait_for_an_audit_that_waits_for_the_end_of_a_lease() {
    run(3, || {
        LEASED.set(Some(machine(1)));
        let waits = booked(1);
        assert!(!Audits::is_open(machine(1)), "it keeps nobody from anything");
        go_to(now() + 3 * WINDOW);
        check(7, Some(pass()), (Some(false), false));
        assert!(crate::Audits::<Test>::get(waits).is_none(), "its place was taken");
        // A check takes no other check's place, and nothing's that was drawn.
        assert_ok!(Audits::book(machine(1), Purpose::Check(8)));
        assert!(Audits::is_open(machine(1)));
        let book = |number, report| Audits::book(machine(number), Purpose::Check(report));
        assert_noop!(book(1, 9), Error::<Test>::AuditOpen);
        drawn(2);
        assert_noop!(book(2, 9), Error::<Test>::AuditOpen);
    });
}

#[test]
fn rule_07_no_second_look_waits_for_the_end_of_a_lease() {
    run(3, || {
        say(drawn(1), &[Some(pass()); 3]);
        LEASED.set(Some(machine(1)));
        SHARE.set(100);
        let first = crate::NextAudit::<Test>::get();
        go_to(now() + 10 * WINDOW);
        assert_eq!(crate::NextAudit::<Test>::get(), first);
    });
}

#[test]
fn whoever_is_silent_shows_that_it_is_over_also_while_somebody_rents() {
    run(3, || {
        say(drawn(1), &[Some(pass()); 3]);
        LEASED.set(Some(machine(1)));
        let request = || Audits::request(RuntimeOrigin::signed(PROVIDER), machine(1));
        assert_noop!(request(), Error::<Test>::ProofFresh);
        SILENT.set(Some(machine(1)));
        say(drawn(1), &[Some(pass()); 3]);
        assert_eq!(ANSWERED.take(), vec![machine(1)]);
    });
}

#[test]
fn of_a_machine_that_is_away_or_that_nobody_can_look_at_nobody_can_say() {
    run(3, || {
        AWAY.set(Some(machine(1)));
        let book = |report| {
            assert_ok!(Audits::book(machine(1), Purpose::Check(report)));
            go_to(now() + 2 * WINDOW);
        };
        book(7);
        assert_eq!(CHECKED.take(), vec![(7, None, false)]);
    });
    run(0, || {
        assert_ok!(Audits::book(machine(1), Purpose::Check(7)));
        go_to(now() + 2 * WINDOW);
        assert_eq!(CHECKED.take(), vec![(7, None, false)]);
        assert!(!Audits::is_open(machine(1)));
    });
}

#[test]
fn rule_23_only_what_a_provider_asked_for_himself_goes_when_his_machine_retires() {
    run(3, || {
        let id = booked(1);
        Audits::drop_request(machine(1));
        assert!(!Audits::is_open(machine(1)) && crate::Audits::<Test>::get(id).is_none());
        assert_ok!(Audits::book(machine(2), Purpose::Random));
        assert_ok!(Audits::book(machine(3), Purpose::Check(7)));
        drawn(4);
        for number in 2..=4 {
            Audits::drop_request(machine(number));
            assert!(Audits::is_open(machine(number)), "{number}");
        }
    });
}
