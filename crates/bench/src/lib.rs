//! The challenge that hardware answers, and its verifier, which runs on the chain as well.
//!
//! A prover computes a chain of matrix products `C = A × B` over the field of 2³¹ − 1 elements. Each `B`
//! comes from the seed; each row of the next `A` comes from hashes of two rows of the last `C`, so that no
//! link can be skipped or computed ahead, plus a row of an earlier product that the hash names. That row
//! has to be there: whoever kept a share `k` of the products computes 1/k times as much, and each lone row
//! takes its link's whole right factor again. So the time until the root shows speed *and* memory
//! together; openings alone would not, because whoever keeps the hashes computes any one row at once.
//!
//! He commits to the hashes of all rows by one root. Then rows are drawn that he could not foresee, and he
//! opens them. A machine with several cards has a chain (a lane) on each, at the same time, under one root.
//!
//! The verifier checks a row by Freivalds: for a random vector `x`, `C[r]·x = A[r]·(B·x)`. A row that is wrong where
//! `x` is not zero passes with probability 1/(2³¹ − 1) at most, because a vector other than zero is orthogonal
//! to at most that share of all such `x`. Up to an edge of 256 `x` reaches the whole row; of larger ones it
//! reaches 256 drawn columns, so that the chain can check them within a block: a row of which a share `f` is wrong
//! passes with (1 − f)¹⁶ at best. A prover who left out a share `f` of his rows survives
//! `k` openings with (1 − f)ᵏ: at 20 % and 3 auditors × 16 openings, 2.2 × 10⁻⁵ (mechanisms rule 8).

#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs)]

extern crate alloc;

pub mod device;
mod field;
pub mod keys;
mod params;
mod prove;
mod transcript;
mod tree;
mod verify;

pub use field::P;
pub use params::{BadParams, EDGE_MAX, LANES_MAX, LINKS_MAX, Params};
pub use prove::{Answers, Opening, Prover, Rows};
pub use transcript::{Case, Fault, Transcript, hash_of};
pub use tree::{Hash, leaf};
pub use verify::{OPENINGS_MAX, Place, Reject, questions, verify};
