//! Answers the audit challenge on CUDA cards: the prover of `dbc-bench`, whose products stay in the memory of the
//! cards. Reaches them through the driver's library alone, loaded when it is there; no CUDA toolkit is
//! needed, neither to build nor to run. Inventory and everything else about cards: `dbc-host`.

#![deny(missing_docs)]

mod card;
mod kernels;
mod prove;

pub use card::{Card, CardError, cards};
pub use prove::{Kept, run};
