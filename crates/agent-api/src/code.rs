//! The one table of error codes: stable word, what it means, what to do next.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An error as it crosses the wire and as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The stable word.
    pub code: ErrorCode,
    /// What went wrong, with its subject; at most a few hundred characters, nothing internal.
    pub message: String,
}

impl ApiError {
    /// An error with a message for a person.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MESSAGE_BYTES_MAX {
            let cut = (0..=MESSAGE_BYTES_MAX).rev().find(|at| message.is_char_boundary(*at));
            message.truncate(cut.unwrap_or(0));
        }
        Self { code, message }
    }
}

/// Longest message, in bytes; the rest is cut off.
const MESSAGE_BYTES_MAX: usize = 1000;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal, $hint:literal;)+) => {
        /// Every error that a user can meet, once.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl ErrorCode {
            /// All codes, for the reference page.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable word, as on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// What to do next.
            pub fn hint(self) -> &'static str {
                match self { $(Self::$variant => $hint,)+ }
            }
        }
    };
}

codes! {
    /// A value from outside is malformed or out of bounds.
    InvalidInput = "invalid_input", "correct the named field and try again";
    /// The workload spec is refused.
    InvalidSpec = "invalid_spec", "correct the named field of the workload spec; `dbc rent --help` shows an example";
    /// The grant cannot be read or its signatures do not fit the lease's access key.
    GrantInvalid = "grant_invalid", "ask the renter for a new grant: `dbc grant create`";
    /// The grant's time is over.
    GrantExpired = "grant_expired", "ask the renter for a new grant: `dbc grant create`";
    /// The grant is for another lease, machine or network.
    GrantForeign = "grant_foreign", "use the grant with the lease and network it was made for";
    /// The grant was revoked.
    GrantRevoked = "grant_revoked", "ask the renter for a new grant: `dbc grant create`";
    /// The connection is not that of the key which the grant names as its holder.
    GrantNotHolder = "grant_not_holder", "use the grant on the device it was made for, or have one made for this device's key (`dbc wallet show`)";
    /// The grant does not allow this verb.
    GrantVerb = "grant_verb", "ask the renter for a grant with that verb: `dbc grant create --allow …`";
    /// There is no such lease here.
    LeaseNotFound = "lease_not_found", "check the number with `dbc lease list`";
    /// The lease is over.
    LeaseClosed = "lease_closed", "rent again with `dbc rent`";
    /// The lease is not final on the chain yet.
    LeaseNotFinal = "lease_not_final", "wait for a few seconds and try again";
    /// The offer changed between quote and order.
    OfferChanged = "offer_changed", "look at the new price with `dbc machines` and order again";
    /// The machine cannot be rented now.
    MachineUnavailable = "machine_unavailable", "choose another with `dbc machines`";
    /// The machine does not answer.
    MachineUnreachable = "machine_unreachable", "see `dbc status`; if the machine stays away, end the lease: unused money returns";
    /// The account cannot pay.
    InsufficientFunds = "insufficient_funds", "see `dbc wallet show`; on a local network `dbc wallet fund` adds test money";
    /// The chain refused the call.
    ChainRefused = "chain_refused", "the message says why; nothing was spent but the fee";
    /// No node answers.
    ChainUnreachable = "chain_unreachable", "start the network with `dbc up`, or name a node with `--chain ws://…`";
    /// The node serves another network.
    WrongNetwork = "wrong_network", "point `--chain` at the network that the wallet or machine was made for";
    /// No relay answers.
    RelayUnreachable = "relay_unreachable", "check the network; direct paths are tried without a relay";
    /// The registry does not answer or broke off.
    RegistryUnreachable = "registry_unreachable", "the agent tries again by itself; check the registry's address in the image reference";
    /// There is no such image or tag.
    ImageNotFound = "image_not_found", "check name and tag; `dbc templates` lists ready ones";
    /// The image is for another processor.
    ImagePlatform = "image_platform", "choose an image for linux/amd64";
    /// The image is larger than the workload's disk.
    ImageTooLarge = "image_too_large", "ask for more disk: `--disk`";
    /// The workload ended or never became healthy.
    WorkloadFailed = "workload_failed", "read its output with `dbc logs`";
    /// There is no such workload, or no spec was sent yet.
    WorkloadNotFound = "workload_not_found", "send a spec: `dbc rent` does, or `dbc lease put`";
    /// The workload is not in a state in which this can be done.
    WrongState = "wrong_state", "see `dbc lease show`";
    /// Nothing listens on that port of the workload.
    PortClosed = "port_closed", "start the service inside the workload, or see `dbc ports`";
    /// The file system of the workload or of the host is full.
    DiskFull = "disk_full", "free space inside the workload, or rent with more `--disk`; if it is the machine's own disk, its agent tries again by itself";
    /// A part of the host that the agent needs is away.
    HostUnavailable = "host_unavailable", "the agent tries again by itself; on your own machine see `dbc status`";
    /// Too many requests or sessions at once.
    Busy = "busy", "close some sessions or try again in a moment";
    /// The wallet cannot be read.
    WalletDamaged = "wallet_damaged", "restore it from its phrase: `dbc wallet import`";
    /// The password does not open the wallet.
    WalletPassword = "wallet_password", "try again; a lost password can only be replaced with the phrase: `dbc wallet import`";
    /// There is no such wallet.
    WalletNotFound = "wallet_not_found", "make one with `dbc wallet create`, see `dbc wallet list`";
    /// A programming error.
    Internal = "internal", "report it with the log (`dbc status` names the file)";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_what_crosses_the_wire() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{code}\""));
            assert!(!code.hint().is_empty());
        }
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let error = ApiError::new(ErrorCode::Internal, "é".repeat(2000));
        assert!(error.message.len() <= MESSAGE_BYTES_MAX);
    }
}
