//! Renting: from an order to a running workload, in steps that can each be done again. What is needed
//! to go on is on disk before the step that it is needed for.

use std::time::{Duration, Instant};

use dbc_agent_api::{
    ApiError, ErrorCode, WorkloadSpec,
    control::{Phase, WorkloadStatus},
};
use dbc_chain_client::{At, ChainClient, Submission};
use tokio::time::{sleep, timeout};
use tracing::debug;

use crate::{
    Agent, Market, MarketError,
    account::Signer,
    agent::Access,
    convert,
    id::{Genesis, Hash},
    money::Money,
    order::{RentOrder, RentStep, RentUntil, StoredOrder},
    view::{LeaseState, LeaseView},
};

/// How long the agent may take to see a lease that is in a block, or to be reached at all.
const AGENT_PATIENCE: Duration = Duration::from_secs(60);
/// How long the start may take onto the chain once the workload runs.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// Pause before something that failed is tried again.
const PAUSE: Duration = Duration::from_millis(300);
/// Room left for fees when the funds are looked at before ordering, in smallest units (0.01 DBC).
const FEE_ROOM: u128 = 10_000_000_000_000;

impl Market {
    /// Rents: stores the order and a fresh access key, submits, waits as far as the order says and
    /// reports each step. Called again with the same tag it goes on where it broke off and never pays
    /// twice. Dropping the future at any point is safe.
    ///
    /// Errors: `offer_changed`, `machine_unavailable`, `insufficient_funds`, `workload_failed` (the
    /// lease lives on and can be ended), and those of chain and machine being away.
    pub async fn rent(
        &self,
        signer: &Signer,
        order: RentOrder,
        mut progress: impl FnMut(RentStep) + Send,
    ) -> Result<LeaseView, MarketError> {
        // Boxed, so that callers' futures stay small.
        Box::pin(self.rent_inner(signer, order, &mut progress)).await
    }

    async fn rent_inner(
        &self,
        signer: &Signer,
        order: RentOrder,
        progress: &mut (dyn FnMut(RentStep) + Send),
    ) -> Result<LeaseView, MarketError> {
        let chain = self.chain().await?;
        let genesis = Genesis(chain.genesis());
        let mut stored = self.prepare(&genesis, signer, order)?;
        progress(RentStep::Prepared { tag: stored.tag });
        let (lease, submission) = match self.find_order(&chain, &genesis, &stored).await? {
            Some(lease) => (lease, None),
            None => self.create(&chain, &genesis, signer, &stored, progress).await?,
        };
        self.adopt(&genesis, &mut stored, lease)?;
        progress(RentStep::InBlock { lease });
        if stored.order.until == RentUntil::InBlock {
            return self.lease(lease).await;
        }
        match self.go_on(&chain, &genesis, &mut stored, submission, progress).await {
            Ok(lease) => {
                self.home().remove_order(&genesis, stored.tag)?;
                self.lease(lease).await
            }
            Err(error) => Err(self.broke_off(&genesis, &stored, error).await),
        }
    }

    /// From a lease in a block to a workload that runs, or as far as the order says.
    async fn go_on(
        &self,
        chain: &ChainClient,
        genesis: &Genesis,
        stored: &mut StoredOrder,
        submission: Option<Submission>,
        progress: &mut (dyn FnMut(RentStep) + Send),
    ) -> Result<u64, MarketError> {
        let lease = self.settle_in(chain, genesis, stored, submission, progress).await?;
        if stored.order.until == RentUntil::Running && stored.order.spec.is_some() {
            let wait = stored.order.wait_s.map(Duration::from_secs);
            self.until_started(chain, genesis, lease, wait, progress).await?;
        }
        Ok(lease)
    }

    /// There is nothing to go on with once the lease is closed.
    async fn broke_off(
        &self,
        genesis: &Genesis,
        stored: &StoredOrder,
        error: MarketError,
    ) -> MarketError {
        let Some(lease) = stored.lease else { return error };
        if !self.lease(lease).await.is_ok_and(|found| found.is_closed()) {
            return error;
        }
        let home = self.home();
        let forgotten = home.remove_order(genesis, stored.tag);
        if let Err(error) = forgotten.and_then(|()| home.remove_spec(genesis, lease)) {
            return error;
        }
        match error.is_retryable() {
            true => MarketError::LeaseClosed { lease },
            false => error,
        }
    }

