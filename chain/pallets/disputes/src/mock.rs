//! A runtime with this pallet alone: machines whose stake is a number, leases, and checks that tests decide.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use dbc_primitives::{Balance, LeaseId, MachineId, Slot};
use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, Get, Hooks as _, fungible::Mutate as _},
    weights::{Weight, WeightMeter},
};
use frame_system::EnsureRoot;
use sp_runtime::{BuildStorage, DispatchResult, Permill, traits::IdentityLookup};

use crate::{
    self as pallet_disputes, Checks, Drawn, History, Leased, OffenceId, OffenceOf, Stakes,
    Unreleased,
};

pub const TREASURY: u64 = 99;
pub const PROVIDER: u64 = 10;
pub const RENTER: u64 = 20;
pub const STAKE: Balance = 400_000;
pub const MINUTE: Slot = 20;
pub const HOUR: Slot = 1_200;
pub const APPEAL: Slot = 48 * HOUR;
pub const DECIDE: Slot = 168 * HOUR;
pub const CHECK: Slot = 24 * HOUR;
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
    pub type Disputes = pallet_disputes::Pallet<Test>;
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
    static STAKES: RefCell<BTreeMap<u8, Balance>> = const { RefCell::new(BTreeMap::new()) };
    /// Whether nobody may expect machines to be there.
    pub static AWAY: Cell<bool> = const { Cell::new(false) };
    pub static UNRELEASED: Cell<Balance> = const { Cell::new(0) };
    /// What was asked of leases, in order.
    pub static LEASES: RefCell<Vec<(LeaseId, Told)>> = const { RefCell::new(Vec::new()) };
    /// Who was drawn for checks, and whether they still look.
    pub static DRAWN: RefCell<(Vec<u64>, bool)> = const { RefCell::new((Vec::new(), false)) };
    /// Slots at which very many fell silent.
    pub static EXCUSED: RefCell<Vec<Slot>> = const { RefCell::new(Vec::new()) };
    /// Live 10,000ths of machines in thirty days.
    pub static LIVE: Cell<u32> = const { Cell::new(10_000) };
    /// The last slot in which leases run.
    pub static CLOSED: Cell<Slot> = const { Cell::new(Slot::MAX) };
    /// What the renter paid in lease 1.
    pub static PAID: Cell<Balance> = const { Cell::new(0) };
}

/// What was asked of a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    HeldBack(Slot),
    LetGo,
    Ended,
}

pub struct World;

impl Get<Slot> for World {
    fn get() -> Slot {
        NOW.get()
    }
}

impl Stakes<u64> for World {
    fn of(machine: MachineId) -> Option<(u64, Balance)> {
        let stake = STAKES.with_borrow(|all| all.get(&machine.0[0]).copied())?;
        Some((PROVIDER, stake))
    }

    fn is_expected(_: MachineId) -> bool {
        !AWAY.get()
    }

    fn slash(machine: MachineId, most: Balance, to: &u64) -> Balance {
        let taken = STAKES.with_borrow_mut(|all| {
            let Some(stake) = all.get_mut(&machine.0[0]) else { return 0 };
            let part = most.min(*stake);
            *stake -= part;
            part
        });
        // Stakes are numbers here; what is paid out of them is made.
        Balances::mint_into(to, taken.max(1)).expect("an account can be credited");
        taken
    }
}

impl Unreleased<u64> for World {
    fn forfeit(_: &u64, most: Balance) -> Balance {
        let taken = UNRELEASED.get().min(most);
        UNRELEASED.set(UNRELEASED.get() - taken);
        taken
    }
}

impl Leased<u64> for World {
    fn renter(_: MachineId, lease: LeaseId) -> Option<(u64, Balance)> {
        match lease {
            1 => Some((RENTER, PAID.get())),
            // The provider rents from himself.
            2 => Some((PROVIDER, 1_000_000)),
            _ => None,
        }
    }

    fn ran(_: MachineId, lease: LeaseId, at: Slot) -> bool {
        lease < 3 && at <= CLOSED.get()
    }

