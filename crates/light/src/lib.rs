//! A light client in this process, by smoldot: follows finalized blocks, reads state by proof, submits
//! extrinsics and statements, all through peers that it need not trust. It carries the chain client's calls
//! instead of a node's RPC. Judges where it begins (mechanisms rule 33) and nothing else: what an answer means
//! is for whoever asked.

#![deny(missing_docs)]

mod calls;
mod client;
mod error;
mod kept;
mod numbers;
mod spec;
mod start;

pub use client::{LightClient, LightConfig};
pub use error::LightError;
pub use spec::light_spec;
pub use start::{OLD, START_DAYS_WARN, Standing};
