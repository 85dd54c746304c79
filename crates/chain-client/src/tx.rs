//! Extrinsics from signing to finality: nonces in order, mortal by default, found again after a broken
//! connection. Says for certain whether an extrinsic took effect, or that it is not known; it never
//! signs a second one for the same purpose.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use subxt::{
    config::DefaultExtrinsicParamsBuilder,
    rpcs::{
        self,
        client::RpcSubscription,
        methods::legacy::{NumberOrHex, TransactionStatus},
    },
    transactions::Payload,
    utils::H256,
};
use tokio::{
    sync::{OwnedMutexGuard, watch},
    time::{Instant, sleep, timeout, timeout_at},
};
use tracing::debug;

use crate::{
    account::Signer,
    client::{AtBlock, Chain, ChainClient, Shared},
    error::{ChainError, cut, from_rpc},
    events::TxEvents,
    head::Head,
};

/// Blocks for which an extrinsic is valid; afterwards it is certain that it never gets in.
const MORTAL_BLOCKS: u64 = 64;
/// The birth block is the finalized head unless that lags further than this behind the best.
const FINALITY_LAG_MAX: u64 = 16;
/// How often a nonce race with another program is run again.
const NONCE_ATTEMPTS: u32 = 5;
/// Pause between two looks for an extrinsic after the connection broke.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// An extrinsic that stands in a block and succeeded.
#[derive(Debug, Clone)]
pub struct Included {
    /// Its hash.
    pub tx: [u8; 32],
    /// Height of the block.
    pub number: u64,
    /// Hash of the block.
    pub block: [u8; 32],
    /// What was charged for it, in smallest units.
    pub fee: u128,
    /// What it did.
    pub events: TxEvents,
}

/// An extrinsic on its way. Dropping this stops watching, not the extrinsic.
pub struct Submission {
    shared: Arc<Shared>,
    tx: [u8; 32],
    encoded: Vec<u8>,
    /// Height of the block from which on it is valid.
    born: u64,
    /// `None` once the watch broke.
    /// In a mutex for its being `Sync` alone: callers wait on many threads. Never locked.
    watch: Option<Mutex<RpcSubscription<TransactionStatus<H256>>>>,
    in_block: Option<H256>,
    finalized: Option<H256>,
    submitted: Instant,
    /// Finalized height up to which it is known not to stand in any block.
    searched: u64,
    /// The account's turn, kept until the extrinsic is in a block where nobody counts what is under way: a light
    /// client has no pool.
    turn: Option<OwnedMutexGuard<()>>,
}

impl ChainClient {
    /// Signs and submits; returns when the pool took it.
    pub(crate) async fn submit<Call: Payload>(
        &self,
        signer: &Signer,
        call: &Call,
    ) -> Result<Submission, ChainError> {
        let shared = &self.shared;
        shared.usable()?;
        let lane = shared.lane(signer.account());
        let turn = lane.lock_owned().await;
        let mut attempt = 1;
        loop {
            let (encoded, tx, born) = sign(shared, signer, call).await?;
            match submit_encoded(shared, &encoded, tx).await {
                Ok(watch) => {
                    return Ok(Submission {
                        shared: shared.clone(),
                        tx,
                        encoded,
                        born,
                        watch: watch.map(Mutex::new),
                        in_block: None,
                        finalized: None,
                        submitted: Instant::now(),
                        searched: born,
                        turn: shared.config.carrier.is_some().then_some(turn),
                    });
                }
                Err(Refusal::Nonce(why)) if attempt < NONCE_ATTEMPTS => {
                    debug!(why, attempt, "nonce taken, signing anew");
                    sleep(Duration::from_millis(200 * u64::from(attempt))).await;
                    attempt += 1;
                }
                Err(Refusal::Nonce(why)) => return Err(ChainError::Invalid { why }),
                Err(Refusal::Other(error)) => return Err(error),
            }
        }
    }
}

/// Why the pool did not take it.
enum Refusal {
    /// The nonce is used up; signing anew helps.
    Nonce(String),
    Other(ChainError),
}

async fn sign<Call: Payload>(
    shared: &Shared,
    signer: &Signer,
    call: &Call,
) -> Result<(Vec<u8>, [u8; 32], u64), ChainError> {
    let account = signer.account().to_subxt();
    let nonce = shared.rpc("nonce", shared.legacy.system_account_next_index(&account)).await?;
    let (best, finalized) = (*shared.feed.best.borrow(), *shared.feed.finalized.borrow());
    let lag = best.number.saturating_sub(finalized.number);
    let born = if lag > FINALITY_LAG_MAX { best } else { finalized };
    let block = shared.at_block(H256(born.hash)).await?;
    let signing = async { sign_at(&block, signer, call, nonce, born) };
    let (encoded, tx) = shared.call("signing", signing).await?;
    Ok((encoded, tx, born.number))
}

