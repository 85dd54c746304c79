//! One facade over chain and agents: [`Market`] for machines, leases, money and grants, [`Agent`] for
//! what runs inside a lease. Clients (`dbc`, later others) use nothing else. It prints nothing, asks
//! nothing, and keeps no wallet: signers are handed in.
//!
//! ```no_run
//! # async fn example() -> Result<(), dbc_sdk::MarketError> {
//! use dbc_sdk::{Market, MarketConfig, Need, RentOrder, Signer, WorkloadSpec};
//!
//! let market = Market::connect(MarketConfig::new("ws://127.0.0.1:9944", "/home/me/.config/dbc")).await?;
//! let signer = Signer::from_uri("//Alice")?;
//! let quote = market.quote(&Need::cpu(3600)).await?;
//! let order = RentOrder::new(quote, WorkloadSpec::container("localhost:5000/dbc/base:12"));
//! let lease = market.rent(&signer, order, |step| eprintln!("{step:?}")).await?;
//! let closing = market.end(&signer, lease.id).await?;
//! assert_eq!(closing.deposited.0, closing.paid.0 + closing.fees.0 + closing.refund.0 + closing.open.0);
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs)]

mod account;
mod agent;
mod config;
mod convert;
mod error;
mod grant;
mod home;
mod id;
mod market;
mod money;
mod order;
mod ticket;
mod view;

pub use account::{AccountId, AccountParseError, Signer, SignerError};
pub use agent::{
    Agent, ByteStream, CopyProgress, ExitStatus, LogFollow, Pty, Session, SessionEvent,
    SessionInput, SessionOptions, SessionOutput, StatusWatch,
};
pub use config::MarketConfig;
pub use dbc_agent_api::{
    ApiError, ErrorCode, Verb, Verbs, WorkloadId, WorkloadSpec,
    control::{LogStream, Phase, WorkloadStatus},
    workload,
};
pub use dbc_chain_client::{
    AuditPhase, BATCH_MAX, Body, Fact, OffenceKind, OffenceStage, PoolState, Tier,
};
pub use error::{MarketError, code_of};
pub use grant::{GrantOrder, GrantView};
pub use id::{AccessKeyId, Genesis, Hash, HolderId, IdParseError, MachineId};
pub use market::Market;
pub use money::{Dollars, Money, MoneyParseError, UNITS_PER_DBC};
pub use order::{Filter, Need, Quote, RentOrder, RentStep, RentUntil};
pub use ticket::{FLEET_MAX, LINE_BYTES_MAX, Ticket, read_fleet};
pub use view::{
    AccountView, Ask, AuditView, Block, CheckView, CheckedByView, Closing, CouncilView,
    DelegationView, DraftView, EarnedView, EarningsView, EndedView, Figure, GpuFacts, GpuView,
    HardwareFacts, HeldView, LeaseState, LeaseView, LeavingView, Location, MachineClass,
    MachineStatus, MachineView, MaintenanceView, MissingView, Moment, MotionView, NetworkFacts,
    NetworkView, NextView, NumberView, OffenceView, OfferView, OpenAuditView, OpenReferendumView,
    OutageView, PlatformView, PledgeView, PoolMemberView, PoolView, PresenceView, PreviewView,
    Price, Profile, ProofView, Rate, ReferendumState, ReferendumView, Registration, RelayView,
    RoleView, SessionView, SetView, Share, SlashView, StakeView, SuspendedView, TrackView,
    TrackVotesView, TxView, UpgradeView, UsdPrice, ValidatorView, VestingView, VoteView, VotesView,
    VoucherView,
};
