//! The client against a real node: money, the life of a lease, and what happens when the node dies or
//! is another one. Needs `cargo xtask wasm` and `cargo build -p dbc-node` before.

mod connection;
mod lease;
mod node;
mod transactions;
