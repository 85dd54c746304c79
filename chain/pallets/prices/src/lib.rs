//! Prices: DBC in dollars, from a governed set of feeders, with its bounds.

#![cfg_attr(not(feature = "std"), no_std)]
