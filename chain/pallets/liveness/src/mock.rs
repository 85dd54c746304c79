//! A runtime with this pallet alone, machines that sign beats, and watchers that keep them.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::LazyLock,
};

use dbc_primitives::{Balance, MachineId, Slot};
use frame_support::{
    assert_ok, derive_impl,
    dispatch::DispatchResultWithPostInfo,
    parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, Get, Hooks as _},
    weights::{Weight, constants::ParityDbWeight},
};
use sp_core::{Pair, ed25519};
use sp_runtime::{BuildStorage, Permill, traits::IdentityLookup};

use crate::{
    self as pallet_liveness, Bitmap, Interval, Liveness as _, MachineIndexes, Opening, OutageSink,
    Pending, TREE_DEPTH, bits,
};

pub const BOND: Balance = 1_000;
pub const LENGTH: Slot = 10;
pub const EPOCH: u64 = 20;
pub const TREASURY: u64 = 99;
pub const STRIKES_MAX: u32 = 3;
pub const GRACE: Slot = 200;
pub const GENESIS: [u8; 32] = [69; 32];
/// First slot of the first block.
pub const START: Slot = 100_000;

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
    pub type Watch = pallet_liveness::Pallet<Test>;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type DbWeight = ParityDbWeight;
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
    pub static CLOSE_WEIGHT: Cell<Weight> = const { Cell::new(Weight::MAX) };
    static MACHINES: RefCell<Vec<Option<(u8, u32)>>> = const { RefCell::new(Vec::new()) };
    pub static OUTAGES: RefCell<Vec<(u32, Slot, Option<bool>)>> = const { RefCell::new(Vec::new()) };
    /// What was closed: first slot, slot after the last, whether anything was told.
    pub static CLOSED: RefCell<Vec<(Slot, Slot, bool)>> = const { RefCell::new(Vec::new()) };
    /// Cohorts that became unknown, and known again.
    pub static PAUSED: RefCell<Vec<(u32, bool)>> = const { RefCell::new(Vec::new()) };
    /// Whether nobody waits for machines: silence counts against no provider.
    pub static IDLE: Cell<bool> = const { Cell::new(false) };
    pub static PAID: RefCell<BTreeMap<u64, u32>> = const { RefCell::new(BTreeMap::new()) };
}

pub struct World;

impl Get<Slot> for World {
    fn get() -> Slot {
        NOW.get()
    }
}

impl Get<[u8; 32]> for World {
    fn get() -> [u8; 32] {
        sp_io::hashing::blake2_256(&NOW.get().to_le_bytes())
    }
}

impl MachineIndexes for World {
    fn count() -> u32 {
        MACHINES.with_borrow(|machines| machines.len() as u32)
    }

    fn at(index: u32) -> Option<(MachineId, u32)> {
        let found = MACHINES.with_borrow(|machines| *machines.get(index as usize)?);
        found.map(|(key, generation)| (machine(key), generation))
    }

    /// Machines from 15 on stand in another region.
    fn region(machine: MachineId) -> u16 {
        if number(machine) < 15 { 0 } else { 7 }
    }
}

impl OutageSink for World {
    fn silent(machine: MachineId, since: Slot, blamed: bool) -> bool {
        OUTAGES.with_borrow_mut(|all| all.push((number(machine), since, Some(blamed))));
        blamed && !IDLE.get()
    }

    fn back(machine: MachineId, slot: Slot) {
        OUTAGES.with_borrow_mut(|all| all.push((number(machine), slot, None)));
    }

    fn closed(from: Slot, to: Slot, told: bool) {
        CLOSED.with_borrow_mut(|all| all.push((from, to, told)));
    }

    fn unknown(cohort: u32, unknown: bool) {
        PAUSED.with_borrow_mut(|all| all.push((cohort, unknown)));
    }
}

impl pallet_liveness::DutyPay<u64> for World {
    fn pay(watcher: &u64) {
        PAID.with_borrow_mut(|paid| *paid.entry(*watcher).or_default() += 1);
    }
}

/// What a block may spend on closing; tests make it small.
pub struct CloseWeight;
impl Get<Weight> for CloseWeight {
    fn get() -> Weight {
        CLOSE_WEIGHT.get()
    }
}

parameter_types! {
    pub const MassShare: Permill = Permill::from_percent(25);
    pub const Treasury: u64 = TREASURY;
}

