//! A runtime with the two market pallets, and the verbs of their tests.

use std::cell::{Cell, RefCell};

use dbc_primitives::{
    Amount, Balance, Gpu, HardwareFacts, LeaseId, MachineClass, MachineId, NetworkFacts, Offer,
    Order, Price, Profile, Slot,
    discount::{BurnStep, BurnTable, Tier, Tiers},
    proof::register_message,
};
use frame_support::{
    assert_ok, derive_impl,
    dispatch::{DispatchResult, DispatchResultWithPostInfo},
    parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, Get, Hooks, fungible::InspectHold},
    weights::{Weight, WeightMeter},
};
use sp_core::{Pair, ed25519};
use sp_runtime::{AccountId32, BuildStorage, Permill, traits::IdentityLookup};

use crate::{self as pallet_leases, HoldReason, LeaseOf, Meter};

/// Units of the tests' prices are whole slots' worth, so that sums can be done in the head.
pub const RATE: Balance = 10_000;
/// What everybody begins with.
pub const ENDOWMENT: Balance = 1_000_000_000;
pub const ED: Balance = 100;
pub const STAKE: Balance = 5_000;
pub const PLEDGE: Balance = 2_000_000;
/// For each day of keeping data.
pub const STORAGE: Balance = 10_000;
pub const PLATFORM_DEPOSIT: Balance = 7_000;

pub fn account(byte: u8) -> AccountId32 {
    AccountId32::new([byte; 32])
}
pub fn provider() -> AccountId32 {
    account(1)
}
pub fn renter() -> AccountId32 {
    account(2)
}
pub fn other() -> AccountId32 {
    account(3)
}
pub fn treasury() -> AccountId32 {
    account(200)
}

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
    #[runtime::pallet_index(3)]
    pub type Leases = pallet_leases::Pallet<Test>;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountId = AccountId32;
    type Lookup = IdentityLookup<AccountId32>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ConstU128<ED>;
    type AccountStore = System;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type FreezeIdentifier = u8;
    type MaxFreezes = ConstU32<1>;
}

thread_local! {
    static NOW: Cell<Slot> = const { Cell::new(1_000) };
    static HORIZON: Cell<Option<Slot>> = const { Cell::new(None) };
    static OUTAGES: RefCell<Vec<(Slot, Slot)>> = const { RefCell::new(Vec::new()) };
    static AWAY: RefCell<Vec<(u32, Slot)>> = const { RefCell::new(Vec::new()) };
    static TIERS: RefCell<Tiers> = RefCell::new(Tiers::default());
    static GPUS: Cell<u32> = const { Cell::new(0) };
    static BLAMED: Cell<bool> = const { Cell::new(true) };
    static DOLLAR: Cell<Option<Balance>> = const { Cell::new(Some(1)) };
}

pub struct TestClock;
impl Get<Slot> for TestClock {
    fn get() -> Slot {
        NOW.get()
    }
}
impl Meter for TestClock {
    fn horizon() -> Slot {
        HORIZON.get().unwrap_or(NOW.get())
    }

    fn live_by(index: u32, slot: Slot) -> Slot {
        let until = AWAY.with_borrow(|all| all.iter().find(|(at, _)| *at == index).copied());
        let slot = until.map_or(slot, |(_, since)| slot.min(since));
        let away = |from: Slot, to: Slot| slot.min(to).saturating_sub(from);
        OUTAGES
            .with_borrow(|all| slot - all.iter().map(|(from, to)| away(*from, *to)).sum::<Slot>())
    }

    fn blamed_by(index: u32, slot: Slot) -> Slot {
        match BLAMED.get() {
            true => slot - Self::live_by(index, slot),
            false => 0,
        }
    }

    fn is_live(index: u32) -> bool {
        let now = Self::horizon();
        Self::silent_since(index).is_none()
            && OUTAGES.with_borrow(|all| !all.iter().any(|(from, to)| (*from..*to).contains(&now)))
    }