/// Signs with this nonce; valid from the block `born` on.
pub(crate) fn sign_at<Call: Payload>(
    block: &AtBlock,
    signer: &Signer,
    call: &Call,
    nonce: u64,
    born: Head,
) -> Result<(Vec<u8>, [u8; 32]), subxt::Error> {
    let params = DefaultExtrinsicParamsBuilder::<Chain>::new()
        .nonce(nonce)
        .mortal_from_unchecked(MORTAL_BLOCKS, born.number, H256(born.hash))
        .build();
    let signed = block.transactions().create_signable_offline(call, params)?.sign(signer)?;
    let tx = signed.hash().0;
    Ok((signed.into_encoded(), tx))
}

/// Hands the bytes to the pool. `Ok(None)`: the pool has them already.
async fn submit_encoded(
    shared: &Shared,
    encoded: &[u8],
    tx: [u8; 32],
) -> Result<Option<RpcSubscription<TransactionStatus<H256>>>, Refusal> {
    let url = &shared.config.url;
    let call = shared.legacy.author_submit_and_watch_extrinsic(encoded);
    let uncertain = |why: String| Refusal::Other(ChainError::Uncertain { tx, why });
    match timeout(shared.config.call_timeout, call).await {
        Ok(Ok(watch)) => Ok(Some(watch)),
        Ok(Err(rpcs::Error::User(error))) => refusal(&error),
        Ok(Err(error @ rpcs::Error::Client(_))) => {
            Err(Refusal::Other(from_rpc(url, "submission", error)))
        }
        Ok(Err(error)) => Err(uncertain(cut(error.to_string()))),
        Err(_) => Err(uncertain("the node did not answer".into())),
    }
}

/// Codes of the node's `author` calls.
mod pool {
    pub const INVALID: i32 = 1010;
    pub const ALREADY_IMPORTED: i32 = 1013;
    pub const PRIORITY_TOO_LOW: i32 = 1014;
}

fn refusal(
    error: &rpcs::UserError,
) -> Result<Option<RpcSubscription<TransactionStatus<H256>>>, Refusal> {
    let data = error.data.as_ref().map(|data| data.get().trim_matches('"').to_owned());
    let why = cut(match data {
        Some(data) => format!("{}: {data}", error.message),
        None => error.message.clone(),
    });
    match error.code {
        pool::ALREADY_IMPORTED => Ok(None),
        pool::PRIORITY_TOO_LOW => Err(Refusal::Nonce(why)),
        pool::INVALID if why.contains("outdated") => Err(Refusal::Nonce(why)),
        pool::INVALID if why.contains("Inability to pay") => {
            Err(Refusal::Other(ChainError::InsufficientFunds { why: "not even the fee".into() }))
        }
        _ => Err(Refusal::Other(ChainError::Invalid { why })),
    }
}

impl Submission {
    /// Hash of the extrinsic.
    pub fn hash(&self) -> [u8; 32] {
        self.tx
    }

    /// Waits until it stands in a block of the best chain and succeeded there, and this client reads
    /// that block. A reorganisation may still take it out.
    ///
    /// Errors: [`ChainError::Refused`] and its like when the call failed there,
    /// [`ChainError::Dropped`] when it never gets in, [`ChainError::Uncertain`] when time is up.
    pub async fn in_block(&mut self) -> Result<Included, ChainError> {
        let deadline = self.submitted + self.shared.config.inclusion_timeout;
        loop {
            if let Some(block) = self.finalized.or(self.in_block) {
                self.pass_on(block).await;
                let included = self.outcome(block).await?;
                self.seen(&self.shared.feed.best, included.number).await;
                return Ok(included);
            }
            self.step(deadline).await?;
        }
    }

    /// Waits until it stands in a finalized block and succeeded there, and this client reads that block.
    ///
    /// Errors: as [`Submission::in_block`].
    pub async fn finalized(mut self) -> Result<Included, ChainError> {
        let included = self.submitted + self.shared.config.inclusion_timeout;
        let deadline = included + self.shared.config.finality_timeout;
        loop {
            if let Some(block) = self.finalized {
                let included = self.outcome(block).await?;
                self.seen(&self.shared.feed.finalized, included.number).await;
                return Ok(included);
            }
            if let Some(block) = self.in_block {
                // The account's next need not wait for finality, which may take long.
                self.pass_on(block).await;
            }
            let until = if self.in_block.is_some() { deadline } else { included };
            self.step(until).await?;
        }
    }

    /// Ends the account's turn: whoever signs next reads the block that this one stands in, and counts it.
    async fn pass_on(&mut self, block: H256) {
        if self.turn.is_none() {
            return;
        }
        // A block that cannot be read now is taken back, or tried again with the next piece of news.
        if let Ok(at) = self.shared.at_block(block).await {
            self.seen(&self.shared.feed.best, at.block_number()).await;
            self.turn = None;
        }
    }

