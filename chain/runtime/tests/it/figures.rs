//! The worked figures of the predecessor (its digest, §10), through the runtime. Where its rule was wrong, ours stands
//! here with the reason; the old figure stands beside it.

use dbc_primitives::{
    Amount, Slot,
    audit::{Findings, Verdict, commitment},
};
use dbc_runtime::{
    Audits, Machines, Rewards, Runtime,
    configs::{
        audits::Audited,
        disputes::Outages,
        parameters::{RuntimeParameters, dynamic_params::machines},
        staking::Emission,
    },
    constants::{DAYS, DBC, HOURS, MINUTES},
};
use frame_support::traits::dynamic_params::AggregatedKeyValue as _;
use pallet_audits::{AuditSink as _, Proof};
use pallet_disputes::{Kind, bands};
use pallet_liveness::OutageSink as _;
use pallet_machines::{Fleet as _, Part};
use pallet_rewards::{Fleet, ONE, Release};
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie, Dave, Eve, One};
use sp_staking::EraPayout as _;

use crate::{world::*, *};

/// Hundredths of a DBC, rounded.
fn cents(units: u128) -> u128 {
    (units * 100 + DBC / 2) / DBC
}

/// Whether two sums are no further apart than a part in so many.
fn near(one: u128, other: u128, part: u128) -> bool {
    one.abs_diff(other) * part <= one.max(other)
}

/// 299.45 dollars a day for four cards, a DBC at 1.2 cents: 129.97 DBC for half an hour of one card,
/// 249,541.67 DBC for ten days of all.
///
/// Ours: the provider's ask is per card and hour, 3.119271 dollars. Five in a hundred are the treasury's and not
/// burned, as there are fewer than 5,000 GPUs (rules 2 and 24). There is no fee of 10 DBC: each call is
/// weighed (flaw 37).
#[test]
fn figure_01_price() {
    world(|| {
        let mut watch = Watch::default();
        registered(Alice, 0, 4);
        act(One, pallet_prices::Call::<Runtime>::feed { price: 12_000 }).unwrap();
        let offer = offer_of(Amount::UsdMicro(3_119_271));
        act(Alice, pallet_machines::Call::<Runtime>::set_offer { machine: machine(0), offer })
            .unwrap();
        act(Alice, pallet_machines::Call::<Runtime>::list { machine: machine(0) }).unwrap();
        let all = Machines::quote(machine(0), Part::gpus(&[0, 1, 2, 3]), 1).unwrap().rate;
        let ten_days = all * u128::from(10 * DAYS);
        assert!(near(ten_days, 249_541_667 * DBC / 1_000, 1_000_000), "{}", cents(ten_days));

        watch.pass(1, &[0]);
        let before = free(Bob);
        let id = rented(Bob, 0, &[0], 30 * MINUTES);
        assert_eq!(cents(lease(id).deposit), 12_997, "half an hour of one card");
        watch.pass(70, &[0]);
        let found = lease(id);
        assert!(found.is_closed());
        let rent = found.paid + found.fees;
        assert_eq!(cents(rent), 12_997);
        assert!(near(found.fees * 20, rent, 1_000_000), "five in a hundred");
        assert!(before - free(Bob) - rent < DBC / 10, "and the fee of one call");
    });
}

/// Four cards: 10,000 DBC at bonding and 40,000 after approval; a cap of 25,000 a card when 300 dollars are
/// less than 100,000 DBC.
///
/// Ours: 40,000 at once, so that nobody registers what he cannot bond; no cap in dollars: the number is a
/// parameter with limits, and a price that jumps frees no stake (rules 13 and 26).
#[test]
fn figure_02_stake() {
    world(|| {
        for (number, cards, stake) in [(0, 4, 40_000), (1, 1, 10_000), (2, 0, 10_000)] {
            registered(Alice, number, cards);
            assert_eq!(record(number).stake, stake * DBC, "{cards} cards");
        }
        assert_eq!(held(Alice, pallet_machines::HoldReason::Stake), 60_000 * DBC);
        act(One, pallet_prices::Call::<Runtime>::feed { price: 12_000 }).unwrap();
        registered(Alice, 3, 4);
        assert_eq!(record(3).stake, 40_000 * DBC, "whatever a DBC costs");
    });
}

