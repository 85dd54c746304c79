//! What the facade shows: plain data with a stable JSON form, free of chain types. Amounts are
//! [`Money`], points in time are [`Moment`]; nothing here computes.

mod audit;
mod earnings;
mod figure;
mod govern;
mod lease;
mod machine;
mod network;
mod presence;
mod renting;
mod stake;

use serde::{Deserialize, Serialize};

pub use audit::{AuditView, OpenAuditView, ProofView};
pub use earnings::{
    CheckView, CheckedByView, EarnedView, EarningsView, OffenceView, PreviewView, VestingView,
};
pub use figure::{Figure, Share};
pub use govern::{
    CouncilView, DelegationView, DraftView, MissingView, MotionView, NextView, NumberView,
    OpenReferendumView, ReferendumState, ReferendumView, SetView, TrackView, TrackVotesView,
    UpgradeView, VoteView, VotesView,
};
pub use lease::{Closing, LeaseState, LeaseView, Profile};
pub use machine::{
    Ask, GpuFacts, GpuView, HardwareFacts, Location, MachineClass, MachineStatus, MachineView,
    MaintenanceView, NetworkFacts, OfferView, Price, Registration, UsdPrice,
};
pub use network::{AccountView, Block, HeldView, NetworkView, RelayView, TxView};
pub use presence::{OutageView, PresenceView};
pub use renting::{EndedView, PlatformView, PledgeView, SuspendedView, VoucherView};
pub use stake::{
    LeavingView, PoolMemberView, PoolView, RoleView, SessionView, SlashView, StakeView,
    ValidatorView,
};

use crate::money::Money;

/// A point in chain time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    /// Slot of the chain.
    pub slot: u64,
    /// The same in seconds since 1970, reckoned from the newest known block.
    pub unix: u64,
}

/// What a GPU or a whole machine costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Money per slot, as the escrow reckons.
    pub per_slot: Money,
    /// The same per hour, rounded down.
    pub per_hour: Money,
}
