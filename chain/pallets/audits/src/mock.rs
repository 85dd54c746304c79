//! A runtime with this pallet alone, machines that are numbers, and auditors.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use dbc_primitives::{
    Balance, BoundedVec, MachineId, Slot,
    audit::{CANDIDATES, Candidate, Terms, candidate, visit_commitment},
};
use frame_support::{
    assert_ok, derive_impl,
    dispatch::DispatchResult,
    parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, Get, Hooks as _},
    weights::{Weight, WeightMeter},
};
use frame_system::EnsureRoot;
use sp_runtime::{BuildStorage, traits::IdentityLookup};

use crate::{
    self as pallet_audits, AuditId, AuditOf, AuditSink, AuditedMachines, Findings, NoTerms, Phase,
    Proof, Purpose, TranscriptCheck, Verdict, VisitReport, VisitedLease,
};

pub const BOND: Balance = 1_000;
pub const WINDOW: Slot = 100;
pub const COMMIT: Slot = 30;
pub const REVEAL: Slot = 20;
pub const LIFE: Slot = 3_000;
pub const BACK_OFF: Slot = 200;
pub const KEPT: Slot = 500;
pub const SHOW: Slot = 60;
pub const DEMAND: Balance = 50;
pub const VISIT_EVERY: Slot = 80;
pub const VISIT: Slot = 60;
pub const VISIT_COST: Balance = 40;
pub const NEAR_MS: u32 = 100;
pub const TREASURY: u64 = 99;
pub const START: Slot = 10_000;
/// Owns the machine that is not said otherwise.
pub const PROVIDER: u64 = 50;

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
    pub type Audits = pallet_audits::Pallet<Test>;
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
    pub static LUCK: Cell<u64> = const { Cell::new(0) };
    pub static PAID: RefCell<BTreeMap<u64, u32>> = const { RefCell::new(BTreeMap::new()) };
    pub static GONE: RefCell<Vec<MachineId>> = const { RefCell::new(Vec::new()) };
    /// Machines of another provider.
    pub static SOLD: RefCell<Vec<MachineId>> = const { RefCell::new(Vec::new()) };
    pub static LEASED: Cell<Option<MachineId>> = const { Cell::new(None) };
    /// Cards of that machine that are free none the less.
    pub static FREE: Cell<u16> = const { Cell::new(0) };
    /// Whether all machines can be rented.
    pub static RENTABLE: Cell<bool> = const { Cell::new(true) };
    pub static LEASES: RefCell<BTreeMap<u64, VisitedLease<u64>>> = const { RefCell::new(BTreeMap::new()) };
    /// What auditors had back.
    pub static GIVEN: RefCell<BTreeMap<u64, Balance>> = const { RefCell::new(BTreeMap::new()) };
    /// Where all machines say that they stand.
    pub static REGION: Cell<Option<u16>> = const { Cell::new(None) };
    pub static AWAY: Cell<Option<MachineId>> = const { Cell::new(None) };
    pub static SILENT: Cell<Option<MachineId>> = const { Cell::new(None) };
    /// Machines that answered while their cards were leased.
    pub static ANSWERED: RefCell<Vec<MachineId>> = const { RefCell::new(Vec::new()) };
    pub static CHECKED: RefCell<Vec<(u64, Option<bool>, bool)>> = const { RefCell::new(Vec::new()) };
    /// Per cent of the machines that are looked at once more in an hour.
    pub static SHARE: Cell<u32> = const { Cell::new(0) };
    pub static HEARD: RefCell<Vec<(MachineId, bool)>> = const { RefCell::new(Vec::new()) };
}

pub struct World;

impl Get<Slot> for World {
    fn get() -> Slot {
        NOW.get()
    }
}

impl Get<[u8; 32]> for World {
    fn get() -> [u8; 32] {
        sp_io::hashing::blake2_256(&[NOW.get().to_le_bytes(), LUCK.get().to_le_bytes()].concat())
    }
}

impl AuditedMachines<u64> for World {
    fn count() -> u32 {
        4
    }

    fn at(index: u32) -> Option<MachineId> {
        Some(machine(index as u8 + 1))
    }

    fn provider(machine: MachineId) -> Option<u64> {
        let sold = SOLD.with_borrow(|sold| sold.contains(&machine));
        Some(if sold { PROVIDER + 1 } else { PROVIDER })
    }

