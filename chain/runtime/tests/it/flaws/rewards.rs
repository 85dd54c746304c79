//! Rewards: points by opinion, halves of a hundredth that never come, payouts that walk over everybody.

use dbc_primitives::MachineClass;
use dbc_runtime::{
    Rewards, Runtime, RuntimeCall,
    configs::{audits::Audited, disputes::Outages},
    constants::DAYS,
};
use pallet_audits::{AuditSink as _, Findings, Proof, Purpose};
use pallet_liveness::OutageSink as _;
use scale_info::{TypeDef, TypeInfo as _};
use sp_keyring::Sr25519Keyring::{Alice, Bob, Dave};

use crate::{world::*, *};

fn points(number: u8) -> u64 {
    Rewards::earned(machine(number)).expect("it has a share").0
}

fn proof() -> Proof {
    let findings = Findings::default();
    let (provisional, region) = (false, None);
    Proof { audit: 1, at: now(), until: now() + 14 * DAYS, provisional, findings, region }
}

/// Points were what members of a committee said.
#[test]
fn predecessor_flaw_04_points_by_opinion() {
    world(|| {
        registered(Alice, 0, 2);
        registered(Bob, 1, 2);
        assert!(points(0) > 0);
        assert_eq!(points(0), points(1), "the same cards, the same points");
        provider(Dave);
        act(Dave, registration(Dave, 2, facts(2, b"NVIDIA GeForce RTX 9999"))).unwrap();
        assert!(points(2) * 4 < points(0), "a card that nobody knows counts as the least of all");
        registered(Alice, 3, 4);
        assert!(points(3) > points(0), "more cards, more points");
        // A name that sounds better is within a tenth.
        let mut call = registration(Alice, 4, facts(2, CARD));
        if let RuntimeCall::Machines(pallet_machines::Call::<Runtime>::register { class, .. }) =
            &mut call
        {
            *class = MachineClass::Training;
        }
        act(Alice, call).unwrap();
        assert!(points(4) * 9 <= points(0) * 10, "{} {}", points(4), points(0));
    });
    // And no call has a place for them.
    for (call, field) in fields_of_calls() {
        assert!(field != "points", "{call} says points");
    }
}

/// Each call of ours with the names of its arguments.
fn fields_of_calls() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for calls in [
        pallet_machines::Call::<Runtime>::type_info(),
        pallet_leases::Call::<Runtime>::type_info(),
        pallet_rewards::Call::<Runtime>::type_info(),
        pallet_disputes::Call::<Runtime>::type_info(),
        pallet_audits::Call::<Runtime>::type_info(),
    ] {
        let TypeDef::Variant(calls) = calls.type_def else { panic!("calls are variants") };
        for call in calls.variants {
            for field in call.fields {
                all.push((call.name.to_string(), field.name.unwrap_or_default().to_string()));
            }
        }
    }
    assert!(!all.is_empty());
    all
}

/// A change of hardware began the 150 days anew: what was not released was gone.
#[test]
fn predecessor_flaw_18_rewards_that_a_new_audit_wipes_out() {
    world(|| {
        let machine = registered(Alice, 0, 2);
        Watch::default().pass(6, &[0]);
        Audited::passed(machine, &proof());
        let before = Rewards::owed(Alice.to_account_id());
        assert!(before.0 > 0 && before.1 > 2 * before.0);
        // It loses its proof and has another, stake is topped up, it is listed and unlisted.
        Audited::expired(machine);
        assert_eq!(Rewards::owed(Alice.to_account_id()), before);
        Audited::passed(machine, &proof());
        list(Alice, 0, 1);
        act(Alice, pallet_machines::Call::<Runtime>::unlist { machine }).unwrap();
        let after = Rewards::owed(Alice.to_account_id());
        assert!(after.0 >= before.0 && after.1 >= before.1, "{before:?} {after:?}");
    });
}

