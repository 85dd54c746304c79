//! Random machines of random people, proven and failed at random times: nobody is owed more than the pot
//! holds, what was emitted is what the schedule allows, and all of it is somewhere.

use proptest::prelude::*;

use crate::{Rewards as _, mock::*};

#[derive(Debug, Clone)]
enum Op {
    Set(u8, u64, u64, u32),
    Count(u8, bool),
    Proven(u8),
    Failed(u8),
    Rented(u8, u32),
    Fee(u8, u128),
    Remove(u8),
    Forfeit(u64, u128),
    Claim(u64),
    Pass(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let machine = || 1u8..8;
    let who = || 10u64..14;
    prop_oneof![
        // A machine's provider is by its number: nobody takes another's over.
        4 => (machine(), 0u64..200_000, 0u32..20)
            .prop_map(|(number, points, gpus)| Op::Set(number, 10 + u64::from(number % 4), points, gpus)),
        4 => (machine(), any::<bool>()).prop_map(|(number, on)| Op::Count(number, on)),
        3 => machine().prop_map(Op::Proven),
        1 => machine().prop_map(Op::Failed),
        1 => (machine(), 0u32..20_000).prop_map(|(number, parts)| Op::Rented(number, parts)),
        1 => (machine(), 0u128..1_000_000_000_000_000_000).prop_map(|(number, fee)| Op::Fee(number, fee)),
        1 => machine().prop_map(Op::Remove),
        1 => (who(), any::<u128>()).prop_map(|(who, most)| Op::Forfeit(who, most)),
        2 => who().prop_map(Op::Claim),
        5 => (1u64..250).prop_map(Op::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_pot_holds_what_is_owed_and_no_more_is_emitted_than_the_schedule_says(
        ops in prop::collection::vec(op(), 1..200),
    ) {
        run(|| {
            let before = pallet_balances::TotalIssuance::<Test>::get();
            let mut now = START;
            let mut blocks = 0;
            for op in &ops {
                match *op {
                    Op::Set(number, who, points, gpus) => Rewards::set(machine(number), &who, points, gpus),
                    Op::Count(number, on) => Rewards::count(machine(number), on),
                    Op::Proven(number) => Rewards::proven(machine(number)),
                    Op::Failed(number) => Rewards::failed(machine(number)),
                    Op::Rented(number, parts) => Rewards::rented(machine(number), parts),
                    Op::Fee(number, fee) => Rewards::fee_paid(machine(number), fee),
                    Op::Remove(number) => Rewards::remove(machine(number)),
                    Op::Forfeit(who, most) => drop(Rewards::forfeit(&who, most)),
                    Op::Claim(who) => drop(claim(who)),
                    Op::Pass(slots) => {
                        now += slots;
                        block(now);
                        blocks += 1;
                    }
                }
                Rewards::do_try_state().expect("every invariant holds");
            }
            let emitted = pallet_balances::TotalIssuance::<Test>::get() - before;
            let eras = u128::from(now - START) * crate::schedule::per_era(0) / u128::from(LENGTH);
            // A unit more in each block and era is what does not divide.
            assert!(emitted <= eras + 4 * (blocks + 1), "{emitted} of {eras}");
        });
    }
}
