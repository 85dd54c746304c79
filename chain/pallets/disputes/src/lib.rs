//! Disputes: reports, evidence, verdicts, appeals and slash bands.

#![cfg_attr(not(feature = "std"), no_std)]
