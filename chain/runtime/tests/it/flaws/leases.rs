//! Leases: bonuses for nothing, orders that stay for ever, ends that miss.

use dbc_primitives::{CloseReason, LeaseState};
use dbc_runtime::{
    Runtime,
    constants::{DBC, HOURS, MINUTES},
};
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie, Dave};

use crate::{world::*, *};

/// What a machine earned, brought up to date.
fn earned(number: u8) -> u128 {
    act(Dave, pallet_rewards::Call::<Runtime>::poke { machine: machine(number) }).unwrap();
    pallet_rewards::Shares::<Runtime>::get(machine(number)).unwrap().provisional
}

/// Renting from oneself raised the reward of a whole machine by 30 %, also by an order of no GPUs.
#[test]
fn predecessor_flaw_05_wash_renting() {
    world(|| {
        let mut watch = Watch::default();
        // Two that are alike, and earn alike from the same block on.
        provider(Alice);
        provider(Bob);
        begin_after(1);
        submit(Alice, registration(Alice, 0, facts(2, CARD))).unwrap();
        submit(Bob, registration(Bob, 1, facts(2, CARD))).unwrap();
        Executive::finalize_block();
        list(Alice, 0, 12 * DBC);
        let mut nothing = order(0, &[], 1_200);
        nothing.profile = dbc_primitives::Profile::Gpu;
        nothing.cpu_shares = 0;
        assert!(
            act(Alice, pallet_leases::Call::<Runtime>::create { order: nothing }).is_err(),
            "no GPU"
        );
        watch.pass(2, &[0, 1]);
        let lease_id = rented(Alice, 0, &[0], 1_200);
        watch.pass(60, &[0, 1]);
        act(Alice, pallet_leases::Call::<Runtime>::settle { lease: lease_id }).unwrap();
        let fees = lease(lease_id).fees;
        assert!(fees > 0);
        begin_after(1);
        for machine in [machine(0), machine(1)] {
            submit(Dave, pallet_rewards::Call::<Runtime>::poke { machine }).unwrap();
        }
        Executive::finalize_block();
        let share = |number| pallet_rewards::Shares::<Runtime>::get(machine(number)).unwrap();
        let bonus = share(0).provisional - share(1).provisional;
        // Thirty in a hundred of the rented half would be far more than that rent paid to the treasury.
        assert!(share(1).provisional * 30 / 200 > fees);
        assert!(bonus > 0 && bonus <= fees, "{bonus} of {fees}");
    });
}

/// Machines that are not there were rented on, whatever they had become.
#[test]
fn predecessor_flaw_20_renewals_that_nobody_checks() {
    world(|| {
        let mut watch = Watch::default();
        listed(Alice, 0, 2);
        watch.pass(2, &[0]);
        let lease_id = rented(Bob, 0, &[0], 1_200);
        let extend = |slots, offer_version| pallet_leases::Call::<Runtime>::extend {
            lease: lease_id,
            slots,
            offer_version,
            max_rate: u128::MAX,
        };
        let longest = offer_of(dbc_primitives::Amount::Dbc(0)).max_term;
        assert!(act(Bob, extend(longest, 1)).is_err(), "longer than the offer");
        assert!(act(Bob, extend(100, 2)).is_err(), "another offer");
        assert!(act(Charlie, extend(100, 1)).is_err(), "another's lease");
        act(Alice, pallet_machines::Call::<Runtime>::unlist { machine: machine(0) }).unwrap();
        assert!(act(Bob, extend(100, 1)).is_err(), "not offered any more");
        act(Alice, pallet_machines::Call::<Runtime>::list { machine: machine(0) }).unwrap();
        watch.pass(3, &[]);
        let silent = pallet_leases::Error::<Runtime>::MachineSilent;
        assert_eq!(act(Bob, extend(100, 1)), Err(silent.into()), "a machine that is away");
        watch.pass(3, &[0]);
        // And renewals leave nothing behind: the lease stands where it stood.
        let before = state();
        for _ in 0..5 {
            act(Bob, extend(100, 1)).unwrap();
        }
        let after = state();
        let leases = sp_io::hashing::twox_128(b"Leases");
        let count = |all: &std::collections::BTreeMap<Vec<u8>, Vec<u8>>| {
            all.keys().filter(|key| key.starts_with(&leases)).count()
        };
        assert_eq!(count(&before), count(&after));
    });
}

