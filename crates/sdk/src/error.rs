//! The one error of the facade and how each maps to the public table of codes. Here and nowhere else
//! a client decides whether chain, relay or machine is away.

use std::path::PathBuf;

use dbc_agent_api::{ApiError, ErrorCode, workload::SpecError};
use dbc_chain_client::{AccountParseError, ChainError, SignerError};

use crate::{id::MachineId, money::Money};

/// Why something could not be done. [`MarketError::code`] is stable, the text is for a person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MarketError {
    /// A value from the caller is wrong.
    #[error("{field}: {why}")]
    Input {
        /// Which.
        field: &'static str,
        /// What is wrong and what would be right.
        why: String,
    },
    /// The workload spec is refused before it is sent.
    #[error("the workload spec is refused")]
    Spec(#[source] SpecError),
    /// The text is no account.
    #[error(transparent)]
    Account(#[from] AccountParseError),
    /// The text makes no key.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// A file of the client's home cannot be read or written.
    #[error("cannot {action} {path}")]
    Home {
        /// `read`, `write`, `create`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file of the client's home makes no sense.
    #[error("{path} is damaged: {why}")]
    HomeDamaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// No key on this device opens the lease.
    #[error("this device has neither the access key of lease {lease} nor a grant for it")]
    NoAccess {
        /// Which lease.
        lease: u64,
    },
    /// The chain says no, or cannot be asked.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// No such machine.
    #[error("there is no machine {what}")]
    MachineNotFound {
        /// As the caller named it.
        what: String,
    },
    /// No such lease.
    #[error("there is no lease {lease}")]
    LeaseNotFound {
        /// Its number.
        lease: u64,
    },
    /// The lease is over.
    #[error("lease {lease} is closed")]
    LeaseClosed {
        /// Its number.
        lease: u64,
    },
    /// No machine fits.
    #[error("no machine fits: {why}")]
    NothingFits {
        /// Which wish ruled the last ones out.
        why: String,
    },
    /// The provider changed the offer since the quote, or the price rose above what was agreed to.
    #[error("the offer changed since the quote: {why}")]
    OfferChanged {
        /// In the chain's words.
        why: String,
    },
    /// Somebody else was faster, or the machine left the market.
    #[error("the machine cannot be rented: {why}")]
    MachineTaken {
        /// In the chain's words.
        why: String,
    },
    /// The account cannot pay.
    #[error("{need} is needed, {have} can be spent")]
    InsufficientFunds {
        /// Deposit and fee.
        need: Money,
        /// What there is.
        have: Money,
    },
    /// The machine does not answer.
    #[error("machine {machine} does not answer: {why}")]
    MachineUnreachable {
        /// Which.
        machine: MachineId,
        /// What was tried.
        why: String,
    },
    /// None of the relays answers, and no direct path worked.
    #[error("machine {machine} does not answer and none of its relays does: {relays}")]
    RelayUnreachable {
        /// Which machine.
        machine: MachineId,
        /// The relays, comma-separated.
        relays: String,
    },
    /// The agent said no.
    #[error("{0}")]
    Agent(ApiError),
    /// The agent broke the protocol or the connection ended in the middle.
    #[error("the connection to machine {machine} broke: {why}")]
    Broken {
        /// Which machine.
        machine: MachineId,
        /// What was seen.
        why: String,
    },
    /// The machine's SSH host key is not vouched for by its machine key.
    #[error("machine {machine} offers a host key that its machine key does not vouch for")]
    HostKey {
        /// Which machine.
        machine: MachineId,
    },
    /// The grant cannot be made or read.
    #[error("{0}")]
    Grant(ApiError),
    /// A local or remote file cannot be copied.
    #[error("cannot copy {path}: {why}")]
    Copy {
        /// Local or remote path.
        path: String,
        /// Why.
        why: String,
    },
    /// A bug.
    #[error("{0}")]
    Internal(String),
}

impl MarketError {
    /// The code in the public table.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Input { .. } | Self::Account(_) | Self::Signer(_) | Self::Copy { .. } => {
                ErrorCode::InvalidInput
            }
            Self::Spec(_) => ErrorCode::InvalidSpec,
            Self::Home { .. } | Self::HomeDamaged { .. } => ErrorCode::InvalidInput,
            Self::NoAccess { .. } => ErrorCode::GrantInvalid,
            Self::Chain(error) => chain_code(error),
            Self::MachineNotFound { .. } | Self::NothingFits { .. } | Self::MachineTaken { .. } => {
                ErrorCode::MachineUnavailable
            }
            Self::OfferChanged { .. } => ErrorCode::OfferChanged,
            Self::LeaseNotFound { .. } => ErrorCode::LeaseNotFound,
            Self::LeaseClosed { .. } => ErrorCode::LeaseClosed,
            Self::InsufficientFunds { .. } => ErrorCode::InsufficientFunds,
            Self::MachineUnreachable { .. } | Self::Broken { .. } | Self::HostKey { .. } => {
                ErrorCode::MachineUnreachable
            }
            Self::RelayUnreachable { .. } => ErrorCode::RelayUnreachable,
            Self::Agent(error) | Self::Grant(error) => error.code,
            Self::Internal(_) => ErrorCode::Internal,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Home { .. } | Self::HomeDamaged { .. } => {
                "check the file and its owner; the folder is DBC_HOME, by default ~/.config/dbc"
            }
            Self::NoAccess { .. } => {
                "use the device that rented it, ask the renter for a grant for this device's key, or put a new key on the lease: `dbc lease rekey`"
            }
            Self::HostKey { .. } => {
                "do not go on: somebody stands between, or the machine's key was changed"
            }
            _ => self.code().hint(),
        }
    }

    /// Whether the same call may succeed a moment later without anybody's doing.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Agent(error) => {
                matches!(error.code, ErrorCode::Busy | ErrorCode::LeaseNotFinal)
            }
            // What may have happened already must not be done again unasked.
            Self::Chain(ChainError::Uncertain { .. }) => false,
            _ => matches!(
                self.code(),
                ErrorCode::ChainUnreachable
                    | ErrorCode::MachineUnreachable
                    | ErrorCode::RelayUnreachable
            ),
        }
    }

    /// As it is printed by `--json`: the code, and the message with its causes.
    pub fn to_api(&self) -> ApiError {
        let mut message = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        ApiError::new(self.code(), message)
    }
}

