//! Reports: a bond, a check, and nothing on anybody's word alone.

use frame_support::{assert_noop, assert_ok};

use crate::{Error, Kind, mock::*};

const KIND: Kind = Kind::Unreachable { rented: true };

fn reported() -> u64 {
    let id = crate::NextOffence::<Test>::get();
    assert_ok!(Disputes::report(RuntimeOrigin::signed(RENTER), machine(1), KIND, Some(1)));
    id
}

#[test]
fn rule_07_nothing_happens_before_drawn_auditors_looked() {
    run(|| {
        let id = reported();
        pass(CHECK - 1);
        assert_eq!(stake(1), STAKE);
        assert_eq!(Balances::free_balance(RENTER), 99_000, "the bond is held");
        // Nobody looked in time: nobody can say.
        pass(HOUR);
        assert_eq!((stake(1), Balances::free_balance(RENTER)), (STAKE, 100_000));
        assert_eq!(told(), [Told::HeldBack(START), Told::LetGo]);
        Disputes::checked(id, Some(true), false);
        assert!(offence(id).is_none(), "too late");
    });
}

/// What was asked of lease 1.
fn told() -> Vec<Told> {
    LEASES
        .with_borrow(|all| {
            all.iter().map(|(lease, told)| (*lease == 1).then_some(*told)).collect::<Option<_>>()
        })
        .expect("of the lease that was reported")
}

#[test]
fn rule_07_rent_since_a_report_waits_and_goes_to_whoever_was_right() {
    for (upheld, last) in
        [(Some(true), Told::Ended), (Some(false), Told::LetGo), (None, Told::LetGo)]
    {
        run(|| {
            let id = reported();
            pass(10 * MINUTE);
            assert_eq!(told(), [Told::HeldBack(START)]);
            Disputes::checked(id, upheld, false);
            assert_eq!(told(), [Told::HeldBack(START), last], "{upheld:?}");
        });
    }
    run(|| {
        // Watchers were faster; the renter is right all the same.
        let id = reported();
        Disputes::begin(machine(1), KIND, now(), Some(1));
        Disputes::checked(id, Some(true), false);
        assert_eq!(told(), [Told::HeldBack(START), Told::Ended]);
        // Whoever reports without a lease holds nobody's rent.
        assert_ok!(Disputes::report(RuntimeOrigin::signed(30), machine(2), KIND, None));
        assert_eq!(told().len(), 2);
    });
}

#[test]
fn whoever_reports_cannot_choose_a_dearer_kind() {
    run(|| {
        let by =
            |kind, lease| Disputes::report(RuntimeOrigin::signed(RENTER), machine(1), kind, lease);
        assert_ok!(by(Kind::Unreachable { rented: true }, None));
        let open = Disputes::open_reports(0);
        assert_eq!(open[0].kind, Kind::Unreachable { rented: false }, "nothing of it was his");
        assert_ok!(by(Kind::Unreachable { rented: false }, Some(1)));
        let open = Disputes::open_reports(open[0].offence + 1);
        assert_eq!((open.len(), open[0].kind), (1, Kind::Unreachable { rented: true }));
        assert_eq!((open[0].lease, open[0].until), (Some(1), now() + CHECK));
    });
}

#[test]
fn whoever_left_finds_no_machine_unreachable_as_its_renter() {
    run(|| {
        let by =
            |kind, lease| Disputes::report(RuntimeOrigin::signed(RENTER), machine(1), kind, lease);
        CLOSED.set(now() - 1);
        assert_noop!(by(KIND, Some(1)), Error::<Test>::LeaseNotRunning);
        assert_noop!(by(KIND, Some(7)), Error::<Test>::NotYourLease);
        // As anybody he may, and of cards he speaks who had them.
        assert_ok!(by(KIND, None));
        assert_ok!(by(Kind::Counterfeit, Some(1)));
        let kinds: Vec<_> = Disputes::open_reports(0).iter().map(|open| open.kind).collect();
        assert_eq!(kinds, [Kind::Unreachable { rented: false }, Kind::Counterfeit]);
        // It ends in the slot of the report.
        CLOSED.set(now());
        assert_ok!(by(KIND, Some(1)));
    });
}

#[test]
fn of_a_silence_after_his_lease_a_renter_has_no_share() {
    for (closed, rented, told) in [(START - 1, false, Told::LetGo), (START, true, Told::Ended)] {
        run(|| {
            CLOSED.set(closed);
            let id = crate::NextOffence::<Test>::get();
            let by = RuntimeOrigin::signed(RENTER);
            assert_ok!(Disputes::report(by, machine(1), Kind::Counterfeit, Some(1)));
            pass(10 * MINUTE);
            Disputes::checked(id, Some(true), true);
            let found = offence(id).map(|found| (found.kind, found.lease));
            assert_eq!(found, Some((Kind::Unreachable { rented }, rented.then_some(1))));
            assert_eq!(self::told().last(), Some(&told));
        });
    }
}

