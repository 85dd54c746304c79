//! The contract between a renter and an agent: what is asked for ([`workload`]), how it is asked
//! ([`control`], [`hello`]), how auditors ask ([`audit`]), what a grant may allow
//! ([`verb`]) and what may go wrong ([`code`]).
//! Data and its checks only: no I/O, no chain, no cryptography beyond the hash of a spec.

pub mod audit;
pub mod code;
pub mod control;
pub mod hello;
pub mod verb;
pub mod workload;

pub use code::{ApiError, ErrorCode};
pub use verb::{Verb, Verbs};
pub use workload::{ContainerSpec, WorkloadId, WorkloadSpec};

/// Protocol name of the control stream (QUIC ALPN): one [`hello`], then [`control`] frames.
pub const ALPN_CONTROL: &[u8] = b"dbc/ctl/1";
/// Protocol name of an SSH stream: one [`hello`], then the SSH protocol itself, byte for byte.
pub const ALPN_SSH: &[u8] = b"dbc/ssh/1";
/// Protocol name of a forwarded TCP stream: one [`hello`] that names the port, then raw bytes.
pub const ALPN_TCP: &[u8] = b"dbc/tcp/1";

/// Protocol name of an audit (QUIC ALPN): one [`hello`], then [`audit`] frames.
pub const ALPN_AUDIT: &[u8] = b"dbc/audit/1";

/// Largest frame on the wire, in bytes; a longer length prefix ends the connection.
pub const FRAME_BYTES_MAX: usize = 256 * 1024;
