//! The network, accounts and plain payments.

use std::time::Duration;

use dbc_chain_client::{At, Included, Submission};
use dbc_tunnel::RelayUrl;
use tokio::{net::TcpStream, time::timeout};

use super::relay_urls;
use crate::{
    Market, MarketError,
    account::{AccountId, Signer},
    id::{Genesis, Hash},
    money::Money,
    view::{AccountView, Block, HeldView, NetworkView, RelayView, TxView},
};

/// How long a relay may take to accept a connection.
const PROBE_TIME: Duration = Duration::from_secs(3);

impl Market {
    /// Hash of the network's genesis block.
    pub async fn genesis(&self) -> Result<Genesis, MarketError> {
        Ok(Genesis(self.chain().await?.genesis()))
    }

    /// Heads, versions, relays.
    pub async fn network(&self) -> Result<NetworkView, MarketError> {
        let chain = self.chain().await?;
        let health = chain.health().await?;
        let (best, finalized) = (*chain.best().borrow(), *chain.finalized().borrow());
        let view = chain.at(At::Finalized).await?;
        Ok(NetworkView {
            genesis: Genesis(chain.genesis()),
            chain: health.chain,
            spec_version: view.spec_version(),
            best: Block { number: best.number, hash: Hash(best.hash) },
            finalized: Block { number: finalized.number, hash: Hash(finalized.hash) },
            slot: finalized.slot,
            unix: finalized.unix_s(),
            slot_ms: chain.slot_ms(),
            peers: health.peers,
            syncing: health.syncing,
            relays: view.relays().await?,
        })
    }

    /// Tries every relay known: governed ones and those of the configuration.
    pub async fn relays(&self) -> Result<Vec<RelayView>, MarketError> {
        let mut urls = self.chain().await?.at(At::Finalized).await?.relays().await?;
        for url in &self.config().relays {
            if !urls.contains(url) {
                urls.push(url.clone());
            }
        }
        let probes = urls.into_iter().map(|url| async move {
            let reachable = match relay_urls(std::slice::from_ref(&url)) {
                Ok(parsed) => match parsed.first() {
                    Some(parsed) => answers(parsed).await,
                    None => false,
                },
                Err(_) => false,
            };
            RelayView { url, reachable }
        });
        Ok(futures::future::join_all(probes).await)
    }

    /// Waits until a block newer than the present finalized one is final; returns its number. For
    /// health checks: a chain that makes blocks answers within a few slots.
    ///
    /// Errors: `chain_unreachable` when none came within a minute.
    pub async fn next_finalized(&self) -> Result<u64, MarketError> {
        const PATIENCE: Duration = Duration::from_secs(60);
        let mut heads = self.chain().await?.finalized();
        let present = heads.borrow_and_update().number;
        match timeout(PATIENCE, heads.wait_for(|head| head.number > present)).await {
            Ok(Ok(head)) => Ok(head.number),
            _ => Err(dbc_chain_client::ChainError::Timeout {
                what: "a new finalized block",
                after: PATIENCE,
            }
            .into()),
        }
    }

    /// The account's money.
    pub async fn balance(&self, account: AccountId) -> Result<AccountView, MarketError> {
        let found = self.chain().await?.at(At::Best).await?.account(account).await?;
        let held = found.held.into_iter();
        Ok(AccountView {
            account,
            free: Money(found.free),
            spendable: Money(found.spendable),
            held: held.map(|(reason, amount)| HeldView { reason, amount: Money(amount) }).collect(),
            nonce: u64::from(found.nonce),
        })
    }

    /// Sends money; returns when the transfer is final. The sender's account stays alive.
    ///
    /// Errors: `insufficient_funds`, `chain_refused`.
    pub async fn transfer(
        &self,
        signer: &Signer,
        to: AccountId,
        amount: Money,
    ) -> Result<TxView, MarketError> {
        let chain = self.chain().await?;
        finish(chain.transfer(signer, to, amount.0).await?).await
    }
}

/// Waits until an extrinsic is final.
pub(super) async fn finish(submission: Submission) -> Result<TxView, MarketError> {
    Ok(tx_view(&submission.finalized().await?, true))
}

pub(super) fn tx_view(included: &Included, finalized: bool) -> TxView {
    TxView {
        hash: Hash(included.tx),
        block: block_of(included),
        fee: Money(included.fee),
        finalized,
    }
}

pub(super) fn block_of(included: &Included) -> Block {
    Block { number: included.number, hash: Hash(included.block) }
}

async fn answers(relay: &RelayUrl) -> bool {
    let (Some(host), Some(port)) = (relay.host_str(), relay.port_or_known_default()) else {
        return false;
    };
    // A URL writes IPv6 addresses in brackets.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    matches!(timeout(PROBE_TIME, TcpStream::connect((host, port))).await, Ok(Ok(_)))
}
