//! Platforms, vouchers, pledges, and what a lease would cost.

use serde::Serialize;

use super::{MachineClass, Moment, Share};
use crate::{account::AccountId, money::Money};

/// Somebody who sells machines under his own name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlatformView {
    /// Its number.
    pub id: u32,
    /// Who registered it.
    pub owner: AccountId,
    /// Who gets its fees.
    pub beneficiary: AccountId,
    /// On top of providers' prices.
    pub fee: Share,
    /// Held from its owner.
    pub deposit: Money,
}

/// Money that pays somebody else's leases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VoucherView {
    /// Its number.
    pub id: u32,
    /// Whose money it is.
    pub issuer: AccountId,
    /// Whose leases it pays.
    pub holder: AccountId,
    /// What no lease has of it.
    pub budget: Money,
    /// Only machines of this class.
    pub class: Option<MachineClass>,
    /// When it pays nothing more.
    pub expires: Moment,
    /// Whether its issuer took it back.
    pub revoked: bool,
    /// Leases that have some of its money.
    pub leases: u32,
}

/// What a renter set aside for what he leaves on machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PledgeView {
    /// On hold.
    pub amount: Money,
    /// What it has to have, so that suspended leases are free and data is kept for a week.
    pub needed: Money,
    /// Suspended leases and closed ones that rely on it.
    pub relied: u32,
}

/// What an open lease would cost if its renter ended it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EndedView {
    /// Altogether.
    pub cost: Money,
    /// What would return.
    pub refund: Money,
    /// Discount that its time has earned.
    pub off: Share,
}

/// A lease without its cards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuspendedView {
    /// Since when.
    pub since: Moment,
    /// Positions of the cards that it had; it comes back to others of their models.
    pub gpus: Vec<u8>,
    /// Whether the renter's pledge makes it free.
    pub free: bool,
}
