//! Extrinsics that are signed first and sent later, many at a time: what load tests need, where the
//! node shall be the slow part and not its client.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use dbc_primitives::{LeaseId, MachineId, Offer, Order};
use futures::{TryStreamExt, stream};
use subxt::{
    transactions::Payload,
    utils::{H256, MultiAddress, Static},
};

use crate::{
    account::{AccountId, Signer},
    client::{AtBlock, ChainClient, Shared},
    error::{ChainError, from_subxt},
    generated,
    head::Head,
    record::Registration,
    tx::sign_at,
};

/// Lists that are on their way to the node at once.
const AT_ONCE: usize = 64;

/// A signed extrinsic, as it goes over the wire.
pub struct Signed(Vec<u8>);

/// Signs one account's extrinsics in order, beginning with the nonce that the chain has for it.
pub struct Ahead {
    shared: Arc<Shared>,
    signer: Signer,
    block: AtBlock,
    born: Head,
    nonce: u64,
}

impl ChainClient {
    /// Begins to sign ahead. What is signed is valid for 64 blocks.
    ///
    /// Errors: those of reading the account.
    pub async fn ahead(&self, signer: &Signer) -> Result<Ahead, ChainError> {
        let shared = self.shared.clone();
        shared.usable()?;
        let account = signer.account().to_subxt();
        let nonce = shared.rpc("nonce", shared.legacy.system_account_next_index(&account)).await?;
        let born = *shared.feed.best.borrow();
        let block = shared.at_block(H256(born.hash)).await?;
        Ok(Ahead { shared, signer: signer.clone(), block, born, nonce })
    }

    /// Hands extrinsics to the node: each list in its order, as one account's must be, and up to 64
    /// lists at once. Returns how many its pool refused; those that it has already are among them.
    ///
    /// Errors: the node is away.
    pub async fn send(&self, lists: &[Vec<Signed>]) -> Result<usize, ChainError> {
        let refused = AtomicUsize::new(0);
        stream::iter(lists.iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, async |list| {
                for Signed(bytes) in list {
                    let legacy = &self.shared.legacy;
                    let sent = self.shared.rpc("submission", legacy.author_submit_extrinsic(bytes));
                    match sent.await {
                        Ok(_) => {}
                        Err(error) if error.is_unreachable() => return Err(error),
                        Err(_) => drop(refused.fetch_add(1, Ordering::Relaxed)),
                    }
                }
                Ok(())
            })
            .await?;
        Ok(refused.into_inner())
    }

    /// Number of extrinsics in a block, those of its author included.
    ///
    /// Errors: when the node does not have the block.
    pub async fn extrinsics_in(&self, block: [u8; 32]) -> Result<usize, ChainError> {
        let found = self.shared.legacy.chain_get_block(Some(H256(block)));
        let found = self.shared.rpc("block", found).await?;
        let found = found.ok_or_else(|| ChainError::malformed("block", "it is not there"))?;
        Ok(found.block.extrinsics.len())
    }
}

impl Ahead {
    /// Sends money.
    pub fn transfer(&mut self, to: AccountId, amount: u128) -> Result<Signed, ChainError> {
        let to = MultiAddress::Id(to.to_subxt());
        self.sign(&generated::transactions().balances().transfer_keep_alive(to, amount))
    }

    /// Registers a machine.
    pub fn register(&mut self, registration: Registration) -> Result<Signed, ChainError> {
        self.sign(&registration.call())
    }

    /// Sets what a machine asks.
    pub fn set_offer(&mut self, machine: MachineId, offer: Offer) -> Result<Signed, ChainError> {
        self.sign(&generated::transactions().machines().set_offer(Static(machine), Static(offer)))
    }

    /// Puts a machine up for rent.
    pub fn list(&mut self, machine: MachineId) -> Result<Signed, ChainError> {
        self.sign(&generated::transactions().machines().list(Static(machine)))
    }

    /// Orders a lease.
    pub fn create_lease(&mut self, order: Order<AccountId>) -> Result<Signed, ChainError> {
        self.sign(&generated::transactions().leases().create(Static(order)))
    }

    /// Ends a lease as its renter.
    pub fn end(&mut self, lease: LeaseId) -> Result<Signed, ChainError> {
        self.sign(&generated::transactions().leases().end(lease))
    }

    fn sign<Call: Payload>(&mut self, call: &Call) -> Result<Signed, ChainError> {
        let signed = sign_at(&self.block, &self.signer, call, self.nonce, self.born);
        let (bytes, _) =
            signed.map_err(|error| from_subxt(&self.shared.config.url, "signing", error))?;
        self.nonce += 1;
        Ok(Signed(bytes))
    }
}
