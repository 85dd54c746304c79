//! The driver of visits: does what [`super::step`] says, writes each result down before the next.

use std::{collections::HashSet, sync::Arc, time::Duration};

use dbc_bench::{Case, hash_of};
use dbc_chain_client::{AccountId, Signer, VisitTold};
use dbc_primitives::{
    MachineId, Slot,
    audit::{CANDIDATES, Candidate, candidate, visit_commitment},
};
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::{
    accounts::FreshState,
    record::{Draw, End, Order, Visit},
    step::{Now, Seen, Step, next},
    world::{Started, Trouble, World},
};
use crate::{
    challenge::Explained,
    duty::{Said, word},
    notes::{Notes, NotesError},
};

/// Pause before the next step.
const SOON: Duration = Duration::from_secs(1);
/// Pause before what did not work is tried again.
const RETRY: Duration = Duration::from_secs(3);
/// Pause between two rounds over the candidates, and after a refusal by the chain.
const ROUND: Duration = Duration::from_secs(30);
/// Pause while there is nothing to visit with.
const IDLE: Duration = Duration::from_secs(10);
/// Slots after which a plan that nobody saw in a block is in none: for so long a call is valid, and some more.
const PLAN_SLOTS: Slot = 80;
/// Looks at an account whose last lease is not settled, before it is left as it is.
const SWEEPS_MAX: u32 = 60;

/// Why a step was not done.
enum Failure {
    Notes(NotesError),
    Trouble(Trouble),
}