/// The code of an error of this crate, or of the chain client below it.
pub fn code_of(error: &(dyn std::error::Error + 'static)) -> Option<ErrorCode> {
    let chain = || error.downcast_ref::<ChainError>().map(chain_code);
    error.downcast_ref::<MarketError>().map(MarketError::code).or_else(chain)
}

/// What the chain's own words mean to a client.
fn chain_code(error: &ChainError) -> ErrorCode {
    match error {
        ChainError::Unreachable { .. }
        | ChainError::Timeout { .. }
        | ChainError::Uncertain { .. } => ErrorCode::ChainUnreachable,
        ChainError::WrongGenesis { .. } | ChainError::Incompatible { .. } => {
            ErrorCode::WrongNetwork
        }
        ChainError::InsufficientFunds { .. } => ErrorCode::InsufficientFunds,
        ChainError::Input { .. } => ErrorCode::InvalidInput,
        ChainError::Malformed { .. } => ErrorCode::Internal,
        _ => ErrorCode::ChainRefused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_chain_refused_has_its_code_whoever_asked_it() {
        let refused = || ChainError::Refused {
            pallet: "Audits".into(),
            error: "NotJudged".into(),
            docs: String::new(),
        };
        assert_eq!(code_of(&refused()), Some(ErrorCode::ChainRefused));
        assert_eq!(code_of(&MarketError::from(refused())), Some(ErrorCode::ChainRefused));
        assert_eq!(code_of(&std::fmt::Error), None);
    }
}
