//! Meters run while machines are there (mechanisms rule 5), whatever is asked when.

use frame_support::{assert_noop, assert_ok, weights::Weight};
use proptest::prelude::*;

use crate::{Error, mock::*};

/// A started lease on a chain that makes blocks.
fn begun(term: u64) -> u64 {
    poll(Weight::MAX);
    running(term)
}

#[test]
fn rule_05_an_outage_costs_the_renter_nothing() {
    run(|| {
        let lease = begun(1_000);
        outage(now() + 200, now() + 500);
        pass(600);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!(cost(lease), RATE * 300);
        pass(400);
        poll(Weight::MAX);
        assert_eq!(cost(lease), RATE * 700);
        assert_eq!(
            record(lease).refunded,
            RATE * 300,
            "the term is calendar time: the rest returns"
        );
    });
}

#[test]
fn rule_05_end_returns_all_but_the_open_tail_at_once() {
    run(|| {
        let lease = begun(1_000);
        pass(200);
        set_horizon(Some(now() - 20));
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!(cost(lease), RATE * 180);
        assert_eq!(record(lease).refunded, RATE * 800);
        assert_eq!(held(&renter()), RATE * 20, "the tail");
        assert_noop!(
            Leases::settle(RuntimeOrigin::signed(other()), lease),
            Error::<Test>::LeaseOver
        );
        pass(10);
        set_horizon(Some(now()));
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!((cost(lease), held(&renter())), (RATE * 200, 0));
        assert_equation(lease, RATE * 1_000);
    });
}

#[test]
fn rule_05_the_queue_settles_the_tail_and_then_forgets_the_lease() {
    run(|| {
        let lease = begun(1_000);
        pass(200);
        let closed = now();
        set_horizon(Some(now() - 20));
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        pass(45);
        // The horizon stands still: the queue looks again later.
        poll(Weight::MAX);
        assert_eq!(held(&renter()), RATE * 20);
        outage(closed - 5, now());
        set_horizon(None);
        pass(40);
        poll(Weight::MAX);
        assert_eq!((cost(lease), held(&renter())), (RATE * 195, 0), "the last five were not live");
        pass(5_000);
        for _ in 0..10 {
            poll(Weight::MAX);
        }
        assert!(crate::Leases::<Test>::get(lease).is_none());
    });
}

#[test]
fn rule_05_the_money_goes_with_the_outage_before_it_is_known() {
    run(|| {
        let lease = begun(1_000);
        // The provider goes silent and settles at once, before watchers say so.
        pass(300);
        set_horizon(Some(now() - 30));
        outage(now() - 25, now() + 10_000);
        assert_ok!(Leases::terminate(RuntimeOrigin::signed(provider()), lease));
        assert_eq!(cost(lease), RATE * 270);
        set_horizon(None);
        pass(100);
        poll(Weight::MAX);
        assert_eq!(cost(lease), RATE * 275);
        assert_eq!(record(lease).refunded, RATE * 725);
    });
}

#[test]
fn rule_07_a_machine_that_is_gone_earns_no_minimum() {
    run(|| {
        let lease = begun(1_000);
        outage(now() + 10, now() + 10_000);
        pass(50);
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!(cost(lease), RATE * 10);
        assert_eq!(record(lease).refunded, RATE * 990);
    });
}

#[test]
fn a_silent_machine_cannot_be_ordered() {
    run(|| {
        let machine = listed(1, 1);
        outage(now() - 10, now() + 10_000);
        assert_noop!(
            Leases::create(RuntimeOrigin::signed(renter()), order(machine, &[0], 1_000, 1)),
            Error::<Test>::MachineSilent
        );
    });
}

#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Silent(u64),
    Settle,
    Poll,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u64..200).prop_map(Step::Pass),
        2 => (1u64..200).prop_map(Step::Silent),
        3 => Just(Step::Settle),
        2 => Just(Step::Poll),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is touched when, a lease costs the slots in which its machine was there.
    #[test]
    fn rule_05_whatever_is_settled_when_the_sum_is_the_live_time(
        steps in prop::collection::vec(step(), 1..40),
        lag in 0u64..31,
        ended in any::<bool>(),
    ) {
        run(|| {
            let lease = begun(2_000);
            let start = now();
            let mut live = 0;
            let follow = || set_horizon(Some((now() - lag).max(start)));
            for step in steps {
                let left = (start + 2_000).saturating_sub(now());
                match step {
                    Step::Pass(slots) => {
                        live += slots.min(left);
                        pass(slots);
                    }
                    Step::Silent(slots) => {
                        outage(now(), now() + slots);
                        pass(slots);
                    }
                    Step::Settle => {
                        follow();
                        let _ = Leases::settle(RuntimeOrigin::signed(other()), lease);
                    }
                    Step::Poll => {
                        follow();
                        poll(Weight::MAX);
                    }
                }
                try_state();
            }
            follow();
            let was_open = !record(lease).is_closed();
            let early = now() < start + 100;
            let _ = match ended {
                true => Leases::end(RuntimeOrigin::signed(renter()), lease),
                false => Leases::terminate(RuntimeOrigin::signed(provider()), lease),
            };
            try_state();
            pass(lag + 50);
            follow();
            // The queue may have some thousand slots to catch up with.
            (0..10).for_each(|_| poll(Weight::MAX));
            let charged = u64::try_from(cost(lease) / RATE).expect("few slots");
            let minimum = ended && was_open && early;
            let fits = charged == live || minimum && (live..=100).contains(&charged);
            assert!(fits, "charged {charged}, live {live}");
            assert_equation(lease, RATE * 2_000);
            assert_eq!(held(&renter()), 0);
        });
    }
}
