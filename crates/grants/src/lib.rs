//! Grants: what a key may do with a lease. A grant is a Biscuit token that names its holder's key
//! and is honoured only on a connection of that key (mechanisms.md rule 20). Minting, handing on and
//! the one check ([`check()`]) live here, so that no second place can judge a grant differently.
//! Does no I/O but reading and writing key files, and never reads a clock: time is chain time and
//! comes from the caller.

#![deny(missing_docs)]

mod check;
mod claims;
mod error;
mod grant;
mod key;
mod shape;

pub use check::{Allowed, CheckContext, check};
pub use claims::Claims;
pub use error::{GrantError, KeyError};
pub use grant::{Delegation, Grant, GrantTerms, Narrowing};
pub use key::{AccessKey, HolderKey};

/// Longest life of a grant that is not pinned, in seconds.
pub const UNPINNED_SECONDS_MAX: u64 = 24 * 60 * 60;
/// How far the clock of whoever mints may be ahead of the chain's, in seconds.
pub const CLOCK_SKEW_SECONDS: u64 = 10 * 60;
/// Most blocks of a token: the authority's and those with which it was narrowed or handed on.
pub const BLOCKS_MAX: usize = 8;
