//! Maintenance with notice.

use dbc_primitives::Slot;
use frame_support::{assert_noop, assert_ok, dispatch::DispatchResult};

use crate::{Error, Event, Fleet, Machines as Records, Maintenance, Part, mock::*};

fn announce(from: Slot, until: Slot) -> DispatchResult {
    Machines::announce_maintenance(by_provider(), machine(1), from, until)
}

fn cancel() -> DispatchResult {
    Machines::cancel_maintenance(by_provider(), machine(1))
}

fn longest() -> Result<Slot, sp_runtime::DispatchError> {
    Machines::quote(machine(1), Part::gpus(&[0]), 1).map(|quote| quote.max_term)
}

#[test]
fn rule_23_while_something_is_leased_maintenance_needs_notice_and_none_while_idle() {
    run(|| {
        let machine = listed(1, 1);
        assert_ok!(Machines::occupy(machine, Part::gpus(&[0])));
        assert_noop!(announce(1_000 + NOTICE - 1, 1_120), Error::<Test>::NoticeTooShort);
        assert_ok!(announce(1_000 + NOTICE, 1_120));
        System::assert_last_event(
            Event::MaintenanceAnnounced { machine, from: 1_100, until: 1_120 }.into(),
        );
        assert_ok!(cancel());
        Machines::vacate(machine, Part::gpus(&[0]));
        assert_ok!(announce(1_000, 1_020));
        assert!(Machines::in_maintenance(machine, 1_000));
    });
}

#[test]
fn rule_01_nobody_gets_away_from_an_audit_by_maintenance() {
    run(|| {
        listed(1, 1);
        audited(true);
        assert_noop!(announce(1_000, 1_020), Error::<Test>::UnderAudit);
        // With notice it is over long before.
        assert_ok!(announce(1_000 + NOTICE, 1_120));
    });
}

#[test]
fn a_maintenance_is_bounded_in_length_and_place() {
    run(|| {
        listed(1, 1);
        for (from, until) in [
            (999, 1_010),
            (1_010, 1_010),
            (1_010, 1_009),
            (1_010, 1_011 + MAINTENANCE),
            (1_000 + 1_000_001, 1_000 + 1_000_002),
            (u64::MAX - 1, u64::MAX),
            (0, u64::MAX),
        ] {
            assert_noop!(announce(from, until), Error::<Test>::BadMaintenance);
        }
        assert_ok!(announce(1_010, 1_010 + MAINTENANCE));
        assert_noop!(announce(2_000, 2_010), Error::<Test>::MaintenanceOpen);
    });
}

#[test]
fn maintenances_lie_apart_also_when_one_is_cut_short() {
    run(|| {
        listed(1, 1);
        assert_ok!(announce(1_010, 1_040));
        at(1_030);
        assert_ok!(cancel());
        System::assert_last_event(Event::MaintenanceCancelled { machine: machine(1) }.into());
        assert_noop!(cancel(), Error::<Test>::NoMaintenance);
        assert!(Machines::in_maintenance(machine(1), 1_029), "what began in it stays unblamed");
        assert!(!Machines::in_maintenance(machine(1), 1_030));
        let next = 1_030 + SPACING;
        assert_noop!(announce(next - 1, next + 10), Error::<Test>::MaintenanceTooSoon);
        assert_ok!(announce(next, next + 10));
        // One that never comes neither counts nor makes the one before be forgotten.
        assert_ok!(cancel());
        assert_noop!(announce(next - 1, next + 10), Error::<Test>::MaintenanceTooSoon);
        assert_ok!(announce(next, next + 10));
        at(next + 10);
        assert_noop!(cancel(), Error::<Test>::NoMaintenance);
        let third = next + 10 + SPACING;
        assert_noop!(announce(third - 1, third + 1), Error::<Test>::MaintenanceTooSoon);
        assert_ok!(announce(third, third + 1));
    });
}

#[test]
fn d28_no_order_reaches_into_an_announced_maintenance() {
    run(|| {
        listed(1, 1);
        assert_eq!(longest(), Ok(1_000));
        assert_ok!(announce(1_500, 1_550));
        // An order may start as late as its window ends.
        assert_eq!(longest(), Ok(500 - START));
        at(1_485);
        assert_eq!(longest(), Ok(10));
        at(1_486);
        assert_eq!(longest(), Err(Error::<Test>::InMaintenance.into()));
        at(1_549);
        assert_eq!(longest(), Err(Error::<Test>::InMaintenance.into()));
        at(1_550);
        assert_eq!(longest(), Ok(1_000));
    });
}

#[test]
fn silence_is_excused_from_the_first_slot_to_the_last_and_no_longer() {
    run(|| {
        let machine = listed(1, 1);
        assert_eq!(Machines::maintenance_end(machine, 1_000), None);
        assert_ok!(announce(1_010, 1_040));
        for (slot, end) in
            [(1_009, None), (1_010, Some(1_040)), (1_039, Some(1_040)), (1_040, None)]
        {
            assert_eq!(Machines::maintenance_end(machine, slot), end, "slot {slot}");
        }
        assert!(!Machines::in_maintenance(super::super::mock::machine(9), 1_010));
    });
}

#[test]
fn a_maintenance_that_was_announced_can_be_taken_back() {
    run(|| {
        listed(1, 1);
        assert_noop!(cancel(), Error::<Test>::NoMaintenance);
        assert_ok!(announce(1_010, 1_040));
        at(1_010);
        assert_ok!(cancel());
        assert_eq!(Records::<Test>::get(machine(1)).unwrap().maintenance, None);
        assert_ok!(announce(1_011, 1_040));
        let open = Maintenance { from: 1_011, until: 1_040 };
        assert_eq!(record(1).maintenance, Some(open));
    });
}

#[test]
fn whoever_leaves_announces_nothing() {
    run(|| {
        let machine = listed(1, 1);
        assert_ok!(Machines::retire(by_provider(), machine));
        assert_noop!(announce(1_010, 1_040), Error::<Test>::WrongStatus);
    });
}
