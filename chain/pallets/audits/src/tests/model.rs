//! Random people do random things at random times: every invariant holds after each, no money appears or
//! goes, and the queue comes to everything.

use dbc_primitives::audit::{CANDIDATES, visit_commitment};
use proptest::prelude::*;

use crate::{Verdict, mock::*};

#[derive(Debug, Clone)]
enum Op {
    Seat(u64, bool),
    Join(u64),
    Leave(u64),
    Withdraw(u64),
    Request(u8),
    Commit(u64, u64, bool),
    Reveal(u64, u64, bool),
    Convict(u64, u64, u8),
    Demand(u64, u64),
    Show(u64, u64, bool),
    DutyKey(u64, u64),
    GivenBack(u8),
    Void(u8),
    HandOver(u8, bool),
    Place(u64, Option<u16>),
    Plan(u64),
    Tell(u64, u8, bool),
    GiveUp(u64, bool),
    Pass(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let who = || 1u64..10;
    let id = || 1u64..8;
    prop_oneof![
        1 => (who(), any::<bool>()).prop_map(|(who, on)| Op::Seat(who, on)),
        2 => who().prop_map(Op::Join),
        1 => who().prop_map(Op::Leave),
        1 => who().prop_map(Op::Withdraw),
        3 => (1u8..5).prop_map(Op::Request),
        8 => (id(), who(), any::<bool>()).prop_map(|(id, who, good)| Op::Commit(id, who, good)),
        8 => (id(), who(), any::<bool>()).prop_map(|(id, who, good)| Op::Reveal(id, who, good)),
        1 => (id(), who(), 0u8..3).prop_map(|(id, who, truth)| Op::Convict(id, who, truth)),
        2 => (id(), who()).prop_map(|(id, who)| Op::Demand(id, who)),
        2 => (id(), who(), any::<bool>()).prop_map(|(id, who, good)| Op::Show(id, who, good)),
        1 => (id(), who()).prop_map(|(id, who)| Op::DutyKey(id, who)),
        1 => (1u8..5).prop_map(Op::GivenBack),
        1 => (1u8..5).prop_map(Op::Void),
        1 => (1u8..5, any::<bool>()).prop_map(|(number, sold)| Op::HandOver(number, sold)),
        1 => (who(), prop::option::of(1u16..3)).prop_map(|(who, region)| Op::Place(who, region)),
        3 => who().prop_map(Op::Plan),
        6 => (who(), 0u8..9, any::<bool>()).prop_map(|(who, at, good)| Op::Tell(who, at, good)),
        1 => (who(), any::<bool>()).prop_map(|(who, rentable)| Op::GiveUp(who, rentable)),
        4 => (1u64..60).prop_map(Op::Pass),
    ]
}

fn verdict(good: bool) -> Verdict {
    if good { pass() } else { Verdict::Fail }
}

fn apply(op: &Op) {
    let signed = RuntimeOrigin::signed;
    let _ = match *op {
        Op::Seat(who, on) => Audits::seat(RuntimeOrigin::root(), who, on),
        Op::Join(who) => Audits::join(signed(who), [who as u8; 32]),
        Op::Leave(who) => Audits::leave(signed(who)),
        Op::Withdraw(who) => Audits::withdraw(signed(who)),
        Op::Request(number) => Audits::request(signed(PROVIDER), machine(number)),
        Op::Commit(id, who, good) => {
            let commit = Audits::commitment(&who, &root_of(who), &verdict(good));
            Audits::commit(signed(who), id, commit).map(drop).map_err(|error| error.error)
        }
        Op::Reveal(id, who, good) => Audits::reveal(signed(who), id, root_of(who), verdict(good))
            .map(drop)
            .map_err(|error| error.error),
        Op::Convict(id, who, truth) => {
            let bytes = [&root_of(who)[..], &[truth]].concat();
            Audits::convict(signed(30), id, who, bytes.try_into().expect("short"))
        }
        Op::Demand(id, who) => Audits::demand(signed(31), id, who),
        Op::Show(id, who, good) => Audits::show(signed(who), id, transcript(who, good)),
        Op::DutyKey(id, who) => Audits::set_duty_key(signed(who), id, [who as u8; 32])
            .map(drop)
            .map_err(|error| error.error),
        Op::GivenBack(number) => {
            Audits::given_back(machine(number));
            Ok(())
        }
        Op::Void(number) => {
            Audits::void(machine(number));
            Ok(())
        }
        Op::HandOver(number, sold) => {
            let machine = machine(number);
            SOLD.with_borrow_mut(|all| {
                all.retain(|other| *other != machine);
                all.extend(sold.then_some(machine));
            });
            Audits::handed_over(machine, &(PROVIDER + u64::from(sold)));
            Ok(())
        }
        Op::Place(who, region) => Audits::place(RuntimeOrigin::root(), who, region),
        Op::Plan(who) => {
            let commit = visit_commitment(&who, &secret_of(who), &renter_of(who));
            Audits::plan_visit(signed(who), commit).map(drop).map_err(|error| error.error)
        }
        Op::Tell(who, attempt, good) => {
            let drawn = crate::Visits::<Test>::get(who).is_some_and(|visit| visit.draw.is_some());
            match drawn && attempt < CANDIDATES {
                true => tell(who, rented(who, attempt, verdict(good))),
                false => Ok(()),
            }
        }
        Op::GiveUp(who, rentable) => {
            RENTABLE.set(rentable);
            let given_up = Audits::give_up_visit(signed(who), secret_of(who), renter_of(who));
            given_up.map(drop).map_err(|error| error.error)
        }
        Op::Pass(slots) => {
            go_to(now() + slots);
            Ok(())
        }
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_invariant_holds_whatever_happens(ops in prop::collection::vec(op(), 1..150)) {
        run(4, || {
            let issuance = pallet_balances::TotalIssuance::<Test>::get();
            for op in &ops {
                apply(op);
                Audits::do_try_state().expect("every invariant holds");
                assert_eq!(pallet_balances::TotalIssuance::<Test>::get(), issuance);
            }
            // Nobody asks any more: with auditors or without, all that is open comes to an end or waits.
            go_to(now() + 2 * LIFE);
            let waits = crate::Audits::<Test>::iter().all(|(_, audit)| audit.duties.is_empty());
            assert!(waits, "an audit that was drawn never ended");
            assert_eq!(crate::Proofs::<Test>::iter().count(), 0, "a proof outlived its end");
            assert_eq!(crate::Visits::<Test>::iter().count(), 0, "a visit never ended");
        });
    }
}