    fn silent_since(index: u32) -> Option<Slot> {
        AWAY.with_borrow(|all| all.iter().find(|(at, _)| *at == index).map(|(_, since)| *since))
    }
}

/// A dollar is a million units; nobody knows when that is unset.
impl pallet_machines::DollarPrice for TestClock {
    fn to_dbc(micro: u128) -> Option<Balance> {
        DOLLAR.get().and_then(|units| micro.checked_mul(units))
    }
}

pub struct TestTiers;
impl Get<Tiers> for TestTiers {
    fn get() -> Tiers {
        TIERS.with_borrow(Tiers::clone)
    }
}

pub struct TestGpus;
impl Get<u32> for TestGpus {
    fn get() -> u32 {
        GPUS.get()
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
    type Uptime = ();
    type StartWindow = ConstU64<300>;
    type MaintenanceNotice = ConstU64<1_000>;
    type MaintenanceMax = ConstU64<1_000>;
    type MaintenanceSpacing = ConstU64<1_000>;
    type TierUptime = ConstU64<1_000>;
    type TierStake = TierStake;
    type ChangeSpacing = ConstU64<1_000>;
    type RelayOrigin = frame_system::EnsureRoot<AccountId32>;
    type WeightInfo = pallet_machines::weights::CountedWeight<Test>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = TestClock;
}

#[cfg(feature = "runtime-benchmarks")]
impl pallet_machines::BenchmarkHelper for TestClock {
    fn set_slot(slot: Slot) {
        NOW.set(slot);
    }
}

parameter_types! {
    pub const TierStake: Permill = Permill::from_percent(50);
    pub const Fee: Permill = Permill::from_percent(5);
    pub Treasury: AccountId32 = treasury();
    pub const MaxDowntime: Permill = Permill::from_percent(5);
    pub Table: BurnTable = {
        let step = |gpus, share| BurnStep { gpus, share };
        BurnTable(vec![step(5_000, 50_000), step(10_000, 100_000)].try_into().expect("two"))
    };
}

impl pallet_leases::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Fleet = Machines;
    type Clock = TestClock;
    type Meter = TestClock;
    type Treasury = Treasury;
    type ProtocolFee = Fee;
    type BurnTable = Table;
    type BurnOrigin = frame_system::EnsureRoot<AccountId32>;
    type ProvenGpus = TestGpus;
    type Tiers = TestTiers;
    type MaxDowntime = MaxDowntime;
    type ForgivenDowntime = ConstU64<50>;
    type Price = TestClock;
    type DisputeMax = ConstU64<2_000>;
    type FailOverAfter = ConstU64<200>;
    type PlatformDeposit = ConstU128<PLATFORM_DEPOSIT>;
    type VoucherMin = ConstU128<1_000>;
    type PledgeAmount = ConstU128<PLEDGE>;
    type StoragePrice = ConstU128<STORAGE>;
    type StartWindow = ConstU64<300>;
    type MinimumCharge = ConstU64<100>;
    type TailWait = ConstU64<40>;
    type Retention = ConstU64<35_000>;
    type BareRetention = ConstU64<5_000>;
    type ExpiriesPerBlock = ConstU32<4>;
    type WeightInfo = pallet_leases::weights::CountedWeight<Test>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = TestClock;
}

#[cfg(feature = "runtime-benchmarks")]
impl pallet_leases::BenchmarkHelper for TestClock {
    fn silence(index: u32) {
        AWAY.with_borrow_mut(|all| all.push((index, now())));
    }

    fn prove(gpus: u32) {
        GPUS.set(gpus);
    }
}

/// A machine's secret key; its number is the seed.
fn machine_key(number: u8) -> ed25519::Pair {
    ed25519::Pair::from_seed(&[number; 32])
}

pub fn machine(number: u8) -> MachineId {
    MachineId(machine_key(number).public().0)
}

