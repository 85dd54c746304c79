//! What may be wrong with a grant or a key file.

use std::path::PathBuf;

use dbc_agent_api::{ApiError, ErrorCode, Verb};

/// Why a grant is refused, or cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// Not a token, not signed by the lease's access key, or of a form that no grant has.
    #[error("the grant is invalid: {0}")]
    Invalid(&'static str),
    /// Its time is over.
    #[error("the grant has expired")]
    Expired,
    /// It is for another network, machine or lease.
    #[error("the grant is for another {0}")]
    Foreign(&'static str),
    /// It, or a grant that it was derived from, was revoked; or the lease's access was changed since.
    #[error("the grant was revoked")]
    Revoked,
    /// The connection's key (or the key that would hand it on) is not its holder's.
    #[error("the grant is held by another key")]
    NotHolder,
    /// It does not allow this.
    #[error("the grant does not allow the verb {0}")]
    Verb(Verb),
    /// A condition that was added to it is not met.
    #[error("the grant was narrowed and does not allow this")]
    Narrowed,
    /// It would live longer than 24 hours and is not pinned.
    #[error("the grant lives longer than 24 hours and is not pinned")]
    TooLong,
    /// It would allow more, or live longer, than the grant that it is made from.
    #[error("the new grant would be wider than the one that it is made from")]
    Wider,
}

impl GrantError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) | Self::TooLong | Self::Wider => ErrorCode::GrantInvalid,
            Self::Expired => ErrorCode::GrantExpired,
            Self::Foreign(_) => ErrorCode::GrantForeign,
            Self::Revoked => ErrorCode::GrantRevoked,
            Self::NotHolder => ErrorCode::GrantNotHolder,
            Self::Verb(_) | Self::Narrowed => ErrorCode::GrantVerb,
        }
    }
}

impl From<GrantError> for ApiError {
    fn from(error: GrantError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// Why a key cannot be read or stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read.
    #[error("failed to read the key file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file cannot be written, or is there already.
    #[error("failed to write the key file {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Others than its owner can read or write the file.
    #[error("the key file {path} has mode {mode:03o}, must be 600: run `chmod 600` on it")]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds no key.
    #[error("the key file {path} is damaged: it must hold 64 hex characters")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The text is no key.
    #[error("a key is 64 hex characters")]
    Format,
}
