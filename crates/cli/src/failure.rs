//! How a command says that it did not work: message, empty line, hint; with `--json` an object.

use std::process::ExitCode;

use dbc_sdk::{ErrorCode, MarketError};
use serde_json::json;

use crate::{print, wallet::WalletError};

/// An error whose code is known where it is made.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Coded {
    /// The code.
    pub code: ErrorCode,
    /// What went wrong, with its subject.
    pub message: String,
}

/// Makes a [`Coded`] error.
pub fn coded(code: ErrorCode, message: impl Into<String>) -> anyhow::Error {
    Coded { code, message: message.into() }.into()
}

/// Prints the error and gives the exit status: 1 for a "no", 2 for everything else.
pub fn report(error: &anyhow::Error, json: bool) -> ExitCode {
    let code = code_of(error);
    let hint = hint_of(error, code);
    if json {
        let code = code.map(ErrorCode::as_str);
        print::json(
            &json!({"error": {"code": code, "message": format!("{error:#}"), "hint": hint}}),
        );
    } else {
        print::note(&format!("error: {error:#}"));
        if let Some(hint) = hint {
            print::note(&format!("\nhint: {hint}"));
        }
    }
    ExitCode::from(if code.is_some_and(is_no) { 1 } else { 2 })
}

fn code_of(error: &anyhow::Error) -> Option<ErrorCode> {
    error.chain().find_map(|cause| {
        let coded = cause.downcast_ref::<Coded>().map(|coded| coded.code);
        let market = || dbc_sdk::code_of(cause);
        let wallet = || cause.downcast_ref::<WalletError>().map(WalletError::code);
        coded.or_else(market).or_else(wallet)
    })
}

fn hint_of(error: &anyhow::Error, code: Option<ErrorCode>) -> Option<&'static str> {
    let market = error.chain().find_map(|cause| cause.downcast_ref::<MarketError>());
    market.map(MarketError::hint).or_else(|| code.map(ErrorCode::hint))
}

/// Whether the code means that the answer is no, rather than that something is broken.
fn is_no(code: ErrorCode) -> bool {
    use ErrorCode as Code;
    matches!(
        code,
        Code::GrantInvalid
            | Code::GrantExpired
            | Code::GrantForeign
            | Code::GrantRevoked
            | Code::GrantNotHolder
            | Code::GrantVerb
            | Code::LeaseNotFound
            | Code::LeaseClosed
            | Code::OfferChanged
            | Code::MachineUnavailable
            | Code::InsufficientFunds
            | Code::ChainRefused
            | Code::ImageNotFound
            | Code::ImagePlatform
            | Code::WorkloadNotFound
            | Code::WalletNotFound
            | Code::PortClosed
    )
}