/// A fresh state.
fn state() -> sp_io::TestExternalities {
    let mut storage =
        frame_system::GenesisConfig::<Test>::default().build_storage().expect("genesis");
    let mut balances: Vec<_> = (1..=5).map(|byte| (account(byte), ENDOWMENT)).collect();
    balances.push((treasury(), ED));
    pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
        .assimilate_storage(&mut storage)
        .expect("balances");
    pallet_machines::GenesisConfig::<Test> {
        verified: (1..=3).map(|number| machine(number).0).collect(),
        relays: vec!["http://relay.example".into()],
        _config: Default::default(),
    }
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
        HORIZON.set(None);
        OUTAGES.take();
        AWAY.take();
        TIERS.take();
        GPUS.set(0);
        BLAMED.set(true);
        DOLLAR.set(Some(1));
        System::set_block_number(1);
        test();
        try_state();
    });
}

pub fn try_state() {
    Machines::do_try_state().expect("machines' invariants");
    Leases::do_try_state().expect("leases' invariants");
}

pub fn now() -> Slot {
    NOW.get()
}

/// Time passes, without a block.
pub fn pass(slots: Slot) {
    NOW.set(NOW.get() + slots);
}

/// All machines are away from the one slot to before the other.
pub fn outage(from: Slot, to: Slot) {
    OUTAGES.with_borrow_mut(|all| all.push((from, to)));
}

/// Nobody is to blame for any silence.
pub fn excuse() {
    BLAMED.set(false);
}

/// One machine is away from now on; the others are there.
pub fn silence(machine: MachineId) {
    let record = pallet_machines::Machines::<Test>::get(machine).expect("it is registered");
    AWAY.with_borrow_mut(|all| all.push((record.index.index, now())));
}

/// Discounts in percent from so many slots on.
pub fn set_tiers(all: &[(Slot, u32)]) {
    let tiers = all.iter().map(|(from, percent)| Tier { from: *from, off: percent * 10_000 });
    let tiers = Tiers(tiers.collect::<Vec<_>>().try_into().expect("at most 4"));
    assert!(tiers.is_sound());
    TIERS.set(tiers);
}

pub fn set_gpus(gpus: u32) {
    GPUS.set(gpus);
}

/// What a millionth of a dollar is in units.
pub fn set_dollar(units: Option<Balance>) {
    DOLLAR.set(units);
}

pub fn set_horizon(slot: Option<Slot>) {
    HORIZON.set(slot);
}

/// A block: the queue moves as far as this weight allows.
pub fn poll(weight: Weight) {
    let mut meter = WeightMeter::with_limit(weight);
    Leases::on_poll(1, &mut meter);
}

pub fn offer(gpu_slot: Balance, cpu_slot: Balance) -> Offer {
    let hour = |slot: Balance| Amount::Dbc(slot * Balance::from(dbc_primitives::SLOTS_PER_HOUR));
    Offer {
        price: Price { gpu_hour: hour(gpu_slot), cpu_hour: hour(cpu_slot) },
        min_term: 10,
        max_term: 100_000,
        cpu_shares: 2,
    }
}

/// Registers and lists a machine of the provider with so many GPUs, at [`RATE`] each.
pub fn listed(number: u8, gpus: u8) -> MachineId {
    let _ = Machines::set_operator(RuntimeOrigin::signed(provider()), provider());
    register(number, gpus);
    let machine = machine(number);
    assert_ok!(Machines::set_offer(RuntimeOrigin::signed(provider()), machine, offer(RATE, RATE)));
    assert_ok!(Machines::list(RuntimeOrigin::signed(provider()), machine));
    machine
}