    /// Waits for the next piece of news about the extrinsic.
    async fn step(&mut self, deadline: Instant) -> Result<(), ChainError> {
        let Some(watch) = &mut self.watch else { return self.look(deadline).await };
        let watch = watch.get_mut().unwrap_or_else(PoisonError::into_inner);
        let status = match timeout_at(deadline, watch.next()).await {
            Ok(Some(Ok(status))) => status,
            Ok(Some(Err(_)) | None) => {
                debug!(tx = hex::encode(self.tx), "watch broke, looking in blocks");
                self.watch = None;
                return Ok(());
            }
            Err(_) => return Err(self.uncertain("time is up")),
        };
        let dropped = |why: &str| Err(ChainError::Dropped { why: why.into() });
        match status {
            TransactionStatus::Future
            | TransactionStatus::Ready
            | TransactionStatus::Broadcast(_) => Ok(()),
            TransactionStatus::InBlock(block) => {
                self.in_block = Some(block);
                Ok(())
            }
            TransactionStatus::Retracted(_) => {
                self.in_block = None;
                Ok(())
            }
            TransactionStatus::Finalized(block) => {
                self.finalized = Some(block);
                Ok(())
            }
            TransactionStatus::FinalityTimeout(_) => {
                self.watch = None;
                Ok(())
            }
            TransactionStatus::Usurped(_) => dropped("another one with the same nonce replaced it"),
            // The pool's word on these is a judgement about one fork; the blocks decide.
            TransactionStatus::Dropped | TransactionStatus::Invalid => {
                self.watch = None;
                Ok(())
            }
        }
    }

    /// Looks for the extrinsic in the blocks since its birth; for when the watch is gone.
    async fn look(&mut self, deadline: Instant) -> Result<(), ChainError> {
        if Instant::now() >= deadline {
            return Err(self.uncertain("time is up"));
        }
        match self.search().await {
            Ok(true) => Ok(()),
            Ok(false) => {
                sleep(LOOK_PAUSE).await;
                Ok(())
            }
            Err(error) if error.is_unreachable() => {
                sleep(LOOK_PAUSE).await;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Whether something new was found out.
    async fn search(&mut self) -> Result<bool, ChainError> {
        self.shared.usable()?;
        let finalized = *self.shared.feed.finalized.borrow();
        let best = *self.shared.feed.best.borrow();
        let last = best.number.min(self.born + MORTAL_BLOCKS);
        for number in self.searched + 1..=last {
            let Some(block) = self.holds(number).await? else {
                if number <= finalized.number {
                    self.searched = number;
                }
                continue;
            };
            let known = self.in_block.replace(block);
            if number <= finalized.number {
                self.finalized = Some(block);
                return Ok(true);
            }
            return Ok(known != Some(block));
        }
        self.in_block = None;
        if finalized.number >= self.born + MORTAL_BLOCKS {
            return Err(ChainError::Dropped { why: "its time in the pool ran out".into() });
        }
        // The node may have lost its pool with the connection; the same bytes can do no harm.
        if let Err(error) = self
            .shared
            .rpc("submission", self.shared.legacy.author_submit_extrinsic(&self.encoded))
            .await
        {
            debug!(%error, "not taken again");
        }
        Ok(false)
    }

    /// The hash of the block at this height, if the extrinsic stands in it.
    async fn holds(&self, number: u64) -> Result<Option<H256>, ChainError> {
        let legacy = &self.shared.legacy;
        let hash = self
            .shared
            .rpc("block hash", legacy.chain_get_block_hash(Some(NumberOrHex::Number(number))))
            .await?;
        let Some(hash) = hash else { return Ok(None) };
        let block = self.shared.rpc("block", legacy.chain_get_block(Some(hash))).await?;
        let found =
            block.is_some_and(|block| block.block.extrinsics.iter().any(|tx| tx.0 == self.encoded));
        Ok(found.then_some(hash))
    }

    /// Waits until the client's own heads are as far, so that whoever reads next sees what was done.
    async fn seen(&self, heads: &watch::Sender<Head>, number: u64) {
        let mut heads = heads.subscribe();
        let seen = heads.wait_for(|head| head.number >= number);
        // A connection that breaks just now is told by the next read.
        drop(timeout(self.shared.config.call_timeout, seen).await);
    }

    /// What the extrinsic did in this block.
    async fn outcome(&self, block: H256) -> Result<Included, ChainError> {
        let details = self
            .shared
            .rpc("block", self.shared.legacy.chain_get_block(Some(block)))
            .await?
            .ok_or_else(|| self.uncertain("its block is gone"))?;
        let index = details
            .block
            .extrinsics
            .iter()
            .position(|tx| tx.0 == self.encoded)
            .ok_or_else(|| ChainError::malformed("block", "the extrinsic is not in it"))?;
        let index = u32::try_from(index)
            .map_err(|_| ChainError::malformed("block", "it holds too many extrinsics"))?;
        let at = self.shared.at_block(block).await?;
        let events = self.shared.call("events", async { at.events().fetch().await }).await?;
        let (fee, events) = TxEvents::of(events, index, at.metadata())?;
        Ok(Included { tx: self.tx, number: at.block_number(), block: block.0, fee, events })
    }

    fn uncertain(&self, why: &str) -> ChainError {
        ChainError::Uncertain { tx: self.tx, why: why.into() }
    }
}