    fn terms(machine: MachineId) -> Result<Terms, NoTerms> {
        let terms =
            Terms { gpus: 2, edge: 16, links: 40, openings: 4, commit_ms: 30_000, open_ms: 5_000 };
        GONE.with_borrow(|gone| (!gone.contains(&machine)).then_some(terms).ok_or(NoTerms::Gone))
    }

    fn terms_now(machine: MachineId) -> Result<Terms, NoTerms> {
        let gpus = if Self::is_leased(machine) { 0 } else { 2 };
        Self::terms(machine).map(|terms| Terms { gpus, ..terms })
    }

    fn terms_of(machine: MachineId, cards: u16) -> Result<Terms, NoTerms> {
        Self::terms(machine).map(|terms| Terms { gpus: cards, ..terms })
    }

    fn free_cards(_: MachineId) -> u16 {
        FREE.get()
    }

    fn region(_: MachineId) -> Option<u16> {
        REGION.get()
    }

    fn can_be_rented(_: MachineId) -> bool {
        RENTABLE.get()
    }

    fn lease(lease: u64) -> Option<VisitedLease<u64>> {
        LEASES.with_borrow(|leases| leases.get(&lease).cloned())
    }

    fn is_leased(machine: MachineId) -> bool {
        LEASED.get() == Some(machine)
    }

    fn is_away(machine: MachineId) -> bool {
        AWAY.get() == Some(machine)
    }

    fn is_silent(machine: MachineId) -> bool {
        SILENT.get() == Some(machine)
    }

    fn may_ask(_: MachineId, who: &u64) -> bool {
        *who == PROVIDER
    }

    fn is_involved(_: MachineId, who: &u64) -> bool {
        *who == PROVIDER
    }
}

impl AuditSink for World {
    fn passed(machine: MachineId, _: &Proof) {
        HEARD.with_borrow_mut(|all| all.push((machine, true)));
    }

    fn failed(machine: MachineId, _: Purpose, _: bool) {
        HEARD.with_borrow_mut(|all| all.push((machine, false)));
    }

    fn expired(machine: MachineId) {
        HEARD.with_borrow_mut(|all| all.push((machine, false)));
    }

    fn answered(machine: MachineId) {
        ANSWERED.with_borrow_mut(|all| all.push(machine));
    }

    fn checked(report: u64, upheld: Option<bool>, silent: bool) {
        CHECKED.with_borrow_mut(|all| all.push((report, upheld, silent)));
    }
}

impl pallet_audits::DutyPay<u64> for World {
    fn pay(auditor: &u64) {
        PAID.with_borrow_mut(|paid| *paid.entry(*auditor).or_default() += 1);
    }

    fn give_back(auditor: &u64, cost: Balance) -> Balance {
        GIVEN.with_borrow_mut(|given| *given.entry(*auditor).or_default() += cost);
        cost
    }
}

/// A transcript is its root and a byte that says what it supports.
impl TranscriptCheck for World {
    fn supports(
        _: MachineId,
        _: crate::AuditId,
        _: Terms,
        _: &[u8; 32],
        root: &[u8; 32],
        verdict: &Verdict,
        transcript: &[u8],
    ) -> Option<bool> {
        let (found, truth) = transcript.split_at_checked(32)?;
        let passed = match truth {
            [0] => false,
            [1] => true,
            _ => return None,
        };
        (found == root).then_some(passed == matches!(verdict, Verdict::Pass(_)))
    }
}

parameter_types! {
    pub const Treasury: u64 = TREASURY;
    pub SecondLooks: sp_runtime::Permill = sp_runtime::Permill::from_percent(SHARE.get());
}

impl pallet_audits::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Clock = World;
    type Randomness = World;
    type Machines = World;
    type Sink = World;
    type Pay = World;
    type Check = World;
    type Treasury = Treasury;
    type SeatOrigin = EnsureRoot<u64>;
    type Bond = ConstU128<BOND>;
    type AuditorsMax = ConstU32<32>;
    type Drawn = ConstU32<5>;
    type FullFrom = ConstU32<15>;
    type Window = ConstU64<WINDOW>;
    type DrawDelay = ConstU64<20>;
    type CommitSlots = ConstU64<COMMIT>;
    type RevealSlots = ConstU64<REVEAL>;
    type VisitEvery = ConstU64<VISIT_EVERY>;
    type VisitSlots = ConstU64<VISIT>;
    type VisitCost = ConstU128<VISIT_COST>;
    type NearMs = ConstU32<NEAR_MS>;
    type ProofLife = ConstU64<LIFE>;
    type BackOff = ConstU64<BACK_OFF>;
    type KeptSlots = ConstU64<KEPT>;
    type LeaveDelay = ConstU64<1_000>;
    type StrikesMax = ConstU32<3>;
    type SecondLooks = SecondLooks;
    type DemandBond = ConstU128<DEMAND>;
    type ShowSlots = ConstU64<SHOW>;
    type TranscriptMax = ConstU32<1_024>;
    type StepsPerBlock = ConstU32<8>;
    type WeightInfo = pallet_audits::weights::CountedWeight<Test>;
}