fn proof() -> Proof {
    let findings = Findings::default();
    let (provisional, region) = (false, None);
    Proof { audit: 1, at: now(), until: now() + 14 * DAYS, provisional, findings, region }
}

/// One machine alone earns 1,089,000 of an era of 1,100,000; 275,000 are released that day and 280,500 the
/// next.
///
/// Ours: an era is 400 million by 365, 1,095,890.41; a hundredth goes to duties, whatever they found (rule 22),
/// and not to those who approved; and all of it waits for the next passed proof (rule 1).
#[test]
fn figure_03_reward() {
    world(|| {
        let era = Rewards::emission(Rewards::era());
        assert_eq!(cents(era), 109_589_041);
        let mut watch = Watch::default();
        let machine = registered(Alice, 0, 4);
        let alice = Alice.to_account_id();
        let earned = || Rewards::earned(machine).unwrap().2;
        // A part of the day is enough to see its rate: half an hour, told of by watchers.
        watch.pass(4, &[0]);
        let (before, start) = (earned(), now());
        watch.pass(60, &[0]);
        let slots = u128::from(now() - start);
        let share = era * slots / u128::from(DAYS) * 99 / 100;
        let grown = earned() - before;
        assert!(near(grown, share, 1_000), "{} {}", cents(grown), cents(share));
        assert_eq!(Rewards::owed(alice.clone()), (0, 0), "provisional");
        let first = earned();
        Audited::passed(machine, &proof());
        assert_eq!(Rewards::owed(alice.clone()).0, first / 4, "a quarter at once");
        // The next day: a quarter of its own, and half of a hundredth of the first.
        let today = Rewards::era();
        while Rewards::era() == today {
            pass_by(DAYS, DAYS);
        }
        watch.pass(60, &[0]);
        let second = earned();
        Audited::passed(machine, &proof());
        let days = u128::from(Rewards::era() - today);
        let released = Rewards::owed(alice).0 - first / 4;
        assert_eq!(released, second / 4 + first / 200 * days);
    });
}

/// 59,890 points of four cards, rented: 77,880; three machines with twelve cards, 197,693 points: 197,930.
///
/// Ours: the fleet's 0.04 % is the same; the 30 % for rent are of the rented share and never more than what that
/// rent paid to the treasury (rule 2), so they are no part of the points.
#[test]
fn figure_04_grades() {
    let graded = |points, gpus| {
        let fleet = Fleet { points, gpus, ..Fleet::default() };
        fleet.counted() / ONE
    };
    for (points, gpus, counts) in [
        (59_890, 4, 59_890 + 23),
        (51_775 + 51_775 + 94_143, 12, 197_930),
        // A thousand cards and more: a tenth.
        (1_000_000, 1_000, 1_100_000),
        (1_000_000, 5_000, 1_100_000),
    ] {
        assert_eq!(graded(points, gpus), counts, "{points} points, {gpus} cards");
    }
    // And so the chain sums them up, rented or not.
    world(|| {
        for number in 0..3 {
            listed(Bob, number, 4);
        }
        rented(Charlie, 0, &[0], 1_200);
        let fleet = pallet_rewards::Fleets::<Runtime>::get(Bob.to_account_id());
        assert_eq!(fleet.gpus, 12);
        let of = |number| Rewards::earned(machine(number)).unwrap().0;
        assert_eq!(fleet.points, of(0) + of(1) + of(2));
        let all = pallet_rewards::All::<Runtime>::get().points;
        assert_eq!(all, fleet.counted());
        assert_eq!(all / ONE, fleet.points * 10_012 / 10_000);
    });
}

