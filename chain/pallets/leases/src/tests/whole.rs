//! All of the pallet at once: random calls of every kind by a few actors over random time, with outages, a
//! horizon that lags, discounts, burning, prices in dollars, disputes and fail-overs. After each: no unit is
//! lost or made, every sum of the pallet holds, and none of what cannot fail did. `DBC_TEST_LONG=1` runs
//! fifty times as many.

use dbc_primitives::{
    Amount, MachineClass, MachineId, Offer, Price, SLOTS_PER_HOUR, lease::GpuSlots,
};
use frame_support::{
    assert_ok,
    traits::{LockableCurrency as _, WithdrawReasons},
    weights::Weight,
};
use proptest::prelude::*;

use crate::{HoldReason, mock::*};

#[derive(Debug, Clone)]
struct Op {
    what: u8,
    who: u8,
    number: u64,
    other: u64,
}

fn op() -> impl Strategy<Value = Op> {
    (0u8..34, 2u8..5, any::<u64>(), any::<u64>()).prop_map(|(what, who, number, other)| Op {
        what,
        who,
        number,
        other,
    })
}

fn by(who: u8) -> RuntimeOrigin {
    RuntimeOrigin::signed(account(who))
}

/// One of the last few leases, or none at all.
fn some_lease(number: u64) -> u64 {
    crate::NextLease::<Test>::get().saturating_sub(1 + number % 8)
}

fn renter_of(lease: u64, otherwise: u8) -> RuntimeOrigin {
    let known = crate::Leases::<Test>::get(lease);
    known.map_or(by(otherwise), |record| RuntimeOrigin::signed(record.renter))
}

fn place(number: u64) -> MachineId {
    machine(1 + (number % 2) as u8)
}

fn offered(number: u64, other: u64) -> Offer {
    let asked = 1 + u128::from(other % 50);
    let hour = asked * u128::from(SLOTS_PER_HOUR);
    let amount = if number % 3 == 0 { Amount::UsdMicro(hour) } else { Amount::Dbc(hour) };
    Offer { price: Price { gpu_hour: amount, cpu_hour: amount }, ..offer(1, 1) }
}

fn ordered(op: &Op) -> dbc_primitives::Order<sp_runtime::AccountId32> {
    let Op { number, other, .. } = *op;
    let bits = (other >> 8) as u8;
    let gpus: Vec<u8> = (0..3).filter(|gpu| bits >> gpu & 1 == 1).collect();
    let mut order = order(place(number), &gpus, 10 + other % 3_000, other % 10_000);
    order.platform = (bits & 8 != 0).then_some(1);
    order.voucher = (bits & 16 != 0).then_some(1 + (other % 3) as u32);
    order.standby = (bits & 32 != 0).then(|| place(number + 1));
    order.cap = (bits & 64 != 0).then_some(20_000);
    order.receiver = (bits & 128 != 0).then(|| account(77));
    order
}

fn apply(op: &Op) {
    let Op { what, who, number, other } = *op;
    let lease = some_lease(number);
    let renter = || renter_of(lease, who);
    let run = || RuntimeOrigin::signed(provider());
    let version = pallet_machines::Machines::<Test>::get(place(other)).unwrap().offer_version;
    let _ = match what {
        0..=6 => plain(Leases::create(by(who), ordered(op))),
        7..=10 => Leases::started(run(), lease),
        11 => plain(Leases::settle(by(who), lease)),
        12 => Leases::extend(renter(), lease, other % 1_000, version, u128::MAX),
        13 => plain(Leases::end(renter(), lease)),
        14 => plain(Leases::terminate(run(), lease)),
        15 => plain(Leases::close_expired(by(who), lease)),
        16 => Leases::suspend(renter(), lease),
        17 => {
            let gpus: Vec<u8> = (0..3).filter(|gpu| other >> gpu & 1 == 1).collect();
            let gpus = GpuSlots::try_from(gpus).expect("few");
            Leases::resume(renter(), lease, gpus, version, u128::MAX)
        }
        18 => Leases::fail_over(renter(), lease),
        19 => Leases::pledge(by(who)),
        20 => Leases::release_pledge(by(who)),
        21 => Leases::register_platform(by(who), (other % 250_000) as u32, account(77)),
        22 => Leases::set_platform(by(who), 1, (other % 250_000) as u32, account(who)),
        23 => Leases::issue_voucher(
            by(who),
            account(2 + (other % 3) as u8),
            u128::from(other % 1_000_000),
            (other % 4 == 0).then_some(MachineClass::Training),
            now() + other % 5_000,
        ),
        24 => Leases::revoke_voucher(by(who), 1 + (other % 3) as u32),
        25 => Machines::set_offer(run(), place(other), offered(number, other)),
        26 => {
            // Whoever is unlisted by a stake that was taken makes up for it.
            let _ = Machines::top_up(run(), place(other));
            Machines::list(run(), place(other))
        }
        27 => {
            Leases::hold_back(lease, now().saturating_sub(other % 100));
            Ok(())
        }
        28 => {
            if other % 2 == 0 {
                Leases::let_go(lease)
            } else {
                Leases::end_for_fault(lease)
            };
            Ok(())
        }
        29 => {
            set_gpus(if other % 2 == 0 { 5_000 } else { 0 });
            Leases::raise_burn(RuntimeOrigin::root())
        }
        30 => {
            set_dollar((other % 4 != 0).then_some(1 + u128::from(other % 3)));
            Ok(())
        }
        31 => {
            let all = WithdrawReasons::all();
            Balances::set_lock(*b"vote    ", &account(who), u128::MAX, all);
            Ok(())
        }
        32 => {
            outage(now(), now() + other % 300);
            if other % 16 == 0 {
                silence(place(number));
            }
            Ok(())
        }
        _ => Leases::close_platform(by(who), 1),
    };
}

