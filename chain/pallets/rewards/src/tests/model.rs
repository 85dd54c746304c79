//! Random machines of random people, proven, failed and handed over at random times, under changing models,
//! while somebody or nobody knows who is there: nobody is owed more than the pot
//! holds, what was emitted is what the schedule allows, and all of it is somewhere.

use proptest::prelude::*;

use crate::{Rewards as _, mock::*};

#[derive(Debug, Clone)]
enum Op {
    Rate(u8, u32, u32, u32, u32),
    HandOver(u8, u64),
    Pause(u32, bool),
    Unheard(u64),
    Model(u32),
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
        // A machine's first provider is by its number; others have it by hand-over.
        4 => (machine(), 0u32..16, 0u32..3_000, 0u32..11_000, 0u32..3)
            .prop_map(|(number, gpus, bonus, uptime, cohort)| {
                Op::Rate(number, gpus, bonus, uptime, cohort)
            }),
        2 => (machine(), who()).prop_map(|(number, to)| Op::HandOver(number, to)),
        2 => (0u32..3, any::<bool>()).prop_map(|(cohort, unknown)| Op::Pause(cohort, unknown)),
        1 => (1u64..400).prop_map(Op::Unheard),
        1 => (50u32..250).prop_map(Op::Model),
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
            let mut unheard = 0;
            for op in &ops {
                match *op {
                    Op::Rate(number, gpus, bonus, uptime, cohort) => {
                        let provider = 10 + u64::from(number % 4);
                        let known = Known { provider, gpus, bonus, uptime, cohort };
                        KNOWN.with_borrow_mut(|all| all.insert(number, known));
                        Rewards::rate(machine(number));
                    }
                    Op::HandOver(number, to) => Rewards::handed_over(machine(number), &to),
                    Op::Pause(cohort, unknown) => Rewards::pause(cohort, unknown),
                    Op::Model(unit) => {
                        let model = model_of(Rewards::era() + 7, unit);
                        let _ = Rewards::set_model(RuntimeOrigin::root(), model);
                    }
                    Op::Unheard(slots) => {
                        now += slots;
                        pass_to(now, false);
                        unheard += slots;
                    }
                    Op::Count(number, on) => Rewards::count(machine(number), on),
                    Op::Proven(number) => Rewards::proven(machine(number)),
                    Op::Failed(number) => Rewards::failed(machine(number)),
                    Op::Rented(number, parts) => {
                        Rewards::rented(machine(number), parts);
                    }
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
            let told = u128::from(now - START - unheard);
            let eras = told * crate::schedule::per_era(0) / u128::from(LENGTH);
            // A unit more in each block and era is what does not divide.
            assert!(emitted <= eras + 4 * (blocks + 1), "{emitted} of {eras}");
        });
    }
}
