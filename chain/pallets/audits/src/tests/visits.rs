//! Auditors rent machines under accounts that nobody knows (mechanisms rule 1).

use frame_support::{assert_noop, assert_ok};

use crate::{
    Auditors, Error, Impressions, Outcome, Phase, Purpose, Suspects, Verdict, VisitOf, Visits,
    mock::*,
};

#[test]
fn rule_01_a_visit_is_drawn_after_it_is_committed_to_and_is_paid_with_what_it_cost() {
    run(3, || {
        say(drawn(1), &[Some(pass()); 3]);
        let id = visit_drawn(1);
        let wanted = candidate_of(1, 0);
        let (before, proven) = (paid(1), proof(1));
        assert_ok!(tell(1, rented(1, 0, pass())));
        assert_eq!((given(1), paid(1)), (30, before + 1));
        assert!(!Visits::<Test>::contains_key(1));
        if wanted == machine(1) {
            assert_eq!(audit(id).phase, Phase::Closed(Outcome::Passed));
        }
        assert_eq!(proof(1), proven, "a visit proves nothing");
        // Not again at once.
        let again = Audits::plan_visit(RuntimeOrigin::signed(1), [0; 32]);
        assert_eq!(again.unwrap_err().error, Error::<Test>::TooEarly.into());
    });
}

#[test]
fn rule_01_a_visit_is_of_the_account_the_machine_and_the_time_that_were_committed_to() {
    run(3, || {
        (1..=4).for_each(|number| say(drawn(number), &[Some(pass()); 3]));
        visit_drawn(1);
        let report = rented(1, 0, pass());
        let refused = |report, why: Error<Test>| {
            assert_noop!(tell(1, report), why);
        };
        let other = crate::VisitReport { secret: [9; 32], ..report.clone() };
        refused(other, Error::OtherVisit);
        refused(crate::VisitReport { renter: 7, ..report.clone() }, Error::OtherVisit);
        let elsewhere = (1..8).find(|at| candidate_of(1, *at) != candidate_of(1, 0));
        if let Some(attempt) = elsewhere {
            refused(crate::VisitReport { attempt, ..report.clone() }, Error::OtherLease);
        }
        refused(crate::VisitReport { attempt: 8, ..report.clone() }, Error::OtherVisit);
        refused(crate::VisitReport { lease: 77, ..report.clone() }, Error::OtherLease);
        let terms = dbc_primitives::audit::Terms { links: 1, ..report.terms };
        refused(crate::VisitReport { terms, ..report.clone() }, Error::OtherTerms);
        let change = |change: &dyn Fn(&mut crate::VisitedLease<u64>)| {
            LEASES.with_borrow_mut(|all| change(all.get_mut(&report.lease).expect("rented")));
        };
        change(&|lease| lease.renter = 7);
        refused(report.clone(), Error::OtherLease);
        change(&|lease| (lease.renter, lease.created_at) = (renter_of(1), now() - 6));
        refused(report.clone(), Error::OtherLease);
        change(&|lease| (lease.created_at, lease.started) = (now(), false));
        refused(report.clone(), Error::OtherLease);
        // Nobody else tells of it, and nobody of a visit that he did not plan.
        assert_noop!(tell(2, report.clone()), Error::<Test>::NoVisit);
        change(&|lease| lease.started = true);
        assert_ok!(tell(1, report.clone()));
        assert!(VisitOf::<Test>::contains_key(report.lease));
        go_to(now() + VISIT_EVERY);
        visit_drawn(1);
        assert_noop!(tell(1, report), Error::<Test>::OtherLease);
    });
}

#[test]
fn what_a_visit_cost_comes_back_up_to_a_bound() {
    run(3, || {
        visit_drawn(1);
        let report = rented(1, 0, pass());
        LEASES.with_borrow_mut(|all| all.get_mut(&report.lease).expect("rented").cost = 1_000);
        assert_ok!(tell(1, report));
        assert_eq!(given(1), VISIT_COST);
    });
}

#[test]
fn whoever_tells_nobody_what_became_of_a_visit_has_a_strike() {
    run(3, || {
        let strikes = || Auditors::<Test>::get(1).expect("an auditor").strikes;
        visit_drawn(1);
        let report = rented(1, 0, pass());
        sleep_to(visit(1).until);
        assert_noop!(tell(1, report), Error::<Test>::NoVisit);
        go_to(now() + 5);
        assert_eq!((strikes(), Visits::<Test>::contains_key(1)), (1, false));
        // Who could not rent anything shows that, and has none.
        go_to(now() + VISIT_EVERY);
        visit_drawn(1);
        let give_up = || {
            let given_up =
                Audits::give_up_visit(RuntimeOrigin::signed(1), secret_of(1), renter_of(1));
            given_up.map(drop).map_err(|error| error.error)
        };
        assert_noop!(give_up(), Error::<Test>::CanBeRented);
        RENTABLE.set(false);
        assert_ok!(give_up());
        go_to(now() + VISIT + 10);
        assert_eq!(strikes(), 1);
    });
}

#[test]
fn rule_01_what_two_thirds_of_visits_say_of_a_machine_fails_it() {
    run(3, || {
        (1..=4).for_each(|number| say(drawn(number), &[Some(pass()); 3]));
        visits(1, machine(1), Verdict::Fail);
        assert!(proof(1).is_some(), "one visit decides nothing");
        assert_eq!(Suspects::<Test>::get(), vec![machine(1)]);
        // The same auditor's word counts once.
        visits(1, machine(1), Verdict::Fail);
        assert_eq!(Impressions::<Test>::get(machine(1)).len(), 1);
        visits(2, machine(1), pass());
        assert!(proof(1).is_some());
        visits(3, machine(1), Verdict::Unreachable);
        assert_eq!((proof(1), heard().last()), (None, Some(&(machine(1), false))));
        assert!(Suspects::<Test>::get().is_empty() && proof(2).is_some());
        let request = Audits::request(RuntimeOrigin::signed(PROVIDER), machine(1));
        assert_eq!(request, Err(Error::<Test>::BackingOff.into()), "as after a failed audit");
    });
}

