//! The audit stream ([`crate::ALPN_AUDIT`]): after the [`crate::hello`] an auditor challenges the machine
//! ([`Ask`]) and the machine answers ([`Answer`]), in turns. Who may challenge is on the chain: the key of
//! the connection must be one of an auditor drawn for that audit.

use serde::{Deserialize, Serialize};

use crate::ApiError;

/// Most rows that one question names.
pub const PLACES_MAX: usize = 64;

/// What an auditor says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// Compute this challenge; the chain says how large it is.
    Challenge {
        /// Number of the audit.
        audit: u64,
        /// Hex of the challenge's seed, which is made of the auditor's secret.
        seed: String,
    },
    /// Open these rows of it.
    Open {
        /// Product and row of each, at most [`PLACES_MAX`].
        places: Vec<(u32, u32)>,
    },
}

/// What a machine says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// It is computed; this is the hex of its root.
    Root(String),
    /// Base64 of the SCALE-encoded openings, in the order of the questions: sixteen rows of the largest
    /// challenge that the chain asks for fit into a frame so, and would not as hex.
    Openings(String),
    /// It does not answer.
    Error(ApiError),
}
