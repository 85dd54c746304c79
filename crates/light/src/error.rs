//! Why a light client does not start, or is not believed.

use std::path::PathBuf;

use dbc_chain_client::CarrierError;

/// An error of the light client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LightError {
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A chain spec cannot be used.
    #[error("{} is no chain spec for a light client: {why}", .path.display())]
    Spec {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The point to begin at is so old that those who were validators then may have taken their stake.
    #[error(
        "the point to begin at, block {number}, is {days} days old: fetch a new light spec, or name two \
         witnesses of different operators"
    )]
    TooOld {
        /// Height.
        number: u64,
        /// Age in days.
        days: u64,
    },
    /// A witness has another block at the height that the light client came to.
    #[error(
        "{url} has another block {number} than the light client came to: one of both is on a forged chain; \
         nothing is believed until a person finds out which"
    )]
    Disputed {
        /// Which witness.
        url: String,
        /// At which height.
        number: u64,
    },
    /// Too few witnesses answered.
    #[error("{agree} of the two witnesses that it takes agree with block {number}")]
    Unconfirmed {
        /// How many agree.
        agree: usize,
        /// At which height.
        number: u64,
    },
    /// It has no recent finalized block yet.
    #[error("the light client has not caught up yet")]
    Behind,
    /// It gave no answer.
    #[error(transparent)]
    Carrier(#[from] CarrierError),
}
