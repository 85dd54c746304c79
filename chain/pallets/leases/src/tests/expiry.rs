//! The queue of what is due (mechanisms rule 30).

use dbc_primitives::LeaseState;
use frame_support::{
    assert_ok,
    traits::Get as _,
    weights::{RuntimeDbWeight, Weight},
};

use crate::{WeightInfo as _, mock::*};

#[test]
fn a_term_that_is_over_is_closed_by_the_queue() {
    run(|| {
        poll(Weight::MAX);
        let lease = running(50);
        pass(49);
        poll(Weight::MAX);
        assert!(!record(lease).is_closed());
        pass(1);
        poll(Weight::MAX);
        assert!(record(lease).is_closed());
        assert_eq!(record(lease).paid + record(lease).fees, RATE * 50);
    });
}

#[test]
fn rule_30_a_late_drain_changes_no_money() {
    run(|| {
        poll(Weight::MAX);
        let lease = running(50);
        pass(2_000);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        let found = record(lease);
        assert!(
            matches!(found.state, LeaseState::Closed { .. }),
            "seen as over before the queue came"
        );
        assert_eq!((found.paid + found.fees, found.refunded), (RATE * 50, 0));
        poll(Weight::MAX);
        assert_equation(lease, RATE * 50);
    });
}

#[test]
fn rule_30_a_full_slot_blocks_nobody_and_no_block_is_overrun() {
    run(|| {
        poll(Weight::MAX);
        let machine = listed(1, 10);
        let leases: Vec<_> =
            (0..10).map(|gpu| create(order(machine, &[gpu], 100, gpu.into()))).collect();
        pass(300);
        let closed = || leases.iter().filter(|lease| record(**lease).is_closed()).count();
        poll(Weight::MAX);
        assert_eq!(closed(), 4, "as many as one block may");
        poll(Weight::zero());
        assert_eq!(closed(), 4, "none without weight");
        poll(Weight::MAX);
        poll(Weight::MAX);
        assert_eq!(closed(), 10);
        assert_eq!(free(&renter()), ENDOWMENT);
    });
}

#[test]
fn the_queue_catches_up_after_a_standstill() {
    run(|| {
        poll(Weight::MAX);
        let lease = running(50);
        pass(10_000);
        for _ in 0..12 {
            poll(Weight::MAX);
            try_state();
        }
        assert!(crate::Leases::<Test>::get(lease).is_none_or(|record| record.is_closed()));
    });
}

#[test]
fn rule_30_a_block_does_as_much_as_its_weight_allows() {
    run(|| {
        poll(Weight::MAX);
        let machine = listed(1, 3);
        let leases: Vec<_> =
            (0..3).map(|gpu| create(order(machine, &[gpu], 100, gpu.into()))).collect();
        pass(300);
        let db: RuntimeDbWeight = <Test as frame_system::Config>::DbWeight::get();
        let look = db.reads_writes(2, 1) + db.reads(1) * 300;
        let closed = || leases.iter().filter(|lease| record(**lease).is_closed()).count();
        for done in 1..=3 {
            poll(look + <Test as crate::Config>::WeightInfo::end());
            assert_eq!(closed(), done);
        }
    });
}

#[test]
fn rule_30_an_extension_moves_the_entry() {
    run(|| {
        poll(Weight::MAX);
        let lease = running(50);
        pass(49);
        let extended = Leases::extend(RuntimeOrigin::signed(renter()), lease, 50, 1, RATE);
        assert_ok!(extended);
        pass(1);
        poll(Weight::MAX);
        assert!(!record(lease).is_closed());
        pass(50);
        poll(Weight::MAX);
        assert!(record(lease).is_closed());
    });
}

#[test]
fn rule_25_the_queue_removes_a_record_after_its_retention() {
    run(|| {
        poll(Weight::MAX);
        let lease = running(50);
        pass(50);
        poll(Weight::MAX);
        assert_eq!(record(lease).retain_until, Some(now() + 5_000));
        pass(4_999);
        for _ in 0..6 {
            poll(Weight::MAX);
        }
        assert!(crate::Leases::<Test>::contains_key(lease));
        pass(1);
        poll(Weight::MAX);
        assert!(!crate::Leases::<Test>::contains_key(lease));
    });
}
