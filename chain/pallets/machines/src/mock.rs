//! A runtime with this pallet alone.

use std::cell::{Cell, RefCell};

use dbc_primitives::{
    Amount, Balance, Gpu, HardwareFacts, MachineClass, MachineId, NetworkFacts, Offer, Price, Slot,
    proof::register_message,
};
use frame_support::{
    assert_ok, derive_impl,
    dispatch::DispatchResult,
    parameter_types,
    traits::{ConstU64, ConstU128, Get, fungible::InspectHold},
    weights::Weight,
};
use sp_core::{Pair, ed25519};
use sp_runtime::{BuildStorage, Permill, traits::IdentityLookup};

use crate::{self as pallet_machines, HoldReason, MachineOf};

pub const STAKE: Balance = 5_000;
pub const PROVIDER: u64 = 1;
pub const OPERATOR: u64 = 2;
pub const OTHER: u64 = 3;

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
    pub type Machines = pallet_machines::Pallet<Test>;
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

/// Shortest notice, longest maintenance, rest between two, uptime for the tier, rest between changes.
pub const NOTICE: Slot = 100;
pub const MAINTENANCE: Slot = 50;
pub const SPACING: Slot = 700;
pub const STEADY: Slot = 600;
pub const CHANGES: Slot = 300;
/// Slots that an order has to start.
pub const START: Slot = 5;

thread_local! {
    static NOW: Cell<Slot> = const { Cell::new(1_000) };
    static SINCE: Cell<Option<Slot>> = const { Cell::new(Some(0)) };
    static DISPUTED: Cell<bool> = const { Cell::new(false) };
    static AUDITED: Cell<bool> = const { Cell::new(false) };
    static TOLD: RefCell<Vec<Told>> = const { RefCell::new(Vec::new()) };
}

/// What followers of machines were told, as far as tests ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    Verified(MachineId),
    Changed(MachineId, bool),
    Tier(MachineId),
    HandedOver(MachineId, u64, u64),
}

/// Follows machines, and answers as the test said.
pub struct Follower;

impl crate::Presence<u64> for Follower {
    fn bonded(_: MachineId) {}

    fn verified(_: u32, machine: MachineId) {
        tell(Told::Verified(machine));
    }

    fn retired(_: MachineId) {}
    fn left(_: u32, _: MachineId) {}
    fn rented(_: MachineId, _: u32) -> Weight {
        Weight::zero()
    }
    fn fee_paid(_: MachineId, _: Balance) {}

    fn is_clear(_: MachineId) -> bool {
        !DISPUTED.get()
    }

    fn is_audited(_: MachineId) -> bool {
        AUDITED.get()
    }

    fn changed(machine: MachineId, void: bool) {
        tell(Told::Changed(machine, void));
    }

    fn tier_changed(machine: MachineId) {
        tell(Told::Tier(machine));
    }

    fn handed_over(machine: MachineId, from: &u64, to: &u64) {
        tell(Told::HandedOver(machine, *from, *to));
    }
}

impl crate::Uptime for Follower {
    fn since(_: u32) -> Option<Slot> {
        SINCE.get()
    }
}

fn tell(what: Told) {
    TOLD.with_borrow_mut(|told| told.push(what));
}

/// What followers were told since the last time somebody asked.
pub fn told() -> Vec<Told> {
    TOLD.take()
}

/// Every machine is there since then, or silent.
pub fn there_since(slot: Option<Slot>) {
    SINCE.set(slot);
}

/// Something about every machine is in dispute, or nothing.
pub fn disputed(yes: bool) {
    DISPUTED.set(yes);
}

/// An audit of every machine is open, or none.
pub fn audited(yes: bool) {
    AUDITED.set(yes);
}

pub struct TestClock;
impl Get<Slot> for TestClock {
    fn get() -> Slot {
        NOW.get()
    }
}

/// A DBC is two dollars; nobody knows at slot 7.
impl crate::DollarPrice for TestClock {
    fn to_dbc(micro: u128) -> Option<Balance> {
        (NOW.get() != 7).then(|| micro.div_ceil(2))
    }
}

parameter_types! {
    pub const TierStake: Permill = Permill::from_percent(50);
    pub storage StakePerGpu: Balance = STAKE;
}

impl pallet_machines::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Clock = TestClock;
    type StakePerGpu = StakePerGpu;
    type RetirementDelay = ConstU64<1_000>;
    type MaxTerm = ConstU64<1_000_000>;
    type Price = TestClock;
    type Presence = Follower;
    type Uptime = Follower;
    type StartWindow = ConstU64<START>;
    type MaintenanceNotice = ConstU64<NOTICE>;
    type MaintenanceMax = ConstU64<MAINTENANCE>;
    type MaintenanceSpacing = ConstU64<SPACING>;
    type TierUptime = ConstU64<STEADY>;
    type TierStake = TierStake;
    type ChangeSpacing = ConstU64<CHANGES>;
    type RelayOrigin = frame_system::EnsureRoot<u64>;
    type WeightInfo = pallet_machines::weights::CountedWeight<Test>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = TestClock;
}