impl pallet_liveness::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Clock = World;
    type Randomness = World;
    type Machines = World;
    type Outages = World;
    type Pay = World;
    type Treasury = Treasury;
    type Bond = ConstU128<BOND>;
    type WatchersMax = ConstU32<16>;
    type WatchersPerCohort = ConstU32<5>;
    type IntervalSlots = ConstU64<LENGTH>;
    type EpochIntervals = ConstU64<EPOCH>;
    type LeaveDelay = ConstU64<1_000>;
    type StrikesMax = ConstU32<STRIKES_MAX>;
    type UnknownGrace = ConstU64<GRACE>;
    type MassMin = ConstU32<4>;
    type MassShare = MassShare;
    type RegionMin = ConstU32<6>;
    type CloseWeight = CloseWeight;
    type WeightInfo = pallet_liveness::weights::CountedWeight<Test>;
}

fn key(number: u8) -> ed25519::Pair {
    ed25519::Pair::from_seed(&[number; 32])
}

pub fn machine(number: u8) -> MachineId {
    MachineId(key(number).public().0)
}

/// 0 for one without a key.
fn number(machine: MachineId) -> u32 {
    static NUMBERS: LazyLock<BTreeMap<MachineId, u32>> =
        LazyLock::new(|| (1..=40).map(|number| (self::machine(number), number.into())).collect());
    NUMBERS.get(&machine).copied().unwrap_or(0)
}

/// Runs a test in a fresh state with so many watchers and machines (numbers from 1, at indexes from
/// 0), all admitted and all watchers drawable, at the start of an epoch; checks every invariant after.
pub fn run(watchers: u64, machines: u8, test: impl FnOnce()) {
    let mut storage =
        frame_system::GenesisConfig::<Test>::default().build_storage().expect("genesis");
    let balances = (1..=20).map(|account| (account, 10 * BOND)).collect();
    pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
        .assimilate_storage(&mut storage)
        .expect("balances");
    sp_io::TestExternalities::new(storage).execute_with(|| {
        MACHINES.take();
        CLOSE_WEIGHT.set(Weight::MAX);
        OUTAGES.take();
        CLOSED.take();
        PAUSED.take();
        IDLE.set(false);
        PAID.take();
        System::set_block_number(1);
        frame_system::BlockHash::<Test>::insert(0, sp_core::H256(GENESIS));
        block(START - 3 * EPOCH * LENGTH);
        for watcher in 1..=watchers {
            assert_ok!(Watch::join(RuntimeOrigin::signed(watcher)));
        }
        for epoch in [2, 1, 0] {
            block(START - epoch * EPOCH * LENGTH);
        }
        // The silence before anybody watched is over when the first machine enters.
        for _ in 0..3 {
            pass(&[]);
        }
        for number in 1..=machines {
            enter(number);
        }
        pass(&(0..u32::from(machines)).collect::<Vec<_>>());
        test();
        Watch::do_try_state().expect("every invariant holds");
    });
}

/// A machine takes the next index.
pub fn enter(number: u8) -> u32 {
    let index = MACHINES.with_borrow_mut(|machines| {
        machines.push(Some((number, 0)));
        machines.len() as u32 - 1
    });
    Watch::admit(index, machine(number));
    index
}

/// A machine takes the first index of cohort 1.
pub fn enter_second_cohort(number: u8) -> u32 {
    MACHINES.with_borrow_mut(|machines| machines.resize(crate::COHORT as usize, None));
    enter(number)
}

/// A machine without a key, whose beats nobody has to show, takes an index.
pub fn stand(index: u32) {
    MACHINES.with_borrow_mut(|machines| {
        let count = machines.len().max(index as usize + 1);
        machines.resize(count, None);
    });
    let mut name = [0xee; 32];
    name[..4].copy_from_slice(&index.to_le_bytes());
    Watch::admit(index, MachineId(name));
}

/// Another machine takes an index over.
pub fn replace(index: u32, number: u8) {
    MACHINES.with_borrow_mut(|machines| machines[index as usize] = Some((number, 1)));
    Watch::remove(index);
    Watch::admit(index, machine(number));
}

/// A block at a slot; gives what it weighs.
pub fn block(slot: Slot) -> Weight {
    NOW.set(slot);
    Watch::on_initialize(0)
}

/// What a block needs for so many transitions; one has room for any other step of closing.
pub fn room(steps: u64) -> Weight {
    use pallet_liveness::WeightInfo as _;
    type Weights = <Test as pallet_liveness::Config>::WeightInfo;
    Weights::tick().saturating_add(Weights::transition().saturating_mul(steps))
}

/// The interval that is now.
pub fn interval() -> Interval {
    NOW.get() / LENGTH
}

/// A watcher's memory: the beats he heard of the last report.
#[derive(Default)]
pub struct Notebook {
    tree: Vec<Vec<[u8; 32]>>,
    signatures: BTreeMap<u16, [u8; 64]>,
}