impl From<NotesError> for Failure {
    fn from(error: NotesError) -> Self {
        Self::Notes(error)
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// One visit after the other. What it holds in memory may be lost.
pub(super) struct Tour<W> {
    world: W,
    notes: Arc<Notes>,
    said: mpsc::Sender<Said>,
    /// What nobody can be visited without.
    lacks: Option<String>,
    /// Candidates that refused in this round.
    refused: HashSet<MachineId>,
    /// Why the machine did not do it so far.
    why: String,
    breaks: u32,
    sweeps: u32,
    /// Slot before which a plan that may be on its way is not sent once more.
    planned: Slot,
    /// What was said last, so that it is said once.
    told: String,
}

impl<W: World> Tour<W> {
    pub fn new(world: W, notes: Arc<Notes>, said: mpsc::Sender<Said>) -> Self {
        Self {
            world,
            notes,
            said,
            lacks: None,
            refused: HashSet::new(),
            why: String::new(),
            breaks: 0,
            sweeps: 0,
            planned: 0,
            told: String::new(),
        }
    }

    /// Begins no visit, because of this; one that is open is told and swept.
    pub fn rest(&mut self, lacks: String) {
        self.lacks = Some(lacks);
    }

    /// Does the next step; gives how long to wait before the one after.
    ///
    /// # Errors
    /// When the notes cannot be kept.
    pub async fn turn(&mut self) -> Result<Duration, NotesError> {
        let done = match self.notes.open_visit()? {
            Some(visit) => self.go_on(visit).await,
            None => self.begin().await,
        };
        match done {
            Ok(pause) => Ok(pause),
            Err(Failure::Notes(error)) => Err(error),
            Err(Failure::Trouble(Trouble::Passing(why))) => {
                self.say(&format!("a visit waits: {why}"));
                Ok(RETRY)
            }
            Err(Failure::Trouble(Trouble::No(why))) => {
                self.say(&format!("a visit is refused: {why}"));
                Ok(ROUND)
            }
        }
    }

    /// Says something once.
    fn say(&mut self, text: &str) {
        if self.told != text {
            info!("{text}");
            text.clone_into(&mut self.told);
        }
    }

    /// Begins a visit if there may be one, under an account that can pay for it.
    async fn begin(&mut self) -> Result<Duration, Failure> {
        if let Some(lacks) = &self.lacks {
            let text = format!("no visits: {lacks}");
            self.say(&text);
            return Ok(ROUND);
        }
        let accounts = self.notes.accounts()?;
        let unused: Vec<_> = accounts.iter().filter(|a| a.state == FreshState::Unused).collect();
        if unused.is_empty() {
            self.say("no visits: no account is unused; `dbc audit accounts add` makes some");
            return Ok(IDLE);
        }
        match self.world.from().await? {
            Some(from) if self.world.now().slot >= from => {}
            _ => return Ok(IDLE),
        }
        if self.world.seen().await? != Seen::default() {
            self.say("a visit of this auditor is open that was begun elsewhere; it is waited for");
            return Ok(ROUND);
        }
        let cost = self.world.cost().await?;
        for fresh in unused {
            if self.world.funds(fresh.account).await? < cost {
                continue;
            }
            let visit = Visit::new(fresh.account, rand::random());
            if self.notes.begin_visit(&visit)? {
                (self.breaks, self.sweeps, self.planned) = (0, 0, 0);
                self.refused.clear();
                self.why.clear();
                return Ok(Duration::ZERO);
            }
        }
        let text = format!(
            "no visits: no unused account has {}; `dbc audit accounts` lists them",
            dbc_sdk::Money(cost)
        );
        self.say(&text);
        Ok(IDLE)
    }

    async fn go_on(&mut self, mut visit: Visit) -> Result<Duration, Failure> {
        let commit = visit_commitment(&self.world.me(), &visit.secret, &visit.account);
        // How it ended is known: nothing of the chain's is asked for.
        let seen = match visit.end {
            Some(_) => Seen::default(),
            None => self.world.seen().await?,
        };
        let now = self.world.now();
        let visit = &mut visit;
        match next(visit, &commit, &seen, now) {
            Step::Plan => self.plan(commit, now).await,
            Step::Wait => Ok(RETRY),
            Step::Foreign => {
                self.say("another visit of this auditor is open; this one is planned after it");
                Ok(ROUND)
            }
            Step::Draw => self.draw(visit, &seen, now),
            Step::Rest => Ok(RETRY),
            Step::Choose => self.choose(visit).await,
            Step::Place => self.place(visit).await,
            Step::Start => self.start(visit).await,
            Step::Examine => self.examine(visit).await,
            Step::Silent => {
                let why = match self.why.is_empty() {
                    true => "it did not answer while there was time".to_owned(),
                    false => format!("it did not answer while there was time: {}", self.why),
                };
                self.found(visit, Explained::unreachable(why))
            }
            Step::Leave => self.leave(visit, now).await,
            Step::Reveal => self.reveal(visit).await,
            Step::Close => self.close(visit).await,
            Step::Sweep => self.sweep(visit.account).await,
        }
    }

    /// The key of an account that this auditor made.
    fn signer(&self, account: AccountId) -> Result<Signer, Failure> {
        let seed = self.notes.account_seed(account)?;
        let seed = seed.ok_or(NotesError::Account)?;
        Ok(Signer::from_seed(*seed).map_err(|_| NotesError::Account)?)
    }

    async fn plan(&mut self, commit: [u8; 32], now: Now) -> Result<Duration, Failure> {
        // Where nobody knows what became of one, another would be a second.
        if now.slot < self.planned {
            return Ok(RETRY);
        }
        self.planned = now.slot.saturating_add(PLAN_SLOTS);
        let sent = self.world.plan(commit).await;
        if !matches!(sent, Err(Trouble::Passing(_))) {
            self.planned = 0;
        }
        sent?;
        info!("a visit is planned");
        Ok(SOON)
    }

    fn draw(&mut self, visit: &mut Visit, seen: &Seen, now: Now) -> Result<Duration, Failure> {
        let Some((record, drawn)) = seen.last.as_ref().and_then(|r| Some((r, r.draw.as_ref()?)))
        else {
            return Ok(RETRY);
        };
        let rent_at = now.moment(drawn.at, record.until, rand::random());
        visit.draw = Some(Draw::new(record, drawn, rent_at));
        self.notes.put_visit(visit)?;
        info!(visit = record.audit, rent_at, until = record.until, "a visit is drawn");
        Ok(Duration::ZERO)
    }

    /// Makes an order for the first candidate that can be rented, or gives up where none can be.
    async fn choose(&mut self, visit: &mut Visit) -> Result<Duration, Failure> {
        let Some(draw) = visit.draw.clone() else { return Ok(RETRY) };
        if visit.giving_up {
            return self.give_up(visit).await;
        }
        let suspects = u32::try_from(draw.suspects.len()).unwrap_or(u32::MAX);
        let (mut tried, mut possible) = (HashSet::new(), false);
        for attempt in 0..CANDIDATES {
            let drawn = candidate(&draw.seed, &visit.secret, attempt, draw.count, suspects);
            let machine = match drawn {
                Some(Candidate::Suspect(place)) => draw.suspects.get(place as usize).copied(),
                Some(Candidate::Index(index)) => self.world.machine_at(index).await?,
                None => None,
            };
            let Some(machine) = machine.filter(|machine| tried.insert(*machine)) else { continue };
            if !self.world.can_be_visited(machine).await? {
                continue;
            }
            possible = true;
            if self.refused.contains(&machine) {
                continue;
            }
            if self.ordered(visit, attempt, machine).await? {
                return Ok(Duration::ZERO);
            }
            self.refused.insert(machine);
        }
        self.refused.clear();
        if possible {
            self.say("no candidate of a visit can be rented now");
            return Ok(ROUND);
        }
        visit.giving_up = true;
        self.notes.put_visit(visit)?;
        self.give_up(visit).await
    }

    /// Writes an order for a machine down; whether there can be one.
    async fn ordered(
        &mut self,
        visit: &mut Visit,
        attempt: u8,
        machine: MachineId,
    ) -> Result<bool, Failure> {
        let signer = self.signer(visit.account)?;
        let (mut rent, cards) = match self.world.order(&signer, machine).await {
            Ok(order) => order,
            Err(Trouble::No(why)) => {
                info!(machine = short(&machine), why, "a candidate cannot be rented");
                return Ok(false);
            }
            Err(passing) => return Err(passing.into()),
        };
        let Some(terms) = self.world.terms(machine, cards).await? else { return Ok(false) };
        rent.tag = Some(rand::random());
        visit.order = Some(Order { attempt, machine, terms, rent, lease: None, runs: false });
        self.notes.put_visit(visit)?;
        Ok(true)
    }

    async fn give_up(&mut self, visit: &mut Visit) -> Result<Duration, Failure> {
        match self.world.give_up(visit.secret, visit.account).await {
            Ok(()) => Ok(SOON),
            Err(Trouble::No(why)) => {
                // One of them can be visited after all.
                info!(why, "a visit is not given up");
                visit.giving_up = false;
                self.notes.put_visit(visit)?;
                Ok(ROUND)
            }
            Err(passing) => Err(passing.into()),
        }
    }

    async fn place(&mut self, visit: &mut Visit) -> Result<Duration, Failure> {
        let signer = self.signer(visit.account)?;
        let Some(order) = &mut visit.order else { return Ok(RETRY) };
        match self.world.place(&signer, &order.rent).await {
            Ok(lease) => {
                info!(lease, machine = short(&order.machine), "a visitor rents");
                order.lease = Some(lease);
            }
            Err(Trouble::No(why)) => {
                info!(machine = short(&order.machine), why, "a candidate cannot be rented");
                self.refused.insert(order.machine);
                visit.order = None;
            }
            Err(passing) => return Err(passing.into()),
        }
        self.notes.put_visit(visit)?;
        Ok(Duration::ZERO)
    }

    async fn start(&mut self, visit: &mut Visit) -> Result<Duration, Failure> {
        let signer = self.signer(visit.account)?;
        let Some(order) = &mut visit.order else { return Ok(RETRY) };
        match self.world.start(&signer, &order.rent).await {
            Ok(Started::Runs(lease)) => {
                // A replaced block may have given it another number.
                order.lease = Some(lease);
                order.runs = true;
            }
            Ok(Started::Closed(why)) => {
                let why = format!("it took the order and did not run it: {why}");
                return self.found(visit, Explained::unreachable(why));
            }
            Err(Trouble::No(why)) => {
                // The block with the lease was replaced, and the order came too late for the next.
                info!(machine = short(&order.machine), why, "a candidate cannot be rented");
                self.refused.insert(order.machine);
                visit.order = None;
            }
            Err(Trouble::Passing(why)) => {
                // The agent tries by itself; what it says of each attempt may differ in numbers alone.
                self.say("a visit waits: the machine has not started its workload yet");
                self.why = why;
                return Ok(IDLE);
            }
        }
        self.notes.put_visit(visit)?;
        Ok(Duration::ZERO)
    }

    async fn examine(&mut self, visit: &mut Visit) -> Result<Duration, Failure> {
        let signer = self.signer(visit.account)?;
        let (Some(draw), Some(order)) = (&visit.draw, &visit.order) else { return Ok(RETRY) };
        let case = Case {
            genesis: self.world.genesis(),
            machine: order.machine,
            audit: draw.audit,
            seed: draw.seed,
            terms: order.terms,
        };
        let lease = order.lease.unwrap_or_default();
        let answer = self.world.examine(&signer, lease, &case).await;
        match answer.or_else(|away| away.again(&mut self.breaks)) {
            Ok(found) => self.found(visit, found),
            Err(away) => {
                warn!(visit = draw.audit, error = %away, "trying again while there is time");
                self.why = away.why;
                Ok(RETRY)
            }
        }
    }

    /// Writes down what was found, before anybody hears of it.
    fn found(&mut self, visit: &mut Visit, found: Explained) -> Result<Duration, Failure> {
        let Explained { verdict, why, .. } = &found;
        let number = visit.draw.as_ref().map(|draw| draw.audit);
        let machine = visit.order.as_ref().map(|order| short(&order.machine));
        info!(visit = number, machine, verdict = word(verdict), why, "a machine is judged");
        visit.found = Some(found);
        self.notes.put_visit(visit)?;
        Ok(Duration::ZERO)
    }

    async fn leave(&mut self, visit: &mut Visit, now: Now) -> Result<Duration, Failure> {
        let signer = self.signer(visit.account)?;
        let (Some(draw), Some(order)) = (&visit.draw, &visit.order) else { return Ok(RETRY) };
        if let Some(lease) = order.lease {
            self.world.leave(&signer, lease, now.left(draw)).await?;
        }
        visit.left = true;
        self.notes.put_visit(visit)?;
        Ok(Duration::ZERO)
    }

    async fn reveal(&mut self, visit: &mut Visit) -> Result<Duration, Failure> {
        let (Some(order), Some(found)) = (&visit.order, &visit.found) else { return Ok(RETRY) };
        let told = VisitTold {
            secret: visit.secret,
            account: visit.account,
            attempt: order.attempt,
            lease: order.lease.unwrap_or_default(),
            terms: order.terms,
            root: hash_of(&found.transcript),
            verdict: found.verdict,
        };
        self.world.reveal(told).await?;
        visit.told = true;
        self.notes.put_visit(visit)?;
        Ok(Duration::ZERO)
    }

    /// The chain has no such visit open any more: how did it end?
    async fn close(&mut self, visit: &mut Visit) -> Result<Duration, Failure> {
        let Some(draw) = visit.draw.clone() else { return Ok(RETRY) };
        // No record is made of a machine that left or lost its proof meanwhile.
        let told = visit.told || visit.found.is_some() && self.world.is_told(draw.audit).await?;
        let end = match (told, visit.giving_up) {
            (true, _) => End::Revealed,
            (false, true) => End::GivenUp,
            (false, false) => End::Missed,
        };
        visit.end = Some(end);
        self.notes.end_visit(visit, told)?;
        match (end, &visit.order, &visit.found) {
            (End::Revealed, Some(order), Some(found)) => {
                let said = Said {
                    audit: draw.audit,
                    machine: hex::encode(order.machine.0),
                    verdict: word(&found.verdict),
                    why: found.why.clone(),
                    visit: true,
                };
                // Whoever listened may be gone.
                drop(self.said.send(said).await);
            }
            (End::GivenUp, ..) => {
                info!(visit = draw.audit, "a visit is given up: no candidate can be visited");
            }
            _ => warn!(visit = draw.audit, "a visit was missed, which is a strike"),
        }
        Ok(Duration::ZERO)
    }

    async fn sweep(&mut self, account: AccountId) -> Result<Duration, Failure> {
        let signer = self.signer(account)?;
        self.sweeps += 1;
        let swept = self.world.sweep(&signer).await;
        if self.sweeps < SWEEPS_MAX && !swept? {
            return Ok(ROUND / 3);
        }
        self.world.forget(account).await;
        self.notes.close_visit(account)?;
        Ok(Duration::ZERO)
    }
}

/// A machine, as messages name it.
fn short(machine: &MachineId) -> String {
    hex::encode(&machine.0[..8])
}
