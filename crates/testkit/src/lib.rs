//! For tests only: finds the built programs, runs a whole small network by `dbc up` in a state
//! folder of its own, and waits for things. Stands here so that every test waits and fails in the
//! same way; holds no assertion about the product.

pub mod network;
pub mod node;
pub mod programs;
pub mod wait;

pub use network::{Dbc, Network, Output};
pub use node::{DevNode, MACHINE, MACHINE_SEED};
pub use programs::{made, program};
pub use wait::wait_for;