    /// Sends the machine of a lease what this device sent to the one before, and waits until it runs.
    pub(super) async fn send_and_start(
        &self,
        lease: u64,
        wait: Option<Duration>,
        progress: &mut (dyn FnMut(RentStep) + Send),
    ) -> Result<(), MarketError> {
        let chain = self.chain().await?;
        let genesis = Genesis(chain.genesis());
        let spec = self.home().spec(&genesis, lease)?.ok_or_else(|| MarketError::Input {
            field: "spec",
            why: format!("this device did not send what lease {lease} runs; `dbc lease put` does"),
        })?;
        self.put_patiently(&genesis, lease, &spec).await?;
        progress(RentStep::SpecAccepted);
        self.until_started(&chain, &genesis, lease, wait, progress).await
    }

    /// Orders that were stored but did not get as far as they should, with their tags; oldest first.
    pub async fn unfinished_orders(&self) -> Result<Vec<(u64, RentOrder)>, MarketError> {
        let genesis = self.genesis().await?;
        let mut orders = self.home().orders(&genesis)?;
        orders.sort_by_key(|stored| stored.stored_at);
        Ok(orders.into_iter().map(|stored| (stored.tag, stored.order)).collect())
    }

    /// Stores the order with its key, or takes up the stored one.
    fn prepare(
        &self,
        genesis: &Genesis,
        signer: &Signer,
        order: RentOrder,
    ) -> Result<StoredOrder, MarketError> {
        if let Some(spec) = &order.spec {
            spec.validate().map_err(MarketError::Spec)?;
        }
        let tag = order.tag.unwrap_or_else(rand::random);
        if let Some(mut stored) = self.home().order(genesis, tag)? {
            if stored.renter != signer.account() {
                let why = format!("the order with this tag is that of account {}", stored.renter);
                return Err(MarketError::Input { field: "tag", why });
            }
            stored.order.until = order.until;
            stored.order.wait_s = order.wait_s;
            return Ok(stored);
        }
        let stored = StoredOrder {
            tag,
            renter: signer.account(),
            stored_at: self.now(),
            lease: None,
            order: RentOrder { tag: Some(tag), ..order },
        };
        self.home().order_key(genesis, tag)?;
        self.home().put_order(genesis, &stored)?;
        Ok(stored)
    }

    /// The lease that the order led to already.
    async fn find_order(
        &self,
        chain: &ChainClient,
        genesis: &Genesis,
        stored: &StoredOrder,
    ) -> Result<Option<u64>, MarketError> {
        let view = chain.at(At::Best).await?;
        let Some(lease) = view.lease_by_tag(stored.renter, stored.tag).await? else {
            return Ok(None);
        };
        let key = self.home().order_key(genesis, stored.tag)?.public();
        match view.lease(lease).await? {
            Some(found) if found.access_key == key => Ok(Some(lease)),
            // The tag was used by another device of this account.
            Some(_) => Err(MarketError::NoAccess { lease }),
            None => Ok(None),
        }
    }

    /// Submits the order and waits until it is in a block.
    async fn create(
        &self,
        chain: &ChainClient,
        genesis: &Genesis,
        signer: &Signer,
        stored: &StoredOrder,
        progress: &mut (dyn FnMut(RentStep) + Send),
    ) -> Result<(u64, Option<Submission>), MarketError> {
        let created = async {
            self.check_funds(stored).await?;
            let key = self.home().order_key(genesis, stored.tag)?.public();
            let order = convert::order(stored, key)?;
            let mut submission = chain.create_lease(signer, order).await?;
            progress(RentStep::Submitted { tx: Hash(submission.hash()) });
            let included = submission.in_block().await?;
            let lease = included.events.created()?.ok_or_else(no_event)?;
            Ok((lease, Some(submission)))
        };
        match created.await {
            Err(MarketError::Chain(error)) if error.is_refused_with("Leases", "TagUsed") => {
                let lease = self.find_order(chain, genesis, stored).await?;
                Ok((lease.ok_or(MarketError::Chain(error))?, None))
            }
            Err(error) => {
                // What certainly came to nothing need not be offered for going on.
                let certain = !matches!(&error, MarketError::Chain(error) if !error.is_certain());
                if certain {
                    self.home().remove_order(genesis, stored.tag)?;
                }
                Err(convert::order_error(error))
            }
            Ok(created) => Ok(created),
        }
    }

