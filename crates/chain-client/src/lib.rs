//! The one crate that names subxt: a typed, reconnecting client of the chain that speaks the types of
//! `dbc-primitives`. It decides nothing: no retry of a payment, no key storage, no rent logic.

pub mod account;

pub use account::{AccountId, AccountParseError, Signer, SignerError};
