//! The one crate that names subxt: a typed, reconnecting client of the chain that speaks the types of
//! `dbc-primitives`. It decides nothing: no retry of a payment, no key storage, no rent logic.

#![deny(missing_docs)]

mod account;
mod ahead;
mod audit;
mod calls;
mod client;
mod convert;
mod dispute;
mod error;
mod events;
mod follow;
mod generated;
mod head;
mod price;
mod read;
mod record;
mod statement;
mod tx;
mod watch;

pub use account::{AccountId, AccountParseError, Signer, SignerError};
pub use ahead::{Ahead, Signed};
pub use audit::{AuditPhase, AuditRecord, AuditorRecord, DutyRecord, ProofRecord};
pub use client::{At, ChainClient, ChainConfig, NodeHealth};
pub use dispute::{EarnedRecord, OffenceKind, OffenceRecord, OffenceStage};
pub use error::ChainError;
pub use events::TxEvents;
pub use follow::{Finality, Link, Notice, Notices};
pub use head::Head;
pub use price::FeederRecord;
pub use read::View;
pub use record::{Account, Constants, Lease, LeaseClosed, Machine, Registration};
pub use statement::{Statement, Statements, Submitted, TOPICS_MAX};
pub use tx::{Included, Submission};
pub use watch::{OutageRecord, PendingReport, PresenceRecord, WatchConstants, WatcherRecord};

/// Hexadecimal form of a hash, for messages.
fn hex_hash(hash: &[u8; 32]) -> String {
    hex::encode(hash)
}
