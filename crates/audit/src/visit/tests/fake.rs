//! A chain and a market that are made up, and crash whoever calls them when they are told to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use codec::Encode as _;
use dbc_bench::{Case, Transcript};
use dbc_chain_client::{AccountId, Signer, VisitDraw, VisitRecord, VisitTold};
use dbc_primitives::{
    MachineId, Slot,
    audit::{AuditId, Findings, Terms, Verdict, visit_commitment},
};
use dbc_sdk::{Money, Profile, Quote, Rate, RentOrder, WorkloadSpec};

use super::super::{
    step::{Now, Seen},
    world::{Started, Trouble, World},
};
use crate::challenge::{Away, Explained};

/// The auditor.
pub const ME: AccountId = AccountId([77; 32]);
/// The first number that a visit gets.
pub const AUDIT: AuditId = 7;
/// What is drawn.
pub const SEED: [u8; 32] = [3; 32];
/// Slots from the draw to the last for telling.
pub const WINDOW: Slot = 90;
/// What a visit needs.
pub const COST: u128 = 1_000;
/// Slots from the plan to the draw.
const DRAWN_AFTER: Slot = 4;
/// Slots after which a plan comes that nobody knew of.
const LATE: Slot = 20;

/// How a machine behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Honest,
    /// Whoever orders is refused.
    Taken,
    /// The chain says that it cannot be visited.
    Shut,
    /// It takes the order and is on its way for ever.
    NeverRuns,
    /// It takes the order and lets the chain close it.
    Closes,
    /// It runs and lets nobody in.
    Away,
    /// It answers wrongly.
    Lies,
    /// It hangs up when it hears which rows are asked for.
    BreaksOff,
}

#[derive(Debug, Clone, Copy)]
pub struct Machine {
    pub id: MachineId,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub struct Lease {
    pub machine: MachineId,
    pub open: bool,
    renter: AccountId,
    tag: u64,
}

/// What there is, and what was done.
pub struct State {
    pub machines: Vec<Machine>,
    pub funds: BTreeMap<AccountId, u128>,
    pub leases: BTreeMap<u64, Lease>,
    pub plans: u32,
    pub plan_calls: u32,
    pub reveals: Vec<VisitTold>,
    pub gave_up: u32,
    pub missed: u32,
    pub calls: u32,
    /// At which call whoever calls crashes, and whether after it was done.
    pub crash: Option<(u32, bool)>,
    /// Whether the node does not say what became of the first plan, which comes later.
    pub plan_comes_late: bool,
    /// So many orders are refused, whoever is ordered.
    pub refuses: u32,
    /// Slots after a visit from which on the next may be planned.
    pub from_after: Slot,
    pub forgotten: bool,
    slot: Slot,
    from: Slot,
    next_audit: AuditId,
    told: Vec<AuditId>,
    open: Option<VisitRecord>,
    planned: Slot,
    late: Option<[u8; 32]>,
}

#[derive(Clone)]
pub struct Fake(Arc<Mutex<State>>);

impl Fake {
    pub fn new(kinds: &[Kind]) -> Self {
        let machine = |(n, kind): (usize, &Kind)| Machine {
            id: MachineId([u8::try_from(n).unwrap() + 1; 32]),
            kind: *kind,
        };
        Self(Arc::new(Mutex::new(State {
            machines: kinds.iter().enumerate().map(machine).collect(),
            funds: BTreeMap::new(),
            leases: BTreeMap::new(),
            plans: 0,
            plan_calls: 0,
            reveals: Vec::new(),
            gave_up: 0,
            missed: 0,
            calls: 0,
            crash: None,
            plan_comes_late: false,
            refuses: 0,
            from_after: 10,
            forgotten: false,
            slot: 100,
            from: 0,
            next_audit: AUDIT,
            told: Vec::new(),
            open: None,
            planned: 0,
            late: None,
        })))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn fund(&self, account: AccountId, amount: u128) {
        self.state().funds.insert(account, amount);
    }

    /// A slot goes by.
    pub fn pass(&self) {
        let mut state = self.state();
        state.slot += 1;
        let slot = state.slot;
        if state.late.is_some() && slot >= state.planned + LATE {
            let commit = state.late.take().unwrap();
            state.plan(commit);
        }
        let (planned, count) = (state.planned, state.machines.len() as u32);
        let Some(open) = &mut state.open else { return };
        if open.draw.is_none() && slot >= planned + DRAWN_AFTER {
            open.until = slot + WINDOW;
            open.draw = Some(VisitDraw { at: slot, seed: SEED, count, suspects: Vec::new() });
        } else if open.draw.is_some() && slot > open.until {
            state.missed += 1;
            state.close();
        }
    }

    /// Does something, unless whoever asks for it crashes before.
    async fn call<T: Send>(&self, act: impl FnOnce(&mut State) -> T + Send) -> T {
        let (done, crash) = {
            let mut state = self.state();
            state.calls += 1;
            let crash =
                state.crash.filter(|(call, _)| *call == state.calls).map(|(_, after)| after);
            let done = (crash != Some(false)).then(|| act(&mut state));
            (done, crash.is_some())
        };
        match done {
            Some(done) if !crash => done,
            _ => std::future::pending().await,
        }
    }
}

impl State {
    fn plan(&mut self, commit: [u8; 32]) {
        assert!(self.open.is_none(), "one visit at a time");
        assert!(self.slot >= self.from, "not before its time");
        self.plans += 1;
        self.planned = self.slot;
        let until = self.slot + 50;
        self.open = Some(VisitRecord { audit: self.next_audit, commit, draw: None, until });
        self.next_audit += 1;
    }