fn issuance() -> u128 {
    pallet_balances::TotalIssuance::<Test>::get()
}

/// Units burned over the lives of all leases, by the records' own word and by what was forgotten.
#[derive(Default)]
struct Burned {
    known: std::collections::BTreeMap<u64, u128>,
}

impl Burned {
    fn sum(&mut self) -> u128 {
        for (lease, record) in crate::Leases::<Test>::iter() {
            self.known.insert(lease, record.burned);
        }
        self.known.values().sum()
    }
}

fn check(burned: &mut Burned, before: u128) {
    try_state();
    let accounts = frame_system::Account::<Test>::iter_values();
    let sum = accounts.fold(0, |sum, account| sum + account.data.free + account.data.reserved);
    assert_eq!(sum, issuance(), "money is where the accounts say");
    assert_eq!(issuance() + burned.sum(), before, "money is conserved but for what is burned");
}

/// Given blocks enough, everything ends and nothing stays on hold but what its owners can take.
fn finish(burned: &mut Burned, before: u128) {
    set_horizon(None);
    for _ in 0..200 {
        pass(1_000);
        set_dollar(None);
        (0..4).for_each(|_| poll(Weight::MAX));
        check(burned, before);
    }
    assert_eq!(crate::Leases::<Test>::iter().count(), 0, "every lease is forgotten in the end");
    for who in 1..=5 {
        assert_eq!(held_as(HoldReason::Deposit, &account(who)), 0);
        let _ = Leases::release_pledge(by(who));
        assert_eq!(held_as(HoldReason::Pledge, &account(who)), 0);
        for voucher in 1..crate::NextVoucher::<Test>::get() {
            let _ = Leases::revoke_voucher(by(who), voucher);
        }
        assert_eq!(held_as(HoldReason::Voucher, &account(who)), 0);
    }
    assert_eq!(crate::Vouchers::<Test>::iter().count(), 0);
    check(burned, before);
}

fn cases() -> u32 {
    if std::env::var_os("DBC_TEST_LONG").is_some() { 24 * 50 } else { 24 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn no_unit_is_lost_or_made_whatever_is_called_when(
        ops in prop::collection::vec((op(), 0u64..120, any::<bool>()), 1..120),
        lag in 0u64..31,
    ) {
        run(|| {
            set_tiers(&[(300, 5), (900, 10), (2_000, 20)]);
            (1..=2).for_each(|number| { listed(number, 3); });
            poll(Weight::MAX);
            assert_ok!(Leases::register_platform(by(5), 30_000, account(5)));
            let before = issuance();
            let mut burned = Burned::default();
            for (op, slots, block) in &ops {
                apply(op);
                check(&mut burned, before);
                pass(*slots);
                set_horizon(Some(now() - lag.min(now() - 1_000)));
                if *block {
                    poll(Weight::MAX);
                    check(&mut burned, before);
                }
            }
            finish(&mut burned, before);
        });
    }
}