#[cfg(feature = "runtime-benchmarks")]
impl crate::BenchmarkHelper for TestClock {
    fn set_slot(slot: Slot) {
        NOW.set(slot);
    }
}

fn key(number: u8) -> ed25519::Pair {
    ed25519::Pair::from_seed(&[number; 32])
}

pub fn machine(number: u8) -> MachineId {
    MachineId(key(number).public().0)
}

/// A fresh state, machine 1 verified at genesis.
fn state() -> sp_io::TestExternalities {
    let mut storage =
        frame_system::GenesisConfig::<Test>::default().build_storage().expect("genesis");
    let balances = vec![(PROVIDER, 100_000), (OPERATOR, 100), (OTHER, 100_000)];
    pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
        .assimilate_storage(&mut storage)
        .expect("balances");
    pallet_machines::GenesisConfig::<Test> { verified: vec![machine(1).0], ..Default::default() }
        .assimilate_storage(&mut storage)
        .expect("machines");
    storage.into()
}

/// A fresh state with a keystore, in which benchmarks make keys of machines.
#[cfg(feature = "runtime-benchmarks")]
pub fn state_with_keystore() -> sp_io::TestExternalities {
    use sp_keystore::{KeystoreExt, testing::MemoryKeystore};
    let mut state = state();
    state.register_extension(KeystoreExt::new(MemoryKeystore::new()));
    state
}

/// Runs a test in a fresh state and checks every invariant after it.
pub fn run(test: impl FnOnce()) {
    state().execute_with(|| {
        NOW.set(1_000);
        there_since(Some(0));
        disputed(false);
        audited(false);
        told();
        System::set_block_number(1);
        test();
        Machines::do_try_state().expect("invariants");
    });
}

/// Another slot.
pub fn at(slot: Slot) {
    NOW.set(slot);
}

pub fn now() -> Slot {
    NOW.get()
}

pub fn pass(slots: Slot) {
    NOW.set(NOW.get() + slots);
}

/// The machine's signature for a provider on a network.
pub fn proof(number: u8, genesis: [u8; 32], provider: u64) -> [u8; 64] {
    let mut account = [0; 32];
    account[..8].copy_from_slice(&provider.to_le_bytes());
    key(number).sign(&register_message(&genesis, &account)).0
}

pub fn genesis() -> [u8; 32] {
    System::block_hash(0).0
}

pub fn card() -> Gpu {
    Gpu { memory_mib: 24_564, ..Gpu::default() }
}

pub fn facts(gpus: u8) -> HardwareFacts {
    HardwareFacts {
        gpus: vec![card(); gpus.into()].try_into().expect("at most 16"),
        cpu_cores: 8,
        memory_mib: 1 << 16,
        disk_gib: 100,
        ..Default::default()
    }
}

pub fn register_as(who: u64, number: u8, facts: HardwareFacts, proof: [u8; 64]) -> DispatchResult {
    let class = if facts.gpus.is_empty() { MachineClass::Cpu } else { MachineClass::Training };
    let origin = RuntimeOrigin::signed(who);
    Machines::register(
        origin,
        machine(number),
        proof,
        class,
        facts,
        Default::default(),
        NetworkFacts::default(),
    )
}

/// The provider registers a machine with so many GPUs, all in order.
pub fn register(number: u8, gpus: u8) -> DispatchResult {
    let _ = Machines::set_operator(RuntimeOrigin::signed(PROVIDER), OPERATOR);
    register_as(PROVIDER, number, facts(gpus), proof(number, genesis(), PROVIDER))
}

pub fn offer(gpu_hour: Amount) -> Offer {
    let price = Price { gpu_hour, cpu_hour: Amount::Dbc(1) };
    Offer { price, min_term: 10, max_term: 1_000, cpu_shares: 3 }
}

pub fn staked() -> Balance {
    staked_by(PROVIDER)
}

pub fn staked_by(who: u64) -> Balance {
    Balances::balance_on_hold(&HoldReason::Stake.into(), &who)
}

pub fn record(number: u8) -> MachineOf<Test> {
    crate::Machines::<Test>::get(machine(number)).expect("it is registered")
}

pub fn by_provider() -> RuntimeOrigin {
    RuntimeOrigin::signed(PROVIDER)
}

pub fn free(who: u64) -> Balance {
    Balances::free_balance(who)
}

/// The machine is registered with so many GPUs, has an offer and is listed.
pub fn listed(number: u8, gpus: u8) -> MachineId {
    let machine = machine(number);
    assert_ok!(register(number, gpus));
    let offer = offer(Amount::Dbc(1_200));
    assert_ok!(Machines::set_offer(RuntimeOrigin::signed(OPERATOR), machine, offer));
    assert_ok!(Machines::list(RuntimeOrigin::signed(OPERATOR), machine));
    machine
}
