//! What programs ask.

use dbc_primitives::{Amount, Location, MachineClass, MachineId};
use frame_support::assert_ok;

use crate::{
    ByProvider, FLEET_PAGE, Filter, Fleet, MachineAt, Machines as Records, NextIndex, PAGE, Page,
    Part, mock::*,
};

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

/// All pages of so many machines.
fn machines_of(provider: u64, limit: u32) -> Vec<MachineId> {
    let mut all = Vec::new();
    loop {
        let page = Machines::machines_of(provider, all.last().copied(), limit);
        if page.is_empty() {
            all.sort_unstable();
            return all;
        }
        assert!(page.len() <= limit.min(FLEET_PAGE) as usize);
        all.extend(page);
    }
}

fn sorted(numbers: &[u8]) -> Vec<MachineId> {
    let mut all: Vec<_> = numbers.iter().map(|number| machine(*number)).collect();
    all.sort_unstable();
    all
}

#[test]
fn g10_a_providers_machines_are_found_without_those_of_others() {
    run(|| {
        let nobody: Vec<MachineId> = Vec::new();
        assert_eq!(machines_of(PROVIDER, 100), nobody);
        three();
        assert_ok!(Machines::set_operator(RuntimeOrigin::signed(OTHER), OTHER));
        assert_ok!(register_as(OTHER, 4, facts(1), proof(4, genesis(), OTHER)));
        for limit in [1, 2, 3, 100, u32::MAX] {
            assert_eq!(machines_of(PROVIDER, limit), sorted(&[1, 2, 3]), "{limit} at once");
            assert_eq!(machines_of(OTHER, limit), sorted(&[4]));
        }
        assert_eq!(Machines::machines_of(PROVIDER, None, 0), nobody);
        // One that changes hands, and one that leaves.
        assert_ok!(Machines::offer_handover(by_provider(), machine(2), OTHER));
        assert_ok!(Machines::accept_handover(RuntimeOrigin::signed(OTHER), machine(2)));
        assert_ok!(Machines::retire(by_provider(), machine(3)));
        assert_eq!(machines_of(PROVIDER, 1), sorted(&[1, 3]), "it is there until it left");
        pass(1_000);
        assert_ok!(Machines::withdraw_stake(by_provider(), machine(3)));
        assert_eq!(machines_of(PROVIDER, 1), sorted(&[1]));
        assert_eq!(machines_of(OTHER, 1), sorted(&[2, 4]));
        // A page after a machine that is his no more goes on where that was.
        let gone = Machines::machines_of(OTHER, Some(machine(1)), 100);
        assert!(gone.iter().all(|found| [machine(2), machine(4)].contains(found)));
    });
}

#[test]
fn g10_a_page_of_a_providers_machines_has_a_hundred_at_most() {
    run(|| {
        let some = |number: u16| {
            let [high, low] = number.to_be_bytes();
            MachineId([[high, low]; 16].concat().try_into().expect("32 bytes"))
        };
        (0..250).for_each(|number| ByProvider::<Test>::insert(OTHER, some(number), ()));
        assert_eq!(Machines::machines_of(OTHER, None, u32::MAX).len(), FLEET_PAGE as usize);
        assert_eq!(machines_of(OTHER, u32::MAX), (0..250).map(some).collect::<Vec<_>>());
        (0..250).for_each(|number| ByProvider::<Test>::remove(OTHER, some(number)));
    });
}
