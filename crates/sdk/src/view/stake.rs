//! Stake: bonds, validators, pools, and when money is free.

use dbc_chain_client::PoolState;
use serde::Serialize;

use super::{Moment, figure::Share};
use crate::{account::AccountId, money::Money};

/// An account's stake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StakeView {
    /// The account.
    pub account: AccountId,
    /// The era whose validators make blocks now.
    pub era: u32,
    /// When the next one begins, if no stall comes between.
    pub next_era: Moment,
    /// On hold.
    pub bonded: Money,
    /// Of it what counts.
    pub active: Money,
    /// Of it what can be withdrawn now.
    pub free: Money,
    /// Of it what leaves.
    pub leaving: Vec<LeavingView>,
    /// What it does.
    pub role: RoleView,
    /// Earned in the newest eras and not paid; `dbc stake claim` has it paid.
    pub unpaid: Money,
    /// Slashes that wait.
    pub slashes: Vec<SlashView>,
}

/// Money on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LeavingView {
    /// How much.
    pub amount: Money,
    /// Free when this era begins.
    pub era: u32,
    /// When that is, if no stall comes between.
    pub at: Moment,
}

/// What a bond does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "role")]
pub enum RoleView {
    /// There is none.
    None,
    /// Nothing.
    Idle,
    /// It stands behind these.
    Nominates {
        /// Who they are.
        validators: Vec<AccountId>,
    },
    /// It validates, or would if it were elected.
    Validates {
        /// What it keeps before it shares.
        commission: Share,
    },
}

/// A slash that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SlashView {
    /// Executed when this era begins, unless it is cancelled.
    pub era: u32,
    /// Whose fault.
    pub validator: AccountId,
    /// What it costs this account.
    pub amount: Money,
}

/// A validator, elected or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValidatorView {
    /// Who.
    pub account: AccountId,
    /// Whether he makes blocks in this session.
    pub seated: bool,
    /// Whether he is elected for this era.
    pub elected: bool,
    /// What he keeps before he shares.
    pub commission: Share,
    /// Whether nobody may nominate him.
    pub blocked: bool,
    /// What stands behind him in this era.
    pub total: Money,
    /// His own part of it.
    pub own: Money,
    /// How many nominators.
    pub nominators: u32,
}

/// What is on the chain of a validator's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// The account.
    pub account: AccountId,
    /// Its keys, as nodes write them.
    pub keys: Option<String>,
    /// Whether it makes blocks in this session.
    pub seated: bool,
    /// Whether it is elected for this era.
    pub elected: bool,
    /// Seats that an election fills.
    pub seats: u32,
    /// Least that a validator bonds.
    pub bond_least: Money,
}

/// A nomination pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoolView {
    /// Its number.
    pub id: u32,
    /// What it calls itself.
    pub name: String,
    /// Whether it takes members.
    pub state: PoolState,
    /// How many it has.
    pub members: u32,
    /// What they bonded together.
    pub bonded: Money,
    /// What it keeps of what it earns.
    pub commission: Share,
    /// Who nominates for it.
    pub nominator: Option<AccountId>,
    /// Whom it nominates.
    pub nominates: Vec<AccountId>,
}

/// What an account has in a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoolMemberView {
    /// The pool.
    pub pool: u32,
    /// What its part is worth.
    pub bonded: Money,
    /// Of what it took out, what can be withdrawn now.
    pub free: Money,
    /// What leaves.
    pub leaving: Vec<LeavingView>,
    /// What was earned and not taken.
    pub earned: Money,
}
