//! The one crate that names subxt: a typed, reconnecting client of the chain that speaks the types of
//! `dbc-primitives`. It decides nothing: no retry of a payment, no key storage, no rent logic.

#![deny(missing_docs)]

mod account;
mod ahead;
mod audit;
mod calls;
mod carrier;
mod client;
mod convert;
mod dispute;
mod error;
mod events;
mod follow;
mod generated;
mod govern;
mod head;
mod light_spec;
mod machine;
mod platform;
mod price;
mod read;
mod record;
mod renting;
mod stake;
mod statement;
mod tx;
mod visit;
mod voucher;
mod watch;

pub use account::{AccountId, AccountParseError, Signer, SignerError};
pub use ahead::{Ahead, Signed};
pub use audit::{AuditPhase, AuditRecord, AuditorRecord, DutyRecord, ProofRecord};
pub use carrier::{Carrier, CarrierError, Subscribed};
pub use client::{At, ChainClient, ChainConfig, NodeHealth};
pub use dispute::{
    EarnedRecord, OffenceKind, OffenceRecord, OffenceStage, PreviewRecord, StretchRecord,
};
pub use error::ChainError;
pub use events::TxEvents;
pub use follow::{Finality, Link, Notice, Notices};
pub use govern::{
    Body, Conviction, Curve, DelegationRecord, DueDeposits, MotionRecord, OpenReferendum, PARTS,
    Proposal, ReferendumRecord, ReferendumStage, SetNumber, TrackRecord, VoteRecord, VotingRecord,
};
pub use head::Head;
pub use light_spec::{LightGenesis, light_spec_start};
pub use machine::{BATCH_MAX, Fact, Hardware, Search, SearchPage, Tier};
pub use platform::PlatformRecord;
pub use price::FeederRecord;
pub use read::View;
pub use record::{
    Account, Constants, HeldBack, Lease, LeaseClosed, Machine, Registration, Suspended,
};
pub use renting::{EndRecord, PledgeRecord, QuoteRecord};
pub use stake::{
    BondRecord, ElectedRecord, MemberRecord, PAYOUTS_MAX, PoolRecord, PoolState, Role, SessionKeys,
    SlashRecord, StakeConstants, UnpaidRecord, ValidatorRecord,
};
pub use statement::{Statement, Statements, Submitted, TOPICS_MAX};
pub use tx::{Included, Submission};
pub use visit::{VisitDraw, VisitRecord, VisitTold};
pub use voucher::VoucherRecord;
pub use watch::{OutageRecord, PendingReport, PresenceRecord, WatchConstants, WatcherRecord};

/// Hexadecimal form of a hash, for messages.
fn hex_hash(hash: &[u8; 32]) -> String {
    hex::encode(hash)
}
