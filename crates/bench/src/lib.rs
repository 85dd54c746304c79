//! The challenge that hardware answers, and its verifier, which runs on the chain as well.
//!
//! A prover computes a chain of matrix products `C = A × B` over the field of 2³¹ − 1 elements. Each `B`
//! comes from the seed; each next `A` comes from hashes of the rows of the last `C`, so that no link can be
//! skipped or computed ahead. He commits to the hashes of all rows by one root. Then rows are drawn that
//! he could not foresee, and he opens them: only who kept the products, or can compute them all again
//! within seconds, is able to.
//!
//! The verifier checks a row by Freivalds: for a random vector `x`, `C[r]·x = A[r]·(B·x)`. A wrong row
//! passes with probability 1/(2³¹ − 1) at most, whatever is wrong in it, because a vector other than zero
//! is orthogonal to at most that share of all `x`. A prover who left out a share `f` of his rows survives
//! `k` openings with (1 − f)ᵏ: at 20 % and 3 auditors × 16 openings, 2.2 × 10⁻⁵ (mechanisms rule 8).

#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs)]

extern crate alloc;

pub mod device;
mod field;
mod params;
mod prove;
mod transcript;
mod tree;
mod verify;

pub use field::P;
pub use params::{BadParams, Params};
pub use prove::{Opening, Prover};
pub use transcript::{Case, Fault, Transcript, hash_of};
pub use tree::Hash;
pub use verify::{OPENINGS_MAX, Place, Reject, questions, verify};
