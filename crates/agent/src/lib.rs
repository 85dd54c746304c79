//! The agent: makes one machine match what the chain entitles, and lets renters into what is
//! theirs. `observe → plan (pure) → execute`; one driver a workload; state in SQLite before each
//! step. What touches the operating system is in `dbc-host`, what judges a grant in `dbc-grants`.

pub mod agent;
pub mod beat;
pub mod cards;
pub mod chain;
pub mod config;
pub mod daemon;
pub mod downtime;
pub mod driver;
pub mod entitlement;
pub mod error;
pub mod execute;
pub mod facts;
pub mod fleet;
pub mod host;
pub mod keys;
pub mod ledger;
pub mod metrics;
pub mod observe;
pub mod plan;
pub mod record;
pub mod server;
pub mod shape;
pub mod ssh;
pub mod store;
pub mod ticket;
