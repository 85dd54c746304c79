//! The predecessor's flaws (its digest, §8), each tried on this chain as a whole; `docs/reference/flaws.md` has the
//! list. Those of style are rules of `cargo xtask tidy`.

mod audits;
mod disputes;
mod leases;
mod machines;
mod money;
mod rewards;
mod storage;
mod weights;
