//! The one crate that names subxt: a typed, reconnecting client of the chain that speaks the types of
//! `dbc-primitives`. It decides nothing: no retry of a payment, no key storage, no rent logic.

mod account;
mod client;
mod error;
mod events;
mod follow;
mod head;
mod tx;

pub use account::{AccountId, AccountParseError, Signer, SignerError};
pub use client::{At, ChainClient, ChainConfig, NodeHealth};
pub use error::ChainError;
pub use events::TxEvents;
pub use follow::{Finality, Link, Notice, Notices};
pub use head::Head;
pub use tx::{Included, Submission};

/// Hexadecimal form of a hash, for messages.
fn hex_hash(hash: &[u8; 32]) -> String {
    hex::encode(hash)
}
