//! Why the chain could not be asked or said no. Predicates instead of matching: callers decide by
//! [`ChainError::is_unreachable`] and its like; the public code table is not known here.

use std::time::Duration;

use subxt::{
    error::{ArithmeticError, DispatchError, TokenError},
    rpcs,
};

use crate::hex_hash;

/// An error of the chain client.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// No node answers.
    #[error("no node answers at {url}: {why}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What was seen.
        why: String,
    },
    /// The node serves another network.
    #[error("the node at {url} serves network {}, expected {}", hex_hash(.found), hex_hash(.expected))]
    WrongGenesis {
        /// What was asked.
        url: String,
        /// The network that the caller means.
        expected: [u8; 32],
        /// The network that it serves.
        found: [u8; 32],
    },
    /// The runtime is of a version that this client does not speak.
    #[error(
        "the network's runtime and this program do not fit together ({what}); update the older one"
    )]
    Incompatible {
        /// Which item differs.
        what: String,
    },
    /// A pallet refused the call, which stands in a block and cost its fee.
    #[error("{pallet}.{error}: {docs}")]
    Refused {
        /// Name of the pallet in the runtime; `System` for errors that belong to none.
        pallet: String,
        /// Name of the error.
        error: String,
        /// The pallet's own explanation.
        docs: String,
    },
    /// The account cannot pay the fee or what the call holds.
    #[error("the account cannot pay: {why}")]
    InsufficientFunds {
        /// In the chain's words.
        why: String,
    },
    /// The transaction pool did not take the extrinsic; it is in no block.
    #[error("the node did not take the extrinsic: {why}")]
    Invalid {
        /// In the pool's words.
        why: String,
    },
    /// The pool took the extrinsic and lost it; it is in no block and never will be.
    #[error("the extrinsic was dropped: {why}")]
    Dropped {
        /// Why.
        why: String,
    },
    /// Whether the extrinsic gets into a block is not known.
    #[error("whether extrinsic {} gets into a block is not known: {why}", hex_hash(.tx))]
    Uncertain {
        /// Its hash.
        tx: [u8; 32],
        /// Why not.
        why: String,
    },
    /// The node is there but does not get on.
    #[error("{what} did not happen within {} s", .after.as_secs())]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        after: Duration,
    },
    /// The node's answer makes no sense.
    #[error("the node's answer to {what} makes no sense: {why}")]
    Malformed {
        /// What was asked.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The caller's value cannot be sent.
    #[error("{field}: {why}")]
    Input {
        /// Which.
        field: &'static str,
        /// What is wrong and what would be right.
        why: String,
    },
}

/// Longest explanation that is kept, in bytes.
const WHY_BYTES_MAX: usize = 400;

impl ChainError {
    /// Whether no node answers; the same call may succeed later.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Timeout { .. })
    }

    /// Whether the call was refused with this error of this pallet.
    pub fn is_refused_with(&self, pallet: &str, error: &str) -> bool {
        matches!(self, Self::Refused { pallet: p, error: e, .. } if p == pallet && e == error)
    }

    /// Whether it is certain that the extrinsic changed nothing but perhaps the fee.
    pub fn is_certain(&self) -> bool {
        !matches!(self, Self::Uncertain { .. } | Self::Timeout { .. } | Self::Unreachable { .. })
    }

    pub(crate) fn malformed(what: &'static str, why: impl ToString) -> Self {
        Self::Malformed { what, why: cut(why.to_string()) }
    }
}

/// Turns what subxt says into what callers can act on.
pub(crate) fn from_subxt(url: &str, what: &'static str, error: subxt::Error) -> ChainError {
    let incompatible = matches!(
        &error,
        subxt::Error::StorageError(subxt::error::StorageError::IncompatibleCodegen)
            | subxt::Error::ExtrinsicError(subxt::error::ExtrinsicError::IncompatibleCodegen)
            | subxt::Error::ConstantError(subxt::error::ConstantError::IncompatibleCodegen)
            | subxt::Error::RuntimeApiError(subxt::error::RuntimeApiError::IncompatibleCodegen)
    );
    if incompatible {
        return ChainError::Incompatible { what: what.into() };
    }
    if error.is_disconnected_will_reconnect() {
        return ChainError::Unreachable { url: url.into(), why: "the connection broke".into() };
    }
    ChainError::malformed(what, chain_of(&error))
}

/// Turns a plain RPC error into what callers can act on.
pub(crate) fn from_rpc(url: &str, what: &'static str, error: rpcs::Error) -> ChainError {
    match error {
        rpcs::Error::DisconnectedWillReconnect(_) => {
            ChainError::Unreachable { url: url.into(), why: "the connection broke".into() }
        }
        rpcs::Error::Client(error) => {
            ChainError::Unreachable { url: url.into(), why: cut(error.to_string()) }
        }
        other => ChainError::malformed(what, other),
    }
}

/// Turns the reason of a failed extrinsic into what callers can act on.
pub(crate) fn from_dispatch(error: DispatchError) -> ChainError {
    match error {
        DispatchError::Module(module) => match module.details() {
            Ok(details) => ChainError::Refused {
                pallet: details.pallet.name().to_owned(),
                error: details.variant.name.clone(),
                docs: cut(details.variant.docs.join(" ").trim().to_owned()),
            },
            Err(error) => ChainError::malformed("extrinsic", error),
        },
        DispatchError::Token(
            token @ (TokenError::FundsUnavailable
            | TokenError::OnlyProvider
            | TokenError::BelowMinimum
            | TokenError::CannotCreateHold
            | TokenError::NotExpendable
            | TokenError::Frozen),
        ) => ChainError::InsufficientFunds { why: token.to_string() },
        // How balances say that an amount exceeds what there is.
        DispatchError::Arithmetic(ArithmeticError::Underflow) => {
            ChainError::InsufficientFunds { why: "the amount exceeds the balance".into() }
        }
        other => {
            let name = match &other {
                DispatchError::BadOrigin => "BadOrigin",
                DispatchError::Exhausted => "Exhausted",
                DispatchError::Arithmetic(_) => "Arithmetic",
                DispatchError::Token(_) => "Token",
                _ => "Other",
            };
            ChainError::Refused {
                pallet: "System".into(),
                error: name.into(),
                docs: cut(other.to_string()),
            }
        }
    }
}

/// An error with all its causes in one line.
fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

pub(crate) fn cut(mut text: String) -> String {
    if text.len() > WHY_BYTES_MAX {
        let at = (0..=WHY_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(at);
    }
    text
}