    fn close(&mut self) {
        self.open = None;
        self.from = self.slot.saturating_add(self.from_after);
    }

    fn kind(&self, machine: MachineId) -> Kind {
        self.machines.iter().find(|found| found.id == machine).unwrap().kind
    }

    fn by_tag(&self, renter: AccountId, tag: u64) -> Option<u64> {
        let mine = |lease: &Lease| lease.renter == renter && lease.tag == tag;
        self.leases.iter().find(|(_, lease)| mine(lease)).map(|(id, _)| *id)
    }

    /// A reveal, or giving up, opens what was planned.
    fn opens(&self, secret: &[u8; 32], account: &AccountId) -> AuditId {
        let open = self.open.as_ref().expect("a visit is open");
        assert_eq!(open.commit, visit_commitment(&ME, secret, account));
        open.audit
    }
}

fn order(machine: MachineId) -> RentOrder {
    let quote = Quote {
        machine: dbc_sdk::MachineId(machine.0),
        machine_index: 0,
        gpus: vec![],
        profile: Profile::Cpu,
        cpu_shares: 1,
        term_slots: 1_200,
        term_s: 3_600,
        rate: Rate { per_slot: Money(1), per_hour: Money(1_200) },
        deposit: Money(1_200),
        offer_version: 1,
        in_dollars: false,
        off: 0,
        platform: Money(0),
    };
    RentOrder::new(quote, WorkloadSpec::container("localhost:5000/dbc/base:12"))
}

fn terms() -> Terms {
    Terms { gpus: 0, edge: 16, links: 4, openings: 4, commit_ms: 1_000, open_ms: 1_000 }
}

fn transcript() -> Vec<u8> {
    let (secret, block, root) = ([1; 32], [2; 32], [3; 32]);
    let openings = Vec::new();
    Transcript { secret, block, root, commit_ms: 1, open_ms: u32::MAX, openings }.encode()
}

#[async_trait]
impl World for Fake {
    fn me(&self) -> AccountId {
        ME
    }

    fn genesis(&self) -> [u8; 32] {
        [0; 32]
    }

    fn now(&self) -> Now {
        Now { slot: self.state().slot, slot_ms: 3_000 }
    }

    async fn seen(&self) -> Result<Seen, Trouble> {
        self.call(|state| Ok(Seen { best: state.open.clone(), last: state.open.clone() })).await
    }

    async fn from(&self) -> Result<Option<Slot>, Trouble> {
        self.call(|state| Ok(Some(state.from))).await
    }

    async fn cost(&self) -> Result<u128, Trouble> {
        self.call(|_| Ok(COST)).await
    }

    async fn funds(&self, account: AccountId) -> Result<u128, Trouble> {
        self.call(move |state| Ok(state.funds.get(&account).copied().unwrap_or_default())).await
    }

    async fn plan(&self, commit: [u8; 32]) -> Result<(), Trouble> {
        self.call(move |state| {
            state.plan_calls += 1;
            if std::mem::take(&mut state.plan_comes_late) {
                (state.late, state.planned) = (Some(commit), state.slot);
                return Err(Trouble::Passing("the node did not answer".into()));
            }
            state.plan(commit);
            Ok(())
        })
        .await
    }