pub fn machine(number: u8) -> MachineId {
    MachineId([number; 32])
}

/// Runs a test in a fresh state with so many auditors (numbers from 1), all drawable; checks every invariant
/// after it.
pub fn run(auditors: u64, test: impl FnOnce()) {
    let mut storage =
        frame_system::GenesisConfig::<Test>::default().build_storage().expect("genesis");
    let mut balances: Vec<_> = (1..=60).map(|account| (account, 10 * BOND)).collect();
    balances.push((TREASURY, 1));
    pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
        .assimilate_storage(&mut storage)
        .expect("balances");
    sp_io::TestExternalities::new(storage).execute_with(|| {
        PAID.take();
        HEARD.take();
        GONE.take();
        SOLD.take();
        CHECKED.take();
        ANSWERED.take();
        LEASED.set(None);
        FREE.set(0);
        RENTABLE.set(true);
        LEASES.take();
        GIVEN.take();
        REGION.set(None);
        AWAY.set(None);
        SILENT.set(None);
        SHARE.set(0);
        LUCK.set(0);
        NOW.set(0);
        System::set_block_number(1);
        go_to(START);
        for auditor in 1..=auditors {
            assert_ok!(Audits::seat(RuntimeOrigin::root(), auditor, true));
            assert_ok!(Audits::join(RuntimeOrigin::signed(auditor), [auditor as u8; 32]));
        }
        go_to(START + 5);
        test();
        Audits::do_try_state().expect("every invariant holds");
    });
}

pub fn now() -> Slot {
    NOW.get()
}

/// A block at each fifth slot, up to this one.
pub fn go_to(slot: Slot) {
    while NOW.get() < slot {
        let next = if NOW.get() < START { slot } else { (NOW.get() + 5).min(slot) };
        NOW.set(next);
        Audits::on_initialize(0);
        let mut meter = WeightMeter::with_limit(Weight::MAX);
        Audits::on_poll(0, &mut meter);
    }
}

/// Transcript of an auditor, which says that the machine passed, or that it did not.
pub fn transcript<M: Get<u32>>(auditor: u64, passed: bool) -> BoundedVec<u8, M> {
    let bytes = [&root_of(auditor)[..], &[u8::from(passed)]].concat();
    bytes.try_into().expect("short")
}

/// Time passes without a block.
pub fn sleep_to(slot: Slot) {
    NOW.set(slot);
}

/// Books an audit as the provider; gives its number.
pub fn booked(number: u8) -> AuditId {
    let id = crate::NextAudit::<Test>::get();
    assert_ok!(Audits::request(RuntimeOrigin::signed(PROVIDER), machine(number)));
    id
}

pub fn audit(id: AuditId) -> AuditOf<Test> {
    crate::Audits::<Test>::get(id).expect("its record is there")
}

/// Books an audit and goes to where its auditors are drawn.
pub fn drawn(number: u8) -> AuditId {
    let id = booked(number);
    go_to(audit(id).starts);
    assert_eq!(audit(id).phase, Phase::Commit);
    id
}

pub fn auditors_of(id: AuditId) -> Vec<u64> {
    audit(id).duties.iter().map(|duty| duty.auditor).collect()
}

pub fn pass() -> Verdict {
    Verdict::Pass(Findings { gpus: 4, throughput: 1_000, ..Findings::default() })
}

pub fn root_of(auditor: u64) -> [u8; 32] {
    [auditor as u8; 32]
}

pub fn commit(id: AuditId, auditor: u64, verdict: Verdict) {
    let commit = Audits::commitment(&auditor, &root_of(auditor), &verdict);
    assert_ok!(Audits::commit(RuntimeOrigin::signed(auditor), id, commit));
}

pub fn reveal(id: AuditId, auditor: u64, verdict: Verdict) {
    assert_ok!(Audits::reveal(RuntimeOrigin::signed(auditor), id, root_of(auditor), verdict));
}