    /// Says in one sentence what is missing, before a fee is spent on hearing it from the chain.
    async fn check_funds(&self, stored: &StoredOrder) -> Result<(), MarketError> {
        let have = self.balance(stored.renter).await?.spendable;
        // A voucher's deposit is its issuer's money.
        let deposit = stored.order.voucher.map_or(stored.order.quote.deposit.0, |_| 0);
        let need = Money(deposit.saturating_add(FEE_ROOM));
        if have < need {
            return Err(MarketError::InsufficientFunds { need, have });
        }
        Ok(())
    }

    fn adopt(
        &self,
        genesis: &Genesis,
        stored: &mut StoredOrder,
        lease: u64,
    ) -> Result<(), MarketError> {
        self.home().adopt_order_key(genesis, stored.tag, lease)?;
        if let Some(spec) = &stored.order.spec {
            self.home().put_spec(genesis, lease, spec)?;
        }
        stored.lease = Some(lease);
        self.home().put_order(genesis, stored)
    }

    /// Waits for finality while the agent is told what to run; returns the lease's final number.
    async fn settle_in(
        &self,
        chain: &ChainClient,
        genesis: &Genesis,
        stored: &mut StoredOrder,
        submission: Option<Submission>,
        progress: &mut (dyn FnMut(RentStep) + Send),
    ) -> Result<u64, MarketError> {
        let Some(first) = stored.lease else {
            return Err(MarketError::Internal("an order without its lease".into()));
        };
        let spec = stored.order.spec.clone();
        let put = async {
            match &spec {
                Some(spec) => self.put_patiently(genesis, first, spec).await,
                None => Ok(()),
            }
        };
        let (lease, mut put) = tokio::join!(finality(chain, first, submission), put);
        let lease = lease?;
        if lease != first {
            // The block was replaced, and with it the lease's number.
            self.adopt(genesis, stored, lease)?;
            progress(RentStep::InBlock { lease });
            if let Some(spec) = &spec {
                put = self.put_patiently(genesis, lease, spec).await;
            }
        }
        put?;
        if spec.is_some() {
            progress(RentStep::SpecAccepted);
        }
        progress(RentStep::Final);
        Ok(lease)
    }

    /// Sends the spec until the agent takes it: it may see the lease's block a moment later than we.
    async fn put_patiently(
        &self,
        genesis: &Genesis,
        lease: u64,
        spec: &WorkloadSpec,
    ) -> Result<(), MarketError> {
        let agent = self.own_agent(genesis, lease).await?;
        let deadline = Instant::now() + AGENT_PATIENCE;
        loop {
            let error = match agent.put(spec).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let patient = error.is_retryable()
                || matches!(
                    error.code(),
                    ErrorCode::LeaseNotFound
                        | ErrorCode::LeaseNotFinal
                        | ErrorCode::ChainUnreachable
                        | ErrorCode::HostUnavailable
                );
            if !patient || Instant::now() >= deadline {
                return Err(error);
            }
            debug!(%error, "agent does not take the spec yet");
            sleep(PAUSE).await;
        }
    }

    async fn own_agent(&self, genesis: &Genesis, lease: u64) -> Result<Agent, MarketError> {
        let card = self.card(*genesis, lease).await?;
        let key = self.home().lease_key(genesis, lease)?;
        let key = key.ok_or(MarketError::NoAccess { lease })?;
        let access = Access::by_key(key, *genesis, card.machine, lease, card.grant_epoch);
        Ok(self.agent_at(&card, access))
    }

    /// Follows the workload until it runs or cannot, at most for `wait`, and at most as long as its lease is
    /// open: what is not started in time is closed by the chain.
    async fn until_running(
        &self,
        agent: &Agent,
        wait: Option<Duration>,
        progress: &mut (dyn FnMut(RentStep) + Send),
    ) -> Result<(), MarketError> {
        let mut why = None;
        let followed = self.follow_on(agent, &mut why, progress);
        let Some(wait) = wait else { return followed.await };
        timeout(wait, followed).await.unwrap_or_else(|_| {
            let (code, why) = match why {
                Some(ApiError { code, message }) => (code, message),
                None => (ErrorCode::WorkloadFailed, "it is on its way".into()),
            };
            let waited = wait.as_secs();
            let message = format!("not running after {waited} s, its agent goes on trying: {why}");
            Err(MarketError::Agent(ApiError::new(code, message)))
        })
    }