    async fn machine_at(&self, index: u32) -> Result<Option<MachineId>, Trouble> {
        self.call(move |state| Ok(state.machines.get(index as usize).map(|found| found.id))).await
    }

    async fn can_be_visited(&self, machine: MachineId) -> Result<bool, Trouble> {
        self.call(move |state| Ok(state.kind(machine) != Kind::Shut)).await
    }

    async fn order(&self, _: &Signer, machine: MachineId) -> Result<(RentOrder, u16), Trouble> {
        self.call(move |_| Ok((order(machine), 0))).await
    }

    async fn terms(&self, _: MachineId, _: u16) -> Result<Option<Terms>, Trouble> {
        self.call(|_| Ok(Some(terms()))).await
    }

    async fn place(&self, account: &Signer, order: &RentOrder) -> Result<u64, Trouble> {
        let (renter, tag) = (account.account(), order.tag.unwrap());
        let machine = MachineId(order.quote.machine.0);
        self.call(move |state| {
            if let Some(lease) = state.by_tag(renter, tag) {
                return Ok(lease);
            }
            let refused = state.refuses > 0;
            state.refuses -= u32::from(refused);
            if refused || state.kind(machine) == Kind::Taken {
                return Err(Trouble::No("somebody else was faster".into()));
            }
            let id = 20 + state.leases.len() as u64;
            state.leases.insert(id, Lease { machine, open: true, renter, tag });
            Ok(id)
        })
        .await
    }

    async fn start(&self, account: &Signer, order: &RentOrder) -> Result<Started, Trouble> {
        let (renter, tag) = (account.account(), order.tag.unwrap());
        self.call(move |state| {
            let id = state.by_tag(renter, tag).unwrap();
            match state.kind(state.leases[&id].machine) {
                Kind::NeverRuns => Err(Trouble::Passing("pulling".into())),
                Kind::Closes => {
                    state.leases.get_mut(&id).unwrap().open = false;
                    Ok(Started::Closed("not_started".into()))
                }
                _ => Ok(Started::Runs(id)),
            }
        })
        .await
    }

    async fn examine(&self, _: &Signer, lease: u64, case: &Case) -> Result<Explained, Away> {
        let machine = case.machine;
        self.call(move |state| {
            assert!(state.leases[&lease].open && state.leases[&lease].machine == machine);
            let found = |verdict, why: &str| Explained {
                verdict,
                transcript: transcript(),
                why: why.into(),
            };
            let away = Away::new("it hung up");
            match state.kind(machine) {
                Kind::Away => Err(away),
                Kind::BreaksOff => {
                    let asked = Some(Box::new(found(Verdict::Fail, "no rows within 1000 ms")));
                    Err(Away { asked, ..away })
                }
                Kind::Lies => Ok(found(Verdict::Fail, "a row does not hold")),
                _ => Ok(found(Verdict::Pass(Findings::default()), "in time")),
            }
        })
        .await
    }

    async fn leave(&self, _: &Signer, lease: u64, _: Duration) -> Result<(), Trouble> {
        self.call(move |state| {
            state.leases.get_mut(&lease).unwrap().open = false;
            Ok(())
        })
        .await
    }

    async fn reveal(&self, told: VisitTold) -> Result<(), Trouble> {
        self.call(move |state| {
            let audit = state.opens(&told.secret, &told.account);
            assert!(!state.leases[&told.lease].open, "it is ended before anybody knows who it was");
            state.told.push(audit);
            state.reveals.push(told);
            state.close();
            Ok(())
        })
        .await
    }

    async fn give_up(&self, secret: [u8; 32], account: AccountId) -> Result<(), Trouble> {
        self.call(move |state| {
            state.opens(&secret, &account);
            state.gave_up += 1;
            state.close();
            Ok(())
        })
        .await
    }

    async fn is_told(&self, audit: AuditId) -> Result<bool, Trouble> {
        self.call(move |state| Ok(state.told.contains(&audit))).await
    }

    async fn sweep(&self, account: &Signer) -> Result<bool, Trouble> {
        let account = account.account();
        self.call(move |state| {
            assert!(state.open.is_none(), "who he was is known");
            state.funds.insert(account, 0);
            Ok(true)
        })
        .await
    }

    async fn forget(&self, _: AccountId) {
        self.call(|state| state.forgotten = true).await;
    }
}
