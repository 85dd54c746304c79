//! The real chain and the real market. Each visit has a market of its own: keys and orders in a folder of its own, a
//! connection that no other visit had.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use dbc_bench::Case;
use dbc_chain_client::{
    AccountId, At, ChainClient, ChainError, Signer, Submission, View, VisitTold,
};
use dbc_primitives::{
    MachineId, Slot,
    audit::{AuditId, Terms},
};
use dbc_sdk::{
    Genesis, LeaseState, Market, MarketConfig, MarketError, Money, Need, Quote, RentOrder,
    RentUntil,
};
use dbc_service::error_chain;
use rand::seq::SliceRandom as _;
use tokio::time::timeout;

use super::{
    VisitConfig,
    accounts::visit_cost,
    inside::Inside,
    step::{Now, Seen},
    world::{Started, Trouble, World},
};
use crate::{
    challenge::{Away, Explained, examine},
    duty::AuditorConfig,
};

/// Terms that are asked for, in seconds, as far as the account can pay the deposit: what people rent for. The last is
/// what a visit needs.
const TERMS_S: [u64; 4] = [3 * 3_600, 2 * 3_600, 3_600, 600];
/// How long one look at a workload on its way takes.
const LOOK_S: u64 = 60;
/// Kept of an account's money for the fees of what comes: 0.2 DBC.
const FEES: u128 = 200_000_000_000_000;
/// What is left on an account that is swept: the fee of sending it, 0.01 DBC.
const LEFT: u128 = 10_000_000_000_000;

/// Chain and market.
pub(super) struct Live {
    client: ChainClient,
    signer: Signer,
    folder: PathBuf,
    relays: Vec<String>,
    config: VisitConfig,
    market: Mutex<Option<(AccountId, Market)>>,
}

impl From<ChainError> for Trouble {
    fn from(error: ChainError) -> Self {
        let why = error_chain(&error);
        match error {
            ChainError::Refused { .. }
            | ChainError::InsufficientFunds { .. }
            | ChainError::Input { .. } => Self::No(why),
            _ => Self::Passing(why),
        }
    }
}

impl From<MarketError> for Trouble {
    fn from(error: MarketError) -> Self {
        let why = error_chain(&error);
        match error {
            MarketError::Chain(error) => error.into(),
            MarketError::OfferChanged { .. }
            | MarketError::MachineTaken { .. }
            | MarketError::NothingFits { .. }
            | MarketError::MachineNotFound { .. }
            | MarketError::InsufficientFunds { .. } => Self::No(why),
            _ => Self::Passing(why),
        }
    }
}

impl Live {
    /// For one auditor.
    pub fn new(
        client: ChainClient,
        signer: Signer,
        config: &AuditorConfig,
        visits: VisitConfig,
    ) -> Self {
        let folder = config.state_dir.join("visits");
        let relays = config.relays.clone();
        Self { client, signer, folder, relays, config: visits, market: Mutex::default() }
    }

    fn home(&self, account: AccountId) -> PathBuf {
        self.folder.join(hex::encode(&account.0[..8]))
    }

