//! Parameters of every pallet, by area.

pub mod accounts;
pub mod audits;
pub mod consensus;
pub mod disputes;
pub mod governance;
pub mod liveness;
pub mod market;
pub mod money;
pub mod parameters;
pub mod prices;
pub mod rewards;
pub mod safety;
pub mod staking;
pub mod system;
