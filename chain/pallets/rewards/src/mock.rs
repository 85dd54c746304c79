//! A runtime with this pallet alone.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use dbc_primitives::{Balance, BoundedVec, DBC, MachineClass, MachineId, Slot};
use frame_support::{
    PalletId, assert_ok, derive_impl, parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, Get, Hooks as _},
    weights::{Weight, WeightMeter},
};
use frame_system::EnsureRoot;
use sp_runtime::{BuildStorage, Permill, traits::IdentityLookup};

use crate::{
    self as pallet_rewards, CardKey, CardPoints, Era, Facts, Model, ONE, Rated, Rating,
    Rewards as _, Weighed,
};

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
    /// What is known of machines, by number. Numbers are indexes as well.
    pub static KNOWN: RefCell<BTreeMap<u8, Known>> = const { RefCell::new(BTreeMap::new()) };
}

/// What is known of a machine.
#[derive(Clone)]
pub struct Known {
    pub provider: u64,
    /// Cards of the model's unit.
    pub gpus: u32,
    pub bonus: u32,
    pub uptime: u32,
    pub cohort: u32,
}

pub const UNIT: CardKey = [1; 16];
pub const OTHER: CardKey = [2; 16];

/// A model whose card `UNIT` has so many points, and `OTHER` a thousand.
pub fn model_of(era: Era, unit: u32) -> Model {
    let cards =
        [CardPoints { card: UNIT, points: unit }, CardPoints { card: OTHER, points: 1_000 }];
    Model {
        era,
        cards: BoundedVec::truncate_from(cards.to_vec()),
        lowest: 50,
        memory_mib: 1_024,
        memory_most: Permill::from_percent(50),
        classes: [Permill::one(); 6],
        regions: BoundedVec::default(),
    }
}

pub struct FirstModel;

impl Get<Model> for FirstModel {
    fn get() -> Model {
        model_of(0, 100)
    }
}

impl Rated<u64> for Clock {
    fn count() -> u32 {
        KNOWN.with_borrow(|all| all.keys().last().map_or(0, |last| u32::from(*last) + 1))
    }

    fn at(index: u32) -> Option<MachineId> {
        let number = index as u8;
        KNOWN.with_borrow(|all| all.contains_key(&number).then(|| machine(number)))
    }

    fn rating(machine: MachineId) -> Option<Rating<u64>> {
        let known = KNOWN.with_borrow(|all| all.get(&machine.0[0]).cloned())?;
        let facts = Facts {
            cards: BoundedVec::truncate_from(vec![UNIT; known.gpus as usize]),
            memory_mib: 0,
            class: MachineClass::Training,
            region: None,
            uptime: known.uptime,
        };
        let Known { provider, bonus, cohort, .. } = known;
        Some(Rating { provider, facts, bonus, cohort })
    }
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
    type Machines = Clock;
    type FirstModel = FirstModel;
    type ModelOrigin = EnsureRoot<u64>;
    type ModelNotice = ConstU64<7>;
    type SweepPerBlock = ConstU32<2>;
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
    pallet_rewards::GenesisConfig::<Test>::default()
        .assimilate_storage(&mut storage)
        .expect("the first model");
    sp_io::TestExternalities::new(storage).execute_with(|| {
        KNOWN.take();
        NOW.set(0);
        System::set_block_number(1);
        block(START);
        test();
        Rewards::do_try_state().expect("every invariant holds");
    });
}

/// A block at a slot; all time before it is closed, and was told of.
pub fn block(slot: Slot) {
    pass_to(slot, true);
}

/// A block at a slot; all time before it is closed.
pub fn pass_to(slot: Slot, told: bool) {
    let from = NOW.replace(slot);
    Rewards::closed(if from == 0 { slot } else { from }, slot, told);
    Rewards::on_poll(0, &mut WeightMeter::with_limit(Weight::MAX));
}

pub fn now() -> Slot {
    NOW.get()
}

/// So many eras pass, with a block at each one's start.
pub fn eras(count: Era) {
    for _ in 0..count {
        block((NOW.get() / LENGTH + 1) * LENGTH);
    }
}

/// A machine has these points and cards from now on, whatever the model says.
pub fn set(number: u8, provider: u64, points: u64, gpus: u32) {
    let weighed = Weighed { points, gpus, model: 1, ..Weighed::default() };
    Rewards::weigh(machine(number), &provider, weighed);
}

/// A machine with these points and cards that counts.
pub fn enter(number: u8, provider: u64, points: u64, gpus: u32) {
    set(number, provider, points, gpus);
    Rewards::count(machine(number), true);
}

/// A machine with so many cards of 100 points that counts, rated by the model.
pub fn enter_rated(number: u8, provider: u64, gpus: u32) {
    let known = Known { provider, gpus, bonus: 0, uptime: ONE as u32, cohort: 0 };
    KNOWN.with_borrow_mut(|all| all.insert(number, known));
    Rewards::rate(machine(number));
    Rewards::count(machine(number), true);
}

/// What is known of a machine changes.
pub fn know(number: u8, change: impl FnOnce(&mut Known)) {
    KNOWN.with_borrow_mut(|all| change(all.get_mut(&number).expect("it is known")));
}

/// What an era gives to machines.
pub fn era_sum() -> Balance {
    let sum = Rewards::emission(Rewards::era());
    sum - DutyShare::get().mul_floor(sum)
}

pub fn provisional(number: u8) -> Balance {
    assert_ok!(Rewards::poke(RuntimeOrigin::signed(1), machine(number)));
    Rewards::settle(machine(number));
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