    /// The market of a visit, opened at its first use.
    fn market(&self, account: AccountId) -> Result<Market, MarketError> {
        let mut known = self.market.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((of, market)) if *of == account => Ok(market.clone()),
            _ => {
                let mut config = MarketConfig::new(self.client.url(), self.home(account));
                config.genesis = Some(Genesis(self.client.genesis()));
                config.relays.clone_from(&self.relays);
                let market = Market::open(config)?;
                *known = Some((account, market.clone()));
                Ok(market)
            }
        }
    }

    async fn best(&self) -> Result<View, ChainError> {
        self.client.at(At::Best).await
    }

    /// The dearest quote of a machine's free part that the account can pay.
    async fn quote(
        &self,
        market: &Market,
        need: &Need,
        terms: (u64, u64),
        most: u128,
    ) -> Result<Quote, Trouble> {
        let mut wanted = TERMS_S;
        // What it asks for most is any of them.
        wanted[..3].shuffle(&mut rand::thread_rng());
        let mut dear = None;
        for term_s in wanted {
            let term_s = term_s.clamp(terms.0, terms.1);
            let quote = market.quote(&Need { term_s, ..need.clone() }).await?;
            if quote.deposit.0 <= most {
                return Ok(quote);
            }
            dear = Some(quote.deposit);
        }
        let dear = dear.unwrap_or_default();
        Err(Trouble::No(format!("its deposit of {dear} is more than the account has")))
    }

    async fn examined(
        &self,
        account: AccountId,
        lease: u64,
        case: &Case,
    ) -> Result<Explained, Away> {
        let agent = self.market(account).map_err(Away::new)?.agent(lease).await;
        let agent = agent.map_err(Away::new)?;
        let program = match case.terms.gpus {
            0 => &self.config.processor,
            _ => &self.config.cards,
        };
        let mut inside = Inside::start(&agent, program, &self.home(account), &case.terms).await?;
        // One of its own for each attempt: whoever broke off has heard the last.
        examine(&mut inside, case, rand::random(), self.client.best()).await
    }
}

/// Waits until a call is final.
async fn finally(sent: Result<Submission, ChainError>) -> Result<(), Trouble> {
    sent?.finalized().await?;
    Ok(())
}

#[async_trait]
impl World for Live {
    fn me(&self) -> AccountId {
        self.signer.account()
    }

    fn genesis(&self) -> [u8; 32] {
        self.client.genesis()
    }

    fn now(&self) -> Now {
        Now { slot: self.client.best().borrow().slot, slot_ms: self.client.slot_ms() }
    }

    async fn seen(&self) -> Result<Seen, Trouble> {
        let me = self.me();
        let last = self.client.at(At::Finalized).await?.visit(me).await?;
        Ok(Seen { best: self.best().await?.visit(me).await?, last })
    }

    async fn from(&self) -> Result<Option<Slot>, Trouble> {
        Ok(self.best().await?.visit_from(self.me()).await?)
    }

    async fn cost(&self) -> Result<u128, Trouble> {
        visit_cost(&self.client).await.map_err(|error| Trouble::Passing(format!("{error:#}")))
    }

    async fn funds(&self, account: AccountId) -> Result<u128, Trouble> {
        Ok(self.best().await?.account(account).await?.spendable)
    }

    async fn plan(&self, commit: [u8; 32]) -> Result<(), Trouble> {
        finally(self.client.plan_visit(&self.signer, commit).await).await
    }

    async fn machine_at(&self, index: u32) -> Result<Option<MachineId>, Trouble> {
        Ok(self.best().await?.machine_at(index).await?.map(|(machine, _)| machine))
    }

    async fn can_be_visited(&self, machine: MachineId) -> Result<bool, Trouble> {
        let (view, me) = (self.best().await?, self.me());
        if !view.can_be_visited(machine).await? {
            return Ok(false);
        }
        let Some(found) = view.machine(machine).await? else { return Ok(false) };
        // Nobody visits his own.
        Ok(found.provider != me && view.operator(found.provider).await? != Some(me))
    }

    async fn order(
        &self,
        account: &Signer,
        machine: MachineId,
    ) -> Result<(RentOrder, u16), Trouble> {
        let market = self.market(account.account())?;
        let id = dbc_sdk::MachineId(machine.0);
        let found = market.machine(id).await?;
        let Some(offer) = &found.offer else {
            return Err(Trouble::No("it has no offer any more".into()));
        };
        let cards = found.gpus.iter().filter(|gpu| !gpu.leased).count();
        if cards == 0 && !found.gpus.is_empty() {
            return Err(Trouble::No("all of its cards are leased".into()));
        }
        let cards = u8::try_from(cards).unwrap_or(u8::MAX);
        let need = Need {
            machine: Some(id),
            gpus: cards,
            cpu_shares: found.cpu_free(),
            ..Need::cpu(offer.min_term_s)
        };
        let most = self.funds(account.account()).await?.saturating_sub(FEES);
        let terms = (offer.min_term_s, offer.max_term_s.max(offer.min_term_s));
        let quote = self.quote(&market, &need, terms, most).await?;
        let spec = self.config.images.choose(&mut rand::thread_rng());
        let spec = spec.ok_or_else(|| Trouble::Passing("no image is known".into()))?;
        Ok((RentOrder::new(quote, spec.clone()), cards.into()))
    }