/// What a watcher can tell of an interval: whom he heard (by index), and his notes.
pub fn listen(watcher: u64, interval: Interval, heard: &[u32]) -> (Bitmap, Notebook) {
    let mut map = bits::none();
    let mut notes = Notebook::default();
    let account = Watch::account_bytes(&watcher);
    let mut level = vec![[0; 32]; crate::COHORT as usize];
    for index in heard {
        let bit = (*index % crate::COHORT) as u16;
        bits::set(&mut map, bit, true);
        let Some(Some((number, generation))) =
            MACHINES.with_borrow(|machines| machines.get(*index as usize).copied())
        else {
            continue;
        };
        let beat = bits::beat(&GENESIS, machine(number), generation, interval, &[0; 32]);
        let signature = key(number).sign(&beat).0;
        level[usize::from(bit)] = bits::leaf(&account, &signature);
        notes.signatures.insert(bit, signature);
    }
    while level.len() > 1 {
        let next = level.chunks(2).map(|pair| bits::node(&pair[0], &pair[1])).collect();
        notes.tree.push(std::mem::replace(&mut level, next));
    }
    notes.tree.push(level);
    (map, notes)
}

/// What a liar makes up: he heard all 4,096, and signed for each himself.
pub fn invent(watcher: u64) -> (Bitmap, Notebook) {
    let account = Watch::account_bytes(&watcher);
    let mut map = bits::none();
    let mut notes = Notebook::default();
    for bit in 0..crate::COHORT as u16 {
        bits::set(&mut map, bit, true);
        notes.signatures.insert(bit, [bit as u8; 64]);
    }
    let leaves = notes.signatures.values().map(|signature| bits::leaf(&account, signature));
    let mut level: Vec<_> = leaves.collect();
    while level.len() > 1 {
        let next = level.chunks(2).map(|pair| bits::node(&pair[0], &pair[1])).collect();
        notes.tree.push(std::mem::replace(&mut level, next));
    }
    notes.tree.push(level);
    (map, notes)
}

impl Notebook {
    pub fn root(&self) -> [u8; 32] {
        self.tree.last().map_or([0; 32], |top| top[0])
    }

    /// What the chain asks for, as far as these notes have it.
    pub fn open(&self, watcher: u64, cohort: u32) -> Option<Opening> {
        let bit = Watch::asked(&watcher, cohort)?;
        let mut path = [[0; 32]; TREE_DEPTH as usize];
        for (level, place) in path.iter_mut().enumerate() {
            *place = self.tree[level][(usize::from(bit) >> level) ^ 1];
        }
        Some(Opening { digest: [0; 32], signature: *self.signatures.get(&bit)?, path })
    }
}

pub fn tell(
    watcher: u64,
    interval: Interval,
    heard: Bitmap,
    root: [u8; 32],
    opening: Option<Opening>,
) -> DispatchResultWithPostInfo {
    tell_of(0, watcher, interval, heard, root, opening)
}

pub fn tell_of(
    cohort: u32,
    watcher: u64,
    interval: Interval,
    heard: Bitmap,
    root: [u8; 32],
    opening: Option<Opening>,
) -> DispatchResultWithPostInfo {
    Watch::report(RuntimeOrigin::signed(watcher), interval, cohort, heard, root, opening)
}

/// The watchers of cohort 0 in an interval.
pub fn on_duty(interval: Interval) -> Vec<u64> {
    Watch::duties(interval / EPOCH, 0).into_inner()
}

/// An interval passes, and its watchers tell the same, honestly but for their ears.
pub fn pass(heard: &[u32]) {
    let of = interval();
    block((of + 1) * LENGTH);
    for watcher in on_duty(of) {
        let (map, notes) = listen(watcher, of, heard);
        let pending = pending(watcher, 0);
        // Honest watchers keep their notes; here they are made again.
        let opening = pending.and_then(|pending| {
            let before: Vec<u32> =
                (0..4_096).filter(|bit| bits::is_set(&pending.heard, *bit as u16)).collect();
            listen(watcher, pending.interval, &before).1.open(watcher, 0)
        });
        assert_ok!(tell(watcher, of, map, notes.root(), opening));
    }
}

/// An interval passes without a word.
pub fn pass_unheard() {
    block((interval() + 1) * LENGTH);
}

pub fn live(index: u32) -> Slot {
    Watch::live_slots(index)
}

pub fn outages() -> Vec<(u32, Slot, Option<bool>)> {
    OUTAGES.with_borrow(Clone::clone)
}

/// What a watcher has to prove next of a cohort.
pub fn pending(watcher: u64, cohort: u32) -> Option<Pending> {
    crate::Pendings::<Test>::get(watcher, cohort)
}
