//! What the runtime's calls and blocks cost over a state of so many machines and leases: the state is truly
//! there, as nodes of a trie, and the calls are those of people, signed. Counts what each reads and writes,
//! takes times, and sets them beside the weights that the pallets declare. Numbers are for
//! `docs/reference/performance.md`; a test holds that what is read does not grow with the machines.
//!
//! In two parts that are never built together: with `runtime`, what makes states; with `node` and without
//! `runtime`, what measures them in a node's executor. Together they would build the whole SDK a second time, for
//! another set of features.

#![deny(missing_docs)]

#[cfg(feature = "runtime")]
pub mod blocks;
#[cfg(feature = "runtime")]
pub mod calls;
#[cfg(feature = "runtime")]
pub mod chain;
mod counted;
#[cfg(feature = "runtime")]
pub mod crowd;
pub mod measure;
#[cfg(feature = "runtime")]
pub mod seed;
pub mod state;
#[cfg(feature = "runtime")]
pub mod subjects;
pub mod table;

pub use counted::{Counted, Touched};
