//! The challenge that hardware answers, and its verifier, which runs on the chain as well.

#![cfg_attr(not(feature = "std"), no_std)]
