//! Which leases of a machine run: whoever asks finds them at once, however many closed ones there are.

use dbc_primitives::{LeaseId, MachineId};
use frame_support::{assert_ok, weights::Weight};

use crate::{Running, mock::*};

fn running_on(machine: MachineId) -> Vec<LeaseId> {
    let mut all: Vec<_> = Running::<Test>::iter_key_prefix(machine).collect();
    all.sort_unstable();
    all
}

#[test]
fn what_runs_is_found_among_any_number_of_closed_leases() {
    run(|| {
        let machine = listed(1, 2);
        let end = |tag| {
            let lease = create(order(machine, &[1], 100, tag));
            assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        };
        (0..25).for_each(end);
        let lease = create(order(machine, &[0], 1_000, 99));
        assert!(running_on(machine).is_empty(), "it has not started");
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        (25..50).for_each(end);
        assert_eq!(crate::ByMachine::<Test>::iter_key_prefix(machine).count(), 51);
        assert_eq!(running_on(machine), [lease]);
    });
}

#[test]
fn a_lease_runs_from_its_start_to_its_end_also_while_it_sleeps() {
    run(|| {
        poll(Weight::MAX);
        let lease = running(1_000);
        pass(100);
        assert_ok!(Leases::suspend(RuntimeOrigin::signed(renter()), lease));
        assert_eq!(running_on(machine(1)), [lease]);
        try_state();
        pass(10);
        let again = order(machine(1), &[1], 100, 3);
        let by = RuntimeOrigin::signed(renter());
        assert_ok!(Leases::resume(by, lease, again.gpus, again.offer_version, RATE));
        let second = create(order(machine(1), &[0], 50, 2));
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), second));
        assert_eq!(running_on(machine(1)), [lease, second]);
        // By the queue, by the provider.
        pass(50);
        poll(Weight::MAX);
        assert_eq!(running_on(machine(1)), [lease]);
        assert_ok!(Leases::terminate(RuntimeOrigin::signed(provider()), lease));
        assert!(running_on(machine(1)).is_empty());
    });
}

#[test]
fn a_lease_that_moves_runs_on_neither_machine_before_the_other_started_it() {
    run(|| {
        let (first, second) = (listed(1, 1), listed(2, 1));
        let mut order = order(first, &[0], 1_000, 1);
        order.standby = Some(second);
        let lease = create(order);
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        silence(first);
        pass(200);
        assert_ok!(Leases::fail_over(RuntimeOrigin::signed(renter()), lease));
        assert_eq!((running_on(first), running_on(second)), (vec![], vec![]));
        try_state();
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        assert_eq!((running_on(first), running_on(second)), (vec![], vec![lease]));
    });
}

#[test]
fn a_lease_ran_in_the_slots_from_its_start_to_its_end() {
    run(|| {
        poll(Weight::MAX);
        let machine = listed(1, 2);
        let lease = create(order(machine, &[0], 100, 1));
        let ran = |slot| record(lease).ran(slot);
        assert!(!ran(now()), "nobody started it");
        pass(10);
        let from = now();
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        pass(50);
        assert!(!ran(from - 1) && ran(from) && ran(now()));
        pass(50);
        assert!(!ran(now()), "its term is over, whether or not the queue came to it");
        pass(20);
        poll(Weight::MAX);
        assert!(record(lease).is_closed() && ran(from + 99) && !ran(from + 100));

        let second = create(order(machine, &[0], 1_000, 2));
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), second));
        pass(150);
        let end = now();
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), second));
        pass(10);
        assert!(record(second).ran(end) && !record(second).ran(end + 1));
    });
}