    /// Leaves in `why` what failed last.
    async fn follow_on(
        &self,
        agent: &Agent,
        why: &mut Option<ApiError>,
        progress: &mut (dyn FnMut(RentStep) + Send),
    ) -> Result<(), MarketError> {
        loop {
            match self.follow(agent, why, progress).await {
                Ok(Some(status)) => return ended(status, why.take()),
                Ok(None) => debug!("the watch ended early"),
                Err(error) if error.is_retryable() => debug!(%error, "the watch broke"),
                Err(error) => return Err(error),
            }
            let lease = self.lease(agent.lease()).await?;
            if lease.is_closed() {
                let closed = MarketError::LeaseClosed { lease: lease.id };
                return Err(why.take().map_or(closed, MarketError::Agent));
            }
            sleep(PAUSE).await;
        }
    }

    /// One watch: the state in which the workload settled.
    async fn follow(
        &self,
        agent: &Agent,
        why: &mut Option<ApiError>,
        progress: &mut (dyn FnMut(RentStep) + Send),
    ) -> Result<Option<WorkloadStatus>, MarketError> {
        let mut watch = agent.watch().await?;
        while let Some(status) = watch.next().await? {
            if status.last_error.is_some() {
                why.clone_from(&status.last_error);
            }
            let settled = status.is_settled().then(|| status.clone());
            progress(RentStep::Workload { status: Box::new(status) });
            if settled.is_some() {
                return Ok(settled);
            }
        }
        Ok(None)
    }

    /// Waits until the workload runs, and until the chain knows.
    async fn until_started(
        &self,
        chain: &ChainClient,
        genesis: &Genesis,
        lease: u64,
        wait: Option<Duration>,
        progress: &mut (dyn FnMut(RentStep) + Send),
    ) -> Result<(), MarketError> {
        let agent = self.own_agent(genesis, lease).await?;
        self.until_running(&agent, wait, progress).await?;
        self.until_metered(chain, lease).await?;
        progress(RentStep::Started);
        Ok(())
    }

    async fn until_metered(&self, chain: &ChainClient, lease: u64) -> Result<(), MarketError> {
        let mut heads = chain.best();
        let started = async {
            loop {
                heads.mark_unchanged();
                let found = self.lease(lease).await?;
                match found.state {
                    LeaseState::Running => return Ok(()),
                    LeaseState::Closed { .. } => return Err(MarketError::LeaseClosed { lease }),
                    // A lease that another machine took over is so again.
                    LeaseState::Pending => {}
                }
                if heads.changed().await.is_err() {
                    sleep(PAUSE).await;
                }
            }
        };
        timeout(START_PATIENCE, started).await.unwrap_or_else(|_| {
            let why = "the workload runs, but its agent did not report the start to the chain";
            Err(MarketError::Agent(ApiError::new(ErrorCode::HostUnavailable, why)))
        })
    }
}

/// What it means that a workload came to rest; `why` is what failed last.
fn ended(status: WorkloadStatus, why: Option<ApiError>) -> Result<(), MarketError> {
    match status.phase {
        Phase::Running => Ok(()),
        phase => {
            let word = format!("{phase:?}").to_lowercase();
            let otherwise =
                || ApiError::new(ErrorCode::WorkloadFailed, format!("{word}: {}", status.detail));
            Err(MarketError::Agent(status.last_error.or(why).unwrap_or_else(otherwise)))
        }
    }
}

/// Waits until the lease is final; its number may be another one after a reorganisation.
async fn finality(
    chain: &ChainClient,
    lease: u64,
    submission: Option<Submission>,
) -> Result<u64, MarketError> {
    if let Some(submission) = submission {
        let included = submission.finalized().await?;
        return included.events.created()?.ok_or_else(no_event);
    }
    let mut heads = chain.finalized();
    loop {
        heads.mark_unchanged();
        if chain.at(At::Finalized).await?.lease(lease).await?.is_some() {
            return Ok(lease);
        }
        match timeout(chain.finality_timeout(), heads.changed()).await {
            Ok(Ok(())) => {}
            _ => {
                return Err(dbc_chain_client::ChainError::Timeout {
                    what: "finality",
                    after: chain.finality_timeout(),
                }
                .into());
            }
        }
    }
}

fn no_event() -> MarketError {
    MarketError::Internal("the chain took the order but told no lease number".into())
}
