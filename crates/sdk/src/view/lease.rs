//! Leases: state, term, money.

use serde::{Deserialize, Serialize};

use super::{Moment, Rate, Share, SuspendedView};
use crate::{
    account::AccountId,
    id::{AccessKeyId, MachineId},
    money::Money,
};

/// A lease as the chain knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeaseView {
    /// Its number.
    pub id: u64,
    /// Who pays.
    pub renter: AccountId,
    /// Who is paid.
    pub provider: AccountId,
    /// The machine.
    pub machine: MachineId,
    /// Positions of the GPUs held; empty for the CPU profile.
    pub gpus: Vec<u8>,
    /// GPUs or the CPU profile.
    pub profile: Profile,
    /// CPU shares held; none with GPUs.
    pub cpu_shares: u16,
    /// Where it stands.
    pub state: LeaseState,
    /// Whether this state stands in a finalized block.
    pub finalized: bool,
    /// When it was made.
    pub created_at: Moment,
    /// When the meter started.
    pub started_at: Option<Moment>,
    /// Length of the term in seconds.
    pub term_s: u64,
    /// While pending: by when the machine must start it, else everything returns.
    pub start_by: Option<Moment>,
    /// When it ends unless extended; not known before it started.
    pub ends_at: Option<Moment>,
    /// What it costs.
    pub rate: Rate,
    /// The most that the renter accepts at the next leg.
    pub max_rate: Money,
    /// Discount that its time has earned so far.
    pub off: Share,
    /// Discount of the whole term.
    pub booked_off: Share,
    /// The most that the lease may cost altogether.
    pub cap: Option<Money>,
    /// Held now.
    pub deposit: Money,
    /// Paid to the provider.
    pub paid: Money,
    /// Paid to the treasury.
    pub fees: Money,
    /// Burned of the rent.
    pub burned: Money,
    /// Paid to the platform that sold it.
    pub platform_fees: Money,
    /// Returned to the renter.
    pub refunded: Money,
    /// Up to when it is settled.
    pub settled_to: Moment,
    /// How long it was charged for, in seconds: the time in which its machine was there.
    pub charged_s: u64,
    /// Set while the last minutes of a closed lease are not settled; `deposit` is what they may cost.
    pub tail_until: Option<Moment>,
    /// Root of the lease's grants.
    pub access_key: AccessKeyId,
    /// Grants of another epoch are refused.
    pub grant_epoch: u32,
    /// Counts up with each fail-over.
    pub generation: u32,
    /// The machine that takes over when the first is silent for long.
    pub standby: Option<MachineId>,
    /// The platform that sold it.
    pub platform: Option<u32>,
    /// The voucher that pays for it.
    pub voucher: Option<u32>,
    /// Set while it has no cards.
    pub suspended: Option<SuspendedView>,
    /// Since when its machine says that its workload does not run; nothing is charged.
    pub down_since: Option<Moment>,
    /// Since when its time waits for the verdict on a report.
    pub disputed_since: Option<Moment>,
    /// Hash of the workload spec, if the renter put it on the chain.
    pub spec_hash: Option<String>,
    /// Until when the provider keeps the data of a closed lease.
    pub retain_until: Option<Moment>,
}

impl LeaseView {
    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, LeaseState::Closed { .. })
    }
}

/// What of a machine a lease holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Named GPUs.
    Gpu,
    /// No GPU: the CPU profile.
    Cpu,
}

/// States of a lease: `pending → running → closed`, or `pending → closed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum LeaseState {
    /// Made and paid for; the meter has not started.
    Pending,
    /// The meter runs.
    Running,
    /// Over.
    Closed {
        /// Why: `ended_by_renter`, `expired`, `not_started`, `provider_fault`, `machine_retired`,
        /// `cap_reached`, `dispute_upheld`, `leg_too_dear` or `leg_unpaid`.
        reason: &'static str,
        /// When.
        at: Moment,
    },
}

/// How the money of a closed lease was divided; `paid + fees + burned + platform_fees + refund + open` is
/// all that was ever deposited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Closing {
    /// The lease.
    pub lease: u64,
    /// Why it closed; words as in [`LeaseState::Closed`].
    pub reason: &'static str,
    /// To the provider, over the whole lease.
    pub paid: Money,
    /// To the treasury, over the whole lease.
    pub fees: Money,
    /// Burned, over the whole lease.
    pub burned: Money,
    /// To the platform, over the whole lease.
    pub platform_fees: Money,
    /// Back to the renter at the close.
    pub refund: Money,
    /// On hold until it is known whether the machine was there in the last minutes; two at most.
    pub open: Money,
    /// All deposits that were made for it.
    pub deposited: Money,
    /// Until when the provider keeps the data.
    pub retain_until: Option<Moment>,
    /// The extrinsic's block.
    pub block: super::Block,
}
