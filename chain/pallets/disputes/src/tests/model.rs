//! Random offences, reports and appeals: every invariant holds after each, nothing costs more than there
//! is, and everything is settled in the end.

use proptest::prelude::*;

use crate::{Kind, mock::*};

#[derive(Debug, Clone)]
enum Op {
    Begin(u8, Kind, u64),
    End(u8),
    Report(u64, u8, Kind, bool),
    Hand(u64, u64, u64),
    Drawn(u64, bool),
    Heard(u32, bool),
    Checked(u64, bool),
    Appeal(u64),
    Cancel(u64),
    Pass(u64),
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![
        Kind::Unreachable { rented: true },
        Kind::Unreachable { rented: false },
        Kind::Malfunction,
        Kind::Counterfeit,
        Kind::NotRentable,
    ])
}

fn op() -> impl Strategy<Value = Op> {
    let number = || 1u8..6;
    let id = || 1u64..20;
    prop_oneof![
        4 => (number(), kind(), 0u64..100).prop_map(|(number, kind, ago)| Op::Begin(number, kind, ago)),
        4 => number().prop_map(Op::End),
        3 => (20u64..25, number(), kind(), any::<bool>())
            .prop_map(|(who, number, kind, shown)| Op::Report(who, number, kind, shown)),
        2 => (20u64..25, id(), 30u64..36).prop_map(|(who, id, to)| Op::Hand(who, id, to)),
        1 => (0u64..6, any::<bool>()).prop_map(|(count, open)| Op::Drawn(count, open)),
        1 => (9_900u32..10_000, any::<bool>()).prop_map(|(live, mass)| Op::Heard(live, mass)),
        3 => (id(), any::<bool>()).prop_map(|(id, upheld)| Op::Checked(id, upheld)),
        2 => id().prop_map(Op::Appeal),
        1 => id().prop_map(Op::Cancel),
        4 => prop_oneof![1u64..1_000, 1_000u64..100_000].prop_map(Op::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn every_offence_is_settled_and_no_bond_is_lost(ops in prop::collection::vec(op(), 1..60)) {
        run(|| {
            for op in &ops {
                match *op {
                    Op::Begin(number, kind, ago) => Disputes::begin(machine(number), kind, now() - ago, None),
                    Op::End(number) => Disputes::end(machine(number), now(), |_| true),
                    Op::Report(who, number, kind, shown) => {
                        let (by, machine) = (RuntimeOrigin::signed(who), machine(number));
                        let lease = (who == RENTER).then_some(1);
                        let _ = match shown {
                            true => Disputes::report_with_evidence(by, machine, kind, lease, [1; 32]),
                            false => Disputes::report(by, machine, kind, lease),
                        };
                    }
                    Op::Hand(who, id, to) => {
                        let by = RuntimeOrigin::signed(who);
                        let _ = Disputes::hand_evidence(by, id, to, Default::default());
                    }
                    Op::Drawn(count, open) => DRAWN.set(((30..30 + count).collect(), open)),
                    Op::Heard(live, mass) => {
                        LIVE.set(live);
                        EXCUSED.with_borrow_mut(|all| all.extend(mass.then_some(now())));
                    }
                    Op::Checked(id, upheld) => Disputes::checked(id, Some(upheld), false),
                    Op::Appeal(id) => drop(Disputes::appeal(RuntimeOrigin::signed(PROVIDER), id)),
                    Op::Cancel(id) => drop(Disputes::cancel(RuntimeOrigin::root(), id)),
                    Op::Pass(slots) => pass(slots),
                }
                Disputes::do_try_state().expect("every invariant holds");
            }
            for id in 1..crate::NextOffence::<Test>::get() {
                Disputes::checked(id, Some(false), false);
            }
            // At most the last band, its window and an appeal.
            let end = now() + 240 * HOUR + APPEAL + DECIDE + 10 * HOUR;
            while now() < end && crate::Offences::<Test>::iter().count() > 0 {
                pass(HOUR);
            }
            assert_eq!(crate::Offences::<Test>::iter().count(), 0, "an offence never ended");
            Disputes::do_try_state().expect("every invariant holds");
        });
    }
}