/// Stake 400,000: away for less than seven minutes while rented, 16,000; a malfunction of 50 hours, 240,000.
///
/// Ours: a flap costs its time and nothing else, for watchers see what nobody reported (rule 11); the slash comes
/// out of what is on hold, not on top of it, and is dated to the start (rule 23).
#[test]
fn figure_05_slash() {
    world(|| {
        let value = machines::Parameters::StakePerGpu(machines::StakePerGpu, Some(100_000 * DBC));
        let (key, value) = RuntimeParameters::Machines(value).into_parts();
        pallet_parameters::Parameters::<Runtime>::set(key, value);
        let machine = registered(Alice, 0, 4);
        assert_eq!(record(0).stake, 400_000 * DBC);
        // Six minutes.
        Outages::silent(machine, now() - 6 * MINUTES, true);
        Outages::back(machine, now());
        pass(49 * HOURS);
        assert_eq!(record(0).stake, 400_000 * DBC);
        // Fifty hours of a malfunction.
        dbc_runtime::Disputes::begin(machine, Kind::Malfunction, now(), None);
        pass(50 * HOURS);
        dbc_runtime::Disputes::end(machine, now(), |_| true);
        assert_eq!(record(0).stake, 400_000 * DBC, "two days for an appeal");
        pass(48 * HOURS + 2);
        assert_eq!(record(0).stake, 160_000 * DBC);
    });
    let table: [(Kind, Slot, u8); 6] = [
        (Kind::Unreachable { rented: true }, 7 * MINUTES, 8),
        (Kind::Unreachable { rented: true }, 120 * HOURS, 100),
        (Kind::Unreachable { rented: false }, 48 * HOURS, 30),
        (Kind::Malfunction, 0, 6),
        (Kind::Counterfeit, 24 * HOURS, 32),
        (Kind::NotRentable, 120 * HOURS, 100),
    ];
    for (kind, length, percent) in table {
        let reached = bands::reached(kind, length);
        assert_eq!(bands::bands(kind)[reached - 1].1.deconstruct(), percent, "{kind:?}");
    }
}

/// Refused: 9,500 of 10,000 back at once, 500 to those who refused.
///
/// Ours: whoever finds is paid for the duty, whatever he found (rule 22), so that nobody is paid for refusing; a
/// machine that fails waits twice as long each time (rule 4), and its whole stake leaves after the retirement.
#[test]
fn figure_06_refusal() {
    world(|| {
        const NEW: u8 = VERIFIED + 1;
        registered(Alice, NEW, 0);
        let mut waits = Vec::new();
        for _ in 0..3 {
            let audit = pallet_audits::NextAudit::<Runtime>::get();
            act(Alice, pallet_audits::Call::<Runtime>::request { machine: machine(NEW) }).unwrap();
            let phase = || pallet_audits::Audits::<Runtime>::get(audit).unwrap().phase;
            let next = |from: pallet_audits::Phase| {
                while phase() == from {
                    to_slot(now() + 1);
                }
            };
            next(pallet_audits::Phase::Booked);
            let commit = commitment(&Eve.to_account_id(), &[1; 32], &Verdict::Fail);
            act(Eve, pallet_audits::Call::<Runtime>::commit { audit, commit }).unwrap();
            next(pallet_audits::Phase::Commit);
            let reveal = pallet_audits::Call::<Runtime>::reveal {
                audit,
                root: [1; 32],
                verdict: Verdict::Fail,
            };
            act(Eve, reveal).unwrap();
            next(pallet_audits::Phase::Reveal);
            let attempts = pallet_audits::AttemptsOf::<Runtime>::get(machine(NEW)).unwrap();
            waits.push(attempts.not_before - now());
            to_slot(attempts.not_before);
        }
        let first = Audits::pace().back_off;
        assert_eq!(waits, [first, 2 * first, 4 * first]);
        assert_eq!(record(NEW).stake, 10_000 * DBC, "nothing is taken");
        act(Alice, pallet_machines::Call::<Runtime>::retire { machine: machine(NEW) }).unwrap();
        pass(10 * DAYS);
        act(Alice, pallet_machines::Call::<Runtime>::withdraw_stake { machine: machine(NEW) })
            .unwrap();
        assert_eq!(held(Alice, pallet_machines::HoldReason::Stake), 0);
    });
}