/// An order that ended while its machine was away freed what others still rented.
#[test]
fn predecessor_flaw_19_one_lease_ends_and_another_is_forgotten() {
    world(|| {
        let mut watch = Watch::default();
        listed(Alice, 0, 2);
        watch.pass(2, &[0]);
        let short = rented(Bob, 0, &[0], 600);
        let long = rented(Charlie, 0, &[1], 6_000);
        watch.pass(3, &[]);
        pass(31 * MINUTES);
        assert!(lease(short).is_closed());
        assert_eq!(lease(long).state, LeaseState::Running);
        assert_eq!(record(0).gpus_leased, 0b10, "one card is free, one is rented");
        assert!(record(0).is_leased());
        watch.pass(3, &[0]);
        assert_eq!((record(0).gpus_leased, lease(long).state), (0b10, LeaseState::Running));
        assert!(
            act(Alice, pallet_machines::Call::<Runtime>::retire { machine: machine(0) }).is_err()
        );
    });
}

/// Orders that nobody confirmed were billed in full, and one that was gone stopped all others' ends.
#[test]
fn predecessor_flaw_28_an_entry_that_stops_the_queue() {
    world(|| {
        let mut watch = Watch::default();
        listed(Alice, 0, 2);
        listed(Alice, 1, 2);
        watch.pass(2, &[0, 1]);
        let never_started = ordered(Bob, 0, &[0], 1_200);
        let running = rented(Charlie, 1, &[0], 600);
        // Entries of leases that never were, at the slots of both.
        for slot in [lease(never_started).ends_at, lease(running).ends_at] {
            for nobody in [0, u64::MAX] {
                pallet_leases::Expiry::<Runtime>::insert(slot, nobody, ());
            }
        }
        pass(HOURS);
        let reason = |id| match lease(id).state {
            LeaseState::Closed { reason, .. } => reason,
            open => panic!("{open:?}"),
        };
        assert_eq!(reason(never_started), CloseReason::NotStarted);
        assert_eq!((lease(never_started).refunded, lease(never_started).paid), (12 * DBC, 0));
        assert_eq!(reason(running), CloseReason::Expired);
        assert_eq!(held(Bob, pallet_leases::HoldReason::Deposit), 0);
    });
}

/// The predecessor looked for a free number in a loop that never moved.
#[test]
fn predecessor_flaw_30_a_number_that_is_looked_for() {
    world(|| {
        listed(Alice, 0, 2);
        let mut last = 0;
        for round in 0..4 {
            let id = ordered(Bob, 0, &[0], 1_200);
            assert!(id > last, "{round}");
            act(Bob, pallet_leases::Call::<Runtime>::end { lease: id }).unwrap();
            last = id;
        }
        // Also when the records are gone, a number is never given out again.
        pass(8 * 24 * HOURS);
        assert!(pallet_leases::Leases::<Runtime>::iter().next().is_none());
        assert_eq!(ordered(Bob, 0, &[1], 1_200), last + 1);
    });
}

/// What anybody tried, a machine earned no more than its part of the emission.
#[test]
fn predecessor_flaw_05_an_order_that_nobody_starts_earns_nothing() {
    world(|| {
        let mut watch = Watch::default();
        provider(Alice);
        provider(Bob);
        begin_after(1);
        submit(Alice, registration(Alice, 0, facts(2, CARD))).unwrap();
        submit(Bob, registration(Bob, 1, facts(2, CARD))).unwrap();
        Executive::finalize_block();
        list(Alice, 0, 12 * DBC);
        ordered(Alice, 0, &[0, 1], 1_200);
        watch.pass(10, &[0, 1]);
        let (rented, idle) = (earned(0), earned(1));
        // Bob's was brought up to date a slot later.
        assert!(rented <= idle, "{rented} {idle}");
    });
}
