//! What a container's PID 1 and the agent say to each other ([`protocol`], [`frame`]), the agent's
//! side of it ([`client`]) and, with the feature `server`, all that runs inside. The agent never
//! opens a path of a tenant (mechanisms.md rule 18): this crate does, as the workload's user.

pub mod client;
pub mod frame;
pub mod protocol;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod sftp;
#[cfg(feature = "server")]
pub mod shell;

pub use client::{ClientError, Event, InitClient, Session, SessionReader, SessionWriter};
pub use protocol::{Exit, Open, Pty, Refusal, Reply, Run};