    fn hold_back(lease: LeaseId, since: Slot) {
        LEASES.with_borrow_mut(|all| all.push((lease, Told::HeldBack(since))));
    }

    fn let_go(lease: LeaseId) {
        LEASES.with_borrow_mut(|all| all.push((lease, Told::LetGo)));
    }

    fn end_for_fault(lease: LeaseId) {
        LEASES.with_borrow_mut(|all| all.push((lease, Told::Ended)));
    }
}

impl Checks<u64> for World {
    fn book(_: MachineId, _: OffenceId) -> DispatchResult {
        Ok(())
    }

    fn drawn(_: MachineId, _: OffenceId) -> Drawn<u64> {
        let (auditors, open) = DRAWN.with_borrow(Clone::clone);
        Drawn { auditors, open }
    }
}

impl History for World {
    fn is_excused(_: MachineId, since: Slot) -> bool {
        EXCUSED.with_borrow(|all| all.contains(&since))
    }

    fn live_share(_: MachineId) -> u32 {
        LIVE.get()
    }
}

parameter_types! {
    pub const Treasury: u64 = TREASURY;
    pub const RenterShare: Permill = Permill::from_percent(10);
    pub const ReporterShare: Permill = Permill::from_percent(20);
}

impl pallet_disputes::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Clock = World;
    type Stakes = World;
    type Rewards = World;
    type Leases = World;
    type Checks = World;
    type History = World;
    type Treasury = Treasury;
    type CancelOrigin = EnsureRoot<u64>;
    type ReportBond = ConstU128<1_000>;
    type AppealBond = ConstU128<1_000>;
    type AppealSlots = ConstU64<APPEAL>;
    type DecideSlots = ConstU64<DECIDE>;
    type CheckSlots = ConstU64<CHECK>;
    type LiveLeast = ConstU32<9_950>;
    type ChargeEvery = ConstU64<{ 720 * HOUR }>;
    type RenterShare = RenterShare;
    type ReporterShare = ReporterShare;
    type StepsPerBlock = ConstU32<4>;
    type WeightInfo = pallet_disputes::weights::CountedWeight<Test>;
}

pub fn machine(number: u8) -> MachineId {
    MachineId([number; 32])
}

/// Runs a test in a fresh state with machines 1 to 4 of one provider; checks every invariant after it.
pub fn run(test: impl FnOnce()) {
    let mut storage =
        frame_system::GenesisConfig::<Test>::default().build_storage().expect("genesis");
    let mut balances: Vec<_> = (1..=40).map(|account| (account, 100_000)).collect();
    balances.push((TREASURY, 1));
    pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
        .assimilate_storage(&mut storage)
        .expect("balances");
    sp_io::TestExternalities::new(storage).execute_with(|| {
        STAKES.set((1..=4).map(|number| (number, STAKE)).collect());
        AWAY.set(false);
        UNRELEASED.set(0);
        LEASES.take();
        DRAWN.take();
        EXCUSED.take();
        LIVE.set(10_000);
        CLOSED.set(Slot::MAX);
        PAID.set(1_000_000);
        System::set_block_number(1);
        NOW.set(START);
        block();
        test();
        Disputes::do_try_state().expect("every invariant holds");
    });
}

pub fn now() -> Slot {
    NOW.get()
}

fn block() {
    let mut meter = WeightMeter::with_limit(Weight::MAX);
    Disputes::on_poll(0, &mut meter);
}

/// Time passes, with a block at each 900th slot and at the end.
pub fn pass(slots: Slot) {
    let end = NOW.get() + slots;
    while NOW.get() < end {
        NOW.set((NOW.get() + 900).min(end));
        block();
    }
}

pub fn stake(number: u8) -> Balance {
    STAKES.with_borrow(|all| all.get(&number).copied().unwrap_or_default())
}

pub fn offence(id: OffenceId) -> Option<OffenceOf<Test>> {
    crate::Offences::<Test>::get(id)
}
