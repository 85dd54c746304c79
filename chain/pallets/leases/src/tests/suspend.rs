//! Leases without their cards, and what keeps their data (mechanisms rules 25, 31; requirements D2, D3).

use dbc_primitives::{Profile, lease::GpuSlots};
use frame_support::{
    assert_noop, assert_ok,
    traits::{LockableCurrency, WithdrawReasons},
    weights::Weight,
};

use crate::{Error, HoldReason, Pledges, mock::*};

fn by_renter() -> RuntimeOrigin {
    RuntimeOrigin::signed(renter())
}

fn resume(lease: u64, gpus: &[u8]) -> frame_support::dispatch::DispatchResult {
    let gpus = GpuSlots::try_from(gpus.to_vec()).expect("few");
    let version = pallet_machines::Machines::<Test>::get(machine(1)).unwrap().offer_version;
    Leases::resume(by_renter(), lease, gpus, version, RATE)
}

#[test]
fn d03_a_suspended_lease_is_free_under_the_pledge_and_its_end_stays() {
    run(|| {
        assert_ok!(Leases::pledge(by_renter()));
        assert_eq!(held_as(HoldReason::Pledge, &renter()), PLEDGE);
        let lease = running(1_000);
        let end = record(lease).ends_at;
        pass(200);
        assert_ok!(Leases::suspend(by_renter(), lease));
        pass(300);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!(cost(lease), RATE * 200);
        assert_ok!(resume(lease, &[1]));
        assert_eq!((record(lease).ends_at, record(lease).profile), (end, Profile::Gpu));
        pass(100);
        assert_ok!(Leases::end(by_renter(), lease));
        assert_eq!(cost(lease), RATE * 300);
        assert_equation(lease, RATE * 1_000);
    });
}

#[test]
fn d03_without_a_pledge_a_suspended_lease_costs_the_cpu_price() {
    run(|| {
        let machine = listed(1, 2);
        let changed =
            Machines::set_offer(RuntimeOrigin::signed(provider()), machine, offer(RATE, RATE / 10));
        assert_ok!(changed);
        let lease = create(order(machine, &[0], 1_000, 1));
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        pass(200);
        assert_ok!(Leases::suspend(by_renter(), lease));
        pass(300);
        assert_ok!(Leases::end(by_renter(), lease));
        assert_eq!(cost(lease), RATE * 200 + RATE * 30);
        assert_equation(lease, RATE * 1_000);
    });
}

#[test]
fn rule_31_suspending_frees_the_cards_for_good() {
    run(|| {
        assert_ok!(Leases::pledge(by_renter()));
        let lease = running(1_000);
        pass(100);
        assert_ok!(Leases::suspend(by_renter(), lease));
        let taken = order(machine(1), &[0], 500, 1);
        assert_ok!(Leases::create(RuntimeOrigin::signed(other()), taken));
        assert_noop!(resume(lease, &[0]), pallet_machines::Error::<Test>::GpuUnavailable);
        assert_noop!(resume(lease, &[0, 1]), Error::<Test>::OtherCards);
        assert_ok!(resume(lease, &[1]));
        assert_noop!(resume(lease, &[1]), Error::<Test>::NotSuspended);
    });
}

#[test]
fn rule_31_a_provider_caps_how_many_leases_sleep_on_his_machine() {
    run(|| {
        assert_ok!(Leases::pledge(by_renter()));
        let machine = listed(1, 3);
        let leases: Vec<_> = (0u8..3)
            .map(|gpu| {
                let lease = create(order(machine, &[gpu], 1_000, gpu.into()));
                assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
                lease
            })
            .collect();
        pass(100);
        // The offer has two CPU shares.
        assert_ok!(Leases::suspend(by_renter(), leases[0]));
        assert_ok!(Leases::suspend(by_renter(), leases[1]));
        assert_noop!(
            Leases::suspend(by_renter(), leases[2]),
            pallet_machines::Error::<Test>::CpuUnavailable
        );
        assert_noop!(Leases::suspend(by_renter(), leases[0]), Error::<Test>::NoCards);
    });
}

#[test]
fn rule_05_time_before_and_after_a_turn_is_charged_at_its_own_rate_however_late() {
    run(|| {
        poll(Weight::MAX);
        assert_ok!(Leases::pledge(by_renter()));
        let lease = running(1_000);
        pass(200);
        set_horizon(Some(now() - 20));
        assert_ok!(Leases::suspend(by_renter(), lease));
        assert_eq!(cost(lease), RATE * 180);
        assert_noop!(resume(lease, &[0]), Error::<Test>::Unsettled);
        pass(40);
        set_horizon(None);
        poll(Weight::MAX);
        assert_eq!((cost(lease), record(lease).next), (RATE * 200, None));
        assert_ok!(resume(lease, &[0]));
        pass(760);
        poll(Weight::MAX);
        assert_eq!(cost(lease), RATE * 960);
        assert_equation(lease, RATE * 1_000);
    });
}

#[test]
fn rule_06_time_without_cards_counts_for_no_discount() {
    run(|| {
        set_tiers(&[(500, 50)]);
        assert_ok!(Leases::pledge(by_renter()));
        let lease = running(1_000);
        pass(100);
        assert_ok!(Leases::suspend(by_renter(), lease));
        pass(600);
        assert_ok!(resume(lease, &[0]));
        pass(100);
        assert_ok!(Leases::end(by_renter(), lease));
        assert_eq!(cost(lease), RATE * 200);
        assert_eq!((record(lease).progress.counted, record(lease).charged), (200, 800));
    });
}

