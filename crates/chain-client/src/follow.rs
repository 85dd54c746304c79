//! The background task that follows the chain: heads, the state of the connection, and which leases
//! each block touched. It survives every break and never invents: after a break or a gap that it cannot
//! fill, listeners get [`Notice::Resync`] and must read anew.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use codec::Encode;
use subxt::{
    config::{
        Hasher,
        substrate::{BlakeTwo256, SubstrateHeader},
    },
    rpcs::client::RpcSubscription,
    utils::H256,
};
use tokio::{
    sync::{broadcast, watch},
    time::sleep,
};
use tracing::{debug, info, warn};

use crate::{
    client::Shared,
    error::{ChainError, from_rpc},
    events::lease_of,
    head::Head,
};

type Header = SubstrateHeader<H256>;

/// Notices that a slow listener may lag behind before it must resync.
const NOTICES_MAX: usize = 4096;
/// Blocks that are read one by one to fill a gap; beyond that listeners resync.
const GAP_BLOCKS_MAX: u64 = 64;
/// Pause before the node is asked again after an error.
const PAUSE: Duration = Duration::from_millis(500);
/// Without a new head for so long the subscriptions are opened anew.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// The state of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// No node answers; it is tried again and again.
    Away,
    /// Heads arrive.
    Up,
    /// The node came back with another network, whose genesis hash this is. Nothing of it is believed.
    Foreign([u8; 32]),
}

/// How final a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Finality {
    /// In the best chain; may be taken back.
    Best,
    /// For good.
    Finalized,
}

/// What a listener is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// An event in this block names this lease.
    Lease {
        /// Number of the lease.
        lease: u64,
        /// How final the block is.
        finality: Finality,
        /// The block.
        block: [u8; 32],
    },
    /// Something may have been missed: read everything anew.
    Resync,
}

/// A listener's end of the notices.
pub struct Notices {
    receiver: broadcast::Receiver<Notice>,
    fresh: bool,
}

impl Notices {
    /// The next notice; the first is always [`Notice::Resync`]. `None` when the client is gone.
    /// Cancel-safe.
    pub async fn next(&mut self) -> Option<Notice> {
        if std::mem::take(&mut self.fresh) {
            return Some(Notice::Resync);
        }
        match self.receiver.recv().await {
            Ok(notice) => Some(notice),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Notice::Resync),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// The sending ends.
pub(crate) struct Feed {
    pub(crate) best: watch::Sender<Head>,
    pub(crate) finalized: watch::Sender<Head>,
    pub(crate) link: watch::Sender<Link>,
    notices: broadcast::Sender<Notice>,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            best: watch::Sender::new(Head::default()),
            finalized: watch::Sender::new(Head::default()),
            link: watch::Sender::new(Link::Away),
            notices: broadcast::Sender::new(NOTICES_MAX),
        }
    }

    pub(crate) fn notices(&self) -> Notices {
        Notices { receiver: self.notices.subscribe(), fresh: true }
    }

    fn tell(&self, notice: Notice) {
        // No listener is no error.
        drop(self.notices.send(notice));
    }
}

/// Follows until the client is dropped.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        match follow(&shared).await {
            Ok(foreign) => {
                if *shared.feed.link.borrow() != foreign {
                    warn!(url = shared.config.url, "node serves another network");
                }
                shared.feed.link.send_replace(foreign);
            }
            Err(error) => {
                debug!(%error, "chain connection broke");
                if shared.feed.link.send_replace(Link::Away) == Link::Up {
                    warn!(url = shared.config.url, %error, "chain away");
                }
            }
        }
        sleep(PAUSE).await;
    }
}

/// One connection: `Ok` with the reason when the network is foreign, `Err` when it breaks.
async fn follow(shared: &Shared) -> Result<Link, ChainError> {
    let legacy = &shared.legacy;
    let genesis = shared.rpc("genesis hash", legacy.genesis_hash()).await?.0;
    if genesis != shared.genesis {
        return Ok(Link::Foreign(genesis));
    }
    let mut finalized =
        shared.rpc("finalized heads", legacy.chain_subscribe_finalized_heads()).await?;
    let mut best = shared.rpc("best heads", legacy.chain_subscribe_new_heads()).await?;
    // The subscriptions begin with the present heads, so both are known before anybody is told.
    let header = shared.rpc("finalized head", first(&mut finalized)).await?;
    set_finalized(shared, head_of(shared, &header));
    let header = shared.rpc("best head", first(&mut best)).await?;
    shared.feed.best.send_replace(head_of(shared, &header));
    if shared.feed.link.send_replace(Link::Up) != Link::Up {
        info!(url = shared.config.url, number = header.number, "chain connected");
    }
    shared.feed.tell(Notice::Resync);
    loop {
        let (header, finality) = tokio::select! {
            header = best.next() => (header, Finality::Best),
            header = finalized.next() => (header, Finality::Finalized),
            () = sleep(SILENCE_MAX) => {
                return Err(ChainError::Timeout { what: "a new head", after: SILENCE_MAX });
            }
        };
        let header = header
            .ok_or_else(|| ChainError::malformed("heads", "the subscription ended"))?
            .map_err(|error| from_rpc(&shared.config.url, "heads", error))?;
        match finality {
            Finality::Best => advance_best(shared, &header).await?,
            Finality::Finalized => advance_finalized(shared, &header).await?,
        }
    }
}

