//! Everything of ours that touches the operating system, and nothing else: containers
//! ([`backend`]), the data pool ([`pool`]), lease networks and their firewall ([`network`]), GPUs
//! ([`gpus`]). Each is a trait with a real implementation and a fake ([`fake`]), so that the agent
//! is tested without root. Around them: finding and preparing a Docker engine ([`engine`]), checks
//! of a machine ([`doctor`]) and taking everything of ours away again ([`cleanup`]).
//!
//! No other crate runs programs or edits system files. Nothing here knows the chain, a grant or a
//! renter: callers say what is to be, this crate makes it so and reports what is.

pub mod backend;
pub mod cleanup;
pub mod doctor;
pub mod engine;
pub mod execute;
pub mod fake;
pub mod gpus;
pub mod ids;
pub mod image;
pub mod mounts;
pub mod network;
pub mod pool;
pub mod rundir;
pub mod tree;

pub use backend::{Backend, BackendError};
pub use engine::Engine;
pub use gpus::Gpus;
pub use ids::{ContainerId, NetworkId, WorkloadKey};
pub use image::{Digest, ImageRef};
pub use network::{Network, NetworkError};
pub use pool::{Pool, PoolError};

/// The cause inside an error of this crate; printed by walking `source()`.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;