#[test]
fn a_report_that_holds_dates_from_its_filing_and_pays_whoever_filed_it() {
    run(|| {
        let id = reported();
        let filed = now();
        pass(10 * MINUTE);
        Disputes::checked(id, Some(true), false);
        assert_eq!(offence(id).map(|found| found.since), Some(filed));
        Disputes::end(machine(1), now(), |_| true);
        pass(APPEAL + 300);
        // 8 %: a tenth to the renter, a fifth to the reporter, who is the same here.
        assert_eq!(stake(1), STAKE - 32_000);
        assert_eq!(Balances::free_balance(RENTER), 100_000 + 3_200 + 6_400);
    });
}

#[test]
fn a_report_that_does_not_hold_costs_its_bond() {
    run(|| {
        let id = reported();
        Disputes::checked(id, Some(false), false);
        assert_eq!(Balances::free_balance(RENTER), 99_000);
        assert_eq!(Balances::free_balance(TREASURY), 1_001);
        Disputes::checked(id, Some(true), false);
        assert!(offence(id).is_none(), "a check is over once");
    });
}

#[test]
fn a_right_report_of_what_runs_already_costs_nothing() {
    run(|| {
        let id = reported();
        Disputes::begin(machine(1), KIND, now(), None);
        Disputes::checked(id, Some(true), false);
        assert_eq!(Balances::free_balance(RENTER), 100_000);
        assert_eq!(crate::Offences::<Test>::iter().count(), 1);
    });
}

#[test]
fn a_lease_is_reported_by_its_renter_and_a_machine_that_is_there() {
    run(|| {
        let by = |who, number, lease| {
            Disputes::report(RuntimeOrigin::signed(who), machine(number), KIND, lease)
        };
        assert_noop!(by(30, 1, Some(1)), Error::<Test>::NotYourLease);
        assert_noop!(by(RENTER, 1, Some(7)), Error::<Test>::NotYourLease);
        assert_noop!(by(RENTER, 9, None), Error::<Test>::MachineNotFound);
        assert_ok!(by(30, 1, None));
    });
}

#[test]
fn nobody_reports_a_machine_that_nobody_may_expect() {
    run(|| {
        AWAY.set(true);
        let report = Disputes::report(RuntimeOrigin::signed(30), machine(1), KIND, None);
        assert_noop!(report, Error::<Test>::NotReportable);
    });
}

#[test]
fn rule_07_of_a_machine_that_did_not_answer_nobody_saw_more_than_that() {
    for (lease, rented) in [(None, false), (Some(1), true)] {
        run(|| {
            let id = crate::NextOffence::<Test>::get();
            let by = RuntimeOrigin::signed(RENTER);
            assert_ok!(Disputes::report(by, machine(1), Kind::Counterfeit, lease));
            Disputes::checked(id, Some(true), true);
            let kind = offence(id).map(|found| found.kind);
            assert_eq!(kind, Some(Kind::Unreachable { rented }));
        });
    }
}

#[test]
fn a_report_that_nobody_can_judge_costs_nothing() {
    run(|| {
        let id = reported();
        Disputes::checked(id, None, false);
        assert_eq!(Balances::free_balance(RENTER), 100_000);
        assert!(offence(id).is_none());
    });
}

#[test]
fn rule_07_a_flap_does_not_end_what_a_report_began() {
    run(|| {
        let id = reported();
        Disputes::checked(id, Some(true), true);
        pass(MINUTE);
        Disputes::back(machine(1), now());
        assert_eq!(offence(id).and_then(|found| found.ended), None, "auditors found it");
        pass(HOUR);
        Disputes::end(machine(1), now(), |_| true);
        assert!(offence(id).is_some_and(|found| found.ended.is_some()));
        Disputes::begin(machine(2), KIND, now(), None);
        Disputes::back(machine(2), now());
        assert!(Disputes::is_clear(machine(2)), "what watchers found ends by them");
    });
}

#[test]
fn an_offence_ends_by_what_it_is_about() {
    run(|| {
        Disputes::begin(machine(1), Kind::NotRentable, now(), None);
        let id = crate::NextOffence::<Test>::get() - 1;
        Disputes::end(machine(1), now(), |kind| matches!(kind, Kind::Unreachable { .. }));
        assert_eq!(offence(id).and_then(|found| found.ended), None, "being heard repairs nothing");
        Disputes::end(machine(1), now(), |kind| kind == Kind::NotRentable);
        assert!(offence(id).is_none_or(|found| found.ended.is_some()));
    });
}