/// The first of 150 days was counted twice, and half of a hundredth of every reward was never paid.
#[test]
fn predecessor_flaw_24_half_a_hundredth_that_never_comes() {
    world(|| {
        let machine = registered(Alice, 0, 2);
        Watch::default().pass(6, &[0]);
        Audited::passed(machine, &proof());
        // Nothing more is earned.
        Outages::silent(machine, now(), false);
        let (claimable, locked) = Rewards::owed(Alice.to_account_id());
        let earned = claimable + locked;
        let claim = || pallet_rewards::Call::<Runtime>::claim { provider: Alice.to_account_id() };
        let mut got = 0;
        for _ in 0..3 {
            let before = free(Alice);
            act(Dave, claim()).unwrap();
            got += free(Alice) - before;
            pass_by(51 * DAYS, 9 * DAYS);
        }
        let before = free(Alice);
        act(Dave, claim()).unwrap();
        got += free(Alice) - before;
        assert_eq!(got, earned, "to the unit");
        assert_eq!(Rewards::owed(Alice.to_account_id()), (0, 0));
    });
}

/// The doubling waited for exactly 5,000 GPUs, and a machine with several jumped over them.
#[test]
fn predecessor_flaw_24_a_threshold_that_is_jumped_over() {
    world(|| {
        pallet_rewards::GpuHistory::<Runtime>::put([4_998; 7]);
        pallet_rewards::All::<Runtime>::mutate(|all| all.gpus = 5_020);
        let era = Rewards::era();
        pass_by(DAYS, DAYS);
        assert_eq!(pallet_rewards::Galaxy::<Runtime>::get(), Some(era), "5,001 in the mean");
        // Once, whatever comes.
        pallet_rewards::All::<Runtime>::mutate(|all| all.gpus = 0);
        pass_by(9 * DAYS, DAYS);
        pallet_rewards::All::<Runtime>::mutate(|all| all.gpus = 60_000);
        pass_by(DAYS, DAYS);
        pallet_rewards::All::<Runtime>::mutate(|all| all.gpus = 0);
        assert_eq!(pallet_rewards::Galaxy::<Runtime>::get(), Some(era));
    });
}

/// Each day the predecessor paid every machine that ever was.
#[test]
fn predecessor_flaw_36_payouts_that_walk_over_everybody() {
    let touched = |machines: u8| {
        let mut touched = (0, 0);
        world(|| {
            for number in 0..machines {
                registered(Alice, number, 1);
            }
            let all: Vec<u8> = (0..machines).collect();
            to_slot(FIRST_SLOT + 19);
            Watch::default().pass(6, &all);
            for number in 0..machines {
                Audited::passed(machine(number), &proof());
            }
            // A block that ends an era, and a claim.
            let before = state();
            pass_by(2, DAYS);
            begin_after(DAYS);
            Executive::finalize_block();
            let turned = state();
            act(Dave, pallet_rewards::Call::<Runtime>::claim { provider: Alice.to_account_id() })
                .unwrap();
            let claimed = state();
            touched = (changed(&before, &turned, "Rewards"), changed(&turned, &claimed, "Rewards"));
        });
        touched
    };
    let (one, many) = (touched(1), touched(VERIFIED));
    assert_eq!(one, many, "writes for one machine and for {VERIFIED}");
    assert!(one.0 > 0 && one.1 > 0);
}

/// What a machine lost stays lost, and what it did not lose stays: a failed look takes what is provisional.
#[test]
fn predecessor_flaw_18_a_failed_audit_takes_nothing_that_was_released() {
    world(|| {
        let machine = registered(Alice, 0, 2);
        Watch::default().pass(6, &[0]);
        Audited::passed(machine, &proof());
        let before = Rewards::owed(Alice.to_account_id());
        pass(20);
        Audited::failed(machine, Purpose::Random, true);
        assert_eq!(Rewards::owed(Alice.to_account_id()), before);
    });
}