/// The predecessor's hash of sixteen bytes over fields joined with nothing between, and what was wrong with it.
#[test]
fn figure_07_audit_hash() {
    let old = |fields: &[&str]| {
        let joined = fields.concat();
        sp_core::bytes::to_hex(&sp_io::hashing::blake2_128(joined.as_bytes()), false)
    };
    let id = "c2ad03b01cb72857978f7e18527afddb671c8354c72c46523405334be23c3701";
    let fields = |gpus, cuda| {
        [
            id,
            "GeForceRTX3080",
            gpus,
            cuda,
            "10",
            "59890",
            "500",
            "3905",
            "Intel(R) Xeon(R) Silver 4214R",
            "46",
            "2400",
            "440",
            "abcdefg2",
            "1",
        ]
    };
    assert_eq!(old(&fields("4", "8704")), "0xa9f842cd2a8e2ce16d42b546fbd7c119");
    assert_eq!(old(&["0", "abcd", "1"]), "0x73124a023f585b4018b9ed3593c7470a");
    // 4 cards of 8,704 cores, or 48 of 704: one hash for both.
    assert_eq!(old(&fields("4", "8704")), old(&fields("48", "704")));
    let ours = |gpus, gpu_memory_mib| {
        let found = Findings { gpus, gpu_memory_mib, ..Findings::default() };
        commitment(&Eve.to_account_id(), &[0; 32], &Verdict::Pass(found))
    };
    assert_ne!(ours(4, 8_704), ours(48, 704));
}

/// 100 million a year by 365.25 are 273,785 an era.
///
/// Ours: a year is 365 eras, so 273,972.6, and the four hundredth part of a day more each year is nobody's.
#[test]
fn figure_08_validators() {
    network(dbc_runtime::genesis::DEV).execute_with(|| {
        begin(1);
        let (era, rest) = Emission::era_payout(0, 0, 86_400_000);
        assert_eq!((cents(era), rest), (27_397_260, 0));
        assert!(near(era, 273_785 * DBC, 1_000), "a thousandth apart");
    });
}

/// 1,000 on day 0: 250 that day and 5 on each of 149; 995 in all.
///
/// Ours: 5 on the 150th day as well, 1,000 in all (rule 38), whatever the gaps between claims.
#[test]
fn figure_09_vesting() {
    for gaps in [&[1; 150][..], &[50, 50, 50], &[149, 1], &[400]] {
        let mut release = Release::new(7);
        release.add(1_000 * DBC);
        assert_eq!(release.claimable, 250 * DBC);
        let mut era = 7;
        for gap in gaps {
            era += gap;
            release.pass_to(era);
            let days = u128::from((era - 7).min(150));
            assert_eq!(release.claimable, (250 + 5 * days) * DBC, "after {days} days");
        }
        assert_eq!((release.claimable, release.locked()), (1_000 * DBC, 0));
    }
    // And through the calls of the chain.
    world(|| {
        let machine = registered(Alice, 0, 1);
        Watch::default().pass(6, &[0]);
        Audited::passed(machine, &proof());
        Outages::silent(machine, now(), false);
        let (now_free, locked) = Rewards::owed(Alice.to_account_id());
        let sum = now_free + locked;
        assert_eq!(now_free, sum / 4);
        let era = Rewards::era();
        for day in [1, 2, 10] {
            while Rewards::era() < era + day {
                pass_by(DAYS, DAYS);
            }
            let free = Rewards::owed(Alice.to_account_id()).0;
            assert_eq!(free, sum / 4 + sum / 200 * u128::from(day), "{day}");
        }
        act(Dave, pallet_rewards::Call::<Runtime>::claim { provider: Alice.to_account_id() })
            .unwrap();
    });
}
