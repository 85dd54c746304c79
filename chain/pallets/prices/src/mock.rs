//! A runtime with this pallet alone.

use std::cell::Cell;

use dbc_primitives::{Balance, Slot};
use frame_support::{
    assert_ok, derive_impl, parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, Get},
};
use frame_system::EnsureRoot;
use sp_runtime::{BuildStorage, Permill, traits::IdentityLookup};

use crate::{self as pallet_prices, MicroUsd};

pub const BOND: Balance = 1_000;
pub const INTERVAL: Slot = 20;
/// Slots for which a feeder's value counts.
pub const FRESH: Slot = 100;
pub const STALE: Slot = 200;
pub const WINDOW: Slot = 1_200;
pub const STRIKES_MAX: u32 = 5;
/// A dollar.
pub const USD: MicroUsd = 1_000_000;
/// Accounts with money.
pub const ACCOUNTS: u64 = 8;

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeTask
    )]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system::Pallet<Test>;
    #[runtime::pallet_index(1)]
    pub type Balances = pallet_balances::Pallet<Test>;
    #[runtime::pallet_index(2)]
    pub type Prices = pallet_prices::Pallet<Test>;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type Lookup = IdentityLookup<u64>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ConstU128<1>;
    type AccountStore = System;
    type RuntimeHoldReason = RuntimeHoldReason;
}

thread_local! {
    static NOW: Cell<Slot> = const { Cell::new(0) };
}

pub struct TestClock;
impl Get<Slot> for TestClock {
    fn get() -> Slot {
        NOW.get()
    }
}

parameter_types! {
    pub const StepMax: Permill = Permill::from_percent(10);
    pub const Outlier: Permill = Permill::from_percent(20);
}

impl pallet_prices::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type GovernOrigin = EnsureRoot<u64>;
    type Clock = TestClock;
    type Bond = ConstU128<BOND>;
    type SeatsMax = ConstU32<7>;
    type FeedersMin = ConstU32<3>;
    type Interval = ConstU64<INTERVAL>;
    type Fresh = ConstU64<FRESH>;
    type Stale = ConstU64<STALE>;
    type Window = ConstU64<WINDOW>;
    type BucketsMax = ConstU32<61>;
    type StepMax = StepMax;
    type Outlier = Outlier;
    type StrikesMax = ConstU32<STRIKES_MAX>;
    type WeightInfo = pallet_prices::weights::CountedWeight<Test>;
}

/// Runs a test in a fresh state and checks every invariant after it.
pub fn run(test: impl FnOnce()) {
    let mut storage =
        frame_system::GenesisConfig::<Test>::default().build_storage().expect("genesis");
    let balances = (1..=ACCOUNTS).map(|account| (account, 10 * BOND)).collect();
    pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
        .assimilate_storage(&mut storage)
        .expect("balances");
    sp_io::TestExternalities::new(storage).execute_with(|| {
        NOW.set(10_000);
        System::set_block_number(1);
        test();
        Prices::do_try_state().expect("every invariant holds");
    });
}

pub fn pass(slots: Slot) {
    NOW.set(NOW.get() + slots);
}

/// Seats and bonds feeders 1 to `count`.
pub fn seated(count: u64) {
    for feeder in 1..=count {
        assert_ok!(Prices::seat(RuntimeOrigin::root(), feeder));
        assert_ok!(Prices::join(RuntimeOrigin::signed(feeder)));
    }
}

/// Feeders 1, 2, … tell these values, and an interval passes.
pub fn told(values: &[MicroUsd]) {
    for (feeder, value) in (1..).zip(values) {
        assert_ok!(Prices::feed(RuntimeOrigin::signed(feeder), *value));
    }
    pass(INTERVAL);
}

/// The price of the newest interval.
pub fn price() -> Option<MicroUsd> {
    crate::Buckets::<Test>::get().last().map(|bucket| bucket.price)
}