#[test]
fn a_suspect_of_whom_others_speak_well_is_none_any_more() {
    run(3, || {
        (1..=4).for_each(|number| say(drawn(number), &[Some(pass()); 3]));
        visits(1, machine(2), Verdict::Fail);
        visits(2, machine(2), pass());
        assert_eq!(Suspects::<Test>::get(), vec![machine(2)], "two are no draw yet");
        visits(3, machine(2), pass());
        assert!(Suspects::<Test>::get().is_empty() && proof(2).is_some());
        // Nor is one of whom nothing was said for the life of a proof.
        visits(1, machine(3), Verdict::Fail);
        go_to(now() + LIFE + 10);
        visit_drawn(2);
        assert!(Suspects::<Test>::get().is_empty());
        assert!(visit(2).draw.expect("drawn").suspects.is_empty());
    });
}

#[test]
fn a_suspect_is_visited_more_often() {
    run(6, || {
        (1..=4).for_each(|number| say(drawn(number), &[Some(pass()); 5]));
        visits(6, machine(4), Verdict::Fail);
        let mut first = 0;
        for auditor in 1..=5 {
            for _ in 0..8 {
                go_to(Auditors::<Test>::get(auditor).expect("one").visit_from.max(now()));
                visit_drawn(auditor);
                first += usize::from(candidate_of(auditor, 0) == machine(4));
                RENTABLE.set(false);
                let (secret, account) = (secret_of(auditor), renter_of(auditor));
                let who = RuntimeOrigin::signed(auditor);
                assert_ok!(Audits::give_up_visit(who, secret, account));
                RENTABLE.set(true);
            }
        }
        // Five in eight of forty, instead of one in four.
        assert!((15..=34).contains(&first), "{first}");
    });
}

#[test]
fn rule_22_a_visit_without_a_transcript_costs_the_bond() {
    run(3, || {
        (1..=4).for_each(|number| say(drawn(number), &[Some(pass()); 3]));
        let id = visit_drawn(1);
        let report = rented(1, 0, pass());
        let lease = report.lease;
        assert_ok!(tell(1, report));
        assert_eq!(audit(id).purpose, Purpose::Visit(lease));
        assert_ok!(Audits::demand(RuntimeOrigin::signed(31), id, 1));
        assert_ok!(Audits::show(RuntimeOrigin::signed(1), id, transcript(1, true)));
        // The next says that it passed, and his transcript says that it did not.
        let id = visit_drawn(2);
        assert_ok!(tell(2, rented(2, 0, pass())));
        let lie = transcript(2, false);
        assert_ok!(Audits::convict(RuntimeOrigin::signed(30), id, 2, lie));
        assert_eq!(Auditors::<Test>::get(2).map(|auditor| auditor.bond), Some(0));
        go_to(now() + KEPT + 10);
        assert!(!VisitOf::<Test>::contains_key(lease), "it goes with its record");
    });
}

#[test]
fn nobody_visits_his_own_and_whoever_left_plans_none() {
    run(3, || {
        assert_ok!(Audits::leave(RuntimeOrigin::signed(3)));
        assert!(Audits::plan_visit(RuntimeOrigin::signed(3), [0; 32]).is_err());
        assert!(Audits::plan_visit(RuntimeOrigin::signed(40), [0; 32]).is_err(), "a stranger");
        assert_eq!((Audits::visit_from(3), Audits::visit_from(40)), (None, None));
        visit_drawn(1);
        assert!(Audits::plan_visit(RuntimeOrigin::signed(1), [0; 32]).is_err(), "one at a time");
        // His bond stays while a visit is open.
        assert_ok!(Audits::leave(RuntimeOrigin::signed(1)));
        assert_ok!(tell(1, rented(1, 0, pass())));
    });
}

#[test]
fn rule_03_free_cards_of_a_leased_machine_are_looked_at_alone() {
    run(3, || {
        let looked = |verdict| {
            say(drawn(1), &[Some(pass()); 3]);
            let proven = proof(1);
            (LEASED.set(Some(machine(1))), FREE.set(1));
            let id = crate::NextAudit::<Test>::get();
            assert_ok!(Audits::book(machine(1), Purpose::Random));
            go_to(audit(id).starts);
            let found = audit(id);
            assert_eq!(
                (found.phase, found.terms.map(|terms| terms.gpus)),
                (Phase::Commit, Some(1))
            );
            assert!(Audits::is_held_back(machine(1)), "nobody leases them meanwhile");
            say(id, &[Some(verdict); 3]);
            LEASED.set(None);
            (proof(1) == proven, proof(1).is_some())
        };
        assert_eq!(looked(pass()), (true, true), "it proves nothing of the others");
        assert_eq!(ANSWERED.take(), vec![machine(1)]);
        go_to(now() + LIFE + 10);
        assert_eq!(looked(Verdict::Fail), (false, false), "and fails the machine");
    });
}

#[test]
fn rule_03_a_renewal_waits_while_cards_are_leased() {
    run(3, || {
        (LEASED.set(Some(machine(1))), FREE.set(1));
        let id = booked(1);
        go_to(audit(id).starts + WINDOW);
        assert_eq!(audit(id).phase, Phase::Booked, "a part proves nothing");
    });
}
