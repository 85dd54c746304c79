//! Parameters of every pallet, by area.

pub mod accounts;
pub mod consensus;
pub mod market;
pub mod money;
pub mod system;
