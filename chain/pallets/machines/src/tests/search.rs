//! What programs ask.

use dbc_primitives::{Amount, Location, MachineClass};
use frame_support::assert_ok;

use crate::{Filter, Fleet, MachineAt, Machines as Records, NextIndex, PAGE, Page, Part, mock::*};

const NONE: [u8; 0] = [];

fn found(filter: Filter) -> Vec<u8> {
    let Page { machines, next } = Machines::search(0, filter);
    assert_eq!(next, None);
    let number = |id| (1..=9).find(|number| machine(*number) == id).expect("it is one of ours");
    machines.into_iter().map(number).collect()
}

/// Machines 1 (two cards in Germany, 1,200 an hour), 2 (one card, 600) and 3 (none, 1 a share).
fn three() {
    listed(1, 2);
    for number in [2, 3] {
        assert_ok!(register(number, if number == 2 { 1 } else { 0 }));
        Machines::verify(machine(number));
        let offer = offer(Amount::Dbc(600));
        assert_ok!(Machines::set_offer(by_provider(), machine(number), offer));
        assert_ok!(Machines::list(by_provider(), machine(number)));
    }
    Records::<Test>::mutate(machine(1), |record| {
        record.as_mut().unwrap().location = Location { region: 276, site: 1 };
    });
}

#[test]
fn g10_machines_are_found_by_what_they_are_and_cost() {
    run(|| {
        three();
        let filter = Filter::default();
        assert_eq!(found(filter), [1, 2, 3]);
        assert_eq!(found(Filter { class: Some(MachineClass::Cpu), ..filter }), [3]);
        assert_eq!(found(Filter { region: Some(276), ..filter }), [1]);
        assert_eq!(found(Filter { free_gpus: 1, ..filter }), [1, 2]);
        assert_eq!(found(Filter { free_gpus: 2, ..filter }), [1]);
        assert_eq!(found(Filter { max_price: Some(Amount::Dbc(600)), ..filter }), [2, 3]);
        assert_eq!(found(Filter { max_price: Some(Amount::Dbc(0)), ..filter }), NONE);
        // A unit is two millionths of a dollar.
        assert_eq!(found(Filter { max_price: Some(Amount::UsdMicro(1_200)), ..filter }), [2, 3]);
        at(7);
        assert_eq!(found(Filter { max_price: Some(Amount::UsdMicro(1_200)), ..filter }), NONE);
    });
}

#[test]
fn g10_only_what_takes_orders_is_found() {
    run(|| {
        three();
        assert_eq!(Machines::free_gpus(machine(1)), Some(0b11));
        assert_ok!(Machines::occupy(machine(1), Part::gpus(&[0])));
        assert_eq!(Machines::free_gpus(machine(1)), Some(0b10));
        assert_eq!(found(Filter { free_gpus: 2, ..Filter::default() }), NONE);
        assert_ok!(Machines::unlist(by_provider(), machine(2)));
        assert_ok!(Machines::announce_maintenance(by_provider(), machine(3), 1_000, 1_010));
        assert_eq!(found(Filter::default()), [1]);
        assert_eq!(Machines::free_gpus(machine(3)), Some(0));
        assert_eq!(Machines::free_gpus(machine(9)), None);
        Machines::vacate(machine(1), Part::gpus(&[0]));
    });
}

#[test]
fn g10_a_page_looks_at_256_indexes_whatever_there_is() {
    run(|| {
        let machine = listed(1, 1);
        assert_eq!(Machines::machine_at(0).map(|(id, _)| id), Some(machine));
        assert_eq!(Machines::machine_at(1), None);
        let empty = Page { next: Some(512), ..Page::default() };
        NextIndex::<Test>::put(1_000);
        assert_eq!(Machines::search(256, Filter::default()), empty);
        let first = Machines::search(0, Filter::default());
        assert_eq!((first.machines.to_vec(), first.next), (vec![machine], Some(PAGE)));
        for past in [999, 1_000, u32::MAX] {
            assert_eq!(Machines::search(past, Filter::default()), Page::default());
        }
        // All of a full page fit.
        for index in 0..PAGE {
            MachineAt::<Test>::insert(index, machine);
        }
        assert_eq!(Machines::search(0, Filter::default()).machines.len(), PAGE as usize);
        for index in 1..PAGE {
            MachineAt::<Test>::remove(index);
        }
        NextIndex::<Test>::put(1);
    });
}