async fn first(heads: &mut RpcSubscription<Header>) -> Result<Header, subxt::rpcs::Error> {
    heads.next().await.unwrap_or_else(|| {
        Err(subxt::rpcs::Error::DisconnectedWillReconnect("the subscription ended".into()))
    })
}

fn hash_of(header: &Header) -> H256 {
    BlakeTwo256.hash(&header.encode())
}

fn head_of(shared: &Shared, header: &Header) -> Head {
    Head::new(hash_of(header), header, shared.slot_ms)
}

/// Finalized heads only ever go up, also when a node comes back that has yet to catch up.
fn set_finalized(shared: &Shared, head: Head) {
    shared.feed.finalized.send_if_modified(|last| {
        let newer = head.number > last.number || last.hash == [0; 32];
        if newer {
            *last = head;
        }
        newer
    });
}

async fn advance_finalized(shared: &Shared, header: &Header) -> Result<(), ChainError> {
    let last = *shared.feed.finalized.borrow();
    if header.number <= last.number {
        return Ok(());
    }
    // By parents and not by number: a light client knows of numbers only what its peers say.
    match between(shared, header, &last).await? {
        Some(blocks) => {
            for block in blocks {
                tell_leases(shared, block, Finality::Finalized).await?;
            }
            tell_leases(shared, hash_of(header), Finality::Finalized).await?;
        }
        None => shared.feed.tell(Notice::Resync),
    }
    set_finalized(shared, head_of(shared, header));
    Ok(())
}

async fn advance_best(shared: &Shared, header: &Header) -> Result<(), ChainError> {
    let last = *shared.feed.best.borrow();
    let hash = hash_of(header);
    if hash.0 == last.hash {
        return Ok(());
    }
    match between(shared, header, &last).await? {
        Some(blocks) => {
            for block in blocks {
                tell_leases(shared, block, Finality::Best).await?;
            }
            tell_leases(shared, hash, Finality::Best).await?;
        }
        None => shared.feed.tell(Notice::Resync),
    }
    shared.feed.best.send_replace(Head::new(hash, header, shared.slot_ms));
    Ok(())
}

/// The blocks after `last` and before `header`, oldest first; `None` when `header` does not descend from
/// `last` or is too far ahead of it.
async fn between(
    shared: &Shared,
    header: &Header,
    last: &Head,
) -> Result<Option<Vec<H256>>, ChainError> {
    if header.number <= last.number || header.number - last.number > GAP_BLOCKS_MAX {
        return Ok(None);
    }
    let mut blocks = Vec::new();
    let mut parent = header.parent_hash;
    for _ in last.number + 1..header.number {
        blocks.push(parent);
        let header = shared
            .rpc("header", shared.legacy.chain_get_header(Some(parent)))
            .await?
            .ok_or_else(|| ChainError::malformed("header", "a parent is gone"))?;
        parent = header.parent_hash;
    }
    blocks.reverse();
    Ok((parent.0 == last.hash).then_some(blocks))
}

/// Tells which leases a block touched. What cannot be read is told as a resync, never left out.
async fn tell_leases(shared: &Shared, block: H256, finality: Finality) -> Result<(), ChainError> {
    match leases_in(shared, block).await {
        Ok(leases) => {
            for lease in leases {
                shared.feed.tell(Notice::Lease { lease, finality, block: block.0 });
            }
            Ok(())
        }
        Err(error) if error.is_unreachable() => Err(error),
        Err(error) => {
            warn!(%error, block = hex::encode(block.0), "events unreadable");
            shared.feed.tell(Notice::Resync);
            Ok(())
        }
    }
}

async fn leases_in(shared: &Shared, block: H256) -> Result<BTreeSet<u64>, ChainError> {
    let at = shared.at_block(block).await?;
    let events = shared.call("events", async { at.events().fetch().await }).await?;
    let mut leases = BTreeSet::new();
    for event in events.iter() {
        let event = event.map_err(|error| ChainError::malformed("events", error))?;
        leases.extend(lease_of(&event)?);
    }
    Ok(leases)
}
