//! Rewards: emission, accumulators, provisional sums and their release.

#![cfg_attr(not(feature = "std"), no_std)]
