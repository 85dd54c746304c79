//! Liveness: who watches whom, what was heard, and when a machine was silent.

#![cfg_attr(not(feature = "std"), no_std)]
