//! A runtime with this pallet alone.

use std::cell::Cell;

use dbc_primitives::{Balance, DBC, MachineId, Slot};
use frame_support::{
    PalletId, assert_ok, derive_impl, parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, Get, Hooks as _},
};
use sp_runtime::{BuildStorage, Permill, traits::IdentityLookup};

use crate::{self as pallet_rewards, Era, Rewards as _};

pub const TREASURY: u64 = 99;
pub const DUTIES: u64 = 98;
pub const LENGTH: Slot = 100;
/// First slot of the first block: the start of an era.
pub const START: Slot = 1_000_000;

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
    pub type Rewards = pallet_rewards::Pallet<Test>;
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
}

thread_local! {
    static NOW: Cell<Slot> = const { Cell::new(0) };
}

pub struct Clock;

impl Get<Slot> for Clock {
    fn get() -> Slot {
        NOW.get()
    }
}

parameter_types! {
    pub const Treasury: u64 = TREASURY;
    pub const Duties: u64 = DUTIES;
    pub const Pot: PalletId = PalletId(*b"dbc/rwrd");
    pub const DutyShare: Permill = Permill::from_percent(1);
    pub const RentBonus: Permill = Permill::from_percent(30);
    pub const RentReturn: Permill = Permill::from_percent(50);
}

impl pallet_rewards::Config for Test {
    type Currency = Balances;
    type Clock = Clock;
    type Treasury = Treasury;
    type PotId = Pot;
    type EraSlots = ConstU64<LENGTH>;
    type DutyShare = DutyShare;
    type DutyPot = Duties;
    type RentBonus = RentBonus;
    type RentReturn = RentReturn;
    type GalaxyGpus = ConstU32<5_000>;
    type GalaxyEras = ConstU64<60>;
    type WeightInfo = pallet_rewards::weights::CountedWeight<Test>;
}

pub fn machine(number: u8) -> MachineId {
    MachineId([number; 32])
}

/// Runs a test in a fresh state; checks every invariant after it.
pub fn run(test: impl FnOnce()) {
    let mut storage =
        frame_system::GenesisConfig::<Test>::default().build_storage().expect("genesis");
    let balances = vec![(TREASURY, 1_000_000 * DBC), (DUTIES, 1)];
    pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
        .assimilate_storage(&mut storage)
        .expect("balances");
    sp_io::TestExternalities::new(storage).execute_with(|| {
        System::set_block_number(1);
        block(START);
        test();
        Rewards::do_try_state().expect("every invariant holds");
    });
}

/// A block at a slot.
pub fn block(slot: Slot) {
    NOW.set(slot);
    Rewards::on_initialize(0);
}

/// So many eras pass, with a block at each one's start.
pub fn eras(count: Era) {
    for _ in 0..count {
        block((NOW.get() / LENGTH + 1) * LENGTH);
    }
}

/// A machine with these points and cards that counts.
pub fn enter(number: u8, provider: u64, points: u64, gpus: u32) {
    Rewards::set(machine(number), &provider, points, gpus);
    Rewards::count(machine(number), true);
}

/// What an era gives to machines.
pub fn era_sum() -> Balance {
    let sum = Rewards::emission(Rewards::era());
    sum - DutyShare::get().mul_floor(sum)
}

pub fn provisional(number: u8) -> Balance {
    assert_ok!(Rewards::poke(RuntimeOrigin::signed(1), machine(number)));
    crate::Shares::<Test>::get(machine(number)).expect("it has a share").provisional
}

pub fn claim(provider: u64) -> Balance {
    let before = Balances::free_balance(provider);
    let _ = Rewards::claim(RuntimeOrigin::signed(1), provider);
    Balances::free_balance(provider) - before
}

/// Equal but for units that do not divide.
pub fn about(found: Balance, expected: Balance) {
    let off = found.abs_diff(expected);
    assert!(off <= expected / 1_000_000_000 + 1_000, "{found} is not {expected}");
}
