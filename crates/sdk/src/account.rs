//! Accounts and signers, as the chain client defines them.

pub use dbc_chain_client::{AccountId, AccountParseError, Signer, SignerError};
