//! The duty of a price feeder (`dbc feed run`): once in each interval it asks its sources what a DBC costs,
//! distrusts each of them, and tells the chain the median of those that answered. A jump is told when a
//! second look bears it out. Restarts anywhere: what it told is on the chain.

#![deny(missing_docs)]

mod account;
mod decimal;
mod duty;
mod source;

pub use account::{FeederView, connect, join, leave, status};
pub use decimal::parse;
pub use duty::{Feeder, Told, believe};
pub use source::{BadSource, BadValue, Source, Sources};
