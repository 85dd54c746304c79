//! Machines of one provider are looked at together, and proofs follow machines from hand to hand.

use frame_support::assert_ok;

use crate::{NextAudit, Owners, ProvenOf, Purpose, Verdict, mock::*};

/// Second looks by when they start, each with its machines in order.
fn looks(first: u64) -> Vec<(u64, Vec<u8>)> {
    let mut all: std::collections::BTreeMap<u64, Vec<u8>> = Default::default();
    for (id, audit) in crate::Audits::<Test>::iter().filter(|(id, _)| *id >= first) {
        assert_eq!(audit.purpose, Purpose::Random, "{id}");
        all.entry(audit.booked).or_default().push(audit.machine.0[0]);
    }
    let sorted = |(booked, mut machines): (u64, Vec<u8>)| {
        machines.sort_unstable();
        (booked, machines)
    };
    all.into_iter().map(sorted).collect()
}

#[test]
fn rule_36_second_looks_of_one_providers_machines_come_as_one_set() {
    let mut sets = 0;
    for luck in 0..10 {
        run(3, || {
            SOLD.set(vec![machine(4)]);
            for number in 1..=4 {
                say(drawn(number), &[Some(pass()); 3]);
            }
            LUCK.set(luck);
            let first = NextAudit::<Test>::get();
            SHARE.set(100);
            go_to(now() + 8 * WINDOW);
            for (_, machines) in looks(first) {
                // All of a provider start in one window, or none of them; the other provider's by itself.
                let theirs: Vec<_> =
                    machines.iter().copied().filter(|number| *number < 4).collect();
                assert!(theirs.is_empty() || theirs == [1, 2, 3], "{machines:?}");
                sets += usize::from(!theirs.is_empty());
            }
        });
    }
    assert!(sets > 0, "no set was drawn in ten tries");
}

#[test]
fn a_fleet_is_not_looked_at_more_often_because_each_of_it_draws_all() {
    let mut looked = [0; 5];
    for luck in 0..12 {
        run(3, || {
            SOLD.set(vec![machine(4)]);
            for number in 1..=4 {
                say(drawn(number), &[Some(pass()); 3]);
            }
            LUCK.set(luck);
            let first = NextAudit::<Test>::get();
            SHARE.set(100);
            go_to(now() + 12 * WINDOW);
            for (_, machines) in looks(first) {
                machines.iter().for_each(|number| looked[usize::from(*number)] += 1);
            }
        });
    }
    // Each of the three about as often as the fourth: with the error taken in, three times as often it is not.
    assert!(looked[4] > 0 && looked[1] <= 3 * looked[4], "{looked:?}");
}

#[test]
fn a_proof_follows_its_machine_to_another_provider() {
    run(3, || {
        say(drawn(1), &[Some(pass()); 3]);
        assert_eq!(Owners::<Test>::get(machine(1)), Some(PROVIDER));
        Audits::handed_over(machine(1), &(PROVIDER + 1));
        assert!(proof(1).is_some());
        assert!(ProvenOf::<Test>::contains_key(PROVIDER + 1, machine(1)));
        Audits::handed_over(machine(2), &(PROVIDER + 1));
        assert_eq!(ProvenOf::<Test>::iter_keys().count(), 1, "one without a proof is not proven");
        Audits::forget(machine(1));
        assert_eq!((ProvenOf::<Test>::iter_keys().count(), proof(1)), (0, None));
    });
}

#[test]
fn a_change_of_hardware_voids_the_proof_and_counts_against_nobody() {
    run(3, || {
        say(drawn(1), &[Some(pass()); 3]);
        let failures = heard().len();
        Audits::void(machine(1));
        assert_eq!((proof(1), heard().len()), (None, failures), "nobody failed");
        // It may ask at once.
        assert_ok!(Audits::request(RuntimeOrigin::signed(PROVIDER), machine(1)));
        // But whoever failed waits, whatever he changes.
        say(drawn(2), &[Some(Verdict::Fail); 3]);
        Audits::void(machine(2));
        assert!(Audits::request(RuntimeOrigin::signed(PROVIDER), machine(2)).is_err());
        // The end of the proof that is gone is nobody's.
        go_to(now() + 2 * LIFE);
    });
}

#[test]
fn what_an_auditor_has_yet_to_finish_is_told() {
    run(3, || {
        let id = drawn(1);
        let who = auditors_of(id)[0];
        let open = || Audits::open_duties(who);
        assert_eq!((open().len(), open()[0].audit, open()[0].said), (1, id, false));
        commit(id, who, pass());
        assert!(open()[0].said);
        go_to(audit(id).next);
        assert!(!open()[0].said, "the next phase asks for something else");
        reveal(id, who, pass());
        assert!(open()[0].said);
        go_to(audit(id).next);
        assert!(open().is_empty());
    });
}

#[test]
fn a_duty_has_one_key_while_its_auditor_looks() {
    run(3, || {
        let id = drawn(1);
        let who = auditors_of(id)[0];
        let set = |who| Audits::set_duty_key(RuntimeOrigin::signed(who), id, [3; 32]);
        assert!(set(40).is_err(), "a stranger");
        assert_ok!(set(who));
        assert!(set(who).is_err(), "once");
        assert_eq!(audit(id).duties[0].key, Some([3; 32]));
        go_to(now() + COMMIT / 2 + 5);
        assert_eq!(audit(id).phase, crate::Phase::Commit);
        assert!(set(auditors_of(id)[1]).is_err(), "nobody would have time to seal to it");
    });
}
