//! Encrypted streams between two keys, over QUIC (iroh), whether or not the machine is behind NAT.
//!
//! The machine runs a [`Listener`], the client a [`Dialer`]; a [`relay`] of ours carries what finds
//! no direct path. Every stream starts with one frame in which the client says what it wants
//! ([`dbc_agent_api::hello::Hello`]) and one in which the machine agrees. Here are connections,
//! bounds and framing; whether a grant is good is judged by `dbc-grants`, what a stream then
//! carries is its protocol's. Only relays and addresses that we are given are used: nothing is
//! published to or asked of anybody's service.

#![deny(missing_docs)]

mod address;
mod dialer;
mod endpoint;
mod frame;
mod listener;
pub mod relay;
mod stream;

pub use address::{AddressBook, Target};
pub use dialer::{ConnectError, Dialer, DialerConfig, Opened};
pub use endpoint::{BindError, Paths, RelayState, public_key};
pub use frame::{FrameError, read_frame, write_frame};
pub use iroh::RelayUrl;
pub use listener::{Incoming, Limits, Listener, ListenerConfig, Load};
pub use stream::{ReadHalf, Stream, WriteHalf};