    async fn terms(&self, machine: MachineId, cards: u16) -> Result<Option<Terms>, Trouble> {
        Ok(self.best().await?.visit_terms(machine, cards).await?)
    }

    async fn place(&self, account: &Signer, order: &RentOrder) -> Result<u64, Trouble> {
        let order = RentOrder { until: RentUntil::InBlock, ..order.clone() };
        let lease = self.market(account.account())?.rent(account, order, |_| ()).await?;
        Ok(lease.id)
    }

    async fn start(&self, account: &Signer, order: &RentOrder) -> Result<Started, Trouble> {
        let market = self.market(account.account())?;
        let order = RentOrder { until: RentUntil::Running, wait_s: Some(LOOK_S), ..order.clone() };
        let tag = order.tag.unwrap_or_default();
        let error = match market.rent(account, order, |_| ()).await {
            Ok(lease) => return Ok(Started::Runs(lease.id)),
            Err(error) => error,
        };
        let why = error_chain(&error);
        let lease = self.best().await?.lease_by_tag(account.account(), tag).await?;
        let Some(lease) = lease else { return Err(error.into()) };
        match market.lease(lease).await?.state {
            LeaseState::Closed { reason, .. } => Ok(Started::Closed(format!("{reason}: {why}"))),
            // It is there: whatever went wrong may go right yet.
            _ => Err(Trouble::Passing(why)),
        }
    }

    async fn examine(&self, account: &Signer, lease: u64, case: &Case) -> Result<Explained, Away> {
        Box::pin(self.examined(account.account(), lease, case)).await
    }

    async fn leave(&self, account: &Signer, lease: u64, most: Duration) -> Result<(), Trouble> {
        let market = self.market(account.account())?;
        match market.end(account, lease).await {
            Ok(_) | Err(MarketError::LeaseClosed { .. } | MarketError::LeaseNotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        match timeout(most, market.settled(lease)).await {
            Ok(settled) => Ok(settled.map(drop)?),
            Err(_) => Err(Trouble::Passing("the lease's last minutes are not settled".into())),
        }
    }

    async fn reveal(&self, told: VisitTold) -> Result<(), Trouble> {
        finally(self.client.reveal_visit(&self.signer, told).await).await
    }

    async fn give_up(&self, secret: [u8; 32], account: AccountId) -> Result<(), Trouble> {
        finally(self.client.give_up_visit(&self.signer, secret, account).await).await
    }

    async fn is_told(&self, audit: AuditId) -> Result<bool, Trouble> {
        let me = self.me();
        let found = self.client.at(At::Finalized).await?.audit(audit).await?;
        Ok(found.is_some_and(|audit| {
            audit.duties.iter().any(|duty| duty.auditor == me && duty.revealed.is_some())
        }))
    }

    async fn sweep(&self, account: &Signer) -> Result<bool, Trouble> {
        let market = self.market(account.account())?;
        for lease in market.leases(account.account(), true).await? {
            if !lease.is_closed() {
                market.end(account, lease.id).await?;
                return Ok(false);
            }
            if lease.tail_until.is_some() {
                return Ok(false);
            }
        }
        let found = market.balance(account.account()).await?;
        let rest = found.spendable.0.saturating_sub(LEFT);
        if rest > LEFT {
            market.transfer(account, self.me(), Money(rest)).await?;
        }
        Ok(true)
    }

    async fn forget(&self, account: AccountId) {
        let known = self.market.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((_, market)) = known {
            market.close().await;
        }
        // Best effort: what is left opens nothing any more.
        drop(tokio::fs::remove_dir_all(self.home(account)).await);
    }
}