fn register(number: u8, gpus: u8) {
    let genesis = frame_system::Pallet::<Test>::block_hash(0);
    let message = register_message(&genesis.0, provider().as_ref());
    let proof = machine_key(number).sign(&message).0;
    let gpu = |slot: u8| Gpu { memory_mib: 24_576 + u32::from(slot), ..Default::default() };
    let facts = HardwareFacts {
        gpus: (0..gpus).map(gpu).collect::<Vec<_>>().try_into().expect("at most 16"),
        cpu_cores: 8,
        memory_mib: 1 << 16,
        disk_gib: 100,
        ..Default::default()
    };
    let class = if gpus == 0 { MachineClass::Cpu } else { MachineClass::Training };
    assert_ok!(Machines::register(
        RuntimeOrigin::signed(provider()),
        machine(number),
        proof,
        class,
        facts,
        Default::default(),
        NetworkFacts::default(),
    ));
}

/// An order for these GPUs (or the CPU profile), for so long, at the newest offer.
pub fn order(machine: MachineId, gpus: &[u8], term: Slot, tag: u64) -> Order<AccountId32> {
    let record = pallet_machines::Machines::<Test>::get(machine).expect("it is registered");
    Order {
        machine,
        gpus: gpus.to_vec().try_into().expect("at most 16"),
        profile: if gpus.is_empty() { Profile::Cpu } else { Profile::Gpu },
        cpu_shares: u16::from(gpus.is_empty()),
        term,
        offer_version: record.offer_version,
        max_rate: Balance::MAX,
        cap: None,
        access_key: [7; 32],
        spec_hash: None,
        platform: None,
        voucher: None,
        standby: None,
        receiver: None,
        tag,
    }
}

/// Changes what the machine costs from now on, in units per slot.
pub fn reprice(machine: MachineId, rate: Balance) {
    let changed =
        Machines::set_offer(RuntimeOrigin::signed(provider()), machine, offer(rate, rate));
    assert_ok!(changed);
}

/// A started lease of one GPU at `rate` for `term` slots.
pub fn running_at(rate: Balance, term: Slot) -> LeaseId {
    let machine = listed(1, 2);
    reprice(machine, rate);
    let lease = create(order(machine, &[0], term, 1));
    assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
    lease
}

/// Gives all that an account can move to account 5. One whose life does not hang on its balance
/// alone (`System::inc_providers`) keeps nothing, whatever it has on hold.
pub fn drain(who: &AccountId32) {
    let origin = RuntimeOrigin::signed(who.clone());
    assert_ok!(Balances::transfer_all(origin, account(5), false));
}

/// Orders as the renter; gives the lease.
pub fn create(order: Order<AccountId32>) -> LeaseId {
    let lease = crate::NextLease::<Test>::get();
    assert_ok!(Leases::create(RuntimeOrigin::signed(renter()), order));
    lease
}

/// A started lease of one GPU for `term` slots.
pub fn running(term: Slot) -> LeaseId {
    let lease = create(order(listed(1, 2), &[0], term, 1));
    assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
    lease
}

pub fn record(lease: LeaseId) -> LeaseOf<Test> {
    crate::Leases::<Test>::get(lease).expect("its record is there")
}

pub fn free(who: &AccountId32) -> Balance {
    Balances::free_balance(who)
}

pub fn held(who: &AccountId32) -> Balance {
    Balances::balance_on_hold(&HoldReason::Deposit.into(), who)
}

pub fn held_as(reason: HoldReason, who: &AccountId32) -> Balance {
    Balances::balance_on_hold(&reason.into(), who)
}

/// Deposited = paid + fees + burned + platform's + refunded + still held, to the unit.
pub fn assert_equation(lease: LeaseId, deposited: Balance) {
    let record = record(lease);
    let taken = record.paid + record.fees + record.burned + record.platform_fees;
    assert_eq!(deposited, taken + record.refunded + record.deposit);
}

/// What a lease has cost so far.
pub fn cost(lease: LeaseId) -> Balance {
    let record = record(lease);
    record.paid + record.fees + record.burned + record.platform_fees
}

/// What came of a call, without its weight.
pub fn plain(result: DispatchResultWithPostInfo) -> DispatchResult {
    result.map(drop).map_err(|refused| refused.error)
}
