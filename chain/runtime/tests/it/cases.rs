//! Odd cases that somebody will try, through the executive: what they come to is said here.

use dbc_primitives::{CloseReason, LeaseState};
use dbc_runtime::{
    Liveness, Runtime, Staking,
    constants::{DAYS, DBC, EPOCH_SLOTS, HOURS},
};
use pallet_liveness::Liveness as _;
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie};

use crate::{world::*, *};

const PRICE: u128 = 12 * DBC;

#[test]
fn renter_and_provider_are_one() {
    world(|| {
        let mut watch = Watch::default();
        listed(Alice, 0, 1);
        watch.pass(2, &[0]);
        let id = rented(Alice, 0, &[0], 1_200);
        watch.pass(60, &[0]);
        act(Alice, pallet_leases::Call::<Runtime>::end { lease: id }).unwrap();
        watch.pass(8, &[0]);
        let found = lease(id);
        assert_eq!(found.deposit, 0);
        assert_eq!(found.paid + found.fees + found.refunded, PRICE, "to the unit");
        assert!(found.fees > 0, "it costs him the treasury's part");
    });
}

#[test]
fn zero_gpus() {
    world(|| {
        listed(Alice, 0, 2);
        let mut none = order(0, &[0], 1_200);
        none.gpus = Default::default();
        let refused = pallet_machines::Error::<Runtime>::GpuUnavailable;
        assert_eq!(
            act(Bob, pallet_leases::Call::<Runtime>::create { order: none }),
            Err(refused.into())
        );
        // No positions twice, out of order, or beyond the machine.
        for gpus in [&[0, 0][..], &[1, 0], &[2], &[0, 1, 2]] {
            let order = order(0, gpus, 1_200);
            assert!(
                act(Bob, pallet_leases::Call::<Runtime>::create { order }).is_err(),
                "{gpus:?}"
            );
        }
        assert_eq!((record(0).gpus_leased, held(Bob, pallet_leases::HoldReason::Deposit)), (0, 0));
    });
}

#[test]
fn zero_and_maximal_term() {
    world(|| {
        listed(Alice, 0, 1);
        let longest = record(0).offer.unwrap().max_term;
        let shortest = record(0).offer.unwrap().min_term;
        for term in [0, shortest - 1, longest + 1, u64::MAX] {
            let order = order(0, &[0], term);
            assert!(act(Bob, pallet_leases::Call::<Runtime>::create { order }).is_err(), "{term}");
        }
        let id = rented(Bob, 0, &[0], longest);
        // Whoever books a month pays five in a hundred less if he stays (rule 6).
        assert_eq!(lease(id).deposit, PRICE / 1_200 * u128::from(longest) * 95 / 100);
        let extend = pallet_leases::Call::<Runtime>::extend {
            lease: id,
            slots: 1,
            offer_version: 1,
            max_rate: u128::MAX,
        };
        assert!(act(Bob, extend).is_err(), "not a slot longer");
        // It runs to its end, and not a slot further.
        let ends_at = lease(id).ends_at;
        pass(ends_at - now() + HOURS);
        let LeaseState::Closed { reason, .. } = lease(id).state else { panic!("it is over") };
        assert_eq!(reason, CloseReason::Expired);
        assert!(lease(id).settled_to <= ends_at);
        assert_eq!(lease(id).deposit, 0);
    });
}

#[test]
fn two_leases_for_one_gpu_in_one_block() {
    world(|| {
        listed(Alice, 0, 2);
        let (mut first, mut second) = (order(0, &[0], 1_200), order(0, &[0, 1], 1_200));
        (first.tag, second.tag) = (1, 2);
        let (before, id) = (free(Charlie), pallet_leases::NextLease::<Runtime>::get());
        begin_after(1);
        submit(Bob, pallet_leases::Call::<Runtime>::create { order: first }).unwrap();
        let taken = pallet_machines::Error::<Runtime>::GpuUnavailable;
        let refused =
            submit(Charlie, pallet_leases::Call::<Runtime>::create { order: second.clone() });
        assert_eq!(refused, Err(taken.into()));
        // What is still free can be had in the same block.
        second.gpus = vec![1].try_into().unwrap();
        submit(Charlie, pallet_leases::Call::<Runtime>::create { order: second }).unwrap();
        Executive::finalize_block();
        assert_eq!(record(0).gpus_leased, 0b11);
        assert_eq!(lease(id).renter, Bob.to_account_id());
        assert_eq!(lease(id + 1).renter, Charlie.to_account_id());
        assert!(before - free(Charlie) < PRICE + DBC, "one lease and two fees");
    });
}

#[test]
fn a_lease_over_an_era_change() {
    world(|| {
        let mut watch = Watch::default();
        listed(Alice, 0, 1);
        // To a quarter of an hour before the day is over, by the network's and by the rewards' count.
        let era = dbc_runtime::Rewards::era();
        let end = (now() / DAYS + 1) * DAYS;
        pass(end - now() - 300);
        watch.pass(3, &[0]);
        let staking_era = Staking::current_era();
        let id = rented(Bob, 0, &[0], 600);
        let started = lease(id).started_at.unwrap();
        watch.pass(70, &[0]);
        assert_eq!(dbc_runtime::Rewards::era(), era + 1);
        assert!(now() > end);
        let found = lease(id);
        assert!(found.is_closed());
        assert_eq!(found.charged, 600, "started at {started}: each slot of it, on both sides");
        assert_eq!(found.paid + found.fees, PRICE / 2);
        // And over an era of staking, with an election.
        while Staking::current_era() == staking_era {
            pass(EPOCH_SLOTS);
        }
        assert_eq!(dbc_runtime::Session::validators().len(), 1);
    });
}

/// Slots without blocks: an author who withholds stretches nobody's money.
#[test]
fn an_author_who_withholds() {
    let settled = |apart: u64| {
        let mut money = (0, 0);
        world(|| {
            let mut watch = Watch::default();
            listed(Alice, 0, 1);
            to_slot(FIRST_SLOT + 39);
            watch.pass(2, &[0]);
            let id = rented(Bob, 0, &[0], 1_200);
            let started = lease(id).started_at.unwrap();
            // Blocks only so far apart; within them reports come in time.
            let until = started + 300;
            while now() < until {
                watch.pass(1, &[0]);
                let rest = (now() / INTERVAL + 1) * INTERVAL - 1 - now();
                for _ in 0..rest / apart {
                    begin_after(apart);
                    Executive::finalize_block();
                }
            }
            act(Alice, pallet_leases::Call::<Runtime>::settle { lease: id }).unwrap();
            let found = lease(id);
            assert!(found.settled_to <= Liveness::horizon());
            money = (found.charged, found.settled_to - started);
        });
        money
    };
    let (all, few) = (settled(1), settled(4));
    assert_eq!(all.0, all.1, "each slot that passed");
    assert_eq!(all, few, "by the slot, whatever the number of blocks");
}
