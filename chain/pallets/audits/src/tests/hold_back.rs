//! A machine whose proof is old is audited at the end of a lease, before it takes orders again.

use crate::{HeldBack, NextAudit, OpenOf, Purpose, mock::*};

#[test]
fn rule_03_an_old_proof_is_looked_at_when_a_lease_ends_and_before_new_orders() {
    run(3, || {
        say(drawn(1), &[Some(pass()); 3]);
        Audits::given_back(machine(1));
        assert!(!Audits::is_held_back(machine(1)), "a fresh proof holds nobody back");
        go_to(now() + LIFE - LIFE / 4);
        let id = NextAudit::<Test>::get();
        Audits::given_back(machine(1));
        assert!(Audits::is_held_back(machine(1)));
        assert_eq!(audit(id).purpose, Purpose::Renewal);
        go_to(audit(id).starts);
        assert!(Audits::is_held_back(machine(1)));
        say(id, &[Some(pass()); 3]);
        assert!(!Audits::is_held_back(machine(1)), "it takes orders as soon as it is over");
    });
}

#[test]
fn rule_03_nobody_is_held_back_for_longer_than_an_audit_takes() {
    run(0, || {
        // No auditor is there: the audit waits for ever, the machine does not.
        let (at, until) = (now() - LIFE, now() + LIFE / 10);
        let findings = Default::default();
        let proof = crate::Proof { audit: 0, at, until, provisional: true, findings, region: None };
        Audits::look_at(until, 0, machine(1), crate::Due::Proof);
        Audits::keep_proof(machine(1), proof);
        let id = NextAudit::<Test>::get();
        Audits::given_back(machine(1));
        assert!(Audits::is_held_back(machine(1)));
        go_to(now() + WINDOW + 20 + COMMIT + REVEAL);
        assert!(!Audits::is_held_back(machine(1)));
        assert_eq!(OpenOf::<Test>::get(machine(1)), Some(id), "it is audited when somebody comes");
        go_to(now() + LIFE);
        assert_eq!(HeldBack::<Test>::iter().count(), 1, "as many as wait for audits");
    });
}

#[test]
fn a_machine_without_a_proof_or_a_challenge_is_not_held_back() {
    run(3, || {
        Audits::given_back(machine(1));
        assert!(!Audits::is_held_back(machine(1)) && !OpenOf::<Test>::contains_key(machine(1)));
        say(drawn(2), &[Some(pass()); 3]);
        go_to(now() + LIFE - LIFE / 4);
        GONE.set(vec![machine(2)]);
        Audits::given_back(machine(2));
        assert!(!Audits::is_held_back(machine(2)));
    });
}

#[test]
fn an_audit_that_is_booked_already_is_the_one_that_a_machine_waits_for() {
    run(3, || {
        say(drawn(1), &[Some(pass()); 3]);
        go_to(now() + LIFE - LIFE / 4);
        LEASED.set(Some(machine(1)));
        let id = booked(1);
        LEASED.set(None);
        Audits::given_back(machine(1));
        assert!(Audits::is_held_back(machine(1)));
        assert_eq!(NextAudit::<Test>::get(), id + 1, "no other is booked");
    });
}