#[test]
fn rule_13_resuming_costs_what_the_offer_says_by_then_within_the_renters_maximum() {
    run(|| {
        assert_ok!(Leases::pledge(by_renter()));
        let lease = running(1_000);
        pass(100);
        assert_ok!(Leases::suspend(by_renter(), lease));
        reprice(machine(1), RATE + 1);
        assert_noop!(resume(lease, &[0]), Error::<Test>::RateTooHigh);
        reprice(machine(1), RATE / 2);
        assert_ok!(resume(lease, &[0]));
        pass(1_000);
        assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
        assert_eq!((cost(lease), record(lease).refunded), (RATE * 550, RATE * 450));
    });
}

#[test]
fn rule_07_the_minimum_is_charged_before_a_lease_gives_its_cards_up() {
    run(|| {
        assert_ok!(Leases::pledge(by_renter()));
        let lease = running(1_000);
        assert_noop!(Leases::suspend(by_renter(), lease), Error::<Test>::TooSoon);
        pass(99);
        assert_noop!(Leases::suspend(by_renter(), lease), Error::<Test>::TooSoon);
        pass(1);
        assert_ok!(Leases::suspend(by_renter(), lease));
        assert_ok!(Leases::end(by_renter(), lease));
        assert_eq!(cost(lease), RATE * 100);
    });
}

#[test]
fn rule_25_a_pledge_keeps_data_for_a_week_and_pays_the_provider_for_it() {
    run(|| {
        poll(Weight::MAX);
        assert_ok!(Leases::pledge(by_renter()));
        let lease = running(1_000);
        pass(200);
        assert_ok!(Leases::end(by_renter(), lease));
        assert_eq!(record(lease).retain_until, Some(now() + 35_000));
        assert_noop!(Leases::release_pledge(by_renter()), Error::<Test>::PledgeInUse);
        let before = free(&provider());
        pass(35_000);
        assert_ok!(Leases::close_expired(RuntimeOrigin::signed(other()), lease));
        // Two days have begun.
        assert_eq!(free(&provider()) - before, 2 * STORAGE);
        assert_eq!(held_as(HoldReason::Pledge, &renter()), PLEDGE - 2 * STORAGE);
        // What was spent of it is no pledge any more until it is made up for.
        let next = create(order(machine(1), &[0], 1_000, 2));
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), next));
        assert_ok!(Leases::end(by_renter(), next));
        assert_eq!(record(next).retain_until, Some(now() + 5_000));
        assert_ok!(Leases::pledge(by_renter()));
        assert_noop!(Leases::pledge(by_renter()), Error::<Test>::PledgedAlready);
        assert_ok!(Leases::release_pledge(by_renter()));
        assert_eq!(Pledges::<Test>::get(renter()), None);
        assert_noop!(Leases::release_pledge(by_renter()), Error::<Test>::NothingPledged);
    });
}

#[test]
fn rule_25_without_a_pledge_data_is_kept_for_a_day_and_nobody_pays() {
    run(|| {
        let lease = running(1_000);
        pass(200);
        assert_ok!(Leases::end(by_renter(), lease));
        assert_eq!(record(lease).retain_until, Some(now() + 5_000));
        let before = free(&provider());
        pass(5_000);
        assert_ok!(Leases::close_expired(RuntimeOrigin::signed(other()), lease));
        assert_eq!(free(&provider()), before);
    });
}

#[test]
fn rule_25_a_lease_that_never_ran_costs_no_storage() {
    run(|| {
        assert_ok!(Leases::pledge(by_renter()));
        let lease = create(order(listed(1, 1), &[0], 1_000, 1));
        assert_ok!(Leases::end(by_renter(), lease));
        assert_ok!(Leases::release_pledge(by_renter()));
    });
}

#[test]
fn rule_25_a_standby_that_never_started_keeps_nothing_and_is_paid_nothing() {
    run(|| {
        poll(Weight::MAX);
        assert_ok!(Leases::pledge(by_renter()));
        let mut guarded = order(listed(1, 1), &[0], 1_000, 1);
        guarded.standby = Some(listed(2, 1));
        let lease = create(guarded);
        assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
        silence(machine(1));
        pass(200);
        assert_ok!(Leases::fail_over(by_renter(), lease));
        assert_ok!(Leases::end(by_renter(), lease));
        let found = record(lease);
        assert_eq!((found.retained_by_pledge, found.storage_price), (false, 0));
        assert_eq!(found.retain_until, Some(now() + 5_000));
        assert_ok!(Leases::release_pledge(by_renter()));
    });
}

#[test]
fn rule_12_votes_that_lock_a_pledge_do_not_keep_storage_from_being_paid() {
    run(|| {
        assert_ok!(Leases::pledge(by_renter()));
        let lease = running_at(20, 1_000);
        pass(200);
        assert_ok!(Leases::end(by_renter(), lease));
        Balances::set_lock(*b"vote    ", &renter(), u128::MAX, WithdrawReasons::all());
        pass(35_000);
        let before = free(&provider());
        assert_ok!(Leases::close_expired(RuntimeOrigin::signed(other()), lease));
        assert_eq!(free(&provider()) - before, 2 * STORAGE);
        assert_ok!(Leases::release_pledge(by_renter()));
    });
}

#[test]
fn rule_31_a_suspended_lease_ends_like_any_other() {
    run(|| {
        assert_ok!(Leases::pledge(by_renter()));
        let lease = running(1_000);
        pass(200);
        assert_ok!(Leases::suspend(by_renter(), lease));
        assert_noop!(Leases::release_pledge(by_renter()), Error::<Test>::PledgeInUse);
        let extended = Leases::extend(by_renter(), lease, 10, 1, RATE);
        assert_noop!(extended, Error::<Test>::NoCards);
        poll(Weight::MAX);
        pass(800);
        poll(Weight::MAX);
        assert!(record(lease).is_closed());
        assert_eq!((cost(lease), record(lease).refunded), (RATE * 200, RATE * 800));
    });
}
