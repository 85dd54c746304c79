//! The network itself, accounts and extrinsics.

use serde::{Deserialize, Serialize};

use crate::{
    account::AccountId,
    id::{Genesis, Hash},
    money::Money,
};

/// A block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Height.
    pub number: u64,
    /// Hash of the header.
    pub hash: Hash,
}

/// An extrinsic that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TxView {
    /// Hash of the extrinsic.
    pub hash: Hash,
    /// The block that holds it.
    pub block: Block,
    /// What the chain charged for it.
    pub fee: Money,
    /// Whether the block was final when this was returned.
    pub finalized: bool,
}

/// An account's money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountView {
    /// Whose.
    pub account: AccountId,
    /// Not held; includes the existential deposit.
    pub free: Money,
    /// What can be spent now without ending the account.
    pub spendable: Money,
    /// Held, by reason.
    pub held: Vec<HeldView>,
    /// Extrinsics signed so far.
    pub nonce: u64,
}

/// Money on hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldView {
    /// Why, e.g. `Leases.Deposit` or `Machines.Stake`.
    pub reason: String,
    /// How much.
    pub amount: Money,
}

/// The state of the network as the node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetworkView {
    /// Hash of the genesis block.
    pub genesis: Genesis,
    /// Name of the chain, as its node says.
    pub chain: String,
    /// Version of the runtime.
    pub spec_version: u32,
    /// Newest block.
    pub best: Block,
    /// Newest final block.
    pub finalized: Block,
    /// Slot of the newest final block.
    pub slot: u64,
    /// Time of the newest final block in seconds since 1970.
    pub unix: u64,
    /// Length of a slot in milliseconds.
    pub slot_ms: u64,
    /// Peers of the node.
    pub peers: u32,
    /// Whether the node is still catching up.
    pub syncing: bool,
    /// The governed relays.
    pub relays: Vec<String>,
}

/// A relay and whether it answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RelayView {
    /// Its address.
    pub url: String,
    /// Whether a TCP connection to it opened within three seconds.
    pub reachable: bool,
}