/// Those drawn say these verdicts, in the order of their draw; whoever has none stays silent. Goes to where
/// the audit is closed or drawn again.
pub fn say(id: AuditId, verdicts: &[Option<Verdict>]) {
    let auditors = auditors_of(id);
    let told: Vec<_> = auditors.iter().zip(verdicts).collect();
    for (auditor, verdict) in &told {
        if let Some(verdict) = verdict {
            commit(id, **auditor, *verdict);
        }
    }
    go_to(audit(id).next);
    for (auditor, verdict) in &told {
        if let Some(verdict) = verdict {
            reveal(id, **auditor, *verdict);
        }
    }
    go_to(audit(id).next);
}

/// What an auditor's visits are committed to.
pub fn secret_of(auditor: u64) -> [u8; 32] {
    [auditor as u8 + 100; 32]
}

/// The account under which an auditor rents.
pub fn renter_of(auditor: u64) -> u64 {
    auditor + 200
}

/// Plans a visit of an auditor and goes to where it is drawn.
pub fn visit_drawn(auditor: u64) -> AuditId {
    let commit = visit_commitment(&auditor, &secret_of(auditor), &renter_of(auditor));
    assert_ok!(Audits::plan_visit(RuntimeOrigin::signed(auditor), commit));
    go_to(visit(auditor).until);
    assert!(visit(auditor).draw.is_some());
    visit(auditor).audit
}

pub fn visit(auditor: u64) -> crate::Visit {
    crate::Visits::<Test>::get(auditor).expect("it is not over")
}

/// The machine that is an auditor's candidate of this number.
pub fn candidate_of(auditor: u64, attempt: u8) -> MachineId {
    let draw = visit(auditor).draw.expect("it is drawn");
    let suspects = draw.suspects.len() as u32;
    match candidate(&draw.seed, &secret_of(auditor), attempt, draw.count, suspects) {
        Some(Candidate::Suspect(at)) => draw.suspects[at as usize],
        Some(Candidate::Index(at)) => machine(at as u8 + 1),
        None => panic!("there is none"),
    }
}

/// The first candidate of an auditor that is this machine.
pub fn attempt_at(auditor: u64, wanted: MachineId) -> Option<u8> {
    (0..CANDIDATES).find(|attempt| candidate_of(auditor, *attempt) == wanted)
}

/// Rents a candidate of an auditor in his account's name; gives what he has to tell.
pub fn rented(auditor: u64, attempt: u8, verdict: Verdict) -> VisitReport<u64> {
    let lease = LEASES.with_borrow(|leases| leases.len() as u64);
    let machine = candidate_of(auditor, attempt);
    let (renter, created_at) = (renter_of(auditor), now());
    let found = VisitedLease { renter, machine, created_at, started: true, cards: 1, cost: 30 };
    LEASES.with_borrow_mut(|leases| leases.insert(lease, found));
    let terms = World::terms_of(machine, 1).expect("there is a challenge");
    let (secret, root) = (secret_of(auditor), root_of(auditor));
    VisitReport { secret, renter, attempt, lease, terms, root, verdict }
}

pub fn tell(auditor: u64, report: VisitReport<u64>) -> DispatchResult {
    let told = Audits::reveal_visit(RuntimeOrigin::signed(auditor), report);
    told.map(drop).map_err(|error| error.error)
}

/// An auditor visits a machine and tells; waits until he may, and until it is among his candidates.
pub fn visits(auditor: u64, wanted: MachineId, verdict: Verdict) {
    loop {
        go_to(crate::Auditors::<Test>::get(auditor).expect("he is one").visit_from.max(now()));
        visit_drawn(auditor);
        if let Some(attempt) = attempt_at(auditor, wanted) {
            assert_ok!(tell(auditor, rented(auditor, attempt, verdict)));
            return;
        }
        RENTABLE.set(false);
        let (secret, account) = (secret_of(auditor), renter_of(auditor));
        assert_ok!(Audits::give_up_visit(RuntimeOrigin::signed(auditor), secret, account));
        RENTABLE.set(true);
    }
}

pub fn given(auditor: u64) -> Balance {
    GIVEN.with_borrow(|given| given.get(&auditor).copied().unwrap_or_default())
}

pub fn proof(number: u8) -> Option<Proof> {
    crate::Proofs::<Test>::get(machine(number))
}

pub fn paid(auditor: u64) -> u32 {
    PAID.with_borrow(|paid| paid.get(&auditor).copied().unwrap_or_default())
}

pub fn heard() -> Vec<(MachineId, bool)> {
    HEARD.with_borrow(Clone::clone)
}
