//! A runtime with this pallet alone.

use std::cell::Cell;

use dbc_primitives::{
    Amount, Balance, Gpu, HardwareFacts, MachineClass, MachineId, NetworkFacts, Offer, Price, Slot,
    proof::register_message,
};
use frame_support::{
    assert_ok, derive_impl,
    dispatch::DispatchResult,
    traits::{ConstU64, ConstU128, Get, fungible::InspectHold},
};
use sp_core::{Pair, ed25519};
use sp_runtime::{BuildStorage, traits::IdentityLookup};

use crate::{self as pallet_machines, HoldReason};

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

thread_local! {
    static NOW: Cell<Slot> = const { Cell::new(1_000) };
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

impl pallet_machines::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Clock = TestClock;
    type StakePerGpu = ConstU128<STAKE>;
    type RetirementDelay = ConstU64<1_000>;
    type MaxTerm = ConstU64<1_000_000>;
    type Price = TestClock;
    type Presence = ();
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
        System::set_block_number(1);
        test();
        Machines::do_try_state().expect("invariants");
    });
}

/// Another slot.
pub fn at(slot: Slot) {
    NOW.set(slot);
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

pub fn facts(gpus: u8) -> HardwareFacts {
    HardwareFacts {
        gpus: vec![Gpu::default(); gpus.into()].try_into().expect("at most 16"),
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
    Offer { price: Price { gpu_hour, cpu_hour: Amount::Dbc(1) }, min_term: 10, max_term: 1_000 }
}

pub fn staked() -> Balance {
    Balances::balance_on_hold(&HoldReason::Stake.into(), &PROVIDER)
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
