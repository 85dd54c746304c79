//! Audits: who checks which machine, by which proof, and what its cards are worth.

#![cfg_attr(not(feature = "std"), no_std)]
